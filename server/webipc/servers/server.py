"""`DrainingServer`: uvicorn's server, which lets what runs end before it closes a socket.

uvicorn closes every WebSocket first and waits then, so no answer can leave any more.
Reasons and figures: docs/adr/0025-what-runs-may-end.md
"""

import asyncio
import math
import signal
import socket
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Final

from uvicorn import Config, Server
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from webipc.servers.tcp import prepare
from webipc.servers.websocket_protocol import WebSocketProtocol

Drain = Callable[[float, asyncio.Event], Awaitable[None]]
"""Lets what runs end: within so many seconds, or until the event is set. May raise nothing."""

INTERRUPT_SECONDS: Final = 0.5
"""How long running work may go on after Ctrl-C: the user waits for the prompt."""
CLOSE_SECONDS: Final = 1.0
"""How long clients may take to answer a close frame."""
_LOOK_SECONDS: Final = 0.02


class DrainingServer(Server):
    """The server of `webipc run` and `webipc dev`."""

    def __init__(self, config: Config, drain: Drain, graceful_seconds: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._graceful_seconds = graceful_seconds
        # The first signal that ended the server, if one did.
        self._ended_by: int | None = None
        # A second one came. `webipc dev` sends one behind each Ctrl-C, which its child process gets as well.
        self._is_hurried = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the server. A second signal ends the wait for what runs, but not the application's own shutdown."""
        if self._ended_by is None:
            self._ended_by = sig
        else:
            self._is_hurried = True
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with the options that connections inherit."""
        await super().startup(sockets)
        prepare(listener for server in self.servers for listener in server.sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no connection any more, let what runs end, and then do what uvicorn does."""
        loop = asyncio.get_running_loop()
        seconds = self._graceful_seconds
        if self._ended_by == signal.SIGINT:
            seconds = min(seconds, INTERRUPT_SECONDS)
        end = loop.time() + seconds
        for server in self.servers:
            server.close()
        await self.end_idle()
        await self._run_drain(seconds)
        await self._wait(lambda: not any(map(_is_closing, self.server_state.connections)), CLOSE_SECONDS)
        left = 0.0 if self._is_hurried else end - loop.time()
        self.config.timeout_graceful_shutdown = max(1, math.ceil(left))
        await super().shutdown(sockets)
        # uvicorn raises the signals again, and a process that SIGTERM ends has no exit code 0.
        self._captured_signals = [number for number in self._captured_signals if number != signal.SIGTERM]

    async def end_idle(self) -> None:
        """End each connection that is no WebSocket: an idle one at once, and any other behind its answer."""
        for connection in self.http_connections():
            connection.shutdown()

    def http_connections(self) -> list[Any]:
        """Return the open connections that are no WebSockets."""
        return [one for one in self.server_state.connections if not _is_websocket(one)]

    async def _run_drain(self, seconds: float) -> None:
        hurry = asyncio.Event()
        draining = asyncio.ensure_future(self._drain(seconds, hurry))
        await self._wait(draining.done, math.inf)
        hurry.set()
        await draining

    async def _wait(self, fact: Callable[[], bool], seconds: float) -> None:
        """Wait for a fact, for at most so many seconds, or until a second signal."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not fact() and not self._is_hurried and loop.time() < end:  # noqa: ASYNC110 - a signal sets no event
            await asyncio.sleep(_LOOK_SECONDS)


def _is_websocket(connection: Any) -> bool:
    return isinstance(connection, WebSocketProtocol | WebSocketsSansIOProtocol)


def _is_closing(connection: Any) -> bool:
    return isinstance(connection, WebSocketProtocol) and connection.end_code is not None
