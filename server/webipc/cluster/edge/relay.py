"""`Relays`: sockets that have arrived at this worker, and whose tabs are at home in others.

Frames are passed on as they are, in both directions. A relay that is lost is no more than a lost socket: the link goes
on with the next one. The other half: home/sockets.py
"""

import itertools
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, key_of
from webipc.cluster.edge.upward import Upward, Upwards
from webipc.cluster.relayed import STEP, DownHead, ShutHead, cost_of, frame_of, opening_of, row_of
from webipc.cluster.worker import Part, Worker
from webipc.core.errors import CloseCode
from webipc.core.frame import encode_control
from webipc.hub.sharing import Arrival, RelayTransport

logger = logging.getLogger("webipc")

OWNER_LOST = "owner-lost"
"""The reason of the reset of a link whose worker has died (PROTOCOL.md 6.5)."""
_AGAIN: Final = (CloseCode.SERVICE_RESTART, "the page comes again")


class RelayedSocket:
    """One of them."""

    __slots__ = ("_is_welcomed", "_relays", "_taken", "_transport", "_waiting", "_way", "_written", "link")

    def __init__(self, relays: "Relays", way: Upward, transport: RelayTransport, link: str) -> None:
        self._relays = relays
        self._way = way
        self._transport = transport
        self.link = link
        # Before that a client may send no more than its hello.
        self._is_welcomed = False
        # Frames of the home that the network did not take yet.
        self._waiting: deque[str | bytes] = deque()
        # What was written, and the network has not taken it all.
        self._written = 0
        # What it has taken, and the home was not told.
        self._taken = 0

    @property
    def sid(self) -> int:
        """Its number."""
        return self._way.sid

    @property
    def home(self) -> str:
        """The name of the worker that has the tab."""
        return self._way.worker

    # --- what the socket tells

    @property
    def is_full(self) -> bool:
        """See `Relay`."""
        return self._way.is_full

    async def has_room(self) -> None:
        """See `Relay`."""
        await self._way.has_room()

    def up(self, frame: str | bytes) -> None:
        """See `Relay`."""
        if not self._way.is_over:
            self._relays.frames += 1
            self._way.say("up", {"text": isinstance(frame, str)}, row_of(frame))

    def flush(self) -> None:
        """See `Relay`."""
        self._take()
        while self._waiting and not self._transport.blocked:
            self._write(self._waiting.popleft())

    def gone(self, code: int) -> None:
        """See `Relay`."""
        if not self._way.is_over:
            self._way.say("gone", {"code": code})
            self._over()

    # --- what the home tells

    def down(self, row: bytes, frame: str | bytes) -> None:
        """Write a frame, now or when the network takes more. The home sends none to a client that it does not let in,
        but the reason.
        """
        self._relays.frames += 1
        if not self._is_welcomed:
            self._is_welcomed = True
            self._transport.welcomed()
        if self._waiting or self._transport.blocked:
            self._waiting.append(frame)
        else:
            self._write(frame, cost_of(row))

    def _write(self, frame: str | bytes, cost: int | None = None) -> None:
        self._transport.write(frame)
        self._written += cost_of(row_of(frame)) if cost is None else cost
        if not self._transport.blocked:
            self._take()

    def _take(self) -> None:
        self._taken, self._written = self._taken + self._written, 0
        if self._taken >= STEP and not self._way.is_over:
            self._way.say("took", {"count": self._taken})
            self._taken = 0

    def shut(self, code: int, reason: str, *last: str | bytes) -> None:
        """Close the socket, behind what waits and these frames."""
        self._over()
        for frame in (*self._waiting, *last):
            self._transport.write(frame)
        self._waiting.clear()
        self._transport.close(_close_code(code), reason)

    def _over(self) -> None:
        self._way.end()
        self._relays.ended(self._way.sid)


def _close_code(code: int) -> CloseCode:
    """Return a code that closes a socket; a page does the same after any that is not known."""
    try:
        return CloseCode(code)
    except ValueError:
        return CloseCode.INTERNAL_ERROR


