"""How many bytes a decoded value really takes, estimated from its JSON without decoding it; and sizes as text.

A value takes up to 33 times the text that it came in: `[]` is two bytes and a list is 56. The estimate counts what
makes objects, which is much faster than to decode or to walk over the value. tests/budget/test_sizes.py compares it
with the memory of a process.
"""

import re

SMALL_TEXT = 4_096
"""Text up to here counts as if each byte of it were as expensive as can be: most frames are far smaller."""
MOST_PER_BYTE = 32

# Bytes for each of these: a list in a list, a dict with one key, a slot with a number in it, half a string, a key.
_PER_ARRAY = 88
_PER_OBJECT = 190
_PER_COMMA = 40
_PER_QUOTE = 16
_PER_COLON = 64

# Amounts below this many units are told with one digit behind the point.
_TEN = 10

_PIECE = 1_048_576

_UNITS = {"": 1, "KB": 1_000, "MB": 1_000**2, "GB": 1_000**3, "KIB": 1_024, "MIB": 1_024**2, "GIB": 1_024**3}
_SIZE = re.compile(r"\s*(\d{1,15}(?:\.\d{1,3})?)\s*([A-Za-z]*)\s*", re.ASCII)


def counted(text: str | bytes | bytearray | memoryview) -> int:
    """Return about how many bytes the value of this JSON takes: at least about as many as it does, at most six times.

    It takes a millisecond or two per MiB.
    """
    if len(text) <= SMALL_TEXT:
        return MOST_PER_BYTE * len(text)
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else bytes(text)
    # One character beyond Latin-1 makes every character of its string four bytes wide. An escape may be such a one.
    width = 1 if data.isascii() and not _has_escape(data) else 4
    return (
        width * len(data)
        + _PER_ARRAY * data.count(b"[")
        + _PER_OBJECT * data.count(b"{")
        + _PER_COMMA * data.count(b",")
        + _PER_QUOTE * data.count(b'"')
        + _PER_COLON * data.count(b":")
    )


def _has_escape(data: bytes) -> bool:
    """Tell whether an escape such as a surrogate's is in a text. A search holds the interpreter's lock: in pieces."""
    return data.find(b"\\") >= 0 and any(
        data.find(b"\\u", start, start + _PIECE + 1) >= 0 for start in range(0, len(data), _PIECE)
    )


def in_words(size: int) -> str:
    """Return a number of bytes as text, such as `61 MiB`."""
    for unit, bytes_of in (("GiB", 1_024**3), ("MiB", 1_024**2), ("KiB", 1_024)):
        if size >= bytes_of:
            digits = 1 if size < _TEN * bytes_of and size % bytes_of else 0
            return f"{size / bytes_of:.{digits}f} {unit}"
    return f"{size} B"


def parse_size(size: int | str) -> int:
    """Return a number of bytes: `"512MiB"`, `"1.5 GB"`, `"1000000"`, or an int as it is.

    Units are KB, MB, GB (powers of 1,000) and KiB, MiB, GiB (powers of 1,024), in any case. Raises ValueError for
    anything else, and for less than 1 MiB.
    """
    if isinstance(size, str):
        match = _SIZE.fullmatch(size)
        if match is None or match[2].upper() not in _UNITS:
            raise ValueError(f"expected a size such as 512MiB or 2GB, got {size!r}")
        number = int(float(match[1]) * _UNITS[match[2].upper()])
    elif type(size) is int:
        number = size
    else:
        raise ValueError(f"expected a number of bytes or a text such as '512MiB', got {size!r}")
    if number < _UNITS["MIB"]:
        raise ValueError(f"expected at least 1 MiB, got {number} bytes ({size!r})")
    return number
