"""One socket of a link, from its hello to its end (PROTOCOL.md 6.1, 8).

Reads `hello`, attaches the socket to its link, then passes every frame to the connection and runs the calls that the
frames start. It never waits for a handler: if a call suspends, the call keeps the task, and a new task continues
reading.
Twin: js-client/src/link/socket-session.ts
"""

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from webipc.access.visitor import RefusedError, Visitor
from webipc.core.envelope import Bye, Hello, parse_control
from webipc.core.errors import AfterClose, CloseCode, ProtocolError, ResetError, after_close
from webipc.core.frame import Frame, decode_frame, encode_control
from webipc.core.limits import Limits
from webipc.endpoints.room import NoRoomError
from webipc.endpoints.unpack import frame_of, must_wait, unpack
from webipc.endpoints.websocket_reader import Source
from webipc.endpoints.websocket_transport import WebSocketTransport
from webipc.hub.hub import Hub, StoppingError
from webipc.link.connection import Connection
from webipc.link.last_calls import still_taken

logger = logging.getLogger("webipc")


class WebSocketSession:
    """One admitted socket."""

    __slots__ = (
        "_connection",
        "_ended",
        "_hub",
        "_is_cancelled",
        "_limits",
        "_reader",
        "_source",
        "_transport",
        "_visitor",
    )

    _connection: Connection

    def __init__(
        self, hub: Hub, limits: Limits, visitor: Visitor, transport: WebSocketTransport, source: Source
    ) -> None:
        """`transport` and `source` are the writing and the reading half of the socket, which was just accepted."""
        self._hub = hub
        self._limits = limits
        self._visitor = visitor
        self._transport = transport
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
            connection = None if first is None else await self._attach(first)
            if connection is not None:
                await self._read_in_task(connection)
        finally:
            self._transport.ended()

    async def _first_frame(self) -> str | bytes | None:
        try:
            async with asyncio.timeout(self._limits.hello_ms / 1000):
                return await self._source.first()
        except TimeoutError:
            reason = f"expected hello within {self._limits.hello_ms} ms of opening the socket, nothing came"
            logger.info("%s at %s was refused: %s", self._visitor.peer, self._visitor.origin, reason)
            self._transport.close(CloseCode.HELLO_TIMEOUT, reason)
            return None

    async def _attach(self, data: str | bytes) -> Connection | None:
        """Attach the socket to the link that its hello names. Returns None where it was closed instead."""
        transport, visitor = self._transport, self._visitor
        try:
            hello = _hello(decode_frame(data, self._limits))
            transport.attempt = hello.attempt
            await self._hub.wait_for_place(hello)
            connection = self._hub.attach(hello, visitor, transport)
        except ProtocolError as error:
            logger.warning("%s at %s violated the protocol: %s", visitor.peer, visitor.origin, error.detail)
            transport.close(error.close_code, error.detail)
        except RefusedError as refused:
            logger.info("%s at %s was refused: %s", visitor.peer, visitor.origin, refused.reason)
            transport.close(refused.code, refused.reason)
        except StoppingError:
            transport.close(CloseCode.GOING_AWAY, "the server ends")
        except ResetError as reset:
            transport.write(encode_control(0, "reset", {"reason": reset.reason}))
            transport.close(CloseCode.RESET, reset.reason)
        else:
            transport.carry(connection)
            return connection
        return None

    async def _read_in_task(self, connection: Connection) -> None:
        """Read in another task: a handler may keep the reader's task, and servers cancel this one as they please."""
        self._connection = connection
        self._transport.on_close_timeout = self._cancel
        reader = self._hub.loop.create_task(self._read())
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

    def _continue_reading(self) -> Coroutine[Any, Any, None]:
        """Return what a new task runs: the task that has read so far belongs to a call now."""
        self._reader = None
        self._hub.flusher.release()
        return self._read(takes_over=True)

    async def _read(self, *, takes_over: bool = False) -> None:
        """Receive frames and run the calls that they start, until the socket ends or a call keeps this task."""
        me = self._reader = asyncio.current_task()
        jobs, flusher = self._connection.jobs, self._hub.flusher
        flusher.hold()
        try:
            while not self._is_cancelled:
                if (takes_over or not jobs.is_idle) and not await jobs.run(self._continue_reading, me):
                    return
                takes_over = False
                data = await self._source.next()
                if data is None:
                    break
                if self._connection.transport is not self._transport:
                    continue
                if must_wait(self._connection, data):
                    await self._receive_later(self._connection, data)
                else:
                    self._receive(self._connection, data)
        finally:
            if self._reader is me:
                flusher.release()
                self._end(self._source.code)

    def _receive(self, connection: Connection, data: str | bytes) -> None:
        try:
            self._take(connection, decode_frame(data, self._limits), is_large=False)
        except ProtocolError as error:
            self._violated(connection, error)

    async def _receive_later(self, connection: Connection, data: str | bytes) -> None:
        """Receive a frame that is large, or behind something that is."""
        self._hub.flusher.release()
        try:
            frame, is_large = await frame_of(self._hub, connection, data)
            if connection.transport is self._transport:
                self._take(connection, frame, is_large=is_large)
        except ProtocolError as error:
            self._violated(connection, error)
        except NoRoomError as full:
            logger.warning("%r: %s: its link is reset, overflow", connection.document, full)
            connection.reset("overflow", CloseCode.OVERFLOW)
        finally:
            self._hub.flusher.hold()

    def _take(self, connection: Connection, frame: Frame, *, is_large: bool) -> None:
        taken = still_taken(frame, connection.link, connection.last_calls)
        rest = connection.receive(taken, self._transport.attempt, is_text_large=is_large)
        if rest:
            unpack(self._hub, connection, rest, partial(self._violated, connection))
        if frame.control is not None:
            _bye(connection, frame.control)

    def _violated(self, connection: Connection, error: ProtocolError) -> None:
        """End the link, because the page has sent what is wrong."""
        logger.warning(
            "%r (%s) violated the protocol: %s. Its link was ended; no other page is affected",
            connection.document,
            self._transport.peer,
            error.detail,
        )
        if connection.transport is self._transport:
            self._transport.close(error.close_code, error.detail)
            self._hub.end(connection, "protocol")
        else:
            # A newer socket carries the link by now, or none.
            connection.reset("protocol", error.close_code)

    def _end(self, code: int) -> None:
        """Detach the socket from its link; `code` is its close code."""
        connection, transport = self._connection, self._transport
        if connection.transport is transport and after_close(code) is AfterClose.NEW_LINK:
            # The page refused a frame of this link, which would only be sent again (PROTOCOL.md 8).
            self._hub.end(connection, "protocol")
        if code == CloseCode.SERVICE_RESTART:
            # uvicorn closes all sockets with this code when it begins to stop, and browsers never use it. It is the
            # only sign before uvicorn cancels the synchronous requests that wait.
            connection.syncs.turn_away()
        connection.lost(transport)
        if not self._ended.done():
            self._ended.set_result(None)


def _hello(frame: Frame) -> Hello:
    control = parse_control(frame.control) if frame.control is not None else None
    if not isinstance(control, Hello):
        raise ProtocolError("expected hello as the first frame of a socket, got something else")
    if control.attempt < 1:
        raise ProtocolError("expected an attempt of 1 or more in the hello of a socket, got 0")
    return control


def _bye(connection: Connection, fields: list[Any]) -> None:
    control = parse_control(fields)
    if not isinstance(control, Bye):
        raise ProtocolError(f"expected bye as the only control message behind hello, got {control.kind}")
    connection.bye(control.last)
