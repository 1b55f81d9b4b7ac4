"""A socket of any ASGI server: frames come through `receive`, one task reads them, and the ASGI call waits for its end.

If a call of the application suspends, it keeps the task, and a new task continues reading.
The other way, for a server with `FrameSocket`s: readers.py
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from starlette.types import Message, Receive

from webipc.access.caller import Caller
from webipc.access.visitor import Visitor
from webipc.concurrency.flusher import Flusher
from webipc.concurrency.started_coroutine import StartedCoroutine, start
from webipc.core.errors import CloseCode
from webipc.core.limits import Limits
from webipc.endpoints.unpack import must_wait
from webipc.endpoints.websocket.session import WebSocketSession
from webipc.endpoints.websocket.transport import AsgiTransport
from webipc.hub.hub import Hub
from webipc.hub.sharing import Relay
from webipc.link.connection import Connection

Value = TypeVar("Value")

TURN_FRAMES: Final = 128
TURN_SECONDS: Final = 0.002
"""After so many frames, or this time, without waiting for one, others of the event loop have their turn."""


class AsgiSource:
    """The frames of a socket, in order."""

    __slots__ = ("_began", "_clock", "_flusher", "_frames", "_receive", "code")

    def __init__(self, receive: Receive, flusher: Flusher, clock: Callable[[], float] = time.perf_counter) -> None:
        """`clock` returns the time in seconds."""
        self._receive = receive
        self._flusher = flusher
        self._clock = clock
        # The close code of the socket; `ABNORMAL` while it is open.
        self.code: int = CloseCode.ABNORMAL
        # Frames for which `receive` did not wait, one after the other, and since when.
        self._frames = 0
        self._began = 0.0

    async def first(self) -> str | bytes | None:
        """Wait for the first frame. Returns None when the socket has ended."""
        return self._frame_of(await self._receive())

    async def next(self) -> str | bytes | None:
        """Return the next frame, or None when the socket has ended. The caller holds the flusher.

        Only when no frame is there, or the socket has had its turn, the flusher is released: frames that arrived
        together are answered together, and the answers leave without another turn of the loop.
        """
        # Every ASGI server's `receive` is a coroutine function, though its type promises only an awaitable.
        receiving: Any = self._receive()
        received: Message | StartedCoroutine[Message] = start(receiving)
        if isinstance(received, StartedCoroutine):
            received = await self._unheld(received)
            self._frames = 0
        elif self._is_over():
            await self._unheld(asyncio.sleep(0))
            self._frames = 0
        return self._frame_of(received)

    def _is_over(self) -> bool:
        """Return whether this frame is the last of a turn: a server may have frames without end."""
        if not self._frames:
            self._began = self._clock()
        self._frames += 1
        return self._frames >= TURN_FRAMES or self._clock() - self._began >= TURN_SECONDS

    async def _unheld(self, waiting: Awaitable[Value]) -> Value:
        self._flusher.release()
        try:
            return await waiting
        finally:
            self._flusher.hold()

    def _frame_of(self, message: Message) -> str | bytes | None:
        if message["type"] != "websocket.receive":
            self.code = message.get("code", self.code)
            return None
        text = message.get("text")
        frame: str | bytes = text if text is not None else message["bytes"]
        return frame


class AsgiSession(WebSocketSession):
    """One admitted socket, with a task that reads it."""

    __slots__ = ("_asgi", "_ended", "_is_cancelled", "_reader", "_source")

    def __init__(
        self,
        hub: Hub,
        limits: Limits,
        visitor: Visitor,
        caller: Caller,
        transport: AsgiTransport,
        source: AsgiSource,
    ) -> None:
        """`transport` and `source` are the writing and the reading half of the socket, which was just accepted."""
        super().__init__(hub, limits, visitor, caller, transport)
        self._asgi = transport
        self._source = source
        # Done when reading has ended.
        self._ended: asyncio.Future[None] = hub.loop.create_future()
        # The task that reads, or will read next.
        self._reader: asyncio.Task[Any] | None = None
        self._is_cancelled = False

    async def serve(self) -> None:
        """Serve the socket until it ends. When the server cancels this, the session is cancelled with it."""
        try:
            first = await self._first_frame()
            if first is not None:
                await self.greet(first)
            if self._connection is not None:
                await self._read_in_task(self._connection)
            elif self._relay is not None:
                await self._pass_on(self._relay)
        finally:
            self._asgi.ended()

    async def _pass_on(self, relay: Relay) -> None:
        """Pass frames on to the process that has the tab, until the socket ends."""
        task = asyncio.current_task()
        assert task is not None, "an ASGI server calls in a task"
        self._asgi.on_close_timeout = task.cancel
        try:
            while (data := await self._source.first()) is not None:
                relay.up(data)
                if relay.is_full:
                    await relay.has_room()
                else:
                    # A server may have frames without end.
                    await asyncio.sleep(0)
        finally:
            self.end(self._source.code)

    async def _first_frame(self) -> str | bytes | None:
        try:
            async with self._hub.clock.timeout(self._limits.hello_ms / 1000):
                return await self._source.first()
        except TimeoutError:
            self.refuse_silence()
            return None

    async def _read_in_task(self, connection: Connection) -> None:
        """Read in another task: a handler may keep the reader's task, and servers cancel this one as they please."""
        self._asgi.on_close_timeout = self._cancel
        reader = self._hub.loop.create_task(self._read(connection))
        self._hub.tasks.add(reader)
        reader.add_done_callback(self._hub.tasks.discard)
        try:
            await self._ended
        finally:
            if not self._ended.done():
                self._cancel()

    def _cancel(self) -> None:
        """Stop reading: the server has cancelled the session, or the client did not let the socket close in time."""
        self._is_cancelled = True
        if self._reader is not None:
            self._reader.cancel()

    async def _read(self, connection: Connection, *, takes_over: bool = False) -> None:
        """Receive frames and run the calls that they start, until the socket ends or a call keeps this task."""
        me = self._reader = asyncio.current_task()
        jobs, flusher = connection.jobs, self._hub.flusher
        flusher.hold()
        try:
            while not self._is_cancelled:
                if (takes_over or not jobs.is_idle) and not await jobs.run(self._continue, me):
                    return
                takes_over = False
                data = await self._source.next()
                if data is None:
                    break
                if must_wait(connection, data):
                    await self._receive_unheld(connection, data)
                else:
                    self.receive(connection, data)
        finally:
            if self._reader is me:
                flusher.release()
                self.end(self._source.code)
                if not self._ended.done():
                    self._ended.set_result(None)

    def _continue(self) -> Coroutine[Any, Any, None]:
        """Return what a new task runs: the task that has read so far belongs to a call now."""
        assert self._connection is not None, "a socket with calls has a link"
        self._reader = None
        self._hub.flusher.release()
        return self._read(self._connection, takes_over=True)

    async def _receive_unheld(self, connection: Connection, data: str | bytes) -> None:
        self._hub.flusher.release()
        try:
            await self.receive_later(connection, data)
        finally:
            self._hub.flusher.hold()
