"""`PageCount`: lets the others know how many tabs this worker has, as `Member.pages`.

It looks from time to time, and says a number only where it has changed: a storm of pages costs what one page costs.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from webipc.cluster.worker import Part, Worker


class PageCount(Part):
    """Tells after each `Limits.ack_ms`, as rarely as a link that is idle acknowledges."""

    def __init__(self, worker: Worker) -> None:
        self._hub = worker.hub
        self._bus = worker.bus
        # Not without a pause, whatever the limit is.
        self._pause = max(worker.hub.clock.period, worker.hub.limits.ack_ms / 1000)
        self._told = 0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look from now on. The bus has begun."""
        self._timer = self._hub.loop.call_later(self._pause, self._look)

    def _look(self) -> None:
        count = len(self._hub.tabs)
        # What a bus that is cut off is told arrives nowhere.
        if count != self._told and self._bus.is_connected:
            self._told = count
            self._bus.tell_pages(count)
        self.begin()

    def end(self) -> None:
        """See `Part`."""
        if self._timer is not None:
            self._timer.cancel()

    def stats(self) -> Mapping[str, Any]:
        """`workers`: how many live; `pages`: tabs here; `pages_of_all`: tabs of all that live, as they last told."""
        members, here = list(self._bus.members), len(self._hub.tabs)
        others = sum(member.pages for member in members if member.worker != self._bus.worker)
        return {"workers": len(members), "pages": here, "pages_of_all": here + others}
