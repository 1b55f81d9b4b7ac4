"""`Parking`: the end of a worker in good order. Its tabs are written down and parked, and go on where their pages come
next.

Quiet tabs leave first, in batches. A tab in which something runs keeps its sockets, so that answers arrive, but soon
takes nothing new; it leaves when it is quiet, or when the time is over. How a single tab leaves is in leaving.py.
Reasons and figures: docs/adr/0053-only-quiet-tabs-move-in-batches.md
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from webipc.cluster.bus.bus import Bus
from webipc.cluster.moves.leaving import Leaving
from webipc.cluster.moves.link_record import NotQuietError
from webipc.cluster.moves.moved_outlet import Forward
from webipc.cluster.moves.quiet import is_quiet_tab
from webipc.cluster.moves.snapshot import FORMAT
from webipc.cluster.worker import Part
from webipc.core.envelope import Hello
from webipc.electron.tab import Tab
from webipc.hub.drain import cancel_rest
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.last_calls import LastCalls

logger = logging.getLogger("webipc")

BATCH: Final = 200
"""Tabs that leave together, at most. Their pages come back within a tenth of a second, and each asks the application
who it is."""
BATCH_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 1.0
"""After this time nothing new begins in a tab that has not been quiet yet; of a short graceful timeout, after a quarter
of that: what has begun is to end in the rest."""
PATIENCE_SHARE: Final = 0.25
LATE_SECONDS: Final = 2.0
"""How long behind the end a tab is tried to be parked, and what arrives of it is decoded."""


class Parking(Part):
    """Moves the tabs of one worker away. Belongs to the event loop's thread."""

    def __init__(self, hub: Hub, bus: Bus, forward: Forward) -> None:
        """`forward` sends to a tab of another worker."""
        self._hub = hub
        self._bus = bus
        self._leaving = Leaving(hub, bus, forward)
        # It takes nothing new: its tabs leave.
        self.is_draining = False
        # How many calls were cancelled.
        self._cancelled = 0
        # How long it took, once it is done.
        self.seconds = 0.0

    @property
    def parked(self) -> int:
        """How many tabs were parked."""
        return self._leaving.parked

    def stats(self) -> Mapping[str, Any]:
        """See `Part`. `parked`: tabs that have left; `drain_seconds`: how long that took, 0 before it is done."""
        return {"parked": self.parked, "park_failed": self._leaving.failed, "drain_seconds": self.seconds}

    async def wait_for(self, hello: Hello) -> None:
        """Wait until the tab that a `hello` names is parked, if it leaves at this moment: then it can be found."""
        await self._leaving.wait_for(hello)

    async def run(self, seconds: float, hurry: asyncio.Event) -> None:
        """Let every tab leave within so many seconds, or until `hurry` is set; what still runs then is cancelled.

        Returns early where no worker is left that could take them, or none can be reached: then they end here.
        """
        loop = self._hub.loop
        began = loop.time()
        end = began + seconds
        patient_until = began + min(PATIENCE_SECONDS, PATIENCE_SHARE * seconds)
        self.is_draining = True
        self._bus.drain()
        self._leaving.give_up_at = end + LATE_SECONDS
        while self._hub.tabs.all():
            # Others that end at the same time say so meanwhile.
            await _pause(BATCH_SECONDS, hurry)
            tabs = self._tabs()
            if self._bus.has_given_up:
                logger.warning("the others cannot be reached: the %d tabs of this process end with it", len(tabs))
                break
            if not self._has_taker():
                logger.info("no other process can take the %d tabs that are left: they end with this one", len(tabs))
                break
            if hurry.is_set() or loop.time() >= end:
                await self._finish(tabs, hurry)
                break
            if self._bus.is_connected:
                # Otherwise they wait for it as they are: once written down, a tab serves its page no more.
                self._leave_quiet(tabs, is_patient=loop.time() < patient_until)
        await self._leaving.settled()
        self.seconds = loop.time() - began
        self._report()

    def _report(self) -> None:
        if not self.parked and not self._leaving.failed:
            return
        if self._cancelled:
            text = "drained %d tabs in %.1f s, %d calls were cancelled"
            logger.info(text, self.parked, self.seconds, self._cancelled)
        else:
            logger.info("drained %d tabs in %.1f s", self.parked, self.seconds)
        if self._leaving.failed:
            text = "%d tabs could not be parked: their pages begin new links, and are told which calls are lost"
            logger.error(text, self._leaving.failed)

    def _has_taker(self) -> bool:
        """Tell whether another worker can take a tab, now or later."""
        if self._bus.outlives_workers:
            return True
        others = [member for member in self._bus.members if member.worker != self._bus.worker]
        return any(not other.is_draining and FORMAT in other.formats for other in others)

    def _tabs(self) -> dict[Tab, list[Connection]]:
        """Return every tab that is here, with its links in the order in which they began."""
        tabs: dict[Tab, list[Connection]] = {tab: [] for tab in self._hub.tabs.all()}
        for connection in self._hub.links:
            tabs.setdefault(connection.document.tab, []).append(connection)
        return tabs

    def _leave_quiet(self, tabs: dict[Tab, list[Connection]], *, is_patient: bool) -> None:
        room = BATCH - self._leaving.count
        for tab, connections in tabs.items():
            if not is_quiet_tab(connections, self._hub.attaches):
                if not is_patient:
                    _take_nothing_new(connections)
                    self._end_orphans(connections)
            elif room > 0:
                try:
                    self._leaving.begin(tab, connections)
                except NotQuietError:
                    # Closing its ports has made the program do something.
                    continue
                room -= 1

    async def _finish(self, tabs: dict[Tab, list[Connection]], hurry: asyncio.Event) -> None:
        """Cancel what runs, and let every tab leave that is left."""
        # From here on no attach begins anything.
        self._hub.attaches.is_stopping = True
        connections = [connection for links in tabs.values() for connection in links]
        _take_nothing_new(connections)
        self._cancelled = await cancel_rest(connections, self._hub.replies)
        await _decoded(connections)
        for connection in connections:
            _abandon(connection)
        # What was cancelled has its last turn.
        await asyncio.sleep(0)
        left = list(self._tabs().items())
        for first in range(0, len(left), BATCH):
            if first:
                await _pause(BATCH_SECONDS, hurry)
            for tab, links in left[first : first + BATCH]:
                self._leave_now(tab, [link for link in links if not link.ended])

    def _end_orphans(self, connections: Sequence[Connection]) -> None:
        """End the documents in iframes whose parents have gone.

        They are about to go in any case. One whose `bye` was lost would hold up its tab for its whole grace time.
        """
        for connection in connections:
            parent = connection.document.parent
            if parent is not None and parent.is_gone:
                self._hub.end(connection, "ended")

    def _leave_now(self, tab: Tab, connections: Sequence[Connection]) -> None:
        self._end_orphans(connections)
        connections = [connection for connection in connections if not connection.ended]
        try:
            self._leaving.begin(tab, connections)
        except NotQuietError as error:
            self._leaving.failed += 1
            logger.warning("A tab cannot move, and its pages begin new links: %s", error)
            for connection in reversed(connections):
                connection.reset("ended")


def _take_nothing_new(connections: Sequence[Connection]) -> None:
    for connection in connections:
        if connection.last_calls is None:
            connection.last_calls = LastCalls()


def _abandon(connection: Connection) -> None:
    """Answer or give up what would not end by itself: it runs in a thread, or waits for the page."""
    if connection.syncs_if_made is not None:
        connection.syncs_if_made.abandon()
    if connection.outgoing_calls_if_made is not None:
        connection.outgoing_calls_if_made.end("moved")


async def _decoded(connections: Sequence[Connection]) -> None:
    """Wait until what has arrived is decoded: it counts as received."""
    unpacking = [connection.unpacking for connection in connections if connection.unpacking is not None]
    if unpacking:
        await asyncio.wait(unpacking, timeout=LATE_SECONDS)


async def _pause(seconds: float, hurry: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await hurry.wait()
    except TimeoutError:
        return
    # It is set for good: others have their turn.
    await asyncio.sleep(0)
