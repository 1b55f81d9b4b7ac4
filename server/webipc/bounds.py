"""Whether a peer would take a message: asked in the thread of whoever made it, before anything is sent.

Knows the limits of PROTOCOL.md section 9 and nothing of links.
"""

from webipc.core.errors import LimitError
from webipc.core.frame import EncodedMessage
from webipc.core.limits import Limits


def check_channel(channel: str, limits: Limits) -> None:
    """Raise LimitError when a channel is longer than any peer may send. It is counted in UTF-16 code units."""
    # A code point has one code unit or two: most channels are so short that nothing need be counted.
    if len(channel) * 2 <= limits.channel_length:
        return
    length = len(channel) + sum(character > "\uffff" for character in channel)
    if length > limits.channel_length:
        raise LimitError("channel_length", length, limits.channel_length)


def check_size(message: EncodedMessage, limits: Limits) -> None:
    """Raise LimitError when a message is larger than any peer may send."""
    if message.size > limits.message_bytes:
        raise LimitError("message_bytes", message.size, limits.message_bytes)
