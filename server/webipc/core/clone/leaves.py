"""Makes values without contents from a received skeleton: numbers, BigInt, Date, RegExp, boxes.

Each function checks its argument against the table of PROTOCOL.md section 5, or raises ProtocolError.
Twin: the same functions of js-client/src/core/clone/codes.ts
"""

import re
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

from webipc.core.errors import ProtocolError
from webipc.core.values.regexp import JSRegExp, is_flags
from webipc.core.values.scalar import EPOCH, MAX_SAFE_INTEGER, MAX_TIME, BigInt, Boxed, JSDate, as_integer

_NUMBERS: Final = {"-0": -0.0, "NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
# No finite number has more digits.
_MOST_DIGITS: Final = 309
_INTEGER: Final = re.compile(rf"-?[1-9][0-9]{{0,{_MOST_DIGITS - 1}}}")
_HEXADECIMAL: Final = re.compile(r"-?[0-9a-f]+")

_NO_TIME: Final = f"a Date stands on an integer within ±{MAX_TIME}, or null"


def require(condition: bool, text: str) -> None:  # noqa: FBT001  (it reads like assert)
    """Raise `ProtocolError` unless the condition holds. `text` must not have a received value in it: it is logged."""
    if not condition:
        raise ProtocolError(text)


def number(raw: Any) -> float:
    """Return the number of an `f`."""
    require(type(raw) is str, "a number that JSON lacks stands on a string")
    if raw in _NUMBERS:
        return _NUMBERS[raw]
    require(
        _INTEGER.fullmatch(raw) is not None, "-0, NaN, an infinity or a large integer was expected, another text came"
    )
    # By float(), because int() is slower for many digits, and converting a too large int to a float raises.
    value = float(raw)
    require(isfinite(value) and abs(int(value)) > MAX_SAFE_INTEGER, "a number came that JSON has, or that is too large")
    return value


def bigint(raw: Any, most: int) -> BigInt:
    """Return the BigInt of an `n`, of at most so many digits."""
    require(type(raw) is str, "a BigInt stands on a string")
    require(len(raw) <= most + raw.startswith("-"), f"a BigInt of more than {most} digits")
    require(_HEXADECIMAL.fullmatch(raw) is not None, "hexadecimal digits were expected, another text came")
    return BigInt(raw, 16)


def date(raw: Any) -> datetime | JSDate:
    """Return the Date of a `d`: a datetime where that can hold it."""
    if raw is None:
        return JSDate(None)
    raw = as_integer(raw)
    require(type(raw) is int and -MAX_TIME <= raw <= MAX_TIME, _NO_TIME)
    try:
        return EPOCH + timedelta(milliseconds=raw)
    except OverflowError:
        return JSDate(raw)


def regexp(raw: list[Any]) -> JSRegExp:
    """Return the RegExp of an `r`; its source is not checked."""
    is_pair = len(raw) == 2 and type(raw[0]) is str and type(raw[1]) is str  # noqa: PLR2004  (a pair)
    require(is_pair and is_flags(raw[1]), "a RegExp stands on its source and its flags, each flag once")
    return JSRegExp(raw[0], raw[1])


def boxed(primitive: Any) -> Boxed:
    """Return the box of an `N`."""
    require(isinstance(primitive, bool | int | float | str), "a boolean, number, string or BigInt can be boxed")
    return Boxed(primitive)
