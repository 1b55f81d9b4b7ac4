"""`HandOn`: requests that have arrived at this worker, and whose tabs are at home in others.

The body is passed on as it comes, and the response as it is. The other half: home/requests.py
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from webipc.cluster.edge.relay import OWNER_LOST, is_over_with
from webipc.cluster.edge.upward import Upward, Upwards
from webipc.cluster.relayed import WINDOW, ReplyHead, opening_of
from webipc.cluster.worker import Part, Worker
from webipc.core.errors import ResetError
from webipc.hub.attaches import StoppingError
from webipc.hub.sharing import Arrival, HandedBack

PIECE: Final = WINDOW // 4
"""The largest piece of a body in bytes, so that several are under way."""


class _Lost(Exception):  # noqa: N818 - it is no error that anybody sees
    """The response may never come."""


class HandOn(Part):
    """All of one worker."""

    def __init__(self, worker: Worker, upwards: Upwards) -> None:
        self._worker = worker
        self._upwards = upwards
        # What waits for a response: its way, and the future of the response.
        self._waiting: dict[int, tuple[Upward, asyncio.Future[HandedBack]]] = {}
        # How many there were since the start.
        self.count = 0
        worker.mailbox.on("reply", ReplyHead, self._reply)
        worker.hub.at_stop.append(self._stop)
        upwards.when_lacking.append(lambda worker: self._fail(worker, StoppingError))

    async def hand_on(
        self, worker: str, arrival: Arrival, body: AsyncIterator[bytes], gone: Callable[[], Awaitable[Any]]
    ) -> HandedBack:
        """See `Sharing.hand_on`."""
        way = self._upwards.begin(worker, arrival.visitor)
        reply: asyncio.Future[HandedBack] = self._worker.hub.loop.create_future()
        self._waiting[way.sid] = way, reply
        self.count += 1
        is_answered = False
        try:
            await self._pass_on(way, arrival, body, reply)
            response = await self._response(way, reply, gone)
            is_answered = True
        except _Lost:
            if await is_over_with(self._worker, worker, arrival.hello.link):
                raise ResetError(OWNER_LOST) from None
            raise StoppingError from None
        else:
            return response
        finally:
            if not is_answered:
                way.say("left", {})
            del self._waiting[way.sid]
            way.end()

    async def _pass_on(
        self, way: Upward, arrival: Arrival, body: AsyncIterator[bytes], reply: asyncio.Future[HandedBack]
    ) -> None:
        """Pass the body on, one piece behind the reading: only the last one says that it is the last."""
        opening: Mapping[str, Any] | None = opening_of(way.sid, arrival, self._worker.prefix)
        held = b""

        def say(piece: bytes, *, more: bool) -> None:
            nonlocal opening
            if opening is None:
                way.say("piece", {"more": more}, piece)
            else:
                way.say("request", {**opening, "more": more}, piece)
                opening = None

        async for arrived in body:
            for start in range(0, len(arrived), PIECE):
                if held:
                    say(held, more=True)
                held = arrived[start : start + PIECE]
                if way.is_full:
                    await way.has_room()
                if reply.done():
                    return
        say(held, more=False)

    async def _response(
        self, way: Upward, reply: asyncio.Future[HandedBack], gone: Callable[[], Awaitable[Any]]
    ) -> HandedBack:
        """Wait for the response, and tell the home when the browser has left meanwhile."""
        if reply.done():
            return reply.result()
        watching = asyncio.ensure_future(gone())
        watching.add_done_callback(lambda task: None if task.cancelled() or reply.done() else way.say("left", {}))
        try:
            # Also behind that: some middleware reports it for every request, and an unread answer is cheap.
            return await reply
        finally:
            watching.cancel()

    # --- what the bus tells

    def _reply(self, origin: str, head: ReplyHead, rows: Sequence[bytes]) -> None:
        way, reply = self._waiting.get(head.sid, (None, None))
        if way is not None and reply is not None and way.worker == origin and not reply.done():
            reply.set_result(HandedBack(head.status, [(name, text) for name, text in head.headers], bytes(rows[0])))
            way.end()

    def _fail(self, worker: str | None, error: Callable[[], Exception]) -> None:
        for way, reply in list(self._waiting.values()):
            if worker in (None, way.worker) and not reply.done():
                reply.set_exception(error())
                # It may be read by nobody, where the body fails first.
                reply.exception()
                way.end()

    def gap(self) -> None:
        """See `Part`. A response may be lost, and the page asks again."""
        self._fail(None, StoppingError)

    def lapsed(self) -> None:
        """See `Part`. The others have given up what is between them and this worker."""
        self.gap()

    def lost(self, worker: str) -> None:
        """See `Part`."""
        self._fail(worker, _Lost)

    def _stop(self) -> None:
        self._fail(None, StoppingError)

    def stats(self) -> Mapping[str, Any]:
        """See `Part`."""
        return {"requests_handed_on": self.count, "requests_waiting": len(self._waiting)}
