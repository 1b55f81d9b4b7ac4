"""What clone.py gives, made by hand: the tests of what carries it need no value that comes out so. Knows no wire."""

from typing import Any, NamedTuple


class Cloned(NamedTuple):
    """What clone.py gives, whatever is in it."""

    skeleton: Any
    fixups: list[Any]
    segments: list[bytes]
