"""A skeleton, fixups and segments as a Python value: the receiving half of PROTOCOL.md section 5.

Nothing of the input is trusted. Four steps: find the place of every fixup, make the objects, resolve the references,
fill the containers. Nothing is run, compiled or imported, and a length in the input allocates nothing by itself.
Twin: js-client/src/core/clone/decode.ts
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from webipc.core.clone.buffers import Buffers
from webipc.core.clone.leaves import bigint, boxed, date, number, regexp, require
from webipc.core.clone.places import Spot, find_spots, follow, measure
from webipc.core.clone.reach import Place, reach
from webipc.core.errors import UnreadableError
from webipc.core.limits import Limits
from webipc.core.values.array import MAX_ARRAY_LENGTH, JSArray, is_index_name
from webipc.core.values.error import ERROR_CLASSES, JSError
from webipc.core.values.keyed import JSMap, JSSet
from webipc.core.values.scalar import as_integers, undefined

_PRIMITIVES: Final = frozenset("ufn")
_BINARY: Final = frozenset("bv")

_TOO_MANY_WAYS: Final = (
    "the value cannot be taken: its arrays and objects refer to each other in too many ways (send ids in place of "
    "references)"
)


class Decoder:
    """Reads one value; used once."""

    def __init__(
        self,
        skeleton: Any,
        fixups: Sequence[Any],
        segments: Sequence[bytes | bytearray | memoryview],
        limits: Limits,
    ) -> None:
        self._root = [skeleton]
        self._fixups = fixups
        self._segments = segments
        self._limits = limits
        self._spots: dict[Place, Spot] = {}
        # Where each reference stands, and the part of the skeleton that it leads to.
        self._targets: dict[Place, Any] = {}

    def decode(self) -> Any:
        """Return the value. `ProtocolError`, `UnreadableError`."""
        self._check_sizes()
        self._spots = find_spots(self._root, self._fixups)
        aims = [(spot, self._aim(spot)) for spot in self._spots.values() if spot.code == "@"]
        self._check_reach()
        self._make()
        for spot, aim in aims:
            spot.value = aim.value if isinstance(aim, Spot) else aim
        for spot in self._spots.values():
            spot.container[spot.key] = spot.value
        for spot in self._spots.values():
            if spot.code in _FILLERS:
                _FILLERS[spot.code](spot.value, spot.raw)
        return self._root[0]

    def _check_sizes(self) -> None:
        limits = self._limits
        require(len(self._fixups) <= limits.fixups, f"{len(self._fixups)} fixups; at most {limits.fixups} are taken")
        require(len(self._segments) <= limits.segments, f"more than {limits.segments} segments")
        depth, self._nodes = measure(self._root[0], limits.depth)
        require(depth <= limits.depth, f"a value deeper than {limits.depth}")

    def _aim(self, spot: Spot) -> Any:
        """Return what a reference leads to: the place of another fixup, or a list or dict of the skeleton."""
        require(spot.raw is None, "a reference stands on null")
        container, key = follow(self._root, spot.details[0])
        raw = self._targets[spot.place] = container[key]
        target = self._spots.get((id(container), key))
        if target is None:
            require(type(raw) is list or type(raw) is dict, "a reference leads to a primitive")
            return raw
        require(target.code != "@" and target.code not in _PRIMITIVES, "a reference leads to a primitive or reference")
        target.is_target = True
        return target

    def _check_reach(self) -> None:
        if self._targets:
            most = self._limits.nodes
            count = reach(self._root[0], self._targets, most) if self._nodes <= most else self._nodes
            if count is None:
                # Whether there are too many nodes is not known: another peer may have counted them all.
                raise UnreadableError(_TOO_MANY_WAYS)
            require(count <= most, f"more than {most} nodes when every reference is followed")

    def _make(self) -> None:
        # Primitives first: RegExps and boxes are made of them.
        spots = self._spots.values()
        for spot in spots:
            if spot.code in _PRIMITIVES:
                spot.value = self._primitive(spot)
        views = [spot for spot in spots if spot.code in _BINARY]
        buffers = Buffers(self._segments, views)
        for spot in views:
            spot.value = buffers.value_of(spot)
        for spot in spots:
            maker = self._MAKERS.get(spot.code)
            if maker is not None:
                spot.value = maker(self, spot)

    def _primitive(self, spot: Spot) -> Any:
        if spot.code == "u":
            require(spot.raw is None, "undefined stands on null")
            return undefined
        return number(spot.raw) if spot.code == "f" else bigint(spot.raw, self._limits.bigint_digits)

    def _date(self, spot: Spot) -> Any:
        return date(spot.raw)

    def _regexp(self, spot: Spot) -> Any:
        require(type(spot.raw) is list and not self._is_fixed(spot.raw, 0, 1), "a RegExp stands on [source, flags]")
        return regexp(spot.raw)

    def _boxed(self, spot: Spot) -> Any:
        require(type(spot.raw) is list and len(spot.raw) == 1, "a boxed primitive stands on [primitive]")
        inner = self._spots.get((id(spot.raw), 0))
        require(inner is None or inner.code in {"f", "n"}, "only a primitive can be boxed")
        return boxed(spot.raw[0] if inner is None else inner.value)

    def _map(self, spot: Spot) -> Any:
        require(type(spot.raw) is list and len(spot.raw) % 2 == 0, "a Map stands on [key, value, ...]")
        return JSMap[Any, Any]()

    def _set(self, spot: Spot) -> Any:
        require(type(spot.raw) is list, "a Set stands on [member, ...]")
        return JSSet[Any]()

    def _array(self, spot: Spot) -> Any:
        (length,), raw = as_integers(spot.details), spot.raw
        require(type(length) is int and 0 <= length <= MAX_ARRAY_LENGTH, "the length of an array is below 2**32")
        require(type(raw) is list and len(raw) % 2 == 0, "an array with holes stands on [key, value, ...]")
        require(not self._is_fixed(raw, *range(0, len(raw), 2)), "the keys of an array have no fixups")
        keys = raw[::2] = as_integers(raw[::2])
        _check_keys(keys, length)
        return JSArray(length)

    def _error(self, spot: Spot) -> Any:
        raw, name = spot.raw, spot.details[0]
        require(type(name) is str and name in ERROR_CLASSES, "the class of an Error is one that JavaScript has")
        require(type(raw) is dict and raw.keys() <= {"message", "stack", "cause"}, "an Error has message, stack, cause")
        texts = [raw[key] for key in ("message", "stack") if key in raw]
        is_text = all(type(text) is str for text in texts) and not self._is_fixed(raw, "message", "stack")
        require(is_text, "message and stack of an Error are strings")
        return JSError(name, raw.get("message"), raw.get("stack"))

    def _is_fixed(self, container: Any, *keys: str | int) -> bool:
        return any((id(container), key) in self._spots for key in keys)

    # Functions that make the object of a place; containers are empty at first.
    _MAKERS: Final[dict[str, Callable[["Decoder", Spot], Any]]] = {
        "d": _date,
        "r": _regexp,
        "m": _map,
        "s": _set,
        "a": _array,
        "e": _error,
        "N": _boxed,
    }


def _check_keys(keys: list[Any], length: int) -> None:
    indices = [key for key in keys if type(key) is int]
    names = keys[len(indices) :]
    is_ordered = all(type(name) is str for name in names) and all(map(int.__lt__, indices, indices[1:]))
    require(is_ordered, "the keys of an array are indices, ascending, then names")
    require(not indices or (indices[0] >= 0 and indices[-1] < length), "an index lies outside the array")
    require(len(set(names)) == len(names), "a name of an array comes twice")
    require(not any(name == "length" or is_index_name(name) for name in names), "a name of an array is no index")


def _fill_map(value: JSMap[Any, Any], raw: list[Any]) -> None:
    value.update(zip(raw[::2], raw[1::2], strict=True))


def _fill_set(value: JSSet[Any], raw: list[Any]) -> None:
    for member in raw:
        value.add(member)


def _fill_array(value: JSArray, raw: list[Any]) -> None:
    for key, item in zip(raw[::2], raw[1::2], strict=True):
        (value.items if type(key) is int else value.props)[key] = item


def _fill_error(value: JSError, raw: dict[str, Any]) -> None:
    if "cause" in raw:
        value.cause = raw["cause"]


_FILLERS: Final[dict[str, Callable[[Any, Any], None]]] = {
    "m": _fill_map,
    "s": _fill_set,
    "a": _fill_array,
    "e": _fill_error,
}
