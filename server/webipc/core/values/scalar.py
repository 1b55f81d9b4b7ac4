"""The JavaScript values without contents that Python lacks: undefined, holes, BigInt, Date, boxed primitives.

No twin: JavaScript has them. Wire: PROTOCOL.md section 5, codes `u`, `n`, `d`, `N`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self, final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from webipc.core.values.schema import instance_schema

MAX_SAFE_INTEGER: Final = 2**53 - 1
MIN_SAFE_INTEGER: Final = -MAX_SAFE_INTEGER
_MOST_DECIMAL_BITS: Final = 14_000
MAX_TIME: Final = 8_640_000_000_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def as_integer(number: Any) -> Any:
    """Return the int that a safe integral float is, as `1.0` and `1e0` spell 1 in JSON; anything else as it is."""
    is_integer = type(number) is float and number.is_integer() and abs(number) <= MAX_SAFE_INTEGER
    return int(number) if is_integer else number


def as_integers(numbers: list[Any]) -> list[Any]:
    """Return the same list, or one with `as_integer` of its items where that makes a difference."""
    return [as_integer(number) for number in numbers] if float in map(type, numbers) else numbers


def time_value(moment: datetime) -> int:
    """Return the time value of an aware datetime: whole milliseconds since 1970 in UTC. `TypeError` for a naive one."""
    # Three times as fast as dividing by a timedelta; seconds and microseconds are never negative.
    since = moment - EPOCH
    return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000


class _Nothing:
    """A falsy singleton: copying, pickling and calling the class give the one object."""

    __slots__ = ()
    _name = ""
    _only: "_Nothing | None" = None

    def __new__(cls) -> Self:
        if not isinstance(cls._only, cls):
            cls._only = super().__new__(cls)
        return cls._only

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return self._name

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> str:
        return self._name

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return instance_schema(cls)


@final
class UndefinedType(_Nothing):
    """The class of `undefined`, for annotations such as `int | UndefinedType`."""

    __slots__ = ()
    _name = "undefined"


@final
class HoleType(_Nothing):
    """The class of `hole`."""

    __slots__ = ()
    _name = "hole"


# JavaScript's undefined. It is falsy, and it is not None, which is null.
undefined: Final = UndefinedType()
# What a JSArray returns for an index that is not set, and the cause of a JSError without one. It is never sent.
hole: Final = HoleType()


@final
class BigInt(int):
    """A bigint. An `int` in every way; an object of this class is sent back as a bigint.

    A plain `int` beyond ±(2**53 - 1) is sent as a bigint too. Results of arithmetic are plain ints.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        # Python refuses to write more digits than this in decimal, which takes the square of them.
        return f"BigInt({int.__repr__(self) if self.bit_length() <= _MOST_DECIMAL_BITS else hex(self)})"

    def __str__(self) -> str:
        return int.__repr__(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return instance_schema(BigInt, _to_bigint)


def _to_bigint(value: Any) -> BigInt | None:
    return BigInt(value) if isinstance(value, int) and not isinstance(value, bool) else None


@final
class JSDate:
    """A Date that `datetime` cannot hold: an invalid one, or one outside the years 1 to 9999.

    Every other Date arrives as an aware `datetime`; as an annotation, JSDate takes that too.
    """

    __slots__ = ("ms",)

    def __init__(self, ms: int | None) -> None:
        """`ms` is the time value: milliseconds since 1970 in UTC, within ±8.64e15, or None for an invalid date.

        `ValueError` for any other.
        """
        if ms is not None and (type(ms) is not int or abs(ms) > MAX_TIME):
            raise ValueError(f"a time value is an integer within ±{MAX_TIME}, or None, not {ms!r}")
        # The time value in milliseconds; None when the date is invalid.
        self.ms = ms

    @classmethod
    def from_datetime(cls, moment: datetime) -> Self:
        """Return the Date of an aware datetime, cut to whole milliseconds; `ValueError` for a naive one."""
        if moment.utcoffset() is None:
            raise ValueError("a naive datetime names no moment; use .replace(tzinfo=UTC) or .astimezone()")
        return cls(time_value(moment))

    def to_datetime(self) -> datetime:
        """Return the moment as an aware datetime in UTC; `ValueError` where datetime cannot hold it."""
        if self.ms is None:
            raise ValueError("an invalid date names no moment")
        try:
            return EPOCH + timedelta(milliseconds=self.ms)
        except OverflowError:
            raise ValueError(f"{self!r} lies outside the years 1 to 9999") from None

    def __eq__(self, other: object) -> bool:
        return self.ms == other.ms if isinstance(other, JSDate) else NotImplemented

    def __hash__(self) -> int:
        return hash((JSDate, self.ms))

    def __repr__(self) -> str:
        return f"JSDate({self.ms})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return instance_schema(JSDate, _to_date)


def _to_date(value: Any) -> JSDate | None:
    is_moment = isinstance(value, datetime) and value.utcoffset() is not None
    return JSDate.from_datetime(value) if is_moment else None


@final
class Boxed:
    """A boxed primitive, such as `new Number(1)`: an object, and therefore compared by identity as a key.

    Two are equal when they box equal primitives of one type.
    """

    __slots__ = ("value",)

    def __init__(self, value: bool | float | str) -> None:  # noqa: FBT001  (a boolean is one of the primitives)
        """`value` is a boolean, a number, a string or a BigInt; `TypeError` for any other."""
        if not isinstance(value, bool | int | float | str):
            raise TypeError(f"a boolean, number, string or BigInt can be boxed, not {type(value).__name__}")
        # The primitive inside.
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Boxed):
            return NotImplemented
        return type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((Boxed, type(self.value), self.value))

    def __repr__(self) -> str:
        return f"Boxed({self.value!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return instance_schema(Boxed)
