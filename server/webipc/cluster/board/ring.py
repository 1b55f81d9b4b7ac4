"""`Ring`: what this worker has read of the stream for all of late, and how far it is, for tabs that come to it.

A place is the generation and the number of an entry. What is behind a place can be told only where that very entry was
passed here: a Redis that has forgotten some may have others with numbers below it.
"""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from webipc.cluster.bus.bus import SaidToAll

KEPT: Final = 8_192
"""Entries that are kept, at most."""
KEPT_BYTES: Final = 8_388_608
"""Bytes of them that are kept, at most."""
OVERHEAD: Final = 800
"""Bytes that are counted for an entry beside its own: what its objects take in CPython, measured."""


class At(NamedTuple):
    """A place in the stream."""

    generation: bytes
    # 0 before the first entry.
    number: int


class Passed(NamedTuple):
    """One entry that was read."""

    at: At
    # None where it was given to nobody: a copy, or none that anyone writes.
    said: SaidToAll | None
    size: int


def size_of(message: SaidToAll) -> int:
    """Return how much a message counts for."""
    return sum(map(len, message.said.rows)) + OVERHEAD


class Ring:
    """The last entries, in the order in which they were read. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._kept: deque[Passed] = deque()
        # Which of all that were ever kept is the first of them; and which each of their places is.
        self._first = 0
        self._index: dict[At, int] = {}
        # The place right before the first; None where it is not known.
        self.before: At | None = None
        # How far this worker is in the generation that it reads; None until it has found out what of it it has read.
        self.place: At | None = None
        self._last = At(b"", 0)
        # The number of the last entry, of any generation.
        self.number = 0
        self.bytes = 0
        # Up to where has been read, also where nothing is there; and who waits for that.
        self._read = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._kept)

    # --- what the reader tells ------------------------------------------------------------------------------------

    def begin(self, generation: bytes, number: int) -> None:
        """Begin behind an entry."""
        self.lose()
        self.before = self.place = self._last = At(generation, number)
        self.number = self._read = number

    def begin_again(self, generation: bytes) -> None:
        """Begin at the first entry of another generation. Some of it may have been read before that was known."""
        self.place, self._last = None, At(generation, 0)
        self._read = -1
        self._add(Passed(self._last, None, OVERHEAD))

    def caught_up(self) -> None:
        """Learn that everything that there was of the generation has been read."""
        if self.place is None:
            self.place = self._last

    def passed(self, generation: bytes, number: int, said: SaidToAll | None, size: int) -> None:
        """Keep an entry. `size`: its bytes, about."""
        if said is not None and number <= self.number:
            # The clock of another Redis: what is behind an earlier place cannot be told by numbers.
            self.lose()
        at = At(generation, number)
        if generation == self._last.generation:
            self._last = at
            if self.place is not None:
                self.place = at
        self.number = max(self.number, number) if said is None else number
        self._add(Passed(at, said, size + OVERHEAD))

    def lose(self) -> None:
        """Forget everything, because something that should come next is lost."""
        self._kept.clear()
        self._index.clear()
        self.bytes, self.before = 0, None

    def _add(self, passed: Passed) -> None:
        self._index[passed.at] = self._first + len(self._kept)
        self._kept.append(passed)
        self.bytes += passed.size
        while len(self._kept) > KEPT or self.bytes > KEPT_BYTES:
            oldest = self._kept.popleft()
            self.bytes -= oldest.size
            if self._index[oldest.at] == self._first:
                del self._index[oldest.at]
            self._first += 1
            self.before = oldest.at

    # --- what a tab has missed ------------------------------------------------------------------------------------

    def since(self, at: At) -> list[SaidToAll] | None:
        """Return what was given to this worker behind a place; None where that was not passed here of late."""
        start = self._index.get(at)
        skip = 0 if at == self.before else None if start is None else start + 1 - self._first
        if skip is None:
            return None
        return [passed.said for passed in itertools.islice(self._kept, skip, None) if passed.said is not None]

    def reach_back(self, at: At, earlier: Sequence[Passed]) -> None:
        """Keep what is between a place and `before`, too, if there is room for it."""
        size = sum(passed.size for passed in earlier)
        if self.bytes + size > KEPT_BYTES or len(self) + len(earlier) > KEPT:
            return
        self._kept.extendleft(reversed(earlier))
        self._first -= len(earlier)
        self._index.update((passed.at, self._first + n) for n, passed in enumerate(earlier))
        self.bytes += size
        self.before = at

    # --- who waits for the reader ---------------------------------------------------------------------------------

    def read_up_to(self, number: int) -> None:
        """Learn that the stream was read up to there: let those go on that have waited for it."""
        self._read = number
        while self._waiting and self._waiting[0][0] <= number:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)

    async def wait_for(self, number: int, seconds: float) -> bool:
        """Wait until the stream was read up to there. False where that takes longer."""
        if number <= self._read:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (number, next(self._order), future))
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return False
        return True
