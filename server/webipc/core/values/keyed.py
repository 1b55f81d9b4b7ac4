"""JSMap and JSSet: Map and Set of JavaScript, whose keys Python's dict and set would confuse or refuse.

Keys are compared as JavaScript does (SameValueZero): 1, True, "1" and BigInt(1) are four keys, 1 and 1.0 are one, NaN
equals itself, and a key that is an object in JavaScript is compared by identity.
No twin: JavaScript has both. Wire: PROTOCOL.md section 5, codes `m` and `s`.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSet
from reprlib import recursive_repr
from typing import Any, Generic, TypeVar, cast, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from webipc.core.values.scalar import MAX_SAFE_INTEGER, BigInt
from webipc.core.values.schema import container_schema, instance_schema

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


def same_value_zero(key: Any) -> Any:
    """Return a hashable object that is equal for two keys exactly where JavaScript's Map treats them as one key.

    A page cannot choose its hash: Python salts that of a text, but not that of a number, and any number of large
    integers, and two thousand floats, have the same one. Integers below 2**53 do not.
    """
    if key is None or type(key) is str:
        return key
    if isinstance(key, str):
        return str.__str__(key)
    if type(key) is bool:
        return ("boolean", key)
    if isinstance(key, int):
        return _integer_key(key)
    return _float_key(key) if isinstance(key, float) else ("object", id(key))


def _integer_key(key: int) -> tuple[str, int | str]:
    number = int.__index__(key)
    if isinstance(key, BigInt) or not -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER:
        return ("bigint", format(number, "x"))
    return ("number", number)


def _float_key(key: float) -> tuple[str, int | str]:
    if -MAX_SAFE_INTEGER <= key <= MAX_SAFE_INTEGER and float.is_integer(key):
        return ("number", int(key))
    return ("number", float.hex(key))


def _stored(key: Any) -> Any:
    # JavaScript stores -0 as 0: a Map never gives it back.
    return 0 if type(key) is float and key == 0 else key


class JSMap(MutableMapping[K, V], Generic[K, V]):
    """A Map: anything can be a key, the order is that of insertion.

    `JSMap([(key, value), ...])`, or `JSMap({...})`. As an annotation, `JSMap[str, int]` validates keys and values.
    A plain `dict` is sent as an object, never as a Map.
    """

    __slots__ = ("_entries",)
    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable, like dict

    def __init__(self, entries: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        # What same_value_zero makes of the key -> (key, value).
        self._entries: dict[Any, tuple[K, V]] = {}
        for key, value in entries.items() if isinstance(entries, Mapping) else entries:
            self[key] = value

    def __getitem__(self, key: K) -> V:
        try:
            return self._entries[same_value_zero(key)][1]
        except KeyError:
            raise KeyError(key) from None

    def __setitem__(self, key: K, value: V) -> None:
        found = same_value_zero(key)
        held = self._entries.get(found)
        # As in JavaScript, an existing key keeps its object and its position.
        self._entries[found] = (_stored(key) if held is None else held[0], value)

    def __delitem__(self, key: K) -> None:
        try:
            del self._entries[same_value_zero(key)]
        except KeyError:
            raise KeyError(key) from None

    def __contains__(self, key: object) -> bool:
        return same_value_zero(key) in self._entries

    def __iter__(self) -> Iterator[K]:
        return (key for key, _ in self._entries.values())

    def __reversed__(self) -> Iterator[K]:
        return (key for key, _ in reversed(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        """Tell whether both have the same keys, in any order, with equal values."""
        if not isinstance(other, JSMap):
            return NotImplemented
        return len(self) == len(other) and all(
            key in other and other[key] == value for key, value in self._entries.values()
        )

    @recursive_repr("JSMap(...)")
    def __repr__(self) -> str:
        return f"JSMap({list(self._entries.values())!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        arguments = get_args(source)
        if not arguments:
            return instance_schema(JSMap)
        return container_schema(JSMap, [handler.generate_schema(argument) for argument in arguments], JSMap.items)


class JSSet(MutableSet[T], Generic[T]):
    """A Set: anything can be a member, the order is that of insertion.

    As an annotation, `JSSet[str]` validates the members. A plain `set` is sent as a Set as well.
    """

    __slots__ = ("_members",)
    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable, like set

    def __init__(self, members: Iterable[T] = ()) -> None:
        # What same_value_zero makes of the member -> the member.
        self._members: dict[Any, T] = {}
        for member in members:
            self.add(member)

    def add(self, value: T) -> None:
        """Put a member at the end, unless it is in the set."""
        self._members.setdefault(same_value_zero(value), _stored(value))

    def discard(self, value: T) -> None:
        """Take a member out; nothing happens if it is not in the set."""
        self._members.pop(same_value_zero(value), None)

    def __contains__(self, value: object) -> bool:
        return same_value_zero(value) in self._members

    def __iter__(self) -> Iterator[T]:
        return iter(self._members.values())

    def __len__(self) -> int:
        return len(self._members)

    @recursive_repr("JSSet(...)")
    def __repr__(self) -> str:
        return f"JSSet({list(self._members.values())!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        arguments = get_args(source)
        if not arguments:
            return instance_schema(JSSet)
        return container_schema(JSSet, [handler.generate_schema(arguments[0])], cast("Any", iter))
