"""The parcel of a message that is too large for one frame: cut into parts on one side, joined on the other (PROTOCOL.md
4.3).

To the link, a part is a message like any other, except that it is alone in its frame.
Twin: js-client/src/core/link/parcel.ts
"""

from itertools import pairwise
from typing import Final

from webipc.core.envelope import Envelope, Part
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import EncodedMessage, encode_parcel, sized
from webipc.core.frame.json_text import Load
from webipc.core.limits import Limits
from webipc.core.link.large import Arrived, Whole, large_text, opened
from webipc.core.link.sizes import check_size, fits_in_frame, frame_size

_PART: Final = b'["part",'
# `message_bytes` was the size of a message without the layout of its parcel once.
_MORE_BYTES: Final = 1_024


def cut(message: EncodedMessage, limits: Limits, piece: int) -> list[EncodedMessage]:
    """Return the parts that a message travels in: pieces of its parcel, or the message itself where it is no larger.

    Raises LimitError when it is too large.
    """
    # What might be too large as a parcel, and only as a parcel, is not cut.
    is_small = message.size <= piece or frame_size((message,)) > limits.message_bytes
    if is_small and fits_in_frame(message, limits):
        return [message]
    # The receiver checks the size of the parcel: a message that it would refuse is refused here.
    check_size(message, limits)
    parcel = encode_parcel(message)
    cuts = [*range(0, len(parcel), piece), len(parcel)]
    # Copies: a view of the parcel would hold all of it until the last part is acknowledged.
    return [sized(b"%b%d]" % (_PART, len(parcel) - end), [bytes(parcel[start:end])]) for start, end in pairwise(cuts)]


def is_part(message: EncodedMessage) -> bool:
    """Tell whether a message is a part: only `cut` makes parts, so the beginning of the JSON is enough."""
    return bool(message.segments) and message.json.startswith(_PART)


class Parcel:
    """The parcel that is being received, if there is one."""

    __slots__ = ("_limits", "pieces", "remaining", "whole")

    def __init__(self, limits: Limits, pieces: bytes = b"", remaining: int = 0) -> None:
        self._limits = limits
        # The bytes that were received.
        self.pieces = bytearray(pieces)
        # How many bytes are missing; 0 when no parcel is being received.
        self.remaining = remaining
        # All bytes of one that is complete and was opened.
        self.whole: memoryview | None = None

    def joined(self, envelopes: list[Envelope], load: Load, *, opens_large: bool) -> list[Arrived]:
        """Return the messages, with the parts of a parcel replaced by its message once it is complete.

        `load` reads its JSON. A large parcel stays as it is, unless `opens_large`.

        Raises ProtocolError when a part is missing or wrong.
        """
        joined: list[Arrived] = []
        for envelope in envelopes:
            if isinstance(envelope, Part):
                self._add_part(envelope)
                if not self.remaining:
                    joined.append(self._whole(load, opens_large=opens_large))
            elif self.remaining:
                raise ProtocolError(f"a part of {self.remaining} more bytes was to come; {envelope.kind!r} came")
            else:
                joined.append(envelope)
        return joined

    def _add_part(self, part: Part) -> None:
        piece = part.segments[0]
        size = len(piece) + part.remaining
        if not piece or (self.remaining and size != self.remaining):
            raise ProtocolError(f"the parts of a parcel do not add up: {size} bytes left, not {self.remaining}")
        if size > self._limits.message_bytes + _MORE_BYTES:
            raise ProtocolError(
                f"a message has at most {self._limits.message_bytes} bytes, not {size}", CloseCode.TOO_LARGE
            )
        self.pieces += piece
        self.remaining = part.remaining

    def _whole(self, load: Load, *, opens_large: bool) -> Arrived:
        whole, self.pieces = self.pieces, bytearray()
        parcel = memoryview(whole).toreadonly()
        if not opens_large and large_text(parcel) is not None:
            return Whole(parcel)
        self.whole = parcel
        return opened(parcel, self._limits, load)
