"""Whether a peer would take a message: asked in the thread of whoever made it, before anything is sent.

Knows the limits of PROTOCOL.md section 9 and nothing of links.
"""

from webipc.core.errors import LimitError
from webipc.core.frame import EncodedMessage
from webipc.core.limits import Limits
from webipc.core.link.batch import frame_size


def check_channel(channel: str, limits: Limits) -> None:
    """Raise LimitError when a channel is longer than any peer may send. It is counted in UTF-16 code units."""
    # A code point has one code unit or two: most channels are so short that nothing need be counted.
    if len(channel) * 2 <= limits.channel_length:
        return
    length = len(channel) + sum(character > "\uffff" for character in channel)
    if length > limits.channel_length:
        raise LimitError("channel_length", length, limits.channel_length)


def check_size(message: EncodedMessage, limits: Limits) -> None:
    """Raise LimitError when a message is larger than any peer may send: by itself, or as the parcel it travels in."""
    size = message.size
    if size > limits.part_bytes or (message.segments and frame_size((message,)) > limits.socket_bytes):
        size = parcel_size(message)
    if size > limits.message_bytes:
        raise LimitError("message_bytes", size, limits.message_bytes)


def parcel_size(message: EncodedMessage) -> int:
    """Return how many bytes the parcel of a message has (PROTOCOL.md 4.3), without making it."""
    sizes = [memoryview(segment).nbytes for segment in message.segments]
    # The length of the JSON, and around the message `[` `,[[` `]]]`, with commas between the lengths.
    end = 4 + len(message.json) + 7 + sum(len(str(size)) for size in sizes) + max(len(sizes) - 1, 0)
    for size in sizes:
        end += -end % 8 + size
    return end
