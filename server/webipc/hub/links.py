"""`Links`: the table of the links of one process, and who gives way when there are too many (PROTOCOL.md 6.5 and 8).

Knows which links there are, which of them have no socket, who pays for them, and which have ended lately. A link with a
socket is never evicted, and a link that once had one is not evicted for one that only a request has made.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from typing import Final

from webipc.access.caller import ANOTHER_USER, AnotherUserError
from webipc.access.link_secret import proves
from webipc.access.visitor import RefusedError
from webipc.budget.account import Account
from webipc.budget.share import Share
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode, ResetError
from webipc.groups.few import Few, added, removed
from webipc.hub.settings import Settings
from webipc.link.connection import Connection
from webipc.link.holdings import LINK_BYTES

LEAST_LINKS = 16
"""What each address may have in any case: the tabs and iframes of one person."""
LEAST_BY_REQUEST = 4

MOVED: Final = "moved"
"""The reason for which a link ends here that goes on in another process. No page is told it."""

ENDED_IDS = 65_536
"""So many ids of ended links are remembered. A link that is forgotten here is unknown, which resets it as well."""


class _Row:
    """The links of one payer that have no socket."""

    __slots__ = ("away", "by_request")

    def __init__(self) -> None:
        # Those that had one, the longest away first.
        self.away: dict[Connection, None] = {}
        # Those that only requests have named, the oldest first.
        self.by_request: dict[Connection, None] = {}


class Links:
    """The links of a hub, by id, by user and by payer."""

    def __init__(self, settings: Settings, account: Account, end: Callable[[Connection, str], None]) -> None:
        """`end` ends a link for a reason, and removes it from here."""
        self._account = account
        self._end = end
        self._by_id: dict[str, Connection] = {}
        # Those of each user who is known, by identity. Also those that no tab shows: a request alone has made them, or
        # the document that embeds theirs is gone.
        self._of_users: dict[str, Few[Connection]] = {}
        most_away = settings.max_unattached_links
        self._open: Share[Hashable] = Share(settings.max_links, LEAST_LINKS)
        self._away: Share[Hashable] = Share(most_away, LEAST_LINKS)
        self._by_request: Share[Hashable] = Share(max(1, most_away // 4), LEAST_BY_REQUEST)
        # Only of payers that have a link without a socket.
        self._rows: dict[Hashable, _Row] = {}
        # Ids of links that have ended, until when they are refused, and for which reason; in the order of time.
        self._ended: dict[str, tuple[float, str]] = {}
        # How many links gave way to others, and how many newcomers were refused.
        self.evicted: Counter[str] = Counter()
        self.refused = 0

    def __contains__(self, link_id: str) -> bool:
        return link_id in self._by_id

    def __iter__(self) -> Iterator[Connection]:
        """Iterate over a copy: a link may end meanwhile."""
        return iter(list(self._by_id.values()))

    def of_user(self, identity: str) -> list[Connection]:
        """Return every link of a user. A copy, in time in proportion to them."""
        return list(self._of_users.get(identity, ()))

    @property
    def left(self) -> float:
        """The free part of the links or of the memory, whichever is scarcer, from 0 to 1."""
        return min(self._open.left, self._account.share.left)

    def counts(self) -> dict[str, int]:
        """Return how many links there are, how many of them have no socket, and how many there may be."""
        return {
            "open": self._open.held,
            "away": self._away.held,
            "by_request": self._by_request.held,
            "limit": self._open.capacity,
        }

    def of(self, payer: Hashable) -> int:
        """Return how many links a payer has."""
        return self._open.of(payer)

    def get(self, link_id: str | None) -> Connection | None:
        """Return the link with this id."""
        return self._by_id.get(link_id) if link_id is not None else None

    def find(self, hello: Hello) -> Connection | None:
        """Return the link that a `hello` names; None when it is not here.

        Raises ResetError with the reason for which it has ended, AnotherUserError where that was another user, and
        RefusedError when the secret is another one.
        """
        connection = self._by_id.get(hello.link)
        if connection is None:
            if (ended := self._ended.get(hello.link)) is not None:
                raise AnotherUserError if ended[1] == ANOTHER_USER else ResetError(ended[1])
            return None
        if not proves(hello.secret, connection.secret_digest):
            raise RefusedError(CloseCode.FORBIDDEN, "the secret is not this link's")
        return connection

    def has_ended(self, link_id: str | None) -> bool:
        """Tell whether a link with this id has ended lately."""
        return link_id in self._ended

    # --- who may come, and who gives way --------------------------------------------------------------------------

    def make_room(self, payer: Hashable, *, by_request: bool) -> None:
        """Let a new link of a payer be added, if need be by ending links that give way to it.

        A link that a request makes displaces only its like. Raises RefusedError when none gives way.
        """
        while (reason := self._why_not(payer, by_request=by_request)) is not None:
            victim = self._gives_way(payer, by_request=by_request)
            if victim is None:
                self.refused += 1
                raise RefusedError(CloseCode.TRY_LATER, reason)
            self._evict(victim)

    def _why_not(self, payer: Hashable, *, by_request: bool) -> str | None:
        share = self._open
        if share.held >= share.capacity:
            return f"the server holds its {share.capacity} links"
        if not share.may(payer, 1):
            return f"this address has its share of the server's {share.capacity} links"
        if by_request and not self._by_request.may(payer, 1):
            return "this address has its share of the links that have no socket yet"
        if not self._account.may_begin(payer, LINK_BYTES):
            return "this address has its share of the server's memory"
        return None

    def _gives_way(self, payer: Hashable, *, by_request: bool) -> Connection | None:
        """Return the link that ends for a new one of `payer`: one of its own, or of the payer with most."""
        share = self._by_request if by_request else self._open
        if self._open.held < self._open.capacity and share.held < share.capacity:
            return _first(self._rows.get(payer), by_request=by_request)
        # Only when all is full: the payer with most of those that have something to give.
        rows = [key for key, row in self._rows.items() if row.by_request or (row.away and not by_request)]
        most = max(rows, key=share.of, default=payer)
        # One with fewer links than the newcomer's own payer does not pay for it.
        return _first(self._rows.get(most if share.of(most) >= share.of(payer) else payer), by_request=by_request)

    def _evict(self, connection: Connection) -> None:
        self.evicted["away" if connection.was_attached else "by_request"] += 1
        self._end(connection, "ended")

    # --- what becomes of links ------------------------------------------------------------------------------------

    def add(self, connection: Connection) -> None:
        """Take in a new link. It counts as made by a request until a socket attaches."""
        payer = connection.holdings.payer
        self._by_id[connection.link_id] = connection
        identity = connection.document.tab.identity
        if identity is not None:
            self._of_users[identity] = added(self._of_users.get(identity, ()), connection)
        self._open.take(payer, 1)
        self._by_request.take(payer, 1)
        self._row(payer).by_request[connection] = None

    def attached(self, connection: Connection) -> None:
        """Note that a socket carries this link."""
        payer = connection.holdings.payer
        row = self._rows.get(payer)
        if row is None:
            return
        if connection in row.away:
            del row.away[connection]
            self._away.give(payer, 1)
        elif connection in row.by_request:
            del row.by_request[connection]
            self._by_request.give(payer, 1)
        if not row.away and not row.by_request:
            del self._rows[payer]

    def detached(self, connection: Connection) -> None:
        """Note that this link has no socket any more. The one that is away the longest ends if there are too many."""
        payer, away = connection.holdings.payer, self._away
        if not away.may(payer, 1):
            payers = [payer] if away.held < away.capacity else [key for key, row in self._rows.items() if row.away]
            row = self._rows.get(max(payers, key=away.of, default=payer))
            self._evict(next(iter(row.away)) if row is not None and row.away else connection)
        if not connection.ended:
            away.take(payer, 1)
            self._row(payer).away[connection] = None

    def _row(self, payer: Hashable) -> _Row:
        row = self._rows.get(payer)
        if row is None:
            row = self._rows[payer] = _Row()
        return row

    def remove(self, connection: Connection, refused_until: float) -> None:
        """Take out a link that has ended; its id is refused until this time of the hub's clock."""
        if self.let_go(connection):
            self._ended[connection.link_id] = (refused_until, connection.end_reason)
            if len(self._ended) > ENDED_IDS:
                del self._ended[next(iter(self._ended))]

    def let_go(self, connection: Connection) -> bool:
        """Take out a link that goes on elsewhere: its id is not refused. Return whether it was here."""
        if self._by_id.pop(connection.link_id, None) is None:
            return False
        self._remove_of_user(connection)
        self.attached(connection)
        self._open.give(connection.holdings.payer, 1)
        return True

    def _remove_of_user(self, connection: Connection) -> None:
        identity = connection.document.tab.identity
        if identity is None:
            return
        rest = removed(self._of_users[identity], connection)
        if rest:
            self._of_users[identity] = rest
        else:
            del self._of_users[identity]

    def recall(self, link_id: str) -> None:
        """Do not refuse this id any more: another process has the link."""
        self._ended.pop(link_id, None)

    def forget_ended(self, now: float) -> None:
        """Forget the ids of links that ended long ago."""
        while self._ended:
            oldest = next(iter(self._ended))
            if now < self._ended[oldest][0]:
                return
            del self._ended[oldest]


def _first(row: _Row | None, *, by_request: bool) -> Connection | None:
    """Return the link of a payer that gives way first; for a newcomer that a request makes, one of its like alone."""
    if row is None:
        return None
    if row.by_request:
        return next(iter(row.by_request))
    return None if by_request else next(iter(row.away), None)
