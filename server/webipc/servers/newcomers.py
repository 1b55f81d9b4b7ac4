"""`Newcomers`: which connections of a server give way to others, because they have not said what they want.

A connection is a newcomer until it has sent a whole request head, and a socket of webipc until its `hello`. Between two
requests it is idle. All that either of them costs is a descriptor, and a server has a limit on those.
Reasons and figures: docs/adr/0024-before-the-application.md
"""

import asyncio
import logging
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from webipc.budget.addresses import address_of
from webipc.budget.machine import descriptors
from webipc.budget.share import Share

logger = logging.getLogger("webipc")

MOST_DESCRIPTORS: Final = 65_536
"""The limit on open files that is used at most, also where the system allows more."""
MOST_NEWCOMERS: Final = 1_024
LEAST_OF_A_PAYER: Final = 8
LOG_SECONDS: Final = 10.0
"""How often connections that were refused are logged, at most."""
BURST: Final = 4
"""So many times as many newcomers as there may be are allowed until the next look."""
LATE_SECONDS: Final = 1.0
"""A look that is later than that tells that the process stood still, and heard nothing (docs/adr/0032)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many connections a server has, and what it accepts of one that it does not know."""

    connections: int
    newcomers: int
    # Within this time of connecting, or of the first byte behind an answer, a request head is whole.
    head_seconds: float = 10.0
    head_bytes: int = 65_536
    head_lines: int = 100
    # How often newcomers are looked at.
    look_seconds: float = 1.0

    @classmethod
    def of_machine(cls) -> "Bounds":
        """Return bounds that leave this process a reserve of descriptors, for files, databases and DNS."""
        limit = min(descriptors() or MOST_DESCRIPTORS, MOST_DESCRIPTORS)
        reserve = max(64, limit // 8)
        return cls(connections=max(1, limit - reserve), newcomers=max(1, min(MOST_NEWCOMERS, limit // 4)))


class Trusted(Protocol):
    """The proxies whose word is taken for where a request comes from."""

    def __contains__(self, address: str, /) -> bool:
        """Return whether an address is one of them."""


class Server(Protocol):
    """The state of a server."""

    @property
    def connections(self) -> Sized:
        """Its open connections."""


class Payer(NamedTuple):
    """Whose connections are counted together."""

    # An address, or the first half of one.
    key: str
    # False for a trusted proxy, whose connections are those of many visitors.
    is_bounded: bool


UNKNOWN: Final = Payer("", is_bounded=False)
"""Who pays for a client without an address, behind a Unix socket: that is a proxy."""


class Newcomer(Protocol):
    """A connection, as this file sees it."""

    payer: Payer

    def drop(self) -> None:
        """End the connection at once. Never raises."""


def who_gives_way(waiting: Iterable[Newcomer], capacity: int, most: int) -> list[Newcomer]:
    """Return which of these connections have to go; they are given oldest first, and the oldest of a payer go first.

    At most `most` are left, which costs the payers that have most of them. Then no payer is left with more than its
    share of `capacity`, a trusted proxy excepted.
    """
    rows: dict[Payer, list[Newcomer]] = {}
    for connection in waiting:
        rows.setdefault(connection.payer, []).append(connection)
    share: Share[Payer] = Share(capacity, LEAST_OF_A_PAYER)
    for payer, row in rows.items():
        share.take(payer, len(row))
    while share.held > most:
        sizes = share.by_size()
        # An eighth at once, so that the number of rounds does not grow with the number of connections.
        level = sizes[0][1] * 7 // 8
        for payer, size in sizes:
            share.give(payer, max(0, min(size - level, share.held - most)))
    for payer, size in share.by_size():
        if payer.is_bounded:
            share.give(payer, max(0, size - share.bound(payer)))
    return [connection for payer, row in rows.items() for connection in row[: len(row) - share.of(payer)]]


class Newcomers:
    """The connections of one server that give way."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, bounds: Bounds, trusted: Trusted, connections: Sized = ()
    ) -> None:
        """`trusted` are the addresses of proxies, `connections` the open connections of the server, of every kind."""
        self.bounds = bounds
        self._connections = connections
        self._loop = loop
        self._trusted = trusted
        # The oldest first, with the time since when; None: its time is not limited.
        self._newcomers: dict[Newcomer, float | None] = {}
        # The longest first. Their number is bounded by that of all connections.
        self._idle: dict[Newcomer, None] = {}
        self._look: asyncio.TimerHandle | None = None
        self._due = 0.0
        # How many connections were refused and not logged yet, and when some were logged.
        self._refused = 0
        self._logged_at = -LOG_SECONDS

    @classmethod
    def of_server(
        cls, server: "Server", loop: asyncio.AbstractEventLoop, bounds: Bounds, trusted: Trusted
    ) -> "Newcomers":
        """Make those of a server, which is known by its state: `newcomers_of` returns them from now on."""
        newcomers = _of_servers[server] = cls(loop, bounds, trusted, server.connections)
        return newcomers

    def __len__(self) -> int:
        """Return how many newcomers there are; idle connections are none."""
        return len(self._newcomers)

    def __contains__(self, connection: object) -> bool:
        return connection in self._newcomers

    def counts(self) -> dict[str, int]:
        """Return how many connections are open, how many of them are newcomers, and the limit. From any thread."""
        return {"open": len(self._connections), "unfinished": len(self), "limit": self.bounds.connections}

    def payer_of(self, address: str | None) -> Payer:
        """Return who pays for a client; `address` is None where it has none."""
        if address is None:
            return UNKNOWN
        return Payer(address_of(address), is_bounded=address not in self._trusted)

    def may_connect(self, already: int) -> bool:
        """Return whether a connection may stay beside `already` open ones.

        Where there is no more room, idle connections give way, or newcomers, of the payers that have the most. If there
        are none, the new connection has to go, and is counted in the log.
        """
        if already < self.bounds.connections:
            return True
        for waiting in (self._idle, self._newcomers):
            if waiting:
                # An eighth at once, which pays for the search.
                self._drop_all(who_gives_way(waiting, self.bounds.connections, len(waiting) * 7 // 8))
                return True
        self._log_refused(already)
        return False

    def enter(self, connection: Newcomer, *, is_timed: bool = True) -> None:
        """Add a newcomer, which is dropped if it does not leave in time; without `is_timed`, its time is not limited.

        Where there are too many, some are dropped at the next look, so that a crowd that comes at once has the time to
        speak.
        """
        self._newcomers[connection] = self._loop.time() if is_timed else None
        if len(self._newcomers) > BURST * self.bounds.newcomers:
            self._thin_out()
        if self._look is None:
            self._plan_look()

    def rest(self, connection: Newcomer) -> None:
        """Add an idle connection. The server ends it in its own time."""
        self._idle[connection] = None

    def leave(self, connection: Newcomer) -> None:
        """Remove a connection: it has said what it wants, or is gone. Does nothing for one that is not there."""
        if connection in self._newcomers:
            del self._newcomers[connection]
        else:
            self._idle.pop(connection, None)

    def end_overdue(self, now: float) -> None:
        """Drop the newcomers whose time is over at the time `now` of the event loop."""
        latest = now - self.bounds.head_seconds
        self._drop_all([one for one, since in self._newcomers.items() if since is not None and since <= latest])

    def _drop_all(self, connections: Iterable[Newcomer]) -> None:
        for connection in connections:
            self.leave(connection)
            connection.drop()

    def _thin_out(self) -> None:
        self._drop_all(who_gives_way(self._newcomers, self.bounds.newcomers, self.bounds.newcomers))

    def _plan_look(self) -> None:
        self._due = self._loop.time() + self.bounds.look_seconds
        self._look = self._loop.call_later(self.bounds.look_seconds, self._look_again)

    def _look_again(self) -> None:
        now = self._loop.time()
        if (late := now - self._due) > LATE_SECONDS:
            for connection, since in self._newcomers.items():
                self._newcomers[connection] = None if since is None else min(since + late, now)
        self.end_overdue(now)
        self._thin_out()
        self._look = None
        if self._newcomers:
            self._plan_look()

    def _log_refused(self, already: int) -> None:
        self._refused += 1
        now = self._loop.time()
        if now - self._logged_at >= LOG_SECONDS:
            text = "%d new connections were closed: %d are open, and the limit on open files allows no more"
            logger.warning(text, self._refused, already)
            self._refused, self._logged_at = 0, now


_of_servers: WeakKeyDictionary[object, Newcomers] = WeakKeyDictionary()


def newcomers_of(server: object) -> Newcomers | None:
    """Return the newcomers of a server, which is known by its state; None where they are not bounded."""
    return _of_servers.get(server)
