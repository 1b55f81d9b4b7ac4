"""How workers reach each other: each has a socket that leads to a switchboard in the parent process."""

import asyncio
import socket
from typing import Protocol

from webipc.cluster.local.local_server import LocalServer


class Bus(Protocol):
    """The socket of one worker."""

    def lost(self) -> None:
        """Tell that the worker has ended."""


class Switchboard(Protocol):
    """Passes on what workers say to each other."""

    def attach(self, bus: socket.socket, slot: int) -> Bus:
        """Take this end of the pair of sockets of a worker."""


class Connected:
    """The switchboard of this process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._server = LocalServer(loop)

    def attach(self, bus: socket.socket, slot: int) -> Bus:
        """See `Switchboard`."""
        return self._server.attach(bus, slot)
