"""`PortValue`: the encoded value of a message within a channel, from the program or a page, for the end that takes it.

The message itself, with the ends that are transferred with it, is in ends.py.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from webipc.core import clone
from webipc.core.envelope import Port, Post, decode_value, parse
from webipc.core.frame import EncodedMessage, decode_parcel, encode_message, encode_parcel
from webipc.core.frame.json_text import load_array
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link.large import is_large
from webipc.core.link.sizes import check_size
from webipc.core.link.steps import steps_of, steps_to_take
from webipc.core.link.written import Carried, Forwarded, Opened, written
from webipc.core.tuples import new
from webipc.core.values.scalar import MAX_SAFE_INTEGER

# What a message takes besides its value, and each port in it, at most.
_HEAD_BYTES: Final = len('"port",,,[]') + len(str(MAX_SAFE_INTEGER))
_ID_BYTES: Final = len(str(MAX_SAFE_INTEGER)) + 1


class PortValue(NamedTuple):
    """Parsed and not decoded, or JSON that this program has written, or `carried`, where it is large or kept."""

    skeleton: Any
    fixups: Sequence[Any]
    segments: Sequence[Any]
    # Then skeleton and fixups are not used.
    carried: Carried | None = None

    @classmethod
    def encode(cls, value: Any, limits: Limits, ports: int) -> "tuple[PortValue, EncodedMessage]":
        """Encode a value at once: later changes of it have no effect. Raises CloneError and LimitError.

        The limits are those of the link that is to carry it, with so many ports. What is too large for that is refused
        here, because later there is no caller to raise to. Also returns the value as a message of its own.
        """
        cloned = clone.encode(value, limits, "message")
        whole = encode_message([], cloned)
        # As large as it can be with its kind and ids, which are not known yet.
        check_size(whole, limits, _HEAD_BYTES + _ID_BYTES * ports)
        text = whole.json
        if cloned.fixups:
            text = encode_message([], clone.Cloned(cloned.skeleton, [], [])).json
        return cls(orjson.Fragment(text[1:-1]), cloned.fixups, cloned.segments), whole

    @classmethod
    def received(cls, carrier: Port | Post) -> "PortValue":
        """Return what a page has posted, without decoding it."""
        value = carrier.value
        return new(cls, (value, carrier.fixups, carrier.segments, value if type(value) is Carried else None))

    @property
    def is_large(self) -> bool:
        """Whether it takes too long to be decoded where it is taken."""
        carried = self.carried
        return carried is not None and carried.opened is None and is_large(carried.text)

    @property
    def steps(self) -> int:
        """How many steps it takes to take it, at most."""
        if self.carried is None:
            return steps_to_take(steps_of(self.fixups) if self.fixups else 0, 0)
        return steps_to_take(self.carried.text.steps, self.carried.text.size) if self.carried.opened is None else 0

    def decode(self, limits: Limits = DEFAULT_LIMITS) -> Any:
        """Return the value. To be called once, because the value may be made of the skeleton.

        Raises ProtocolError when the page has sent what is no encoded value, UnreadableError when it cannot be read.
        """
        if self.carried is not None:
            return self.carried.value(self.segments, limits)
        if not isinstance(self.skeleton, orjson.Fragment):
            return clone.decode(self.skeleton, self.fixups, self.segments, limits)
        parcel = encode_parcel(encode_message(["port", 1], self, None, [[]]))
        (envelope,) = parse([decode_parcel(parcel, limits, load_array)], limits)
        assert isinstance(envelope, Port)
        return decode_value(envelope, limits)

    def forwarded(self) -> Forwarded:
        """Return the value as another message carries it. Raises LimitError when it is nested too deeply for that."""
        if self.carried is not None:
            return self.carried.forwarded(self.segments)
        return Forwarded(self.skeleton, self.fixups, self.segments)

    def kept(self) -> "tuple[PortValue, int]":
        """Return the value as bytes, and how many: it may wait for ever in a port that is not started.

        Parsed objects, or views of whole frames, would take far more. Raises LimitError when it is nested too deeply.
        """
        text = written(self.skeleton, self.fixups) if self.carried is None else self.carried.text
        segments = tuple(map(bytes, self.segments))
        return PortValue(None, (), segments, Carried(text)), text.size + sum(map(len, segments))

    def with_opened(self, opened: Opened | None) -> "PortValue":
        """Return a kept value with what was decoded of it elsewhere; None: decode it now."""
        assert self.carried is not None
        text = self.carried.text
        return PortValue(None, (), self.segments, Carried(text, opened or self.carried.open(self.segments)))
