"""Bounds the messages of one page that wait in ports without a consumer (PROTOCOL.md 4.4).

One allowance for all ports of a link, because a page may send ten thousand of them.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

from webipc.core.limits import Limits

Port = TypeVar("Port", bound=Hashable)


class Allowance(Generic[Port]):
    """Counts the waiting messages of one page, by port. Guarded by the lock of the ports (`entangling` of ends.py)."""

    __slots__ = ("_bytes", "_messages", "_ports", "limits")

    def __init__(self, limits: Limits) -> None:
        """The bounds are `kept_bytes` and `kept_messages` of `limits`."""
        self.limits = limits
        self._messages = 0
        self._bytes = 0
        # Messages and bytes of each port in which something waits.
        self._ports: dict[Port, tuple[int, int]] = {}

    @property
    def is_exceeded(self) -> bool:
        """Whether more bytes or messages wait than the limits allow."""
        return self._bytes > self.limits.kept_bytes or self._messages > self.limits.kept_messages

    def take(self, port: Port, size: int) -> None:
        """Count a message of this many bytes that waits in a port from now on."""
        self._change(port, 1, size)

    def give_back(self, port: Port, size: int) -> None:
        """Stop counting a message of this many bytes."""
        self._change(port, -1, -size)

    def _change(self, port: Port, messages: int, size: int) -> None:
        before = self._ports.get(port, (0, 0))
        if waiting := before[0] + messages:
            self._ports[port] = (waiting, before[1] + size)
        else:
            del self._ports[port]
        self._messages += messages
        self._bytes += size

    def by_size(self) -> list[Port]:
        """Return the ports in which something waits, the one with the most bytes first."""
        return sorted(self._ports, key=lambda port: self._ports[port][1], reverse=True)
