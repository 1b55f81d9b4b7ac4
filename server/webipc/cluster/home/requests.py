"""`HomeRequests`: requests of other workers, whose tabs are at home here. The application answers each as any other.

The other half: edge/hand_on.py
"""

import asyncio
import logging
from collections.abc import Hashable, Mapping, Sequence
from contextvars import copy_context
from typing import Any

from webipc.budget.share import Share
from webipc.cluster.home.arriving import Arriving, Message, waiting_of
from webipc.cluster.relayed import PieceHead, RequestHead, SidHead, scope_of
from webipc.cluster.worker import Part, Worker

logger = logging.getLogger("webipc")


class HomeRequest:
    """One of them."""

    __slots__ = ("_body", "_edge", "_headers", "_sid", "_status", "_worker", "arriving")

    def __init__(self, worker: Worker, edge: str, head: RequestHead, share: Share[Hashable]) -> None:
        self._worker = worker
        self._edge = edge
        self._sid = head.sid
        self.arriving = Arriving(worker, edge, head, share)
        # The response; without a status until it begins.
        self._status = 0
        self._headers: list[list[str]] = []
        self._body: list[bytes] = []

    def put(self, piece: bytes, *, more: bool) -> None:
        """Take a piece of the body."""
        if not self.arriving.put({"type": "http.request", "body": bytes(piece), "more_body": more}, piece):
            logger.warning("Too much of a request that was handed on, or of its address, waits here: it is given up")
            self.left()

    def left(self) -> None:
        """Learn that the browser has left, or that its process has."""
        self.arriving.end({"type": "http.disconnect"})

    async def serve(self, scope: Message) -> None:
        """Let the application answer it, and pass the answer on."""
        try:
            await self._worker.application(scope, self.arriving.receive, self._send)
        except asyncio.CancelledError:
            self._respond(503, b"the server ends\n")
            raise
        except Exception:
            logger.exception("A request that another process has handed on failed; no other one is affected")
            self._respond(500, b"the server failed\n")
        else:
            self._respond(self._status or 500, b"".join(self._body))

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = message.get("headers") or ()
            self._headers = [[name.decode("latin-1").lower(), text.decode("latin-1")] for name, text in headers]
        elif message["type"] == "http.response.body":
            self._body.append(message.get("body") or b"")

    def _respond(self, status: int, body: bytes) -> None:
        head = {"sid": self._sid, "status": status, "headers": self._headers if status == self._status else []}
        self._worker.bus.post(self._edge, "reply", head, [body])


class HomeRequests(Part):
    """All of one worker, by edge and number."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._requests: dict[tuple[str, int], HomeRequest] = {}
        self._waiting = waiting_of(worker)
        self._is_stopped = False
        # As in sockets.py.
        self._context = copy_context()
        mailbox = worker.mailbox
        mailbox.on("request", RequestHead, self._request)
        mailbox.on("piece", PieceHead, self._piece)
        mailbox.on("left", SidHead, self._left)
        worker.hub.at_stop.append(self._stop)

    def _stop(self) -> None:
        self._is_stopped = True

    def _request(self, edge: str, head: RequestHead, rows: Sequence[bytes]) -> None:
        key, (row,) = (edge, head.sid), rows
        if key in self._requests:
            raise ValueError(f"expected a new number of a request, got {head.sid} for the second time")
        if self._is_stopped:
            self._worker.bus.post(edge, "reply", {"sid": head.sid, "status": 503, "headers": []}, [b""])
            return
        request = self._requests[key] = HomeRequest(self._worker, edge, head, self._waiting)
        request.put(row, more=head.more)
        hub = self._worker.hub
        scope = scope_of(edge, head, "http", hub.lifespan_state)
        task = hub.loop.create_task(request.serve(scope), context=self._context.copy())
        hub.tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            hub.tasks.discard(task)
            del self._requests[key]
            request.arriving.drop()

        task.add_done_callback(ended)

    def _piece(self, edge: str, head: PieceHead, rows: Sequence[bytes]) -> None:
        if (request := self._requests.get((edge, head.sid))) is not None:
            request.put(rows[0], more=head.more)

    def _left(self, edge: str, head: SidHead, _: Sequence[bytes]) -> None:
        if (request := self._requests.get((edge, head.sid))) is not None:
            request.left()

    def gap(self) -> None:
        """See `Part`. A piece of any body may be lost. Their edges are told by `HomeSockets`."""
        for request in self._requests.values():
            request.left()

    def lapsed(self) -> None:
        """See `Part`. The others have given up what is between them and this worker."""
        self.gap()

    def lost(self, worker: str) -> None:
        """See `Part`."""
        for (edge, _), request in self._requests.items():
            if edge == worker:
                request.left()

    def stats(self) -> Mapping[str, Any]:
        """See `Part`."""
        return {"requests_here": len(self._requests)}
