"""Compares two values in every way that structured clone preserves: type, order, sign of zero, identity.

Python's `==` is not enough: 1 == True, 0.0 == -0.0, NaN != NaN, and two equal lists may be one object or two.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from webipc.core.values import ArrayBuffer, Boxed, JSArray, JSDate, JSError, JSMap, JSRegExp, JSSet, TypedArray


def is_same(first: Any, second: Any) -> bool:
    """Return whether two values are the same, cycles and shared objects included."""
    return _Comparison().is_same(first, second)


class _Comparison:
    """Compares without recursion: values may be nested as deep as the protocol allows."""

    def __init__(self) -> None:
        # The id of each visited object of either side -> the id of its counterpart.
        self._forward: dict[int, int] = {}
        self._back: dict[int, int] = {}
        self._todo: list[tuple[Any, Any]] = []

    def is_same(self, first: Any, second: Any) -> bool:
        self._todo.append((first, second))
        while self._todo:
            if not self._is_same_here(*self._todo.pop()):
                return False
        return True

    def _is_same_here(self, first: Any, second: Any) -> bool:
        if type(first) is not type(second):
            return False
        if isinstance(first, float):
            return _is_same_number(first, second)
        return self._is_same_object(first, second) if type(first) in _PARTS else bool(first == second)

    def _is_same_object(self, first: Any, second: Any) -> bool:
        if id(first) in self._forward or id(second) in self._back:
            return self._forward.get(id(first)) == id(second) and self._back.get(id(second)) == id(first)
        self._forward[id(first)], self._back[id(second)] = id(second), id(first)
        parts = (_PARTS[type(first)](first), _PARTS[type(second)](second))
        self._todo.extend(zip(*parts, strict=False))
        return len(parts[0]) == len(parts[1])


def _is_same_number(first: float, second: float) -> bool:
    return repr(first) == repr(second)  # `repr` shows the sign of zero, and NaN


def _entries(value: Any) -> Sequence[Any]:
    return tuple(part for entry in value.items() for part in entry)


def _array_parts(value: JSArray) -> Sequence[Any]:
    items = tuple(part for index in sorted(value.items) for part in (index, value.items[index]))
    return (value.length, *items, *_entries(value.props))


_PARTS: Final[dict[type[Any], Callable[[Any], Sequence[Any]]]] = {
    list: tuple,
    dict: _entries,
    datetime: lambda value: (value.timestamp(),),
    ArrayBuffer: lambda value: (bytes(value), value.max_byte_length),
    Boxed: lambda value: (value.value,),
    JSArray: _array_parts,
    JSDate: lambda value: (value.ms,),
    JSError: lambda value: (value.name, value.message, value.stack, value.cause),
    JSMap: _entries,
    JSRegExp: lambda value: (value.source, value.flags),
    JSSet: tuple,
    TypedArray: lambda value: (value.kind, value.buffer, value.offset, value.length, value.follows_buffer),
}
"""The parts of each kind of object, in order."""