class Relays(Part):
    """All of one worker."""

    def __init__(self, worker: Worker, upwards: Upwards) -> None:
        self._worker = worker
        self._upwards = upwards
        self._relays: dict[int, RelayedSocket] = {}
        # Since the start: how many there were, and how many frames they have passed on.
        self.count = 0
        self.frames = 0
        worker.mailbox.on("down", DownHead, self._down)
        worker.mailbox.on("shut", ShutHead, self._shut)
        worker.hub.at_stop.append(self._stop)
        upwards.when_lacking.append(lambda worker: self._close(self._at(worker), *_AGAIN))

    def relay(self, worker: str, arrival: Arrival, first: str | bytes, transport: RelayTransport) -> RelayedSocket:
        """See `Sharing.relay`."""
        way = self._upwards.begin(worker, arrival.visitor)
        relay = self._relays[way.sid] = RelayedSocket(self, way, transport, arrival.hello.link)
        self.count += 1
        opening = opening_of(way.sid, arrival, self._worker.prefix)
        way.say("open", {**opening, "text": isinstance(first, str)}, row_of(first))
        return relay

    def ended(self, sid: int) -> None:
        """Forget a relay."""
        self._relays.pop(sid, None)

    def close_all(self, code: CloseCode, reason: str) -> None:
        """Close every relayed socket: the pages come again."""
        self._close(list(self._relays.values()), code, reason)

    def close_some(self, count: int, code: CloseCode, reason: str) -> bool:
        """Close so many relayed sockets at most: the pages come again. Return whether more are left."""
        self._close(list(itertools.islice(self._relays.values(), count)), code, reason)
        return bool(self._relays)

    def _close(self, relays: Sequence[RelayedSocket], code: CloseCode, reason: str) -> None:
        for relay in relays:
            relay.gone(CloseCode.ABNORMAL)
            relay.shut(code, reason)

    def _at(self, worker: str) -> list[RelayedSocket]:
        return [relay for relay in self._relays.values() if relay.home == worker]

    def _stop(self) -> None:
        self.close_all(CloseCode.GOING_AWAY, "the server ends")

    # --- what the bus tells

    def _of(self, origin: str, sid: int) -> RelayedSocket | None:
        relay = self._relays.get(sid)
        return relay if relay is not None and relay.home == origin else None

    def _down(self, origin: str, head: DownHead, rows: Sequence[bytes]) -> None:
        if (relay := self._of(origin, head.sid)) is not None:
            relay.down(rows[0], frame_of(rows[0], text=head.text))

    def _shut(self, origin: str, head: ShutHead, _: Sequence[bytes]) -> None:
        if (relay := self._of(origin, head.sid)) is not None:
            relay.shut(head.code, head.reason)

    def gap(self) -> None:
        """See `Part`. Any of them may lack a frame, and no link lacks anything behind the next socket."""
        self.close_all(*_AGAIN)

    def lapsed(self) -> None:
        """See `Part`. The others have given up what is between them and this worker."""
        self.gap()

    def lost(self, worker: str) -> None:
        """See `Part`."""
        if relays := self._at(worker):
            task = self._worker.hub.loop.create_task(self._tell(worker, relays))
            self._worker.hub.tasks.add(task)
            task.add_done_callback(self._worker.hub.tasks.discard)

    async def _tell(self, worker: str, relays: Sequence[RelayedSocket]) -> None:
        """Tell the pages of a worker that does not live any more what has become of their links."""
        resets = 0
        for relay in relays:
            is_over = await is_over_with(self._worker, worker, relay.link)
            if self._relays.get(relay.sid) is not relay:
                continue
            if is_over:
                resets += 1
                relay.shut(CloseCode.RESET, OWNER_LOST, encode_control(0, "reset", {"reason": OWNER_LOST}))
            else:
                relay.shut(*_AGAIN)
        if resets:
            logger.warning("%d relayed pages were reset, because their process %s has died", resets, worker)

    def stats(self) -> Mapping[str, Any]:
        """See `Part`."""
        counts = {"relays": len(self._relays), "relays_ever": self.count, "relayed_frames": self.frames}
        return {**counts, "relays_refused": self._upwards.refused}


async def is_over_with(worker: Worker, lost: str, link: str) -> bool:
    """Tell whether a link has ended with a worker that does not live any more: it has not been parked.

    False also where that is not known now: then the page is placed when it comes again.
    """
    try:
        found = await worker.bus.directory.find(key_of(link), None, None)
    except BusError:
        return False
    return found is None or (isinstance(found, Home) and found.worker == lost)
