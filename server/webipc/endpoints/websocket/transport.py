"""The writing half of one WebSocket, as the transport of a link: through ASGI's `send`, or past it where the server
offers a `FrameSocket`.

The reading halves: asgi.py, readers.py
Twin in spirit, not in shape: js-client/src/transports/websocket.ts
"""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any

from starlette.types import Message, Send

from webipc.concurrency.started_coroutine import StartedCoroutine, start
from webipc.core.errors import CloseCode, fit_reason
from webipc.hub.hub import Hub
from webipc.hub.sharing import Relay
from webipc.link.connection import Connection
from webipc.link.life import Health
from webipc.servers.frame_socket import FrameSocket
from webipc.servers.tcp import reset_when_closed, tcp_health

logger = logging.getLogger("webipc")


class WebSocketTransport:
    """One socket. `write` and `close` never wait and never raise."""

    __slots__ = ("_closing", "_connection", "attempt", "blocked", "peer")

    # ASGI tells of whole frames, and has no pings.
    hears_bytes = False

    def __init__(self, peer: str) -> None:
        # Set when the socket carries a link, or is relayed.
        self._connection: Connection | Relay | None = None
        self.attempt = 0
        self.peer = peer
        self.blocked = False
        # A close frame was requested; nothing is written behind it.
        self._closing = False

    @property
    def buffered(self) -> int:
        """How many bytes were written and wait in this process. ASGI does not tell."""
        return 0

    @property
    def is_paused(self) -> bool:
        """Whether the network is not read at the moment. ASGI does not tell."""
        return False

    @property
    def heard(self) -> float:
        """When the last byte came. ASGI does not tell."""
        return -math.inf

    def ping(self) -> None:
        """Do nothing: ASGI has no pings."""

    def health(self) -> Health | None:
        """Return None: ASGI does not tell."""
        return None

    def said_hello(self) -> None:
        """Do nothing: what ASGI does not tell is not counted."""

    def carry(self, carried: Connection | Relay) -> None:
        """Flush this link, or what relays the socket, from now on when the network can take more."""
        self._connection = carried

    def welcomed(self) -> None:
        """Do nothing: ASGI's frames are all alike."""

    def write(self, frame: str | bytes) -> None:
        """Write a frame to the network. Ignored on a socket that closes."""
        raise NotImplementedError

    def drop(self) -> bool:
        """Return False: ASGI can only close."""
        return False

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket behind what was written. After `close_ms` it is aborted."""
        raise NotImplementedError

    def resume_writing(self) -> None:
        """Flush the link: the network can take more."""
        if self._connection is not None and not self._closing:
            self._connection.flush()


class AsgiTransport(WebSocketTransport):
    """Writes by `send`."""

    __slots__ = ("_close_seconds", "_close_timer", "_loop", "_send", "_sending", "_tasks", "on_close_timeout")

    def __init__(self, send: Send, peer: str, hub: Hub) -> None:
        """Every task that sends is one of the hub's."""
        super().__init__(peer)
        self._send = send
        self._loop = hub.loop
        self._tasks = hub.tasks
        self._close_seconds = hub.limits.close_ms / 1000
        # Called when the socket has not ended within `close_ms` after `close`.
        self.on_close_timeout: Callable[[], object] | None = None
        self._close_timer: asyncio.TimerHandle | None = None
        # Tasks of `send` calls that have suspended; None until the first, because most sockets never have one.
        self._sending: set[asyncio.Task[Any]] | None = None

    def write(self, frame: str | bytes) -> None:
        """Pass a frame to the ASGI server."""
        if not self._closing:
            self._pass({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})

    def close(self, code: CloseCode, reason: str) -> None:
        """See `WebSocketTransport`."""
        if not self._closing:
            self._closing = True
            self._close_timer = self._loop.call_later(self._close_seconds, self._abort)
            self._pass({"type": "websocket.close", "code": int(code), "reason": fit_reason(reason)})

    def ended(self) -> None:
        """Stop the timeout: the socket has ended."""
        if self._close_timer is not None:
            self._close_timer.cancel()

    def _abort(self) -> None:
        for task in self._sending or ():
            task.cancel()
        if self.on_close_timeout is not None:
            self.on_close_timeout()

    def _pass(self, message: Message) -> None:
        """Run the server's `send`, in a task only when it suspends.

        A task for every frame would cost more than the frame. While `send` is suspended, `blocked` keeps further frames
        in the link; a close frame has its own task, which the server runs behind the others.
        """
        # Every ASGI server's `send` is a coroutine function, though its type promises only an awaitable.
        sending: Any = self._send(message)
        try:
            started: StartedCoroutine[None] | None = start(sending)
        except Exception as error:  # noqa: BLE001 - servers raise different exceptions for a socket that is gone
            logger.debug("%s: cannot be written to (%s)", self.peer, error)
            return
        if started is None:
            return
        self.blocked = True
        task = self._loop.create_task(self._finish(started))
        if self._sending is None:
            self._sending = set()
        for tasks in (self._tasks, self._sending):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _finish(self, sending: StartedCoroutine[None]) -> None:
        try:
            await sending
        except Exception as error:  # noqa: BLE001 - as above
            logger.debug("%s: cannot be written to (%s)", self.peer, error)
        self.blocked = False
        self.resume_writing()


