"""`HandedServer`: a `DrainingServer` that does not listen. Its parent process hands it connections, unread.

What is handed over before the worker ends is served: on SIGTERM it tells the parent, and takes what is under way.
"""

import asyncio
import contextlib
import logging
import os
import select
import signal
import socket
from typing import Any, Final

from uvicorn import Config

from webipc.cli.supervisor.control import ENDING, READY
from webipc.cluster.bus.bus import BusError
from webipc.cluster.local.local_connection import inherited
from webipc.logs.ration import Ration
from webipc.servers.server import Drain, DrainingServer

logger = logging.getLogger("webipc")

TAKEN_AT_ONCE: Final = 64
"""So many connections are taken before other events are looked at."""
REST_SECONDS: Final = 1.0
"""How long the parent may take to hand over the last connection, and requests that have arrived to begin."""
_LOOK_SECONDS: Final = 0.01
# Not every system can do this in one step.
_CLOSE_ON_EXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class HandedServer(DrainingServer):
    """The server of a worker process."""

    def __init__(self, config: Config, drain: Drain, graceful_seconds: float, control: socket.socket) -> None:
        """`control` leads to the parent, and does not block."""
        super().__init__(config, drain, graceful_seconds)
        self._control = control
        # Nothing more will be handed over.
        self._has_all = asyncio.Event()
        # Connections that are being made.
        self._making: set[asyncio.Task[None]] = set()
        self._lines = Ration(1, 1, 10.0)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and tell the parent that it may hand over connections."""
        await super().startup([])
        asyncio.get_running_loop().add_reader(self._control, self._take)
        self._watch_bus()
        self._say(READY)

    def _watch_bus(self) -> None:
        """End when the bus to the others is lost: pages of theirs would be told to try later here, for good."""
        with contextlib.suppress(BusError):
            # The application has said what is wrong, if it has an IpcMain.
            if (bus := inherited()) is not None:
                bus.on_lost = self._bus_is_lost

    def _bus_is_lost(self) -> None:
        # Where the parent has died, parent_watch.py sends the signal; a second one would end the wait for what runs.
        asyncio.get_running_loop().call_later(REST_SECONDS, self._end_without_bus)

    def _end_without_bus(self) -> None:
        if not self.should_exit:
            logger.error("this worker ends, because it has lost its connection to the others; another one starts")
            os.kill(os.getpid(), signal.SIGTERM)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take what is under way, then do what a server does that listens."""
        self._say(ENDING)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._has_all.wait(), REST_SECONDS)
        asyncio.get_running_loop().remove_reader(self._control)
        if self._making:
            await asyncio.wait(self._making, timeout=REST_SECONDS)
        await super().shutdown(sockets)

    async def end_idle(self) -> None:
        """See `DrainingServer`. A request that has arrived, and was not read yet, is answered."""
        loop = asyncio.get_running_loop()
        end = loop.time() + REST_SECONDS
        left = self.http_connections()
        while left:
            is_late = loop.time() >= end
            waiting = []
            for one in left:
                # Each is ended as soon as it was looked at, so nothing arrives in between.
                if not is_late and _has_unread_request(one):
                    waiting.append(one)
                else:
                    one.shutdown()
            if left := waiting:
                await asyncio.sleep(_LOOK_SECONDS)

    def _say(self, word: bytes) -> None:
        # The parent may be dead: parent_watch.py ends this process then.
        with contextlib.suppress(OSError):
            self._control.send(word)

    def _take(self) -> None:
        """Take the connections that the parent has handed over."""
        for _ in range(TAKEN_AT_ONCE):
            try:
                # One at a time: descriptors of two messages must not be confused.
                said, descriptors, _, _ = socket.recv_fds(self._control, 1, 1, _CLOSE_ON_EXEC)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                said, descriptors = b"", []
            if not said:
                self._has_all.set()
                asyncio.get_running_loop().remove_reader(self._control)
                return
            if not descriptors and self._lines.may_write():
                logger.warning("a new connection was closed: this process has too few descriptors")
            for descriptor in descriptors:
                making = asyncio.ensure_future(self._make(socket.socket(fileno=descriptor)))
                self._making.add(making)
                making.add_done_callback(self._making.discard)

    async def _make(self, connection: socket.socket) -> None:
        """Make the connection that a listening server would have made."""
        connection.set_inheritable(False)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        except OSError:
            # The peer is gone already.
            connection.close()

    def _protocol(self) -> asyncio.Protocol:
        made: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = made(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol


def _has_unread_request(connection: Any) -> bool:
    """Return whether a connection that is idle has bytes in the kernel."""
    if not getattr(connection, "is_between_requests", False):
        return False
    transport: asyncio.Transport = connection.transport
    found = transport.get_extra_info("socket")
    if transport.is_closing() or found is None or found.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(found.fileno(), select.POLLIN)
    return any(event & select.POLLIN for _, event in poll.poll(0))
