"""`Sweeper`: the one timer of a hub, which does what is due by time (PROTOCOL.md 6.7 and 7).

A timer for each page would cost memory per page, and nothing here is urgent.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from webipc.core.limits import Limits
from webipc.electron.tab import Tab
from webipc.hub.links import Links
from webipc.hub.tabs import Tabs
from webipc.link.connection import Connection
from webipc.link.surroundings import Surroundings
from webipc.link.timeouts import LEAST_PATIENCE, sweep

logger = logging.getLogger("webipc")

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
        limits.ask_again_ms,
        limits.goodbye_ms,
        limits.hello_ms,
        limits.ask_ms,
        limits.body_silence_ms,
        limits.sync_ms,
    )
    return shortest / 2000


class Sweeper:
    """Looks at each link when something of it is due, and at every tab, and lets the clock tick."""

    def __init__(
        self,
        around: Surroundings[Connection],
        links: Links,
        tabs: Tabs,
        end: Callable[[Connection, str], None],
    ) -> None:
        """`end` ends a link for a reason. Begins at once."""
        self._around = around
        self._links = links
        self._tabs = tabs
        self._end = end
        self._task = around.loop.create_task(self._run(), name="webipc sweeper")

    def stop(self) -> None:
        """End the timer."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._around.clock.period)
            try:
                self._tick()
                self.sweep()
            except Exception:
                logger.exception("Periodic cleanup failed; retrying")

    def _tick(self) -> None:
        """Let the clock tick before anything is judged."""
        seconds = self._around.clock.tick()
        if seconds >= LOGGED_SECONDS:
            text = "the process stood still for %.0f s (it was stopped, or a handler blocked its event loop)"
            logger.warning(text, seconds)

    def sweep(self) -> None:
        """Do what is due. Takes time in proportion to the links of which something may be due."""
        self.look_at(self._due())
        now = self._around.clock.now
        self._links.forget_ended(now)
        self._destroy(list(self._tabs.overdue(now)))

    def _due(self) -> list[Connection]:
        around, due = self._around, []
        for number, link_ids in around.agenda.take(around.loop.time()):
            for link_id in link_ids:
                connection = self._links.get(link_id)
                # One that has ended, or was planned again, is not due; and a row may have it twice.
                if connection is not None and connection.due == number:
                    connection.due = 0
                    due.append(connection)
        return due

    def look_at(self, connections: Iterable[Connection]) -> None:
        """Do what is due on these links, and plan when to look at each of them again."""
        # While more than half is free, a link without a socket is given all of its time.
        patience = max(LEAST_PATIENCE, min(1.0, 2 * self._links.left))
        agenda = self._around.agenda
        for connection in connections:
            due = 0.0
            try:
                due = sweep(connection, patience)
            except Exception:
                logger.exception("Periodic cleanup of %r failed; no other page is affected", connection.document)
            if not connection.ended:
                connection.due = agenda.plan(connection.link_id, due)

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
