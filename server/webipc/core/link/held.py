"""How many bytes a message takes while it is kept, and who is asked whether there is room for it.

What is counted is what is held: a message of 20 bytes takes 200 more in Python, and a segment is an object. The limit
`kept_bytes` of PROTOCOL.md 9 goes by the bytes of messages, which both languages count alike; this is Python's own.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Protocol

from webipc.core.errors import BufferFullError
from webipc.core.frame import EncodedMessage
from webipc.core.limits import Limits

MESSAGE_HELD: Final = 200
"""What a kept message takes besides its bytes: its objects, and its place among the others."""
SEGMENT_HELD: Final = 100

PLAIN_BYTES: Final = 16_384
"""A message from here on may have to be cut (pace.py)."""

UNBOUNDED: Final = 2**63 - 1


class SharedMessage(EncodedMessage):
    """A message that many links keep as one object. The sender counts its bytes once, and not each link."""

    __slots__ = ()


class Room(Protocol):
    """Decides how much a link may keep. A link asks rarely: it is given more than it needs at the moment."""

    def more(self, held: int) -> int:
        """Return how many bytes the kept messages may take from now on, at least `held`.

        May end the link. Raises BufferFullError where there is no room: then the message is not kept.
        """


def extra_of(messages: Iterable[EncodedMessage]) -> int:
    """Return what messages take besides their bytes and `MESSAGE_HELD`."""
    return sum(map(_extra, messages))


@lru_cache
def bounds_of(limits: Limits) -> tuple[int, int]:
    """Return below how many bytes a message without segments is kept as it is and takes nothing extra, and up to how
    many held bytes neither `kept_bytes` nor `kept_messages` can be exceeded.
    """
    plain = min(PLAIN_BYTES, limits.part_bytes + 1, limits.message_bytes + 1)
    return plain, min(limits.kept_bytes, limits.kept_messages * MESSAGE_HELD)


def check_kept(kept_bytes: int, count: int, limits: Limits) -> None:
    """Raise BufferFullError when a link would keep more bytes or messages than the limits allow."""
    if kept_bytes > limits.kept_bytes:
        raise BufferFullError("kept_bytes", kept_bytes, limits.kept_bytes)
    if count > limits.kept_messages:
        raise BufferFullError("kept_messages", count, limits.kept_messages)


def held_by(message: EncodedMessage) -> int:
    """Return how many bytes a message takes."""
    return message.size + MESSAGE_HELD + _extra(message)


def _extra(message: EncodedMessage) -> int:
    if isinstance(message, SharedMessage):
        return -message.size
    return SEGMENT_HELD * len(message.segments)
