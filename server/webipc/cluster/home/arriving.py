"""`Arriving`: what comes over the bus for one socket or request, as the ASGI messages that the application receives."""

import asyncio
from collections import deque
from typing import Any, Final

from webipc.cluster.relayed import STEP, WINDOW, cost_of
from webipc.cluster.worker import Worker

Message = dict[str, Any]

MOST: Final = WINDOW + 4_194_304
"""More than an edge may send before it is told that something was used: its window, and the largest frame."""


class Arriving:
    """The messages of one, in order."""

    __slots__ = ("_edge", "_end", "_loop", "_messages", "_receiving", "_sid", "_untold", "_waiting", "_worker")

    def __init__(self, worker: Worker, edge: str, sid: int) -> None:
        self._worker = worker
        self._loop = worker.hub.loop
        self._edge = edge
        self._sid = sid
        # Each with what it counts.
        self._messages: deque[tuple[Message, int]] = deque()
        # What is behind all of them, again and again.
        self._end: Message | None = None
        self._receiving: asyncio.Future[None] | None = None
        self._waiting = 0
        # What was used, and the edge was not told.
        self._untold = 0

    def put(self, message: Message, row: bytes | None = None) -> bool:
        """Add a message, and what it counts. False where more waits than an edge may send: then it is dropped."""
        cost = 0 if row is None else cost_of(row)
        if self._waiting + cost > MOST:
            return False
        if self._end is None:
            self._waiting += cost
            self._messages.append((message, cost))
            self._wake()
        return True

    def end(self, message: Message, *, drop: bool = False) -> None:
        """Let this be what is received behind everything. `drop`: what waits is not received any more."""
        if drop:
            self._messages.clear()
        if self._end is None:
            self._end = message
        self._wake()

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
        self._untold += cost
        if self._untold >= STEP:
            self._worker.bus.post(self._edge, "used", {"sid": self._sid, "count": self._untold})
            self._untold = 0
        return message
