"""The writing half of one WebSocket, as the transport of a link: through ASGI's `send`, or past it
(servers/frame_socket.py).

Must not know what frames say. The reading half: websocket_reader.py
Twin in spirit, not in shape: js-client/src/websocket-transport.ts
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from starlette.types import Message, Send

from webipc.concurrency.started_coroutine import StartedCoroutine
from webipc.core.errors import CloseCode, fit_reason
from webipc.link.connection import Connection
from webipc.servers.frame_socket import FrameSocket

logger = logging.getLogger("webipc")

# How long a close frame may wait for a peer that takes nothing, or its answer for one that says nothing.
CLOSE_SECONDS = 10.0


class WebSocketTransport:
    """One socket. `write` and `close` never wait and never raise; what the network does not take yet waits here."""

    __slots__ = (
        "_closing",
        "_connection",
        "_giving_up",
        "_loop",
        "_send",
        "_sending",
        "_tasks",
        "attempt",
        "blocked",
        "give_up",
        "peer",
    )

    def __init__(self, send: Send, peer: str, loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[Any]]) -> None:
        self._send = send
        self._loop = loop
        self._tasks = tasks
        # Set once the socket carries a link.
        self._connection: Connection | None = None
        self.attempt = 0
        self.peer = peer
        self.blocked = False
        # A close frame has been asked for; nothing is written behind it.
        self._closing = False
        # Called when the peer has not let the socket end in time; set by whoever serves it.
        self.give_up: Callable[[], None] | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        # What the network has not taken yet; None where it always has, which is the rule.
        self._sending: set[asyncio.Task[Any]] | None = None

    def carry(self, connection: Connection) -> None:
        """From now on this connection is told when the network takes more."""
        self._connection = connection

    def write(self, frame: str | bytes) -> None:
        """Hand a frame to the ASGI server."""
        if not self._closing:
            self._pass({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket, behind what was written. One that does not end within `CLOSE_SECONDS` is given up."""
        if not self._closing:
            self._closing = True
            self._giving_up = self._loop.call_later(CLOSE_SECONDS, self._abandon)
            self._pass({"type": "websocket.close", "code": int(code), "reason": fit_reason(reason)})

    def ended(self) -> None:
        """Note that the socket has ended."""
        if self._giving_up is not None:
            self._giving_up.cancel()

    def _abandon(self) -> None:
        for task in self._sending or ():
            task.cancel()
        if self.give_up is not None:
            self.give_up()

    def _pass(self, message: Message) -> None:
        """Run the server's `send` to its end if it does not wait, which is the rule; otherwise in a task of its own.

        A task for every frame would cost more than the frame. `blocked` keeps later frames in the link meanwhile;
        a close frame that finds the socket blocked waits its turn in its own task.
        """
        # Every ASGI server's `send` is a coroutine function, though its type says less.
        sending: Any = self._send(message)
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - servers raise various things when the socket is gone
            logger.debug("%s: cannot be written to (%s)", self.peer, error)
            return
        self.blocked = True
        task = self._loop.create_task(self._finish(StartedCoroutine(sending, waits_for)))
        if self._sending is None:
            self._sending = set()
        for tasks in (self._tasks, self._sending):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _finish(self, sending: "StartedCoroutine[Any]") -> None:
        try:
            await sending
        except Exception as error:  # noqa: BLE001 - as above
            logger.debug("%s: cannot be written to (%s)", self.peer, error)
        self.blocked = False
        self.resume_writing()

    def resume_writing(self) -> None:
        """The network takes more again."""
        if self._connection is not None and not self._closing:
            self._connection.flush()


class DirectTransport(WebSocketTransport):
    """Writes past ASGI; the close frame alone goes by `send`, for the server has more to do then."""

    __slots__ = ("_frame_socket",)

    def __init__(
        self,
        frame_socket: FrameSocket,
        send: Send,
        peer: str,
        loop: asyncio.AbstractEventLoop,
        tasks: set[asyncio.Task[Any]],
    ) -> None:
        super().__init__(send, peer, loop, tasks)
        self._frame_socket = frame_socket

    def write(self, frame: str | bytes) -> None:
        """Hand a frame to the network."""
        if not self._closing:
            self._frame_socket.write(frame)

    def _abandon(self) -> None:
        self._frame_socket.abort()
