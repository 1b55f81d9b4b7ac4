"""`Holdings`: what one link holds of the memory of the process, and how it gives it back (docs/adr/0023).

The flat charge of a link is counted here. What it keeps, waits for and runs is charged by whoever holds it, to `purse`.
"""

from collections.abc import Hashable
from typing import Protocol

from webipc.budget.account import Account
from webipc.core.errors import CloseCode
from webipc.core.link import Link
from webipc.electron.document import Document

LINK_BYTES = 16_384
"""What every link is charged: its objects, its socket, and what its `hello` says."""


class Held(Protocol):
    """The link: a `Connection`."""

    document: Document

    @property
    def link(self) -> Link:
        """Its numbers and messages."""

    def reset(self, reason: str, code: CloseCode) -> None:
        """End it."""


class Holdings:
    """The purse of a link, and the link as the holder of what is in it."""

    __slots__ = ("_connection", "purse")

    def __init__(self, connection: Held, account: Account, payer: Hashable) -> None:
        """`payer` is whose links are counted together: see `Account`."""
        self._connection = connection
        self.purse = account.purse(payer, self)
        self.purse.take(LINK_BYTES)

    def close(self) -> None:
        """Give the flat charge back, because the link is over."""
        self.purse.give(LINK_BYTES)
        self.purse.close()

    @property
    def payer(self) -> Hashable:
        """Whose links and bytes are counted together with those of this one."""
        return self.purse.payer.key

    @property
    def is_away(self) -> bool:
        """Whether no socket carries the link."""
        return not self._connection.link.attached

    @property
    def port_bytes(self) -> int:
        """How many bytes wait in ports without a consumer."""
        return 0

    def close_ports(self, size: int) -> int:
        """Close ports without a consumer until so many bytes are free. Return how many."""
        return 0

    def evict(self, reason: str) -> None:
        """End the link. A page that is connected is told that it is reset, and begins another link."""
        self._connection.reset("overflow" if reason == "overflow" else "ended", CloseCode.OVERFLOW)

    def __str__(self) -> str:
        return f"page #{self._connection.document.tab.id}"
