"""`CatchingUp`: gives a tab that comes from another worker what was said to all meanwhile, once and in order.

Its old home had given it what others said up to the place where that home was in the stream, and all that it had itself
said. This worker's pages have what others said up to where this worker is now, and all that this worker has said. The
difference is replayed when the tab is restored. This worker first reads as far as the old home had, and up to the last
entry of that home which the tab has: so nothing that comes later has to be told apart for one tab.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from webipc.cluster.bus.bus import Bus, BusError, Position, Said, SaidToAll
from webipc.cluster.spread.own_entries import OwnEntries
from webipc.electron.tab import Tab
from webipc.link.connection import Connection
from webipc.link.outlet import LinkOutlet


class Left(NamedTuple):
    """Where a tab comes from."""

    position: Position
    # The worker that had this position.
    worker: str

    def has_had(self, origin: str, own: int) -> bool:
        """Tell whether the tab has an entry because its old home has said it."""
        return origin == self.worker and own <= self.position.own


class CatchingUp:
    """One tab that is about to be restored."""

    def __init__(
        self,
        bus: Bus,
        own: OwnEntries,
        left: Left,
        replay: Callable[[Tab, Iterable[Said]], None],
        give_up: Callable[[Tab], None],
        done: Callable[["CatchingUp"], None],
    ) -> None:
        """`replay` gives entries to one tab, `give_up` resets it. `done` is called when nothing is added any more."""
        self._bus = bus
        self._own = own
        self._left = left
        self._replay = replay
        self._give_up = give_up
        self._done = done
        # False where something that the tab has missed cannot be had.
        self.is_complete = True
        self._entries: dict[int, SaidToAll] = {}
        self._heard = asyncio.Event()

    def add(self, entry: SaidToAll) -> None:
        """Take what this worker has read just now."""
        self._entries[entry.number] = entry
        self._heard.set()

    async def prepare(self, seconds: float) -> None:
        """Get what the tab may have missed, and wait until this worker has read what the tab has."""
        position = self._left.position
        try:
            async with asyncio.timeout(seconds):
                entries = await self._bus.since(position)
                if entries is None:
                    self.is_complete = False
                    return
                self._entries.update((entry.number, entry) for entry in entries)
                had = (entry.number for entry in entries if self._left.has_had(entry.said.origin, entry.own))
                await self._read_up_to(max(had, default=position.number))
        except (BusError, TimeoutError):
            self.is_complete = False
        except BaseException:
            self.close()
            raise

    async def _read_up_to(self, number: int) -> None:
        while self._bus.number < number:
            self._heard.clear()
            await self._heard.wait()

    def deliver(self, tab: Tab) -> None:
        """Give the tab what it has missed, in the turn in which it was restored. Where that cannot be had, reset it."""
        self.close()
        if self.is_complete and self._own.is_whole:
            self._replay(tab, self._missed())
        else:
            self._give_up(tab)

    def _missed(self) -> Iterator[Said]:
        left, reached = self._left, self._bus.number
        for number in sorted(self._entries):
            said, own = self._entries[number].said, self._entries[number].own
            if left.position.number < number <= reached and not left.has_had(said.origin, own):
                yield said
        for entry in self._own:
            if not left.has_had(entry.said.origin, entry.own):
                yield entry.said

    def close(self) -> None:
        """Give up what was got ready. A second call does nothing."""
        self._done(self)


def links_of(tab: Tab) -> Iterator[Connection]:
    """Yield the links of the documents of a tab."""
    for document in tab.all_documents():
        if isinstance(document.outlet, LinkOutlet):
            yield document.outlet.connection
