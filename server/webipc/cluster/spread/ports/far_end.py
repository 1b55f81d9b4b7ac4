"""`FarEnd`: an end of a channel that is at another worker, and what that has taken of what was sent to it.

It is one more kind beside `LocalEnd` and `RemoteEnd` (ports/): nothing else of a port knows that there are workers.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, cast

from webipc.core.limits import Limits
from webipc.ports.allowance import Allowance
from webipc.ports.ends import End, LocalEnd, PortMessage, entangling

WINDOW: Final = 262_144
"""Bytes of one channel that may be on their way to another worker, or wait there to be taken."""


class Far(Protocol):
    """What has the ends of a worker (far_ports.py)."""

    @property
    def limits(self) -> Limits:
        """What the application has set."""

    def queue(self, end: "FarEnd", message: PortMessage | None) -> None:
        """Queue a message for an end, or its close. Called under the lock, in any thread."""

    def admit(self, message: PortMessage) -> PortMessage:
        """See `End`."""

    def wake(self) -> None:
        """Send what was queued."""

    def shut(self, end: "FarEnd") -> None:
        """Tell the other worker that the channel is closed, unless it is closed there already."""


class FarEnd(End):
    """An end at another worker."""

    __slots__ = ("_far", "held", "in_flight", "taken", "uid", "waiting", "worker")

    def __init__(self, far: Far, worker: str, uid: str) -> None:
        """`uid` is its name at both workers."""
        super().__init__()
        self._far = far
        self.worker = worker
        self.uid = uid
        # Bytes that were sent and not taken there, as far as that has told.
        self.in_flight = 0
        # Bytes that were taken here and not told there.
        self.taken = 0
        # What is beyond the window, and how many bytes of it no page pays for. None is the close.
        self.waiting: deque[PortMessage | None] = deque()
        self.held = 0

    @property
    def limits(self) -> Limits:
        """See End."""
        return self._far.limits

    def deliver(self, message: PortMessage) -> None:
        """See End."""
        self._far.queue(self, message)

    def admit(self, message: PortMessage) -> PortMessage:
        """See End."""
        return self._far.admit(message)

    def peer_closed(self) -> None:
        """See End."""
        self._far.queue(self, None)

    def delivered(self) -> None:
        """See End."""
        self._far.wake()

    # --- what is beyond the window; in the event loop's thread ------------------------------------------------------

    def keep(self, message: PortMessage) -> None:
        """Let a message wait. Raises LimitError when it is nested too deeply for that."""
        kept = message.kept()
        with entangling:
            if message.allowance is None:
                self.held += kept.counted
            else:
                # Only its methods are called: the ends of an allowance need not be in this process.
                message.allowance.take(cast("LocalEnd", self), kept.counted)
            self.waiting.append(kept)

    def next(self) -> PortMessage | None:
        """Return what has waited longest, which pays no more for that; None for the close."""
        with entangling:
            message = self.waiting.popleft()
            if message is not None:
                self._pay_back(message)
        return message

    def _pay_back(self, message: PortMessage) -> None:
        if message.allowance is None:
            self.held -= message.counted
        else:
            message.allowance.give_back(cast("LocalEnd", self), message.counted)

    def drop_waiting(self) -> None:
        """Drop what waits, and close the ends in it."""
        while self.waiting:
            message = self.next()
            if message is not None:
                message.close_ends()

    def close_unstarted(self) -> bool:
        """Close the channel because too much waits here. Return whether it was closed: see `LocalEnd`."""
        was_open = self.peer is not None
        self.drop_waiting()
        self.close()
        self._far.shut(self)
        return was_open


class Taken(Allowance[LocalEnd]):
    """Notes when one message of another worker is taken here: it may wait in a port that is not started."""

    __slots__ = ("_done", "waits")

    def __init__(self, limits: Limits, done: Callable[[], None]) -> None:
        """`done` is called when a message that had to wait is taken, or dropped: under the lock, in any thread."""
        super().__init__(limits)
        self._done = done
        # Whether it had to wait.
        self.waits = False

    def take(self, port: LocalEnd, size: int) -> None:
        """See `Allowance`."""
        self.waits = True

    def give_back(self, port: LocalEnd, size: int) -> None:
        """See `Allowance`."""
        self._done()
