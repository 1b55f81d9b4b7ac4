"""`Owners`: workers that have died, and what their pages are told: one line in the log for each, with a count; the same
for tabs of another version that no worker reads.

A page learns it as `owner-lost` (PROTOCOL.md 6.5).
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from typing import Final

from webipc.cluster.worker import Worker

logger = logging.getLogger("webipc")

KNOWN: Final = 1_024
"""So many dead workers are remembered. One that is forgotten is waited for."""
LINE_SECONDS: Final = 5.0
"""How long resets are counted before they are logged: pages come back together."""


class Owners:
    """The workers that this one has seen die."""

    def __init__(self, worker: Worker) -> None:
        self._loop = worker.hub.loop
        self._dead: OrderedDict[str, None] = OrderedDict()
        # Resets that are not logged yet, by worker.
        self._missed: Counter[str] = Counter()
        # The same, by the format of the snapshot that no worker reads.
        self._unread: Counter[int] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        # How many links were reset.
        self.count = 0

    def lost(self, worker: str) -> None:
        """Note that a worker does not live any more."""
        self._dead[worker] = None
        if len(self._dead) > KNOWN:
            self._dead.popitem(last=False)

    def has_died(self, worker: str) -> bool:
        """Tell whether a worker was seen to die."""
        return worker in self._dead

    def missed(self, worker: str) -> None:
        """Note that a link is reset because this worker, which had it, does not live."""
        self.count += 1
        # It may be a claim of the page: it takes one line at most, and is never longer than a name.
        self._missed[worker if worker in self._dead else ""] += 1
        self._log_soon()

    def unread(self, snapshot_format: int) -> None:
        """Note that a link is reset because no worker that lives reads this format of its parked tab."""
        self.count += 1
        self._unread[snapshot_format] += 1
        self._log_soon()

    def _log_soon(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(LINE_SECONDS, self._log)

    def end(self) -> None:
        """Log what is left."""
        if self._timer is not None:
            self._timer.cancel()
            self._log()

    def _log(self) -> None:
        self._timer = None
        missed, self._missed = self._missed, Counter()
        for worker, count in missed.items():
            name = f"worker {worker}, which has died" if worker else "a worker that had ended before"
            logger.warning("%d links were reset (owner-lost): they were at %s", count, name)
        unread, self._unread = self._unread, Counter()
        for snapshot_format, count in unread.items():
            text = "%d links were reset (owner-lost): their tabs are parked in format %d, which no process here reads"
            logger.error(text, count, snapshot_format)
