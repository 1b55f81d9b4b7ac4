"""`Surroundings`: what every connection of a process works with, and `Owner`: what it calls when it ends.

One record for all links, so that a connection needs few parameters and does not know the hub.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from webipc.budget.account import Account
from webipc.budget.backlog import Backlog
from webipc.concurrency.flusher import Flusher
from webipc.core.envelope import Envelope
from webipc.core.limits import Limits

# `Connection`, which cannot be named here: its file imports this one.
ConnectionT_contra = TypeVar("ConnectionT_contra", contravariant=True)


class Owner(Protocol[ConnectionT_contra]):
    """Keeps the connection, and is called when its socket or its link ends (the hub)."""

    def lost(self, connection: ConnectionT_contra) -> None:
        """The link has no socket any more."""

    def end(self, connection: ConnectionT_contra, reason: str) -> None:
        """The link is over: forget it."""


@dataclass(frozen=True, slots=True)
class Surroundings(Generic[ConnectionT_contra]):
    """What every connection of a process works with; one object for all of them."""

    loop: asyncio.AbstractEventLoop
    # The id of the loop's thread.
    thread_id: int
    limits: Limits
    # Writes what was posted in one turn of the event loop together.
    flusher: Flusher
    # Routes what has arrived, in order. Raises ProtocolError when a message is wrong.
    dispatch: Callable[[ConnectionT_contra, Sequence[Envelope]], None]
    owner: Owner[ConnectionT_contra]
    # What all links of the process hold.
    account: Account
    # What threads have sent and the loop has not taken.
    backlog: Backlog
