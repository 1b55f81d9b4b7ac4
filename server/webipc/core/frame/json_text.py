"""JSON as the frames have it: orjson, and what orjson refuses although the protocol allows it (PROTOCOL.md section 3).

That is half a surrogate pair in a string, and arrays that are nested deeper than 254 levels. And numbers, two spellings
of which orjson reads as others than they are (docs/adr/0050). For the frames alone.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

import orjson

from webipc.core.errors import LimitError, ProtocolError
from webipc.core.limits import DEFAULT_LIMITS
from webipc.core.values.scalar import MAX_SAFE_INTEGER

Load: TypeAlias = Callable[[str | bytes | memoryview], list[Any]]
"""`load_array` or `load_any_array`: by whether the sender has promised how it writes numbers."""

# -0 without a fraction and an exponent, and an integer of at least 16 digits; or a string with the same characters.
_MINUS_ZERO: Final = re.compile(rb"-0[\s,\]}]")
_LARGE: Final = re.compile(rb"[\s,:\[-][1-9]\d{15}")


def dump_fitted(value: Any) -> bytes:
    """As `dump`, for JSON that is kept: in a bytes object of its own size.

    orjson returns bytes that keep its whole write buffer. That has 4 KiB for a message of 40 bytes, and 260 KB for one
    string of 20,000 characters, of which each could need eight bytes.
    """
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError:
        text = _dump_deep(value)
    # The fastest copy: slices and bytes() return the same object.
    return b"%b" % text


def dump(value: Any) -> bytes:
    """Write JSON. Raises TypeError for what is none, LimitError for what is too deep."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        # What orjson cannot write and the protocol allows: half a surrogate pair, and more than 254 levels.
        return _dump_deep(value)


def _dump_deep(value: Any) -> bytes:
    if type(value) is list and any(isinstance(part, orjson.Fragment) for part in value):
        # A value that is JSON already is copied, whatever stands beside it.
        return b"[%b]" % b",".join(map(dump, value))
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain).encode()
    except RecursionError:
        # Only a value that is forwarded without being decoded can be that deep.
        raise LimitError("depth", DEFAULT_LIMITS.depth * 2, DEFAULT_LIMITS.depth) from None


def _plain(fragment: Any) -> Any:
    """Return what an `orjson.Fragment` holds, for the standard library; `TypeError` when it is none."""
    if not isinstance(fragment, orjson.Fragment):
        raise TypeError(f"a message is JSON, which {type(fragment).__name__} is not")
    return load(orjson.dumps(fragment))


def load(data: str | bytes | memoryview) -> Any:
    """Read JSON. Raises ProtocolError."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _load_surrogates(data, str(error))


def load_array(data: str | bytes | memoryview) -> list[Any]:
    """Read the JSON of a frame or of a parcel, which is an array. Raises ProtocolError.

    From a sender that has promised `doubles` (PROTOCOL.md 6.1), or where it holds no value of a program.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        value = _load_surrogates(data, str(error))
    return _array(value)


def load_any_array(data: str | bytes | memoryview) -> list[Any]:
    """As `load_array`, from any sender: every number is its IEEE value, however it is spelled.

    orjson reads `-0` as the int 0, and the digits of an integer beyond ±(2**53 - 1) as an int. Then the standard
    library reads all of it.
    """
    try:
        value = orjson.loads(data)
        if _may_differ(value, data):
            value = _load_exactly(_text(data))
    except orjson.JSONDecodeError as error:
        value = _load_surrogates(data, str(error))
    return _array(value)


def _may_differ(value: Any, data: str | bytes | memoryview) -> bool:
    """Tell whether a number may be another one in this JSON than in what orjson has read of it."""
    text = data.encode() if isinstance(data, str) else bytes(data)
    try:
        # What is written as it came was read as it is. Most peers write without spaces, as orjson does.
        if orjson.dumps(value, None, orjson.OPT_STRICT_INTEGER) == text:
            return False
    except orjson.JSONEncodeError:
        # For an integer beyond the safe ones, or for more levels than orjson writes.
        if _LARGE.search(text):
            return True
    return b"-0" in text and _MINUS_ZERO.search(text) is not None


def _array(value: Any) -> list[Any]:
    if type(value) is not list:
        raise ProtocolError("a frame is a JSON array; this is other JSON")
    return value


def _load_surrogates(data: str | bytes | memoryview, why: str) -> Any:
    """Load JSON that orjson refuses because of half a surrogate pair; refuse all other JSON with orjson's reason."""
    try:
        text = _text(data)
    except ValueError as error:
        raise ProtocolError(f"a frame is JSON; {error}") from None
    if "\\ud" not in text and "\\uD" not in text:
        raise ProtocolError(f"a frame is JSON; {why}")
    return _load_exactly(text)


def _text(data: str | bytes | memoryview) -> str:
    """Return JSON as text. Both conversions are strict: bytes that are not UTF-8 stay refused, and so does half a pair
    without an escape.
    """
    return str(data.encode() if isinstance(data, str) else data, "utf-8")


def _load_exactly(text: str) -> Any:
    """Load JSON by the standard library, every number as its IEEE value. Raises ProtocolError."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a frame is JSON; {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _number(digits: str) -> float:
    """Return the IEEE value of digits without a fraction: an int where every language has the same one."""
    number = _finite(digits)
    is_plain = abs(number) <= MAX_SAFE_INTEGER and digits != "-0"
    return int(number) if is_plain else number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number beyond the range of doubles")
    return number
