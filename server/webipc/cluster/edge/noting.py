"""`Noting`: what begins and ends at this worker, as the directory is told of it; also once more where it forgets.

A worker that the others took for dead finds out here which of its links are another worker's by now.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, key_of
from webipc.cluster.worker import Part, Worker
from webipc.core.errors import CloseCode
from webipc.electron.tab import Tab
from webipc.link.connection import Connection

logger = logging.getLogger("webipc")

PORTION: Final = 1_000
"""So many links or tabs are written in one turn of the event loop, when all are."""
RETRY_SECONDS: Final = 1.0
"""How long after a failure it is tried again."""

Item = TypeVar("Item")


class Noting(Part):
    """Writes the links and tabs of this worker into the directory."""

    def __init__(self, worker: Worker) -> None:
        self._hub = worker.hub
        self._name = worker.name
        self._directory = worker.bus.directory
        # Links that could not be claimed when they began.
        self._late: set[str] = set()
        # Everything has to be written once more; and before, it has to be found out what is this worker's still.
        self._is_due = False
        self._must_check = False
        self._task: asyncio.Task[None] | None = None

    # --- what begins and ends -------------------------------------------------------------------------------------

    def link_ended(self, connection: Connection) -> None:
        """See `Sharing.link_ended`."""
        self._directory.link_ended(key_of(connection.link_id), self._hub.limits.grace_ms / 1000)

    def tab_born(self, tab: Tab) -> None:
        """See `Sharing.tab_born`."""
        self._directory.tab_born(tab.id, key_of(tab.token))

    def tab_destroyed(self, tab: Tab) -> None:
        """See `Sharing.tab_destroyed`."""
        self._directory.tab_destroyed(tab.id)

    def later(self, link_id: str) -> None:
        """Claim a link when the directory can be reached: it begins here without that."""
        self._late.add(link_id)
        self._start()

    # --- once more ------------------------------------------------------------------------------------------------

    def forgotten(self) -> None:
        """See `Part`."""
        self._is_due = True
        self._start()

    def lapsed(self) -> None:
        """See `Part`."""
        self._is_due = self._must_check = True
        self._start()

    def end(self) -> None:
        """See `Part`."""
        if self._task is not None:
            self._task.cancel()

    def stats(self) -> Mapping[str, Any]:
        """Return `unwritten`: how many links here could not be written into the directory yet."""
        return {"unwritten": len(self._late)}

    def _start(self) -> None:
        if self._task is None:
            self._task = self._hub.loop.create_task(self._run(), name="webipc writes down what is here")

    async def _run(self) -> None:
        try:
            while self._is_due or self._late:
                if self._is_due:
                    await self._tried()
                if self._late and not self._is_due:
                    # Those of this moment have just failed.
                    await asyncio.sleep(RETRY_SECONDS)
                    await self._claim_late()
        finally:
            self._task = None

    async def _tried(self) -> None:
        must_check, self._is_due, self._must_check = self._must_check, False, False
        try:
            links, tabs = await self._write_all(must_check=must_check)
            if links or tabs:
                text = "The directory was told once more of the %d links and %d tabs of this process"
                logger.warning(text, links, tabs)
        except BusError:
            self._is_due, self._must_check = True, self._must_check or must_check
            await asyncio.sleep(RETRY_SECONDS)

    async def _write_all(self, *, must_check: bool) -> tuple[int, int]:
        links = [connection.link_id for connection in self._hub.links]
        for portion in _portions(links):
            kept = await self._kept(portion) if must_check else portion
            # What has ended meanwhile would be written for good.
            self._directory.note([key_of(link) for link in kept if link in self._hub.links], [])
            await asyncio.sleep(0)
        tabs = self._hub.tabs.all()
        for some in _portions(tabs):
            self._directory.note([], [pair for tab in some if not tab.destroyed for pair in _tokens_of(tab)])
            await asyncio.sleep(0)
        return len(links), len(tabs)

    async def _kept(self, links: Sequence[str]) -> list[str]:
        """Return those of these links that are this worker's still, and end the others."""
        kept = set(await self._directory.kept([key_of(link) for link in links]))
        lost = [link for link in links if key_of(link) not in kept]
        ended = 0
        for link in lost:
            connection = self._hub.links.get(link)
            if connection is not None:
                ended += 1
                connection.reset("owner-lost", CloseCode.RESET)
        for link in lost:
            self._hub.links.recall(link)
        if ended:
            text = "%d links were ended (owner-lost): the others took this process for dead, and have them now"
            logger.warning(text, ended)
        return [link for link in links if key_of(link) in kept]

    async def _claim_late(self) -> None:
        for link in list(self._late):
            if link in self._hub.links:
                try:
                    found = await self._directory.claim(key_of(link))
                except BusError:
                    return
                if found is not None and found != Home(self._name) and link in self._hub.links:
                    await self._kept([link])
            self._late.discard(link)


def _tokens_of(tab: Tab) -> Iterator[tuple[int, str]]:
    """Yield the keys of a tab: also of the tokens that its page may show still, because it has moved."""
    for key in (*tab.earlier_tokens, key_of(tab.token)):
        yield tab.id, key


def _portions(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), PORTION):
        yield items[start : start + PORTION]
