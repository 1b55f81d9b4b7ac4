"""`HomeSockets`: sockets of other workers, whose tabs are at home here. The application serves each, as any other one.

Its `send` is suspended while a window of bytes has not reached the network, or too much waits in the bus. So the socket
counts as blocked, as one with a slow network does. The other half: edge/relay.py
"""

import asyncio
import logging
from collections.abc import Hashable, Mapping, Sequence
from contextvars import copy_context
from typing import Any

from webipc.budget.share import Share
from webipc.cluster.bus_room import BusRoom
from webipc.cluster.home.arriving import Arriving, Message, waiting_of
from webipc.cluster.relayed import WINDOW, GoneHead, OpenHead, UpHead, UsedHead, cost_of, frame_of, row_of, scope_of
from webipc.cluster.worker import Part, Worker
from webipc.core.errors import CloseCode, fit_reason

logger = logging.getLogger("webipc")


class HomeSocket:
    """One of them."""

    __slots__ = ("_accepted", "_bus_room", "_edge", "_room", "_sid", "_untaken", "_worker", "arriving", "is_over")

    def __init__(self, worker: Worker, bus_room: BusRoom, edge: str, head: OpenHead, share: Share[Hashable]) -> None:
        self._worker = worker
        self._bus_room = bus_room
        self._edge = edge
        self._sid = head.sid
        self.arriving = Arriving(worker, edge, head, share)
        self.arriving.put({"type": "websocket.connect"})
        self._accepted = False
        # What was sent, and has not reached the network.
        self._untaken = 0
        self._room: asyncio.Future[None] | None = None
        # The edge does not know it any more.
        self.is_over = False

    async def serve(self, scope: Message) -> None:
        """Let the application serve it, until it returns."""
        code, reason = CloseCode.INTERNAL_ERROR, "the server failed"
        try:
            await self._worker.application(scope, self.arriving.receive, self._send)
        except asyncio.CancelledError:
            code, reason = CloseCode.GOING_AWAY, "the server ends"
            raise
        except Exception:
            logger.exception("A socket that another process has relayed failed; no other one is affected")
        finally:
            self.shut(code, reason)

    async def _send(self, message: Any) -> None:
        kind = message["type"]
        if kind == "websocket.send":
            # Those that have waited for the bus look before they send: one frame of each may be too much again.
            await self._has_room()
            if not self.is_over:
                self._down(message)
                await self._has_room()
        elif kind == "websocket.accept":
            self._accepted = True
        elif kind == "websocket.close" and self._accepted:
            self.shut(message.get("code") or CloseCode.NORMAL, message.get("reason") or "")
        elif kind == "websocket.close":
            # A browser would see no more than that the handshake has failed, and try again later.
            self.shut(CloseCode.TRY_LATER, "the application has refused the socket")

    def _down(self, message: Any) -> None:
        text = message.get("text")
        row = row_of(message["bytes"] if text is None else text)
        self._untaken += cost_of(row)
        self._say("down", {"text": text is not None}, row)

    async def _has_room(self) -> None:
        """Wait until more may be sent, or the socket is over."""
        while (is_lacking := self._bus_room.is_lacking(self._edge)) or self._untaken > WINDOW:
            if self.is_over:
                return
            self._room = self._worker.hub.loop.create_future()
            if is_lacking:
                self._bus_room.wait(self._edge, self)
            await asyncio.wait([self._room])

    def wake(self) -> None:
        """Look again whether more may be sent."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _say(self, kind: str, head: Mapping[str, Any], row: bytes | None = None) -> None:
        self._worker.bus.post(self._edge, kind, {**head, "sid": self._sid}, () if row is None else (row,))

    def shut(self, code: int, reason: str) -> None:
        """Have the socket closed, behind what was sent; nothing more of it is received. Once or more."""
        if not self.is_over:
            self._say("shut", {"code": int(code), "reason": fit_reason(reason)})
            self.gone(code, drop=True)

    def gone(self, code: int, *, drop: bool = False) -> None:
        """Learn that the socket has ended. `drop`: what came of it and waits is not received any more."""
        self.is_over = True
        self.arriving.end({"type": "websocket.disconnect", "code": int(code), "reason": ""}, drop=drop)
        self.took(0)

    def took(self, count: int) -> None:
        """Learn that so much has reached the network."""
        self._untaken -= count
        self.wake()


class HomeSockets(Part):
    """All of one worker, by edge and number."""

    def __init__(self, worker: Worker, bus_room: BusRoom) -> None:
        self._worker = worker
        self._bus_room = bus_room
        self._sockets: dict[tuple[str, int], HomeSocket] = {}
        self._waiting = waiting_of(worker)
        self._is_stopped = False
        # Every socket is served in a copy of it, as by a server: not in that of what reads the bus.
        self._context = copy_context()
        mailbox = worker.mailbox
        mailbox.on("open", OpenHead, self._open)
        mailbox.on("up", UpHead, self._up)
        mailbox.on("gone", GoneHead, self._gone)
        mailbox.on("took", UsedHead, self._took)
        worker.hub.at_stop.append(self._stop)

    def _stop(self) -> None:
        self._is_stopped = True

    def _open(self, edge: str, head: OpenHead, rows: Sequence[bytes]) -> None:
        key, (row,) = (edge, head.sid), rows
        if key in self._sockets:
            raise ValueError(f"expected a new number of a socket, got {head.sid} for the second time")
        socket = self._sockets[key] = HomeSocket(self._worker, self._bus_room, edge, head, self._waiting)
        self._put(socket, row, text=head.text)
        if self._is_stopped:
            del self._sockets[key]
            socket.shut(CloseCode.SERVICE_RESTART, "the server ends")
            return
        hub = self._worker.hub
        scope = scope_of(edge, head, "websocket", hub.lifespan_state)
        task = hub.loop.create_task(socket.serve(scope), context=self._context.copy())
        hub.tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            hub.tasks.discard(task)
            del self._sockets[key]
            socket.arriving.drop()

        task.add_done_callback(ended)

    def _put(self, socket: HomeSocket, row: bytes, *, text: bool) -> None:
        frame = {"type": "websocket.receive", "text" if text else "bytes": frame_of(row, text=text)}
        if not socket.arriving.put(frame, row):
            logger.warning("Too much of a relayed socket, or of its address, waits here: the socket is closed")
            socket.shut(CloseCode.SERVICE_RESTART, "too much at once")

    def _up(self, edge: str, head: UpHead, rows: Sequence[bytes]) -> None:
        if (socket := self._sockets.get((edge, head.sid))) is not None:
            self._put(socket, rows[0], text=head.text)

    def _gone(self, edge: str, head: GoneHead, _: Sequence[bytes]) -> None:
        if (socket := self._sockets.get((edge, head.sid))) is not None:
            socket.gone(head.code)

    def _took(self, edge: str, head: UsedHead, _: Sequence[bytes]) -> None:
        if (socket := self._sockets.get((edge, head.sid))) is not None:
            socket.took(head.count)

    def gap(self) -> None:
        """See `Part`. Any socket may lack a frame, even its first; no link lacks anything behind the next socket."""
        bus = self._worker.bus
        for member in bus.members:
            if member.worker != bus.worker:
                # It closes what it relays to this worker.
                bus.post(member.worker, "lacks", {})
        for socket in self._sockets.values():
            socket.gone(CloseCode.ABNORMAL)

    def lapsed(self) -> None:
        """See `Part`. The others have given up what is between them and this worker."""
        self.gap()

    def lost(self, worker: str) -> None:
        """See `Part`."""
        for (edge, _), socket in list(self._sockets.items()):
            if edge == worker:
                socket.gone(CloseCode.ABNORMAL)

    def stats(self) -> Mapping[str, Any]:
        """See `Part`."""
        return {"relayed_here": len(self._sockets)}
