"""`Sweeper`: the one timer of a hub, which does what is due by time (PROTOCOL.md 6.7 and 7).

A timer for each page would cost memory per page, and nothing here is urgent.
"""

import asyncio
import logging
from collections.abc import Callable

from webipc.concurrency.clock import Clock
from webipc.core.limits import Limits
from webipc.electron.tab import Tab
from webipc.hub.broadcasts import Broadcasts
from webipc.hub.links import Links
from webipc.hub.tabs import Tabs
from webipc.link.connection import Connection
from webipc.link.timeouts import sweep

logger = logging.getLogger("webipc")

# The least part of its time that a link without a socket is given while links or memory are scarce: 5 of 60 seconds.
LEAST_PATIENCE = 1 / 12

# A standstill that is shorter is not logged.
LOGGED_SECONDS = 1.0


def period_of(limits: Limits) -> float:
    """Return how many seconds there are between two sweeps: half of the shortest time that something is due after."""
    shortest = min(
        limits.ack_ms,
        limits.heartbeat_ms,
        limits.silence_ms,
        limits.grace_ms,
        limits.unattached_grace_ms,
        limits.goodbye_ms,
        limits.hello_ms,
        limits.body_silence_ms,
        limits.sync_ms,
    )
    return shortest / 2000


class Sweeper:
    """Looks at every link and every tab, again and again, and lets the clock tick."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        links: Links,
        tabs: Tabs,
        broadcasts: Broadcasts,
        end: Callable[[Connection, str], None],
    ) -> None:
        """`end` ends a link for a reason. Begins at once."""
        self._clock = clock
        self._links = links
        self._tabs = tabs
        self._broadcasts = broadcasts
        self._end = end
        self._task = loop.create_task(self._run(), name="webipc sweeper")

    def stop(self) -> None:
        """End the timer."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._clock.period)
            try:
                self._tick()
                self.sweep()
            except Exception:
                logger.exception("Periodic cleanup failed; retrying")

    def _tick(self) -> None:
        """Let the clock tick before anything is judged."""
        seconds = self._clock.tick()
        if seconds >= LOGGED_SECONDS:
            text = "the process stood still for %.0f s (it was stopped, or a handler blocked its event loop)"
            logger.warning(text, seconds)

    def sweep(self) -> None:
        """Do what is due at this time of the clock. Takes time in proportion to the links."""
        now = self._clock.now
        # While more than half is free, a link without a socket is given all of its time.
        patience = max(LEAST_PATIENCE, min(1.0, 2 * self._links.left))
        for connection in self._links:
            try:
                sweep(connection, patience)
            except Exception:
                logger.exception("Periodic cleanup of %r failed; no other page is affected", connection.document)
        self._broadcasts.recount(self._links)
        self._links.forget_ended(now)
        self._destroy(list(self._tabs.overdue(now)))

    def _destroy(self, overdue: list[Tab]) -> None:
        if not overdue:
            return
        tabs = set(overdue)
        for connection in self._links:
            # A tab does not know the document in an iframe whose parent is gone.
            if connection.document.tab in tabs:
                self._end(connection, "ended")
        for tab in overdue:
            self._tabs.destroy(tab)
