"""JSArray: an array with holes or with named properties, which a list cannot be.

No twin: JavaScript has it. Wire: PROTOCOL.md section 5, code `a`.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableSequence
from reprlib import recursive_repr
from typing import Any, Final, Self, cast, final, overload

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from webipc.core.values.scalar import hole
from webipc.core.values.schema import instance_schema

MAX_ARRAY_LENGTH: Final = 2**32 - 1

# An array is sparse when its length exceeds this many items, plus this many for each item that is set. A large length
# costs the sender nothing, so that only the items may decide how long anything iterates.
_FREE_PLACES: Final = 1_000
_PLACES_PER_ITEM: Final = 16


def is_index_name(name: str) -> bool:
    """Tell whether a property of this name would be an item of the array: an index in its canonical digits."""
    is_digits = name.isascii() and name.isdigit() and len(name) <= len(str(MAX_ARRAY_LENGTH))
    return is_digits and str(int(name)) == name and int(name) < MAX_ARRAY_LENGTH


@final
class JSArray(MutableSequence[Any]):
    """An array with holes or with named properties. Every other array arrives as a `list`.

    A missing index reads as `hole`; to assign `hole` makes one. Iteration gives holes too. A page may set the length to
    four billion and send one item, so nothing here takes longer than the items ask for: an array that `is_sparse`
    raises `ValueError` where it is iterated, reversed or cut into a long slice. Look at `items`, which are by index.
    Only your own loop over `range(len(array))` is as long as the length says. As an annotation it takes a list as well.
    """

    __slots__ = ("items", "length", "props")
    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable, like list

    def __init__(
        self,
        length: int = 0,
        items: Mapping[int, Any] | None = None,
        props: Mapping[str, Any] | None = None,
    ) -> None:
        """`ValueError` when the length is not within 0 and 2**32 - 1, or an index not below it."""
        if not 0 <= length <= MAX_ARRAY_LENGTH:
            raise ValueError(f"an array has between 0 and {MAX_ARRAY_LENGTH} places, not {length}")
        # One more than the largest possible index.
        self.length = length
        # The items that are set, by index.
        self.items: dict[int, Any] = dict(items or {})
        # The named properties.
        self.props: dict[str, Any] = dict(props or {})
        if any(not 0 <= index < length for index in self.items):
            raise ValueError(f"every index must be at least 0 and below the length {length}")

    @classmethod
    def of(cls, values: Iterable[Any]) -> Self:
        """Return the array of these values, in which `hole` leaves a hole."""
        listed = list(values)
        return cls(len(listed), {index: value for index, value in enumerate(listed) if value is not hole})

    @property
    def is_sparse(self) -> bool:
        """Whether the length is far larger than the number of items: more than 1,000 plus 16 for each item.

        Such an array cannot be iterated, and an annotation that makes a list of it, such as `list[int]`, refuses it.
        """
        return self.length > self._most_places

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self.items.get(place, hole) for place in self._walked(range(*index.indices(self.length)))]
        return self.items.get(self._place(index), hole)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Put an item, or a hole, at an index that the array has; slices are not assigned to."""
        if value is hole:
            self.items.pop(self._place(index), None)
        else:
            self.items[self._place(index)] = value

    def __delitem__(self, index: Any) -> None:
        """Take out an index, so that all behind it move up."""
        place = self._place(index)
        self.items.pop(place, None)
        self._move(place, -1)

    def insert(self, index: int, value: Any) -> None:
        """Put an item, or a hole, before an index, so that all behind it move."""
        place = slice(index, None).indices(self.length)[0]
        self._move(place, 1)
        self[place] = value

    def _move(self, start: int, by: int) -> None:
        if not 0 <= self.length + by <= MAX_ARRAY_LENGTH:
            raise ValueError(f"an array has at most {MAX_ARRAY_LENGTH} places")
        if start < self.length:
            self.items = {at + by if at >= start else at: item for at, item in self.items.items()}
        self.length += by

    def clear(self) -> None:
        """Take out all items and holes; the named properties stay."""
        self.items.clear()
        self.length = 0

    def reverse(self) -> None:
        """Turn the order of the items round, with the holes between them."""
        self.items = {self.length - 1 - at: item for at, item in self.items.items()}

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the first index of a value, or of a hole; `ValueError` when there is none."""
        first, end, _ = slice(start, stop).indices(self.length)
        if value is hole:
            # Beyond as many places as there are items, one has to be free.
            places = range(first, min(end, first + len(self.items) + 1))
            found = [at for at in places if at not in self.items]
        else:
            found = [at for at, item in self.items.items() if first <= at < end and (item is value or item == value)]
        if not found:
            raise ValueError(f"{value!r} is not in the array")
        return min(found)

    def count(self, value: Any) -> int:
        """Return how often a value is in the array, or how many holes."""
        if value is hole:
            return self.length - len(self.items)
        return sum(item is value or item == value for item in self.items.values())

    @property
    def _most_places(self) -> int:
        return _FREE_PLACES + _PLACES_PER_ITEM * len(self.items)

    def _walked(self, places: range) -> range:
        """Return the places that are about to be walked through, unless the items are too few for so many."""
        if len(places) > self._most_places:
            text = f"an array of length {self.length} with {len(self.items)} items is too sparse to be walked through"
            raise ValueError(f"{text}; look at its .items")
        return places

    def _place(self, index: Any) -> int:
        place = cast("int", index.__index__())
        place = place + self.length if place < 0 else place
        if not 0 <= place < self.length:
            raise IndexError(f"index {index} in an array of length {self.length}")
        return place

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        return (self.items.get(index, hole) for index in self._walked(range(self.length)))

    def __reversed__(self) -> Iterator[Any]:
        return (self.items.get(index, hole) for index in reversed(self._walked(range(self.length))))

    def __contains__(self, value: object) -> bool:
        return self.count(value) > 0

    def __eq__(self, other: object) -> bool:
        """Tell whether length, items and named properties are equal."""
        if not isinstance(other, JSArray):
            return NotImplemented
        return (self.length, self.items, self.props) == (other.length, other.items, other.props)

    @recursive_repr("JSArray(...)")
    def __repr__(self) -> str:
        return f"JSArray({self.length}, {self.items!r}, {self.props!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return instance_schema(JSArray, _to_array)


def _to_array(value: Any) -> JSArray | None:
    return JSArray.of(value) if isinstance(value, list | tuple) else None
