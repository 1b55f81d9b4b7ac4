"""Encodes a message with a value in one step, for what a server sends most: events and results.

`clone.encode` and `encode_message` do the same for every other message. Between them they make a record of the value,
its fixups and its segments, which takes as long as writing the JSON of a small value. A plain value needs none.
"""

from typing import Any

from webipc.core.clone import encode_special
from webipc.core.clone.scan import is_plain
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.limits import Limits


def encode_carrier(fields: list[Any], value: Any, limits: Limits, root: str = "args") -> EncodedMessage:
    """Encode `["send", channel]` or `["result", id]` with the value behind it.

    Raises CloneError and LimitError as `clone.encode`. The size is for the caller to check.
    """
    if is_plain(value, limits.depth):
        return encode_message([*fields, value])
    return encode_message(fields, encode_special(value, limits, root))
