"""`OwnEntries`: what this worker has said to all and not read back yet, for a tab that comes meanwhile.

Pages here had it at once, and it is skipped when it comes. A tab that came in between would get it neither way.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from webipc.cluster.bus.bus import Said

MOST: Final = 10_000
"""Entries that are kept, at most."""
MOST_BYTES: Final = 8_388_608


class OwnEntry(NamedTuple):
    """One of them."""

    # How much this worker had said to all with it.
    own: int
    said: Said
    size: int


class OwnEntries:
    """In the order in which they were said."""

    def __init__(self) -> None:
        self._waiting: deque[OwnEntry] = deque()
        self._bytes = 0
        # The last that was given up because there were too many, by its `own`; 0 before.
        self._given_up = 0

    def said(self, worker: str, own: int, kind: str, head: Mapping[str, Any], rows: Sequence[bytes]) -> None:
        """Note an entry. The oldest are given up where there are too many."""
        size = sum(map(len, rows))
        self._waiting.append(OwnEntry(own, Said(worker, kind, head, rows), size))
        self._bytes += size
        while len(self._waiting) > MOST or self._bytes > MOST_BYTES:
            self._given_up = self._drop()

    def passed(self, own: int) -> None:
        """Forget what has been read back, up to this entry."""
        while self._waiting and self._waiting[0].own <= own:
            self._drop()
        if self._given_up <= own:
            self._given_up = 0

    def _drop(self) -> int:
        entry = self._waiting.popleft()
        self._bytes -= entry.size
        return entry.own

    @property
    def is_whole(self) -> bool:
        """Whether all that was not read back is here."""
        return self._given_up == 0

    def __iter__(self) -> Iterator[OwnEntry]:
        """Iterate over a copy."""
        return iter(list(self._waiting))
