"""How much of what one page says may wait in ports that nobody takes it from (PROTOCOL.md 4.4).

One for all ports of a link, because a page may send ten thousand of them. Must not know messages, nor who listens.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

from webipc.core.limits import Limits

Port = TypeVar("Port", bound=Hashable)


class Allowance(Generic[Port]):
    """What of one page waits at this moment, by ports. Belongs to whoever has the lock of the ports (ends.py)."""

    __slots__ = ("_bytes", "_messages", "_ports", "limits")

    def __init__(self, limits: Limits) -> None:
        """`kept_bytes` and `kept_messages` of `limits` are the bound."""
        self.limits = limits
        self._messages = 0
        self._bytes = 0
        # Messages and bytes of each port in which something waits.
        self._ports: dict[Port, tuple[int, int]] = {}

    @property
    def is_exceeded(self) -> bool:
        """Whether more waits than may."""
        return self._bytes > self.limits.kept_bytes or self._messages > self.limits.kept_messages

    def take(self, port: Port, size: int) -> None:
        """A message of this many bytes begins to wait."""
        self._change(port, 1, size)

    def give_back(self, port: Port, size: int) -> None:
        """A message of this many bytes waits no longer."""
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
