"""`Broadcasts`: posts one message to every link, and is charged once for what they keep of it together.

Each link is charged a small flat amount for its place in the link, as if the message were empty. What all links hold of
broadcasts together is what the one that is furthest behind holds; the sweep looks at how much that is.
"""

from collections.abc import Iterable
from typing import Final

from webipc.budget.account import Account
from webipc.core.frame import EncodedMessage
from webipc.core.link.held import SharedMessage, held_by
from webipc.link.connection import Connection

_PAYER: Final = "broadcasts"


class Broadcasts:
    """Also the holder of its purse, which has nothing that could be ended."""

    is_away = False
    port_bytes = 0

    def __init__(self, account: Account) -> None:
        self._purse = account.purse(_PAYER, self)

    def post(self, links: Iterable[Connection], message: EncodedMessage) -> None:
        """Post a message to these links."""
        # As for a running call: no end of a link frees it.
        if not self._purse.take(held_by(message), lasting=True):
            self._purse.settle()
        shared = SharedMessage(*message)
        for connection in links:
            connection.post_here(shared, shared=True)

    def recount(self, links: Iterable[Connection]) -> None:
        """Charge what the link that is furthest behind keeps of the broadcasts."""
        if not self._purse.held:
            return
        held = max((-connection.link.extra for connection in links), default=0)
        if held < self._purse.held:
            self._purse.give(self._purse.held - max(0, held), lasting=True)

    def close_ports(self, size: int) -> int:
        """There are none."""
        return 0

    def evict(self, reason: str) -> None:
        """Nothing can be ended."""

    def __str__(self) -> str:
        return "broadcasts"
