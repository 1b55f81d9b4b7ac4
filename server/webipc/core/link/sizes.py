"""How many bytes a message takes in a frame, and whether a peer would take it (PROTOCOL.md sections 3, 4.3 and 9).

The checks are for the thread that encodes a message, where they raise: later there is no caller to raise to.
"""

from collections.abc import Iterable
from typing import Final

from webipc.core.envelope.rows import code_units
from webipc.core.errors import LimitError
from webipc.core.frame import EncodedMessage
from webipc.core.limits import Limits

# What a frame has besides its messages, at most: the numbers, brackets, the length of the JSON, and its own in a body.
HEAD_BYTES: Final = 64
# The same of a message: the comma before it and its empty list of lengths; and of a segment: padding and its length.
MESSAGE_BYTES: Final = 4
_SEGMENT_BYTES: Final = 24


def framed_size(message: EncodedMessage) -> int:
    """Return how many bytes a message takes in a frame, at most."""
    segments = message.segments
    return message.size + MESSAGE_BYTES + (_SEGMENT_BYTES * len(segments) if segments else 0)


def frame_size(batch: Iterable[EncodedMessage]) -> int:
    """Return how many bytes the frame of these messages has, at most."""
    return HEAD_BYTES + sum(map(framed_size, batch))


def fits_in_frame(message: EncodedMessage, limits: Limits) -> bool:
    """Tell whether a message travels as it is, and not as a parcel that is cut into parts (PROTOCOL.md 4.3)."""
    if message.size > limits.part_bytes:
        return False
    # Many small segments can make the frame of a small message larger than a receiver takes.
    return not message.segments or HEAD_BYTES + framed_size(message) <= limits.socket_bytes


def check_channel(channel: str, limits: Limits) -> None:
    """Raise LimitError when a channel is longer than any peer may send. It is counted in UTF-16 code units."""
    # A code point has one code unit or two: most channels are so short that nothing need be counted.
    if len(channel) * 2 <= limits.channel_length:
        return
    length = code_units(channel)
    if length > limits.channel_length:
        raise LimitError("channel_length", length, limits.channel_length)


def check_size(message: EncodedMessage, limits: Limits, more: int = 0) -> None:
    """Raise LimitError when a message is larger than any peer may send: by itself, or as the parcel it travels in.

    `more` bytes are to be added to it later.
    """
    size = message.size
    # The most frequent message is small and has no segments: it needs no further check.
    if (size > limits.part_bytes or message.segments) and not fits_in_frame(message, limits):
        size = message.parcel_size
    if size + more > limits.message_bytes:
        raise LimitError("message_bytes", size + more, limits.message_bytes)