class DirectTransport(WebSocketTransport):
    """Writes to a `FrameSocket`, and closes it."""

    __slots__ = ("_frame_socket",)

    hears_bytes = True

    def __init__(self, frame_socket: FrameSocket, peer: str) -> None:
        super().__init__(peer)
        self._frame_socket = frame_socket
        frame_socket.writer = self

    @property
    def buffered(self) -> int:
        """See `WebSocketTransport`."""
        return self._frame_socket.buffered

    @property
    def is_paused(self) -> bool:
        """See `WebSocketTransport`."""
        return self._frame_socket.is_paused

    def pause_writing(self) -> None:
        """Note that the write buffer is full, and charge what is in it. Rare: not for each frame."""
        self.blocked = True
        self._charge(self.buffered)

    def resume_writing(self) -> None:
        """Charge nothing for the write buffer, which is nearly empty, and flush the link."""
        self._charge(0)
        super().resume_writing()

    @property
    def heard(self) -> float:
        """See `WebSocketTransport`."""
        return self._frame_socket.heard

    def ping(self) -> None:
        """See `WebSocketTransport`. Behind a full write buffer it would wait as long as what is in it."""
        if not self.blocked:
            self._frame_socket.ping()

    def health(self) -> Health | None:
        """See `WebSocketTransport`."""
        connection = self._frame_socket.transport.get_extra_info("socket")
        return None if connection is None else tcp_health(connection.fileno())

    def said_hello(self) -> None:
        """Count the socket as none that is silent: identity/line.py bounds how many wait to be asked who they are."""
        self._frame_socket.leave_newcomers()

    def carry(self, carried: Connection | Relay) -> None:
        """See `WebSocketTransport`. A link takes larger messages from now on."""
        super().carry(carried)
        if isinstance(carried, Connection):
            self.welcomed()

    def welcomed(self) -> None:
        """Take larger messages from now on."""
        self._frame_socket.greeted()

    def write(self, frame: str | bytes) -> None:
        """See `WebSocketTransport`."""
        if not self._closing:
            self._frame_socket.write(frame)

    def close(self, code: CloseCode, reason: str) -> None:
        """See `WebSocketTransport`. The socket has the timeout."""
        if not self._closing:
            self._closing = True
            self._frame_socket.close(int(code), fit_reason(reason))

    def drop(self) -> bool:
        """See `Transport`."""
        self._closing = True
        connection = self._frame_socket.transport.get_extra_info("socket")
        if connection is not None:
            reset_when_closed(connection.fileno())
        self._frame_socket.abort()
        return True

    def _charge(self, size: int) -> None:
        """Charge the link for what waits in the write buffer, if it is still this socket that carries it."""
        connection = self._connection
        if isinstance(connection, Connection) and connection.transport is self:
            connection.holdings.buffer(size)
