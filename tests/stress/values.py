"""The values that travel under stress: each follows from its number, so both ends know what has to arrive.

Twin: `valueOf` and `bytesOf` in documents/stress.js.
"""

from datetime import UTC, datetime
from typing import Any

LARGE = 1_500_000
"""Bytes of a large value: more than one part."""
LONGEST = 4.0
"""Seconds that every second long handler takes. The others take less than `SHORT`."""
SHORT = 0.5


def value_of(number: int) -> dict[str, Any]:
    """Return a value with text beyond ASCII, a date, bytes, and two references to one list."""
    shared = [number, "shared"]
    return {
        "number": number,
        "text": "ä€𐍈" * (number % 40),
        "when": datetime.fromtimestamp(1_700_000_000 + number, UTC),
        "bytes": bytes_of(number, number % 50),
        "both": [shared, shared],
    }


def seconds_of(number: int) -> float:
    """Return how long the handler of a long act takes."""
    return LONGEST if number % 2 else number % 16 / 16 * SHORT


def bytes_of(number: int, size: int) -> bytes:
    """Return bytes that repeat after 251, from a place that the number chooses."""
    start = number % 251
    pattern = bytes(range(251))
    pattern = pattern[start:] + pattern[:start]
    return (pattern * (size // 251 + 1))[:size]


def is_value_of(number: int, value: Any) -> bool:
    """Tell whether exactly this value has arrived."""
    both = value.get("both", [None, None]) if isinstance(value, dict) else [None, 0]
    return bool(value == value_of(number)) and both[0] is both[1]
