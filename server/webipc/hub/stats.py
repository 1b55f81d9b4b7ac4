"""What `ipc_main.stats()` says of a hub: plain values, read without stopping anything."""

from typing import Any, Final

from webipc.budget.account import Account
from webipc.budget.threads import FairThreads
from webipc.core.errors import CloseCode
from webipc.hub.links import Links

LARGEST: Final = 5


def no_stats() -> dict[str, Any]:
    """Return the numbers where no application is running."""
    return {
        "memory": {"limit": 0, "held": 0, "largest": []},
        "links": {"open": 0, "away": 0, "by_request": 0, "limit": 0},
        "threads": {"running": 0, "waiting": 0},
        "refused": {},
        "evicted": {},
    }


def stats_of(account: Account, links: Links, threads: FairThreads) -> dict[str, Any]:
    """Return the numbers of this moment."""
    with account.lock:
        largest = account.share.by_size()[:LARGEST]
    return {
        "memory": {
            "limit": account.limit,
            "held": account.held,
            "largest": [(str(payer), size) for payer, size in largest],
        },
        "links": links.counts(),
        "threads": {"running": threads.running, "waiting": threads.waiting},
        "refused": {int(CloseCode.TRY_LATER): links.refused} if links.refused else {},
        "evicted": dict(account.evictions.counts + links.evicted),
    }
