"""`Sweeper`: the one timer of a hub, which does what is due by time (PROTOCOL.md 6.7 and 7).

A timer for each page would cost memory per page, and nothing here is urgent.
"""

import asyncio
import logging
from collections.abc import Callable

from webipc.core.limits import Limits
from webipc.hub.links import Links
from webipc.hub.tabs import Tabs
from webipc.link.connection import Connection

logger = logging.getLogger("webipc")


class Sweeper:
    """Looks at every link and every tab, again and again."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        links: Links,
        tabs: Tabs,
        end: Callable[[Connection, str], None],
    ) -> None:
        """`end` ends a link for a reason. Begins at once."""
        self._loop = loop
        self._links = links
        self._tabs = tabs
        self._end = end
        shortest = min(limits.ack_ms, limits.heartbeat_ms, limits.silence_ms, limits.grace_ms, limits.goodbye_ms)
        self._task = loop.create_task(self._run(shortest / 2000), name="webipc sweeper")

    def stop(self) -> None:
        """End the timer."""
        self._task.cancel()

    async def _run(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                self.sweep(self._loop.time())
            except Exception:
                logger.exception("Periodic cleanup failed; retrying")

    def sweep(self, now: float) -> None:
        """Do what is due at this time of the event loop's clock."""
        for connection in self._links:
            try:
                connection.sweep(now)
            except Exception:
                logger.exception("Periodic cleanup of %r failed; no other page is affected", connection.document)
        self._links.forget_ended(now)
        for tab in self._tabs.overdue(now):
            for connection in self._links:
                # A document in an iframe whose parent is gone belongs to no tab.
                if connection.document.tab is tab:
                    self._end(connection, "ended")
            self._tabs.destroy(tab)
