"""JSON as the frames have it: orjson, and what orjson refuses although the protocol allows it (PROTOCOL.md section 3).

That is half a surrogate pair in a string, and arrays that are nested deeper than 254 levels. For the frames alone.
"""

import json
import math
from typing import Any, NoReturn

import orjson

from webipc.core.errors import LimitError, ProtocolError
from webipc.core.limits import DEFAULT_LIMITS
from webipc.core.values.scalar import MAX_SAFE_INTEGER


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
    """Read the JSON of a frame or of a parcel, which is an array. Raises ProtocolError."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        value = _load_surrogates(data, str(error))
    if type(value) is not list:
        raise ProtocolError("a frame is a JSON array; this is other JSON")
    return value


def _load_surrogates(data: str | bytes | memoryview, why: str) -> Any:
    """Load JSON that orjson refuses because of half a surrogate pair; refuse all other JSON with orjson's reason."""
    try:
        # Both conversions are strict: bytes that are not UTF-8 stay refused, and so does half a pair without an escape.
        text = str(data.encode() if isinstance(data, str) else data, "utf-8")
        if "\\ud" not in text and "\\uD" not in text:
            raise ProtocolError(f"a frame is JSON; {why}")
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
