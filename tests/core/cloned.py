"""Encoded values made by hand, for tests of frames and messages that need no value with such an encoding."""

from typing import Any, NamedTuple


class Cloned(NamedTuple):
    """The result of `clone.encode`, with any contents."""

    skeleton: Any
    fixups: list[Any]
    segments: list[bytes]
