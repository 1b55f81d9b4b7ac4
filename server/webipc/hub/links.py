"""`Links`: the table of the links of one process, and its bounds (PROTOCOL.md 6.5 and 8).

Knows which links there are, which of them are away (have no socket), and which have ended lately.
"""

import hmac
from collections.abc import Callable, Iterator

from webipc.access.visitor import RefusedError
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode, ResetError
from webipc.hub.settings import Settings
from webipc.link.connection import Connection


class Links:
    """The links of a hub, by id."""

    def __init__(self, settings: Settings, end: Callable[[Connection, str], None]) -> None:
        """`end` ends a link for a reason, and removes it from here."""
        self._settings = settings
        self._end = end
        self._by_id: dict[str, Connection] = {}
        # Those without a socket, the longest away first.
        self._away: dict[Connection, None] = {}
        # Ids of links that have ended, and until when they are refused; in the order of time.
        self._ended: dict[str, float] = {}

    def __contains__(self, link_id: str) -> bool:
        return link_id in self._by_id

    def __iter__(self) -> Iterator[Connection]:
        """Iterate over a copy: a link may end meanwhile."""
        return iter(list(self._by_id.values()))

    def get(self, link_id: str | None) -> Connection | None:
        """Return the link with this id."""
        return self._by_id.get(link_id) if link_id is not None else None

    def find(self, hello: Hello) -> Connection | None:
        """Return the link that a `hello` names; None when it is not here.

        Raises ResetError when it has ended, RefusedError when the secret is another one.
        """
        connection = self._by_id.get(hello.link)
        if connection is None:
            if hello.link in self._ended:
                raise ResetError("ended")
            return None
        if not hmac.compare_digest(connection.secret, hello.secret.encode()):
            raise RefusedError(CloseCode.FORBIDDEN, "the secret is not this link's")
        return connection

    def has_ended(self, link_id: str | None) -> bool:
        """Tell whether a link with this id has ended lately."""
        return link_id in self._ended

    def add(self, connection: Connection) -> None:
        """Take in a new link. It is away until a socket attaches."""
        self._by_id[connection.link_id] = connection
        self._away[connection] = None

    def make_room(self) -> None:
        """Keep to `max_links` before one more is added: the link that is away the longest ends.

        Raises RefusedError when none is away.
        """
        max_links = self._settings.max_links
        if len(self._by_id) < max_links:
            return
        if not self._away:
            raise RefusedError(CloseCode.TRY_LATER, f"the server holds its {max_links} links")
        self._end(next(iter(self._away)), "ended")

    def attached(self, connection: Connection) -> None:
        """Note that a socket carries this link."""
        self._away.pop(connection, None)

    def detached(self, connection: Connection) -> None:
        """Note that this link has no socket any more."""
        self._away[connection] = None
        self.drop_longest_away()

    def drop_longest_away(self) -> None:
        """Keep to `max_unattached_links`: the link that is away the longest ends, perhaps the one just added."""
        if len(self._away) > self._settings.max_unattached_links:
            self._end(next(iter(self._away)), "ended")

    def remove(self, connection: Connection, refused_until: float) -> None:
        """Take out a link that has ended; its id is refused until this time of the event loop's clock."""
        self._by_id.pop(connection.link_id, None)
        self._away.pop(connection, None)
        self._ended[connection.link_id] = refused_until

    def forget_ended(self, now: float) -> None:
        """Forget the ids of links that ended long ago."""
        for link_id in [link_id for link_id, until in self._ended.items() if now >= until]:
            del self._ended[link_id]
