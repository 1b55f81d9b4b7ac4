"""`Groups`: who is in which group, which tabs each user has, and how a message reaches them all.

What one thread asks for takes effect in its order, also among the messages that it sends otherwise: everything is done
in the event loop, where `LinkOutlet` and `Hub.broadcast` do theirs.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, Protocol

from webipc.core.errors import BufferFullError
from webipc.core.frame import EncodedMessage
from webipc.core.link.held import held_by
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.groups.few import Few
from webipc.groups.roster import Rosters
from webipc.groups.shared_messages import SharedMessages
from webipc.link.connection import Connection
from webipc.link.holdings import GROUP_BYTES
from webipc.link.outlet import LinkOutlet, encode_send
from webipc.link.surroundings import Surroundings
from webipc.logs.ration import Ration

logger = logging.getLogger("webipc")

STEP_BYTES: Final = 200
"""What a change takes while it waits for the event loop, besides the name of its group."""

Find = Callable[[str], Few[Any]]

Excluded = frozenset[Tab | Document]


class Elsewhere(Protocol):
    """The pages that are in other processes of the server."""

    def broadcast(self, message: EncodedMessage) -> None:
        """Send to all of them."""

    def group(self, name: str, message: EncodedMessage, excluded: Excluded) -> None:
        """Send to the members of a group."""

    def user(self, identity: str, message: EncodedMessage, excluded: Excluded) -> None:
        """Send to the tabs of a user."""


PassOn = Callable[[Elsewhere, str, EncodedMessage, Excluded], None]


class Groups:
    """The groups of one process. `add`, `discard`, `send` and the reading of members may be called from any thread."""

    # The pages in other processes; None in a single one. Set before the first page comes.
    elsewhere: Elsewhere | None = None

    def __init__(self, around: Surroundings[Connection], shared: SharedMessages, has: Callable[[Tab], bool]) -> None:
        """`has` tells whether a tab is one of this process, from any thread."""
        self._around = around
        self.shared = shared
        self.has = has
        self._not_added = Ration(1, 10, 60.0)
        # By the name that the application gives them.
        self.named: Rosters[Tab | Document] = Rosters()
        # The tabs of each user who is known, by identity.
        self.users: Rosters[Tab] = Rosters()

    def add(self, name: str, member: Tab | Document) -> None:
        """Take a member into a group, unless it is gone by then. Raises as `Surroundings.hand_over` does.

        Raises BufferFullError where there is no memory for it; in another thread than the event loop's that is logged.
        """
        if self._around.is_loop_thread:
            self._add(name, member)
        else:
            self._around.hand_over(STEP_BYTES + len(name), self._add_later, name, member)

    def _add(self, name: str, member: Tab | Document) -> None:
        if member.is_gone:
            return
        self.named.add(name, member)
        if not self.charge(member):
            self._discard(name, member)
            account = self._around.account
            raise BufferFullError("memory", account.held + GROUP_BYTES, account.limit)

    def _add_later(self, name: str, member: Tab | Document) -> None:
        try:
            self._add(name, member)
        except BufferFullError as error:
            if self._not_added.may_write(member):
                left_out = self._not_added.left_out()
                logger.warning("%r is not added to the group '%s': %s%s", member, name, error, left_out)

    def discard(self, name: str, member: Tab | Document) -> None:
        """Let a member of a group go, if it is in. Raises as `Surroundings.hand_over` does."""
        if self._around.is_loop_thread:
            self._discard(name, member)
        else:
            self._around.hand_over(STEP_BYTES + len(name), self._discard, name, member)

    def _discard(self, name: str, member: Tab | Document) -> None:
        self.named.discard(name, member)
        self.charge(member)

    def charge(self, member: Tab | Document) -> bool:
        """Charge the groups of a tab, and of the document that it shows, to the link of that; or those of a document.

        Return whether there was room for them. Between two documents there is nobody to charge.
        """
        document = member.shown if isinstance(member, Tab) else member
        if document is None or not isinstance(document.outlet, LinkOutlet):
            return True
        of_tab = len(document.tab.joined) if document is document.tab.shown else 0
        return document.outlet.connection.holdings.groups(of_tab + len(document.joined))

    def send(
        self, find: Find, pass_on: PassOn, name: str, channel: str, args: tuple[Any, ...], excluded: Excluded
    ) -> None:
        """Send to those that `find` returns for `name` when the event loop runs this. The arguments are encoded now.

        `pass_on` sends to those in other processes. Raises CloneError and LimitError, and as `Surroundings.hand_over`
        does.
        """
        around = self._around
        message = encode_send(channel, args, around.limits)
        if around.is_loop_thread:
            self._send(find, pass_on, name, message, excluded)
        else:
            around.hand_over(held_by(message), self._send, find, pass_on, name, message, excluded)

    def _send(self, find: Find, pass_on: PassOn, name: str, message: EncodedMessage, excluded: Excluded) -> None:
        self.deliver(find(name), message, excluded)
        if self.elsewhere is not None:
            pass_on(self.elsewhere, name, message, excluded)

    def deliver(self, members: Iterable[Tab | Document], message: EncodedMessage, excluded: Excluded) -> None:
        """Post a message to the documents that these members show, in the event loop."""
        # Copied: a link that is full ends while others still get the message.
        self.shared.post(_links_of(members, excluded), message)


def _links_of(members: Iterable[Tab | Document], excluded: Excluded) -> Collection[Connection]:
    """Return the link of the document that each member shows; none twice, and none between two documents."""
    links: dict[Connection, None] = {}
    for member in members:
        document = member.shown if isinstance(member, Tab) else member
        if document is None or not isinstance(document.outlet, LinkOutlet):
            continue
        if not excluded or (document not in excluded and document.tab not in excluded):
            links[document.outlet.connection] = None
    return links
