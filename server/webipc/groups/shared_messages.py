"""`SharedMessages`: posts one message to many links, and is charged once for what they keep of it together.

Each link is charged a small flat amount for its place in the link, as if the message were empty. The message itself is
charged until the last link has let it go, so the charge is what is held. Where that is too much, the links that are
furthest behind are ended (docs/adr/0023).
"""

from collections.abc import Collection, Iterable
from typing import Final

from webipc.budget.account import Account, Purse
from webipc.core.errors import CloseCode
from webipc.core.frame import EncodedMessage
from webipc.core.link.held import SharedMessage, held_by
from webipc.link.connection import Connection

_PAYER: Final = "messages to many pages"


class _ChargedMessage(SharedMessage):
    """A message that gives back what is charged for it when nothing refers to it any more."""

    # A subclass of a tuple cannot have slots.
    purse: Purse
    charged: int

    def __del__(self) -> None:
        self.purse.give(self.charged)


class SharedMessages:
    """Also the holder of its purse: what has to pay are the links that keep most of it."""

    is_away = False
    port_bytes = 0

    def __init__(self, account: Account, links: Iterable[Connection]) -> None:
        """`links` are those of the process; iterating them gives a copy."""
        self._purse = account.purse(_PAYER, self)
        self._links = links
        # How the log names who paid last.
        self._paid = _PAYER

    def post(self, links: Collection[Connection], message: EncodedMessage) -> None:
        """Post a message to these links. One that has ended meanwhile, or ends because it is full, gets nothing."""
        if len(links) <= 1:
            # A single one pays for itself.
            for connection in links:
                connection.post_here(message)
            return
        shared = _ChargedMessage(*message)
        shared.purse, shared.charged = self._purse, held_by(message)
        if not self._purse.take(shared.charged):
            self._purse.settle()
        for connection in links:
            connection.post_here(shared, shared=True)

    def close_ports(self, size: int) -> int:
        """There are none."""
        return 0

    def evict(self, reason: str) -> None:
        """End the links that keep most of it, until an eighth is free."""
        wanted = self._purse.held * 7 // 8
        for connection in sorted(self._links, key=_extra_of):
            if self._purse.held <= wanted or _extra_of(connection) >= 0:
                return
            self._paid = f"page #{connection.document.tab.id}"
            connection.reset("overflow", CloseCode.OVERFLOW)

    def __str__(self) -> str:
        return self._paid


def _extra_of(connection: Connection) -> int:
    """Return how many bytes of shared messages a link keeps, as a number less than nothing."""
    return connection.link.extra
