"""A Python value as a skeleton, fixups and segments: the sending half of PROTOCOL.md section 5.

One walk without recursion, in the order in which the protocol lists fixups. It copies containers and does not change
the given value. Objects of classes without an encoding are converted by outward.py.
Twin: js-client/src/core/clone/encode.ts
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from webipc.core.clone.models import is_model
from webipc.core.clone.opened import Opened, Place
from webipc.core.clone.outward import Refused, outward, outward_models
from webipc.core.clone.reach import reach
from webipc.core.clone.scan import later_in, number_text
from webipc.core.clone.segments import Segments
from webipc.core.errors import CloneError, LimitError
from webipc.core.limits import Limits
from webipc.core.tuples import new
from webipc.core.values.array import JSArray, is_index_name
from webipc.core.values.binary import ArrayBuffer, TypedArray
from webipc.core.values.error import ERROR_CLASSES, JSError
from webipc.core.values.keyed import JSMap, JSSet
from webipc.core.values.regexp import JSRegExp
from webipc.core.values.scalar import (
    MAX_SAFE_INTEGER,
    MIN_SAFE_INTEGER,
    BigInt,
    Boxed,
    JSDate,
    UndefinedType,
    time_value,
)

# These are never one object in two places: Python itself shares some of them, and their identity makes no difference.
_IMMUTABLE: Final = frozenset(
    {str, bool, type(None), int, float, tuple, frozenset, bytes, memoryview, BigInt, UndefinedType, orjson.Fragment}
)

# What is written without going on with contents. An object of any other class may have some.
_LEAVES: Final = frozenset({int, float, UndefinedType, BigInt, datetime, JSDate, bytes, bytearray, memoryview})


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
        # The place of every object that can come back, by its id.
        self._places: dict[int, Place] = {}
        # Where each reference stands and leads.
        self._references: list[tuple[Opened, str | int, Place]] = []
        # The containers that the walk is in, from the outside in, with those of their contents that are still to be
        # written; and the path to the innermost one.
        self._open: list[tuple[Opened, Iterator[tuple[str | int, Any]]]] = []
        self._path: list[str | int] = []

    def encode(self, value: Any) -> tuple[Any, list[Any]]:
        """Return the skeleton and the segments; the fixups are in `fixups`. `CloneError`, `LimitError`."""
        root = [value]
        self._write(value, Opened(root, None, 0, ""), 0)
        while self._open:
            depth = len(self._open)
            opened, later = self._open[-1]
            for key, part in later:
                self._write(part, opened, key)
                if len(self._open) != depth:
                    break
            else:
                self._open.pop()
                if self._path:
                    self._path.pop()
        return root[0], self._segments.finish()

    @property
    def has_references(self) -> bool:
        """Whether an object was met twice."""
        return bool(self._references)

    def check_reach(self, skeleton: Any) -> None:
        """Refuse what the receiver would: `LimitError` when following every reference reaches too many nodes."""
        targets = {
            (id(opened.container), key): above.container[there] for opened, key, (above, there, _) in self._references
        }
        most = self._limits.nodes
        count = reach(skeleton, targets, most)
        if count is None or count > most:
            raise LimitError("nodes", count or most + 1, most)

    def _write(self, value: Any, above: Opened, key: str | int) -> None:
        identity = value
        writer = self._WRITERS.get(type(value))
        if writer is None:
            while writer is None:
                value = self._outward(value, above, key)
                writer = self._WRITERS.get(type(value))
            if is_model(type(identity)):
                # Two places with one model are two objects: its fields are read again for each.
                identity = value
        if type(value) not in _IMMUTABLE:
            place = (above, key, identity)
            first = self._places.setdefault(id(identity), place)
            if first is not place:
                self._refer(first, above, key)
                return
        writer(self, value, above, key)

    def _outward(self, value: Any, above: Opened, key: str | int) -> Any:
        try:
            return outward(value, fragments=self._fragments)
        except Refused as refusal:
            raise self._refusal(above, key, str(refusal)) from refusal.__cause__

    def _refusal(self, above: Opened, key: str | int, reason: str) -> CloneError:
        return CloneError(above.text(key, self._root), reason)

    def _refer(self, first: Place, above: Opened, key: str | int) -> None:
        """Write a reference to an object that has its place already."""
        self._references.append((above, key, first))
        self._place("@", above, key, None, first[0].path(first[1]))

    def _place(self, code: str, above: Opened, key: str | int, skeleton: Any, *details: Any) -> None:
        """Write a place that needs a fixup."""
        if len(self.fixups) == self._limits.fixups:
            raise LimitError("fixups", len(self.fixups) + 1, self._limits.fixups)
        above.container[key] = skeleton
        # Only the whole value stands in what encloses nothing.
        self.fixups.append([code, [*self._path, key] if above.above is not None else [], *details])

    def _contents(
        self, later: list[tuple[str | int, Any]], container: Any, above: Opened, key: str | int, code: str = ""
    ) -> None:
        """Go on with what in a new container is not written as it is; the rest stands in it already."""
        depth = len(self._open)
        if depth >= self._limits.depth:
            raise LimitError("depth", depth + 1, self._limits.depth)
        if not later:
            return
        if depth:
            self._path.append(key)
        opened = new(Opened, (container, above, key, code))
        for _, part in later:
            if type(part) not in _LEAVES:
                self._open.append((opened, iter(later)))
                return
        # Nothing in it has contents: it is written at once, which saves a tenth of the time for a dict with a date.
        for name, part in later:
            self._write(part, opened, name)
        if depth:
            self._path.pop()

    def _plain(self, value: Any, above: Opened, key: str | int) -> None:
        above.container[key] = value

    def _fragment(self, value: Any, above: Opened, key: str | int) -> None:
        self.has_fragment = True
        above.container[key] = value

    def _list(self, value: Sequence[Any], above: Opened, key: str | int) -> None:
        if len(value) > 1 and type(value[0]) not in self._WRITERS:
            models = outward_models(list(value), fragments=self._fragments)
            if isinstance(models, orjson.Fragment):
                self._fragment(models, above, key)
                self._contents([], None, above, key)
                return
            value = models or value
        later = later_in(enumerate(value))
        if later or type(value) is tuple:
            value = list(value)
        above.container[key] = value
        self._contents(later, value, above, key)

    def _flat(self, code: str, above: Opened, key: str | int, skeleton: list[Any], *details: Any) -> None:
        """Write a place whose skeleton is a list of what it contains."""
        self._place(code, above, key, skeleton, *details)
        self._contents(later_in(enumerate(skeleton)), skeleton, above, key, code)

    def _dict(self, value: dict[Any, Any], above: Opened, key: str | int) -> None:
        for name in value:
            if type(name) is not str:
                value = {self._name(name, above, key): item for name, item in value.items()}
                break
        later = later_in(value.items())
        if later:
            value = value.copy()
        above.container[key] = value
        self._contents(later, value, above, key)

    def _name(self, name: Any, above: Opened, key: str | int) -> str:
        """Return the name of a property of a dict, at a place."""
        if type(name) is str:
            return name
        if isinstance(name, str):
            return str.__str__(name)
        raise self._refusal(above, key, f"a dict with a key of class {type(name).__name__} (use JSMap, or str keys)")

    def _undefined(self, value: Any, above: Opened, key: str | int) -> None:
        self._place("u", above, key, None)

    def _int(self, value: int, above: Opened, key: str | int) -> None:
        if MIN_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            above.container[key] = value
        else:
            self._bigint(value, above, key)

    def _bigint(self, value: int, above: Opened, key: str | int) -> None:
        digits = (value.bit_length() + 3) // 4
        if digits > self._limits.bigint_digits:
            raise LimitError("bigint_digits", digits, self._limits.bigint_digits)
        self._place("n", above, key, format(value, "x"))

    def _float(self, value: float, above: Opened, key: str | int) -> None:
        text = number_text(value)
        if text is None:
            above.container[key] = value
        else:
            self._place("f", above, key, text)

    def _date(self, value: JSDate, above: Opened, key: str | int) -> None:
        self._place("d", above, key, value.ms)

    def _moment(self, value: datetime, above: Opened, key: str | int) -> None:
        try:
            ms = time_value(value)
        except TypeError:
            # A naive one: it is refused there, with a remedy.
            ms = self._outward(value, above, key).ms
        self._place("d", above, key, ms)

    def _regexp(self, value: JSRegExp, above: Opened, key: str | int) -> None:
        self._flat("r", above, key, [value.source, value.flags])

    def _map(self, value: JSMap[Any, Any], above: Opened, key: str | int) -> None:
        self._flat("m", above, key, [part for entry in value.items() for part in entry])

    def _set(self, value: Iterable[Any], above: Opened, key: str | int) -> None:
        self._flat("s", above, key, list(value))

    def _array(self, value: JSArray, above: Opened, key: str | int) -> None:
        indices = sorted(value.items)
        if indices and not 0 <= indices[0] <= indices[-1] < value.length:
            raise self._refusal(above, key, f"a JSArray with an index outside its length of {value.length}")
        if len(indices) == value.length and not value.props:
            self._list([value.items[index] for index in indices], above, key)
            return
        names = [self._array_name(name, above, key) for name in value.props]
        items = [part for index in indices for part in (index, value.items[index])]
        props = [part for name in names for part in (name, value.props[name])]
        self._flat("a", above, key, items + props, value.length)

    def _array_name(self, name: Any, above: Opened, key: str | int) -> str:
        if not isinstance(name, str) or name == "length" or is_index_name(name):
            raise self._refusal(above, key, f"a JSArray with a property named {name!r} (indices are in items)")
        return str.__str__(name)

    def _error(self, value: JSError, above: Opened, key: str | int) -> None:
        parts = {"message": value.message, "stack": value.stack}
        skeleton: dict[str, Any] = {name: str(part) for name, part in parts.items() if part is not None}
        if value.has_cause:
            skeleton["cause"] = value.cause
        self._place("e", above, key, skeleton, value.name if value.name in ERROR_CLASSES else "Error")
        self._contents(later_in(skeleton.items()), skeleton, above, key)

    def _boxed(self, value: Boxed, above: Opened, key: str | int) -> None:
        self._flat("N", above, key, [value.value])

    def _bytes(self, value: bytes | bytearray | memoryview, above: Opened, key: str | int) -> None:
        number, size = self._segments.add(value)
        self._place("v", above, key, None, "Uint8Array", number, 0, size)

    def _buffer(self, value: ArrayBuffer, above: Opened, key: str | int) -> None:
        self._place("b", above, key, None, self._segment_of(value, above, key), *_maximum(value))
        self._segments.add_fixup(value, self.fixups[-1])

    def _view(self, value: TypedArray, above: Opened, key: str | int) -> None:
        if value.is_outside:
            raise self._refusal(above, key, f"a {value.kind} whose buffer has become too short for it")
        length = None if value.follows_buffer else value.length
        number = self._segment_of(value.buffer, above, key)
        self._place("v", above, key, None, value.kind, number, value.offset, length, *_maximum(value.buffer))
        self._segments.add_fixup(value.buffer, self.fixups[-1])

    def _segment_of(self, buffer: ArrayBuffer, above: Opened, key: str | int) -> int:
        if buffer.max_byte_length is not None and len(buffer) > buffer.max_byte_length:
            raise self._refusal(above, key, f"an ArrayBuffer that has grown beyond its {buffer.max_byte_length} bytes")
        return self._segments.number_of(buffer)

    # What writes a value of exactly this class; any other class is asked of outward.py.
    _WRITERS: Final[dict[type[Any], Callable[["Encoder", Any, Opened, str | int], None]]] = {
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
