"""The result of `clone.encode`, made by hand, for tests of what carries it."""

from typing import Any, NamedTuple


class Cloned(NamedTuple):
    """The result of `clone.encode`, with any contents."""

    skeleton: Any
    fixups: list[Any]
    segments: list[bytes]
