"""The writing half of one WebSocket, as the transport of a link: through ASGI's `send`, or past it (direct.py).

Must not know what frames say. The reading half: websocket_source.py
Twin in spirit, not in shape: js-client/src/websocket-transport.ts
"""

import asyncio
import logging
from typing import Any

from starlette.types import Message, Send

from webipc.connection import Connection
from webipc.core.errors import CloseCode, fit_reason
from webipc.direct import Direct
from webipc.started import Started

logger = logging.getLogger("webipc")


class WebSocketTransport:
    """One socket. `write` and `close` never wait and never raise; what the network does not take yet waits here."""

    __slots__ = ("_closing", "_connection", "_loop", "_send", "_tasks", "attempt", "blocked", "peer")

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

    def carry(self, connection: Connection) -> None:
        """From now on this connection is told when the network takes more."""
        self._connection = connection

    def write(self, frame: str | bytes) -> None:
        """Hand a frame to the ASGI server."""
        if not self._closing:
            self._pass({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket, behind what was written."""
        if not self._closing:
            self._closing = True
            self._pass({"type": "websocket.close", "code": int(code), "reason": fit_reason(reason)})

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
        task = self._loop.create_task(self._finish(Started(sending, waits_for)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, sending: "Started") -> None:
        try:
            await sending
        except Exception as error:  # noqa: BLE001 - as above
            logger.debug("%s: cannot be written to (%s)", self.peer, error)
        self.blocked = False
        self.go_on()

    def go_on(self) -> None:
        """The network takes more again."""
        if self._connection is not None and not self._closing:
            self._connection.flush()


class DirectTransport(WebSocketTransport):
    """Writes past ASGI; the close frame alone goes by `send`, for the server has more to do then."""

    __slots__ = ("_direct",)

    def __init__(
        self, direct: Direct, send: Send, peer: str, loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[Any]]
    ) -> None:
        super().__init__(send, peer, loop, tasks)
        self._direct = direct

    def write(self, frame: str | bytes) -> None:
        """Hand a frame to the network."""
        if not self._closing:
            self._direct.write(frame)
