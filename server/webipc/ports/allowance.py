"""Bounds the messages of one page that wait in ports without a consumer (PROTOCOL.md 4.4).

One allowance for all ports of a link, because a page may send ten thousand of them.
"""

from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from webipc.budget.account import Purse
from webipc.core.limits import Limits
from webipc.core.link.written import Opened, Written

MESSAGE_BYTES = 200
"""What a waiting message takes besides its bytes."""

Port = TypeVar("Port", bound=Hashable)


class Opener(Protocol):
    """Decodes a large message elsewhere, before it is taken."""

    def __call__(self, text: Written, decode: Callable[[], Opened], done: Callable[[Opened | None], bool], /) -> bool:
        """Call `decode` in another thread when it is its turn, then `done` with its outcome. From any thread.

        `done` gets None where nothing is decoded elsewhere any more, and returns whether the value was needed. Returns
        False when neither will be called. Neither is called before this returns.
        """


class Allowance(Generic[Port]):
    """Counts the waiting messages of one page, by port. Guarded by the lock of the ports (`entangling` of ends.py)."""

    __slots__ = ("_messages", "_ports", "_purse", "bytes", "limits", "opener")

    def __init__(self, limits: Limits, purse: Purse | None = None, opener: Opener | None = None) -> None:
        """The bounds are `kept_bytes` and `kept_messages` of `limits`, and what the payer of `purse` may hold.

        `opener` decodes what is large; None where everything is decoded when it is taken.
        """
        self.limits = limits
        self.opener = opener
        self._purse = purse
        self._messages = 0
        # The bytes of all messages.
        self.bytes = 0
        # Messages and bytes of each port in which something waits.
        self._ports: dict[Port, tuple[int, int]] = {}

    @property
    def is_exceeded(self) -> bool:
        """Whether more bytes or messages wait than the limits allow, or than the payer may hold."""
        if self.bytes > self.limits.kept_bytes or self._messages > self.limits.kept_messages:
            return True
        return self._purse is not None and self._messages > 0 and self._purse.is_exceeded

    def take(self, port: Port, size: int) -> None:
        """Count a message of this many bytes that waits in a port from now on."""
        self._change(port, 1, size)
        if self._purse is not None:
            # The end of the link does not free it: the program may still read what came before.
            self._purse.take(size + MESSAGE_BYTES, lasting=True)

    def give_back(self, port: Port, size: int) -> None:
        """Stop counting a message of this many bytes."""
        self._change(port, -1, -size)
        if self._purse is not None:
            self._purse.give(size + MESSAGE_BYTES, lasting=True)

    def _change(self, port: Port, messages: int, size: int) -> None:
        before = self._ports.get(port, (0, 0))
        if waiting := before[0] + messages:
            self._ports[port] = (waiting, before[1] + size)
        else:
            del self._ports[port]
        self._messages += messages
        self.bytes += size

    def by_size(self) -> list[Port]:
        """Return the ports in which something waits, the one with the most bytes first."""
        return sorted(self._ports, key=lambda port: self._ports[port][1], reverse=True)
