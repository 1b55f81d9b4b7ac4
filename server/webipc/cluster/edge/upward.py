"""`Upwards`: the ways from the sockets and requests that arrive here to the workers that have their tabs.

How many there are, and how much of each is on its way, is bounded here.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from webipc.access.payers import payer_of
from webipc.access.visitor import RefusedError, Visitor
from webipc.budget.share import Share
from webipc.cluster.bus.kinds import HeadModel
from webipc.cluster.bus_room import BusRoom
from webipc.cluster.relayed import WINDOW, UsedHead, cost_of
from webipc.cluster.worker import Worker
from webipc.core.errors import CloseCode
from webipc.hub.links import LEAST_LINKS


class Upward:
    """The way of one socket or request."""

    __slots__ = ("_bus", "_payer", "_room", "_unused", "_upwards", "is_over", "sid", "worker")

    def __init__(self, upwards: "Upwards", sid: int, worker: str, payer: Hashable) -> None:
        self._upwards = upwards
        self._bus = upwards.worker.bus
        self._payer = payer
        self.sid = sid
        # The name of the home.
        self.worker = worker
        # What the home has not used.
        self._unused = 0
        # Done when some of it was used; None while nobody waits.
        self._room: asyncio.Future[None] | None = None
        self.is_over = False

    def say(self, kind: str, head: Mapping[str, Any], row: bytes | None = None) -> None:
        """Say something to the home, in order. A row counts in the window."""
        if row is not None:
            self._unused += cost_of(row)
        self._bus.post(self.worker, kind, {**head, "sid": self.sid}, () if row is None else (row,))

    @property
    def is_full(self) -> bool:
        """Whether so much is on its way that nothing more should be read."""
        return self._unused > WINDOW or self._upwards.room.is_lacking(self.worker)

    async def has_room(self) -> None:
        """Wait until more may be read, or this way is over."""
        while self.is_full and not self.is_over:
            self._room = self._upwards.worker.hub.loop.create_future()
            if self._unused <= WINDOW:
                self._upwards.room.wait(self.worker, self)
            await asyncio.wait([self._room])

    def used(self, count: int) -> None:
        """Learn that the home has used so much."""
        self._unused -= count
        self.wake()

    def end(self) -> None:
        """Say nothing more. Once or more."""
        if not self.is_over:
            self.is_over = True
            self._upwards.ended(self, self._payer)
            self.wake()

    def wake(self) -> None:
        """Look again whether there is room."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)


class Upwards:
    """All of one worker: at most as many as it may have links, and of one address at most its share."""

    def __init__(self, worker: Worker, room: BusRoom) -> None:
        self.worker = worker
        self.room = room
        self._sids = itertools.count(1)
        self._ways: dict[int, Upward] = {}
        self._share: Share[Hashable] = Share(worker.hub.links.counts()["limit"], LEAST_LINKS)
        self.refused = 0
        # Called with the name of a worker that may lack something that was said to it.
        self.when_lacking: list[Callable[[str], None]] = []
        worker.mailbox.on("used", UsedHead, self._used)
        worker.mailbox.on("lacks", HeadModel, lambda origin, *_: self._lacks(origin))

    def __len__(self) -> int:
        return len(self._ways)

    def begin(self, worker: str, visitor: Visitor) -> Upward:
        """Return a new way. Raises RefusedError where there are too many, or nobody knows the worker."""
        if self.worker.bus.members.get(worker) is None:
            # Nothing would tell of its end.
            raise RefusedError(CloseCode.TRY_LATER, "the process that has this page is not known here")
        payer = payer_of(visitor)
        if not self._share.may(payer, 1):
            self.refused += 1
            raise RefusedError(CloseCode.TRY_LATER, "this process relays too many pages that are at others")
        self._share.take(payer, 1)
        sid = next(self._sids)
        way = self._ways[sid] = Upward(self, sid, worker, payer)
        return way

    def ended(self, way: Upward, payer: Hashable) -> None:
        """Forget a way."""
        self._share.give(payer, 1)
        with contextlib.suppress(KeyError):
            del self._ways[way.sid]

    def _lacks(self, origin: str) -> None:
        for lacking in self.when_lacking:
            lacking(origin)

    def _used(self, origin: str, head: UsedHead, _: Any) -> None:
        way = self._ways.get(head.sid)
        if way is not None and way.worker == origin:
            way.used(head.count)
