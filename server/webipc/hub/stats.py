"""What `ipc_main.stats()` says of a hub: plain values, read without stopping anything."""

from typing import Any, Final

from webipc.budget.account import Account
from webipc.budget.threads import FairThreads
from webipc.concurrency.stalls import Stalls
from webipc.core.errors import CloseCode
from webipc.hub.links import Links
from webipc.link.connection import Connection

LARGEST: Final = 5

NO_CONNECTIONS: Final = {"open": 0, "unfinished": 0, "limit": 0}
"""Before the first page has connected, and where the server does not tell."""


def no_stats() -> dict[str, Any]:
    """Return the numbers where no application is running."""
    return {
        "memory": {"limit": 0, "held": 0, "largest": []},
        "kept": {"messages": 0, "bytes": 0, "held": 0},
        "links": {"open": 0, "away": 0, "by_request": 0, "limit": 0},
        "connections": dict(NO_CONNECTIONS),
        "threads": {"running": 0, "waiting": 0},
        "refused": {},
        "evicted": {},
        "stall_ms": 0,
        "paused": 0,
    }


def stats_of(
    account: Account, links: Links, threads: FairThreads, stalls: Stalls, connections: dict[str, int] | None
) -> dict[str, Any]:
    """Return the numbers of this moment. `connections` are those of the server; None where it has not told."""
    with account.lock:
        largest = account.share.by_size()[:LARGEST]
    return {
        "memory": {
            "limit": account.limit,
            "held": account.held,
            "largest": [(str(payer), size) for payer, size in largest],
        },
        "kept": _kept(links),
        "links": links.counts(),
        "connections": connections or dict(NO_CONNECTIONS),
        "threads": {"running": threads.running, "waiting": threads.waiting},
        "refused": {int(CloseCode.TRY_LATER): links.refused} if links.refused else {},
        "evicted": dict(account.evictions.counts + links.evicted),
        "stall_ms": round(stalls.longest * 1000),
        "paused": sum(map(_is_paused, links)),
    }


def _kept(links: Links) -> dict[str, int]:
    """Return how many messages pages have not acknowledged, and how much memory they take for how many bytes."""
    kept = [(connection.link.kept_count, connection.link.kept_bytes, connection.link.held) for connection in links]
    return {
        "messages": sum(count for count, _, _ in kept),
        "bytes": sum(size for _, size, _ in kept),
        "held": sum(held for _, _, held in kept),
    }


def _is_paused(connection: Connection) -> bool:
    """Tell whether something that the page sends is not read at the moment."""
    # It may lose its socket meanwhile: this is any thread.
    transport = connection.transport
    return connection.holdings.paused > 0 or (transport is not None and transport.is_paused)
