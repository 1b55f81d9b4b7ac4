"""`Copies`: which messages a reader has had, so that a copy of one is known again.

Commands are repeated where their answers are lost, and an entry is read twice where a reader goes back. What comes from
a mailbox is known by its number, what is said to all by a random word, or by its place.
"""

from collections import OrderedDict
from typing import Final

from webipc.cluster.redis_bus.server.entries import Entry

WORDS: Final = 16_384
"""Words and places of messages to all that are known again, should they come twice."""


class Copies:
    """What one reader has had. Its memory is bounded by the workers that live, and by a number of words."""

    def __init__(self, words: int) -> None:
        self._most = words
        # The number of the last message from each worker.
        self._numbers: dict[str, int] = {}
        # Words and places of the last messages to all.
        self._words: OrderedDict[bytes | str, None] = OrderedDict()

    def forget(self, worker: str) -> None:
        """Forget a worker that does not live any more."""
        self._numbers.pop(worker, None)

    def has_place(self, place: str) -> bool:
        """Whether the entry at this place of the stream for all was had."""
        return place in self._words

    def was_heard(self, entry: Entry, *, is_all: bool) -> bool:
        """Whether this is a copy. `is_all`: it is of the stream for all, and not of the mailbox."""
        if is_all:
            return not self._names_of(entry).isdisjoint(self._words)
        return entry.number <= self._numbers.get(entry.origin, 0)

    def note(self, entry: Entry, *, is_all: bool) -> bool:
        """Note what was had for the first time. Return False where one of its sender is missing before it."""
        if is_all:
            self._words.update(dict.fromkeys(self._names_of(entry)))
            while len(self._words) > self._most:
                self._words.popitem(last=False)
            return True
        last = self._numbers.get(entry.origin, 0)
        self._numbers[entry.origin] = entry.number
        return entry.before == last

    @staticmethod
    def _names_of(entry: Entry) -> set[bytes | str]:
        return {entry.place, entry.word or entry.place}
