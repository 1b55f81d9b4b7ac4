"""`Groups`: who is in which group, which tabs each user has, and how a message reaches them all.

What one thread asks for takes effect in its order, also among the messages that it sends otherwise: everything is done
in the event loop, where `LinkOutlet` and `Hub.broadcast` do theirs.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from webipc.core.frame import EncodedMessage
from webipc.core.link.held import held_by
from webipc.electron.document import Document
from webipc.electron.member import Member
from webipc.electron.tab import Tab
from webipc.groups.few import Few
from webipc.groups.roster import Rosters
from webipc.groups.shared_messages import SharedMessages
from webipc.link.connection import Connection
from webipc.link.outlet import LinkOutlet, encode_send
from webipc.link.surroundings import Surroundings

STEP_BYTES: Final = 200
"""What a change takes while it waits for the event loop, besides the name of its group."""

Find = Callable[[str], Few[Any]]


class Groups:
    """The groups of one process. `add`, `discard`, `send` and the reading of members may be called from any thread."""

    def __init__(self, around: Surroundings[Connection], shared: SharedMessages, has: Callable[[Tab], bool]) -> None:
        """`has` tells whether a tab is one of this process, from any thread."""
        self._around = around
        self.shared = shared
        self.has = has
        # By the name that the application gives them.
        self.named: Rosters[Member] = Rosters()
        # The tabs of each user who is known, by identity.
        self.users: Rosters[Tab] = Rosters()

    def add(self, name: str, member: Member) -> None:
        """Take a member into a group, unless it is gone by then. Raises as `Surroundings.hand_over` does."""
        if self._around.is_loop_thread:
            self._add(name, member)
        else:
            self._around.hand_over(STEP_BYTES + len(name), self._add, name, member)

    def _add(self, name: str, member: Member) -> None:
        if not member.is_gone:
            self.named.add(name, member)

    def discard(self, name: str, member: Member) -> None:
        """Let a member of a group go, if it is in. Raises as `Surroundings.hand_over` does."""
        if self._around.is_loop_thread:
            self.named.discard(name, member)
        else:
            self._around.hand_over(STEP_BYTES + len(name), self.named.discard, name, member)

    def send(
        self, find: Find, name: str, channel: str, args: tuple[Any, ...], excluded: frozenset[Tab | Document]
    ) -> None:
        """Send to those that `find` returns for `name` when the event loop runs this. The arguments are encoded now.

        Raises CloneError and LimitError, and as `Surroundings.hand_over` does.
        """
        around = self._around
        message = encode_send(channel, args, around.limits)
        if around.is_loop_thread:
            self._send(find, name, message, excluded)
        else:
            around.hand_over(held_by(message), self._send, find, name, message, excluded)

    def _send(self, find: Find, name: str, message: EncodedMessage, excluded: frozenset[Tab | Document]) -> None:
        # Copied: a link that is full ends while others still get the message.
        self.shared.post(_links_of(find(name), excluded), message)


def _links_of(members: Iterable[Member], excluded: frozenset[Tab | Document]) -> Collection[Connection]:
    """Return the link of the document that each member shows; none twice, and none between two documents."""
    links: dict[Connection, None] = {}
    for member in members:
        document = member.shown if isinstance(member, Tab) else member
        if not isinstance(document, Document) or not isinstance(document.outlet, LinkOutlet):
            continue
        if not excluded or (document not in excluded and document.tab not in excluded):
            links[document.outlet.connection] = None
    return links
