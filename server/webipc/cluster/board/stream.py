"""`Stream`: what was said to all of late, with numbers, for who takes a tab that was written down before that."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

KEPT: Final = 65_536
"""Messages that are kept, at most."""
KEPT_BYTES: Final = 16_777_216
"""Bytes that are kept at most; a single message may be larger."""


class Kept(NamedTuple):
    """One message to all that is kept."""

    number: int
    own: int
    origin: str
    rows: Sequence[bytes]


class Stream:
    """The messages to all of one realm, in one order."""

    def __init__(self) -> None:
        self._kept: deque[Kept] = deque()
        # The number of the last message; 0 before the first.
        self.number = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, origin: str, own: int, rows: Sequence[bytes]) -> int:
        """Keep a message, and forget the oldest where there are too many. Return its number."""
        self.number += 1
        self._kept.append(Kept(self.number, own, origin, tuple(rows)))
        self.bytes += _size(rows)
        while len(self._kept) > KEPT or (self.bytes > KEPT_BYTES and len(self._kept) > 1):
            self.bytes -= _size(self._kept.popleft().rows)
        return self.number

    def skip(self, count: int) -> None:
        """Note that so many messages are lost: what was said before cannot be read on from any more."""
        self.number += count
        self._kept.clear()
        self.bytes = 0

    def since(self, number: int, most: int | None = None) -> list[Kept] | None:
        """Return what is behind this number, the first `most` of it; None where some of it is not kept any more."""
        if number >= self.number:
            return []
        if not self._kept or self._kept[0].number > number + 1:
            return None
        start = number + 1 - self._kept[0].number
        return list(islice(self._kept, start, None if most is None else start + most))


def _size(rows: Sequence[bytes]) -> int:
    return sum(map(len, rows))
