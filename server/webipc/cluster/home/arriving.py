"""`Arriving`: what comes over the bus for one socket or request, as the ASGI messages that the application receives."""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Any, Final

from webipc.budget.addresses import address_of
from webipc.budget.share import Share
from webipc.cluster.relayed import STEP, WINDOW, Opening, cost_of
from webipc.cluster.worker import Worker

Message = dict[str, Any]

MOST: Final = WINDOW + 4_194_304
"""More than an edge may send before it is told that something was used: its window, and the largest frame."""


LEAST: Final = 4 * WINDOW
"""What of each address may wait in any case."""


def waiting_of(worker: Worker) -> Share[Hashable]:
    """Return what counts the bytes that wait for the application of a worker: at most a sixteenth of its memory."""
    return Share(worker.hub.account.limit // 16, LEAST)


class Arriving:
    """The messages of one, in order."""

    __slots__ = (
        "_edge",
        "_end",
        "_loop",
        "_messages",
        "_payer",
        "_receiving",
        "_share",
        "_sid",
        "_untold",
        "_waiting",
        "_worker",
    )

    def __init__(self, worker: Worker, edge: str, head: Opening, share: Share[Hashable]) -> None:
        """`share` counts what waits, by address, for all of its kind."""
        self._worker = worker
        self._loop = worker.hub.loop
        self._edge = edge
        self._sid = head.sid
        self._share = share
        client = head.scope.client
        self._payer = address_of(client[0]) if client and isinstance(client[0], str) else "unknown"
        # Each with what it counts.
        self._messages: deque[tuple[Message, int]] = deque()
        # What is behind all of them, again and again.
        self._end: Message | None = None
        self._receiving: asyncio.Future[None] | None = None
        self._waiting = 0
        # What was used, and the edge was not told.
        self._untold = 0

    def put(self, message: Message, row: bytes | None = None) -> bool:
        """Add a message, and what it counts. False where too much waits, of this one or of its address: then it is
        dropped.
        """
        cost = 0 if row is None else cost_of(row)
        if self._waiting + cost > MOST or not self._share.may(self._payer, cost):
            return False
        if self._end is None:
            self._waiting += cost
            self._share.take(self._payer, cost)
            self._messages.append((message, cost))
            self._wake()
        return True

    def end(self, message: Message, *, drop: bool = False) -> None:
        """Let this be what is received behind everything. `drop`: what waits is not received any more."""
        if drop:
            self.drop()
        if self._end is None:
            self._end = message
        self._wake()

    def drop(self) -> None:
        """Forget what waits."""
        self._messages.clear()
        self._share.give(self._payer, self._waiting)
        self._waiting = 0

    def _wake(self) -> None:
        if self._receiving is not None and not self._receiving.done():
            self._receiving.set_result(None)

    async def receive(self) -> Message:
        """Return the next message, as ASGI's `receive`."""
        while not self._messages:
            if self._end is not None:
                return self._end
            self._receiving = self._loop.create_future()
            await asyncio.wait([self._receiving])
        message, cost = self._messages.popleft()
        self._waiting -= cost
        self._share.give(self._payer, cost)
        self._untold += cost
        if self._untold >= STEP:
            self._worker.bus.post(self._edge, "used", {"sid": self._sid, "count": self._untold})
            self._untold = 0
        return message
