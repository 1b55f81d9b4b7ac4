"""How workers reach each other: each has a socket that leads to a switchboard in the parent process."""

import socket
from typing import Protocol


class Bus(Protocol):
    """The socket of one worker."""

    def lost(self) -> None:
        """Tell that the worker has ended."""


class Switchboard(Protocol):
    """Passes on what workers say to each other."""

    def attach(self, bus: socket.socket, slot: int) -> Bus:
        """Take this end of the pair of sockets of a worker."""


class _Socket:
    """A socket that nobody reads."""

    def __init__(self, bus: socket.socket) -> None:
        self._bus = bus

    def lost(self) -> None:
        self._bus.close()


class Unconnected:
    """A switchboard that passes nothing on."""

    def attach(self, bus: socket.socket, slot: int) -> Bus:
        """See `Switchboard`."""
        return _Socket(bus)
