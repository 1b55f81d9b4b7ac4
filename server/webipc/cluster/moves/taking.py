"""`Taking`: a parked tab goes on in this worker, because a page of it has come here.

Several of its pages may come at once, by sockets and by requests: they share one taking. No other worker takes the tab
then, so one that cannot go on here is parked again where that is possible, and its pages are told where it is not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from webipc.access.visitor import RefusedError, Visitor
from webipc.cluster.bus.bus import BusError, Position
from webipc.cluster.bus.directory import Taken, key_of
from webipc.cluster.moves.leaving import KEPT_SECONDS
from webipc.cluster.moves.moving import restore
from webipc.cluster.moves.snapshot import READS, Heard, Snapshot, SnapshotError, links_in
from webipc.cluster.worker import Part, Worker
from webipc.core.envelope import Hello
from webipc.core.errors import BufferFullError, CloseCode, ResetError
from webipc.electron.tab import Tab

logger = logging.getLogger("webipc")

OWNER_LOST = "owner-lost"


class Catching(Protocol):
    """What was said to every page while a tab was at no worker."""

    def deliver(self, tab: Tab) -> None:
        """Give it to the tab, in the turn in which that was restored."""

    def close(self) -> None:
        """Forget it: the tab does not come."""


CatchUp = Callable[[Position, str], Awaitable[Catching]]
"""Gets what a tab has missed that was written down at this position of this worker."""

DeliverWords = Callable[[Tab, Iterable[bytes]], None]
"""Delivers what was left for a tab (`Directory.leave_word`), in the turn in which that was restored."""


class Taking(Part):
    """Takes parked tabs."""

    def __init__(self, worker: Worker, catch_up: CatchUp, deliver_words: DeliverWords) -> None:
        self._worker = worker
        self._catch_up = catch_up
        self._deliver_words = deliver_words
        # Those under way, by the ids of the tabs.
        self._under_way: dict[int, asyncio.Task[bool]] = {}
        # Those whose tab is here, and whose listeners for new tabs have not begun: by the ids of its links, and of the
        # tab.
        self._arriving: dict[str, asyncio.Task[bool]] = {}
        self._taken = self._failed = 0

    def stats(self) -> Mapping[str, Any]:
        """See `Part`. `takes`: tabs that came from another worker; `takes_failed`: those that could not go on here."""
        return {"takes": self._taken, "takes_failed": self._failed}

    def reads(self, snapshot_format: int) -> bool:
        """Tell whether a parked tab whose snapshot has this format can go on here; 0 where that is not known."""
        return snapshot_format in (0, *READS)

    def under_way(self) -> Sequence[Awaitable[Any]]:
        """Return what is done when the tabs are here that are taken at this moment. May be waited for by several."""
        return list(self._under_way.values())

    async def wait_for(self, hello: Hello) -> None:
        """Wait until the listeners for new tabs have begun, where the tab that a `hello` names has just come here."""
        if not self._arriving:
            return
        tab = self._worker.hub.tabs.with_token(hello.token)
        for name in (hello.link, hello.parent, None if tab is None else str(tab.id)):
            if name is not None and (task := self._arriving.get(name)) is not None:
                await asyncio.wait([task])

    async def take(self, contents_id: int, visitor: Visitor) -> bool:
        """Let a parked tab go on here. `visitor` pays for it. Returns False where it is parked no more: ask again.

        Behind it, its listeners for new tabs have begun. To cancel this does not cancel the taking. Raises RefusedError
        with TRY_LATER where there is no room for it, or the bus cannot be reached; ResetError where it cannot be read.
        """
        task = self._under_way.get(contents_id)
        if task is None:
            hub = self._worker.hub
            task = self._under_way[contents_id] = hub.loop.create_task(self._take(contents_id, visitor))
            hub.tasks.add(task)
            task.add_done_callback(lambda done: self._done(contents_id, done))
        return await asyncio.shield(task)

    def _done(self, contents_id: int, task: asyncio.Task[bool]) -> None:
        self._worker.hub.tasks.discard(task)
        del self._under_way[contents_id]
        if not task.cancelled():
            # Every page that has waited may have gone.
            task.exception()

    async def _take(self, contents_id: int, visitor: Visitor) -> bool:
        try:
            taken = await self._worker.bus.directory.take(contents_id)
        except BusError as error:
            raise RefusedError(CloseCode.TRY_LATER, str(error)) from None
        if taken is None:
            return False
        moved = self._read(contents_id, taken)
        catching = await self._caught_up(moved.head.heard)
        try:
            tab = self._restore(moved, taken, visitor, catching)
        except (RefusedError, BufferFullError, ValueError) as error:
            await self._put_back(contents_id, taken, moved, error)
        self._taken += 1
        await self._announce(tab)
        return True

    def _read(self, contents_id: int, taken: Taken) -> Snapshot:
        """Return what was written down. Raises ResetError where that cannot be read; then its links are unknown."""
        try:
            return Snapshot.decode(taken.snapshot)
        except SnapshotError as error:
            self._failed += 1
            logger.error("WebContents #%d cannot go on here, and its pages begin new links: %s", contents_id, error)  # noqa: TRY400 - the text says it
            self._forget(contents_id, links_in(taken.snapshot))
            raise ResetError(OWNER_LOST) from None

    def _forget(self, contents_id: int, links: Iterator[str] | Sequence[str]) -> None:
        directory = self._worker.bus.directory
        for link in links:
            directory.release(key_of(link))
        directory.tab_destroyed(contents_id)

    async def _caught_up(self, heard: Heard | None) -> Catching | None:
        if heard is None:
            return None
        return await self._catch_up(Position(heard.number, heard.own, heard.generation), heard.worker)

    def _restore(self, moved: Snapshot, taken: Taken, visitor: Visitor, catching: Catching | None) -> Tab:
        """Restore a tab, with what was said to it meanwhile. Raises as `restore`."""
        try:
            tab = restore(self._worker.hub, moved, visitor)
        except BaseException:
            if catching is not None:
                catching.close()
            raise
        me = asyncio.current_task()
        assert me is not None, "a tab is taken in a task"
        names = [str(tab.id), *(frame.link for frame in moved.head.frames)]
        self._arriving.update(dict.fromkeys(names, me))
        if catching is not None:
            catching.deliver(tab)
        self._deliver_words(tab, taken.words)
        return tab

    async def _put_back(self, contents_id: int, taken: Taken, moved: Snapshot, error: Exception) -> None:
        """Park a tab again that has no room here. Raises RefusedError, or ResetError where it is lost."""
        self._failed += 1
        links = [frame.link for frame in moved.head.frames]
        directory = self._worker.bus.directory
        seconds = self._worker.hub.limits.grace_ms / 1000 + KEPT_SECONDS
        try:
            keys = [key_of(link) for link in links]
            await directory.park(contents_id, taken.snapshot, keys, seconds, moved.head.format)
            for word in taken.words:
                await directory.leave_word(contents_id, word)
        except BusError:
            logger.error("WebContents #%d has no room here (%s), and its pages begin new links", contents_id, error)  # noqa: TRY400 - the text says it
            self._forget(contents_id, links)
            raise ResetError(OWNER_LOST) from None
        raise RefusedError(CloseCode.TRY_LATER, f"the server has no room for this tab: {error}")

    async def _announce(self, tab: Tab) -> None:
        """Run the listeners for new tabs, and wait until each of them has begun: then its messages may come."""
        hub = self._worker.hub
        names = [name for name, task in self._arriving.items() if task is asyncio.current_task()]
        try:
            await hub.births.announce(tab)
        finally:
            for name in names:
                del self._arriving[name]
