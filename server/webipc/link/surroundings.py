"""`Surroundings`: what every connection of a process works with, and `Owner`: what it calls when it ends.

One record for all links, so that a connection needs few parameters and does not know the hub.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar, TypeVarTuple

from webipc.access.caller import Caller
from webipc.budget.account import Account
from webipc.budget.backlog import Backlog
from webipc.budget.threads import FairThreads
from webipc.concurrency.agenda import Agenda
from webipc.concurrency.clock import Clock
from webipc.concurrency.flusher import Flusher
from webipc.concurrency.loops import run_soon_in
from webipc.core.envelope import Envelope
from webipc.core.errors import BufferFullError, DestroyedError
from webipc.core.limits import Limits

# `Connection`, which cannot be named here: its file imports this one.
ConnectionT_contra = TypeVar("ConnectionT_contra", contravariant=True)


Args = TypeVarTuple("Args")

LOOP_CLOSED: Final = "Object has been destroyed: the event loop of the server is closed"


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
    # The time by which peers are judged.
    clock: Clock
    # When each link is to be looked at, by its id, in the time of the event loop.
    agenda: Agenda[str]
    # The id of the loop's thread.
    thread_id: int
    limits: Limits
    # Writes what was posted in one turn of the event loop together.
    flusher: Flusher
    # Routes what a caller has brought, in order. Raises ProtocolError when a message is wrong.
    dispatch: Callable[[ConnectionT_contra, Sequence[Envelope], Caller], None]
    owner: Owner[ConnectionT_contra]
    # What all links of the process hold.
    account: Account
    # What threads have sent and the loop has not taken.
    backlog: Backlog
    # Decodes what is large: one thread, in which no code of the application runs.
    unpacker: FairThreads
    # Counts the threads of FastAPI in which dependencies run.
    borrowed_threads: FairThreads

    @property
    def is_loop_thread(self) -> bool:
        """Whether this is the event loop's thread."""
        # As `run_in`, which would ask for the running loop: on Python 3.11 that is a system call for each message.
        return threading.get_ident() == self.thread_id

    def hand_over(self, size: int, function: Callable[[*Args], object], *args: *Args) -> None:
        """From another thread, have the event loop call a function, as soon as it has taken enough of what was sent.

        `size` is what the arguments take meanwhile, in bytes. Raises DestroyedError when the event loop is closed,
        BufferFullError in a thread that has waited in vain.
        """
        if self.loop.is_closed():
            raise DestroyedError(LOOP_CLOSED)
        admitted = self.backlog.admit(size)
        if admitted is None:
            raise BufferFullError("memory", self.backlog.held + size, self.backlog.limit)

        def take() -> None:
            admitted.leave()
            function(*args)

        if not run_soon_in(self.loop, take):
            admitted.leave()
            raise DestroyedError(LOOP_CLOSED)
