"""A Python value as a skeleton, fixups and segments: the sending half of PROTOCOL.md section 5.

One walk without recursion, in the order in which the protocol lists fixups. It copies containers and does not change
the given value. Objects of classes without an encoding are converted by outward.py.
Twin: js-client/src/core/clone/encode.ts
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from webipc.core.clone.models import is_model
from webipc.core.clone.outward import Refused, outward
from webipc.core.clone.reach import reach
from webipc.core.clone.scan import is_plain_number
from webipc.core.clone.segments import Segments
from webipc.core.errors import CloneError, LimitError
from webipc.core.limits import Limits
from webipc.core.values.array import JSArray, is_index_name
from webipc.core.values.binary import ArrayBuffer, TypedArray
from webipc.core.values.error import ERROR_CLASSES, JSError
from webipc.core.values.keyed import JSMap, JSSet
from webipc.core.values.regexp import JSRegExp
from webipc.core.values.scalar import MAX_SAFE_INTEGER, BigInt, Boxed, JSDate, UndefinedType

_WORDS: Final = frozenset({str, bool, type(None)})
# These are never one object in two places: Python itself shares some of them, and their identity makes no difference.
_IMMUTABLE: Final = frozenset(
    {str, bool, type(None), int, float, tuple, frozenset, bytes, memoryview, BigInt, UndefinedType, orjson.Fragment}
)
# From here on JavaScript writes a number with an exponent, which no parser takes for an integer.
_EXPONENT: Final = 1e21


class _Spot:
    """A place in the skeleton that is being written."""

    __slots__ = ("above", "code", "container", "depth", "key")

    def __init__(self, container: Any, key: str | int, above: "_Spot | None") -> None:
        # The list or dict of the skeleton, and where in it.
        self.container = container
        self.key = key
        # The place of that container; None at the root, whose container is no part of the value.
        self.above = above
        # How many containers enclose the place.
        self.depth: int = 0 if above is None else above.depth + 1
        # The fixup of the place, once it is written; "" when it has none.
        self.code = ""

    def put(self, skeleton: Any) -> None:
        self.container[self.key] = skeleton

    def path(self) -> list[str | int]:
        """Return the path through the skeleton, from the value to here."""
        return [spot.key for spot in self._line()]

    def text(self, root: str) -> str:
        """Return the path as a person would write it in JavaScript."""
        return root + "".join(spot.step() for spot in self._line())

    def _line(self) -> "list[_Spot]":
        line = []
        spot = self
        while spot.above is not None:
            line.append(spot)
            spot = spot.above
        return line[::-1]

    def step(self) -> str:
        code = "" if self.above is None else self.above.code
        if not isinstance(self.key, int):
            return _property(self.key)
        if code == "m":
            return f".{'values' if self.key % 2 else 'keys'}()[{self.key // 2}]"
        if code == "a":
            return _property(self.container[self.key - 1])
        return f".values()[{self.key}]" if code == "s" else _property(self.key)


def _property(key: str | int) -> str:
    is_name = isinstance(key, str) and key.isidentifier()
    return f".{key}" if is_name else f"[{json.dumps(key)}]"


class Encoder:
    """Encodes one value; used once."""

    def __init__(self, limits: Limits, root: str, *, fragments: bool = True) -> None:
        """`root` names the value in the text of an error. Without `fragments`, models are walked field by field."""
        self._limits = limits
        self._root = root
        self._fragments = fragments
        # Whether a fragment stands in the skeleton.
        self.has_fragment = False
        self.fixups: list[list[Any]] = []
        self._segments = Segments(limits)
        # The place of every object that can come back, by its id; and the objects, so that no id is given again.
        self._places: dict[int, _Spot] = {}
        self._alive: list[Any] = []
        # Where each reference stands and leads.
        self._references: list[tuple[_Spot, _Spot]] = []
        # What is still to be written, the next one last.
        self._todo: list[tuple[Any, _Spot]] = []

    def encode(self, value: Any) -> tuple[Any, list[Any]]:
        """Return the skeleton and the segments; the fixups are in `fixups`. `CloneError`, `LimitError`."""
        root = [value]
        self._todo.append((value, _Spot(root, 0, None)))
        while self._todo:
            self._write(*self._todo.pop())
        return root[0], self._segments.finish()

    @property
    def has_references(self) -> bool:
        """Whether an object was met twice."""
        return bool(self._references)

    def check_reach(self, skeleton: Any) -> None:
        """Refuse what the receiver would: `LimitError` when following every reference reaches too many nodes."""
        targets = {(id(spot.container), spot.key): target.container[target.key] for spot, target in self._references}
        count = reach(skeleton, targets, self._limits.nodes)
        if count > self._limits.nodes:
            raise LimitError("nodes", count, self._limits.nodes)

    def _write(self, value: Any, spot: _Spot) -> None:
        identity = value
        writer = self._WRITERS.get(type(value))
        while writer is None:
            value = self._outward(value, spot)
            writer = self._WRITERS.get(type(value))
        if value is not identity and is_model(type(identity)):
            # Two places with one model are two objects: its fields are read again for each.
            identity = value
        if type(value) in _IMMUTABLE or not self._refers(identity, spot):
            writer(self, value, spot)

    def _outward(self, value: Any, spot: _Spot) -> Any:
        try:
            return outward(value, fragments=self._fragments)
        except Refused as refusal:
            raise self._refusal(spot, str(refusal)) from refusal.__cause__

    def _refusal(self, spot: _Spot, reason: str) -> CloneError:
        return CloneError(spot.text(self._root), reason)

    def _refers(self, identity: Any, spot: _Spot) -> bool:
        """Write a reference if the object has its place already; remember its place otherwise."""
        first = self._places.setdefault(id(identity), spot)
        if first is spot:
            self._alive.append(identity)
            return False
        self._references.append((spot, first))
        self._place("@", spot, None, first.path())
        return True

    def _place(self, code: str, spot: _Spot, skeleton: Any, *details: Any) -> None:
        """Write a place that needs a fixup."""
        if len(self.fixups) == self._limits.fixups:
            raise LimitError("fixups", len(self.fixups) + 1, self._limits.fixups)
        spot.code = code
        spot.put(skeleton)
        self.fixups.append([code, spot.path(), *details])

    def _contents(self, contents: Iterable[tuple[str | int, Any]], container: Any, spot: _Spot) -> None:
        """Put off whatever in a new container is not written as it is; the rest stands in it already."""
        if spot.depth >= self._limits.depth:
            raise LimitError("depth", spot.depth + 1, self._limits.depth)
        later = []
        for key, value in contents:
            kind = type(value)
            if kind not in _WORDS and ((kind is not int and kind is not float) or not is_plain_number(value)):
                later.append((value, _Spot(container, key, spot)))
        self._todo.extend(reversed(later))

    def _plain(self, value: Any, spot: _Spot) -> None:
        spot.put(value)

    def _fragment(self, value: Any, spot: _Spot) -> None:
        self.has_fragment = True
        spot.put(value)

    def _list(self, value: Iterable[Any], spot: _Spot) -> None:
        skeleton = list(value)
        spot.put(skeleton)
        self._contents(enumerate(skeleton), skeleton, spot)

    def _flat(self, code: str, spot: _Spot, skeleton: list[Any], *details: Any) -> None:
        """Write a place whose skeleton is a list of what it contains."""
        self._place(code, spot, skeleton, *details)
        self._contents(enumerate(skeleton), skeleton, spot)

    def _dict(self, value: dict[Any, Any], spot: _Spot) -> None:
        skeleton = {self._key(key, spot): item for key, item in value.items()}
        spot.put(skeleton)
        self._contents(skeleton.items(), skeleton, spot)

    def _key(self, key: Any, spot: _Spot) -> str:
        if type(key) is str:
            return key
        if isinstance(key, str):
            return str.__str__(key)
        raise self._refusal(spot, f"a dict with a key of class {type(key).__name__} (use JSMap, or str keys)")

    def _undefined(self, value: Any, spot: _Spot) -> None:
        self._place("u", spot, None)

    def _int(self, value: int, spot: _Spot) -> None:
        if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            spot.put(value)
        else:
            self._bigint(value, spot)

    def _bigint(self, value: int, spot: _Spot) -> None:
        digits = (value.bit_length() + 3) // 4
        if digits > self._limits.bigint_digits:
            raise LimitError("bigint_digits", digits, self._limits.bigint_digits)
        self._place("n", spot, format(value, "x"))

    def _float(self, value: float, spot: _Spot) -> None:
        text = _number_text(value)
        if text is None:
            spot.put(value)
        else:
            self._place("f", spot, text)

    def _date(self, value: JSDate, spot: _Spot) -> None:
        self._place("d", spot, value.ms)

    def _moment(self, value: datetime, spot: _Spot) -> None:
        self._date(self._outward(value, spot), spot)

    def _regexp(self, value: JSRegExp, spot: _Spot) -> None:
        self._flat("r", spot, [value.source, value.flags])

    def _map(self, value: JSMap[Any, Any], spot: _Spot) -> None:
        self._flat("m", spot, [part for entry in value.items() for part in entry])

    def _set(self, value: Iterable[Any], spot: _Spot) -> None:
        self._flat("s", spot, list(value))

    def _array(self, value: JSArray, spot: _Spot) -> None:
        indices = sorted(value.items)
        if indices and not 0 <= indices[0] <= indices[-1] < value.length:
            raise self._refusal(spot, f"a JSArray with an index outside its length of {value.length}")
        if len(indices) == value.length and not value.props:
            self._list([value.items[index] for index in indices], spot)
            return
        names = [self._name(name, spot) for name in value.props]
        items = [part for index in indices for part in (index, value.items[index])]
        props = [part for name in names for part in (name, value.props[name])]
        self._flat("a", spot, items + props, value.length)

    def _name(self, name: Any, spot: _Spot) -> str:
        if not isinstance(name, str) or name == "length" or is_index_name(name):
            raise self._refusal(spot, f"a JSArray with a property named {name!r} (indices are in items)")
        return str.__str__(name)

    def _error(self, value: JSError, spot: _Spot) -> None:
        parts = {"message": value.message, "stack": value.stack}
        skeleton: dict[str, Any] = {name: str(part) for name, part in parts.items() if part is not None}
        if value.has_cause:
            skeleton["cause"] = value.cause
        self._place("e", spot, skeleton, value.name if value.name in ERROR_CLASSES else "Error")
        self._contents(skeleton.items(), skeleton, spot)

    def _boxed(self, value: Boxed, spot: _Spot) -> None:
        self._flat("N", spot, [value.value])

    def _bytes(self, value: bytes | bytearray | memoryview, spot: _Spot) -> None:
        number, size = self._segments.add(value)
        self._place("v", spot, None, "Uint8Array", number, 0, size)

    def _buffer(self, value: ArrayBuffer, spot: _Spot) -> None:
        self._place("b", spot, None, self._segment_of(value, spot), *_maximum(value))
        self._segments.add_fixup(value, self.fixups[-1])

    def _view(self, value: TypedArray, spot: _Spot) -> None:
        if value.is_outside:
            raise self._refusal(spot, f"a {value.kind} whose buffer has become too short for it")
        length = None if value.follows_buffer else value.length
        number = self._segment_of(value.buffer, spot)
        self._place("v", spot, None, value.kind, number, value.offset, length, *_maximum(value.buffer))
        self._segments.add_fixup(value.buffer, self.fixups[-1])

    def _segment_of(self, buffer: ArrayBuffer, spot: _Spot) -> int:
        if buffer.max_byte_length is not None and len(buffer) > buffer.max_byte_length:
            raise self._refusal(spot, f"an ArrayBuffer that has grown beyond its {buffer.max_byte_length} bytes")
        return self._segments.number_of(buffer)

    # What writes a value of exactly this class; any other class is asked of outward.py.
    _WRITERS: Final[dict[type[Any], Callable[["Encoder", Any, _Spot], None]]] = {
        str: _plain,
        bool: _plain,
        type(None): _plain,
        int: _int,
        float: _float,
        list: _list,
        tuple: _list,
        dict: _dict,
        orjson.Fragment: _fragment,
        UndefinedType: _undefined,
        BigInt: _bigint,
        JSDate: _date,
        datetime: _moment,
        JSRegExp: _regexp,
        JSMap: _map,
        JSSet: _set,
        set: _set,
        frozenset: _set,
        JSArray: _array,
        JSError: _error,
        Boxed: _boxed,
        bytes: _bytes,
        bytearray: _bytes,
        memoryview: _bytes,
        ArrayBuffer: _buffer,
        TypedArray: _view,
    }


def _maximum(buffer: ArrayBuffer) -> Iterator[int]:
    if buffer.max_byte_length is not None:
        yield buffer.max_byte_length


def _number_text(value: float) -> str | None:
    """Return what stands for a number that JSON lacks or the other language would misread; None for any other."""
    if value != value:  # noqa: PLR0124  (only NaN differs from itself)
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "Infinity" if value > 0 else "-Infinity"
    if is_plain_number(value) or abs(value) >= _EXPONENT:
        return None
    # JavaScript's digits: the shortest that read back as this number, filled up with zeros.
    return "-0" if value == 0 else format(Decimal(repr(value)).to_integral_value(), "f")
