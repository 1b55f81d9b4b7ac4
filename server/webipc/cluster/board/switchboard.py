"""`Switchboard`: the members of one realm, what they say to each other, and their directory, in one memory.

It is what the parent process of several workers has, and what a bus in one process is made on. No I/O: who serves it
says what was asked, and is told what to deliver. Rows are passed on and not looked into.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from webipc.cluster.board.places import Places
from webipc.cluster.board.stream import Kept, Stream
from webipc.cluster.bus.bus import BusError, Member
from webipc.electron.ids import MOST_ORDINAL


class Line(Protocol):
    """The way to one worker. None of these may raise or call back at once."""

    def said(self, origin: str, rows: Sequence[bytes]) -> None:
        """Deliver what a worker has said to this one."""

    def said_to_all(self, number: int, own: int, origin: str, rows: Sequence[bytes]) -> None:
        """Deliver what was said to all."""

    def member(self, member: Member) -> None:
        """Tell of a worker that has begun, or has changed."""

    def lost(self, worker: str) -> None:
        """Tell of a worker that does not live any more."""

    def gap(self) -> None:
        """Tell that something that was said to this worker is lost."""

    def missed(self, count: int, number: int) -> None:
        """Tell that so many messages to all are lost, up to this number."""

    def waits(self, sizes: Mapping[str, int]) -> None:
        """Tell how much waits for which worker on its way; those that are not named have nothing worth a word."""


class _Worker:
    """A worker that lives."""

    __slots__ = ("line", "member", "own")

    def __init__(self, member: Member, line: Line) -> None:
        self.member = member
        self.line = line
        # How much it has said to all.
        self.own = 0


class Switchboard:
    """The workers of one realm, and what they know of each other. Belongs to one thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is a clock in seconds that never goes back."""
        self._ordinal = 0
        self._workers: dict[str, _Worker] = {}
        self._waiting: dict[str, int] = {}
        # The directory: each method takes the worker that states or asks.
        self.places = Places(now)
        self.stream = Stream()

    # --- members --------------------------------------------------------------------------------------------------

    def enter(self, worker: str, formats: Sequence[int], line: Line) -> Member:
        """Take in a worker, and tell all of it; it is told of the others. Raises BusError where it is in already."""
        if worker in self._workers:
            raise BusError(f"expected a worker that is no member yet, got {worker}")
        member = Member(worker, self._next_ordinal(), formats=tuple(formats))
        for other in self._workers.values():
            line.member(other.member)
            other.line.member(member)
        self._workers[worker] = _Worker(member, line)
        self.places.enter(worker)
        line.member(member)
        if self._waiting:
            line.waits(self._waiting)
        return member

    def _next_ordinal(self) -> int:
        """Return one that no living worker has, and with which the id of no tab begins."""
        taken = {worker.member.ordinal for worker in self._workers.values()} | self.places.ordinals()
        while True:
            self._ordinal = self._ordinal % MOST_ORDINAL + 1
            if self._ordinal not in taken:
                return self._ordinal

    def change(
        self, worker: str, *, is_draining: bool | None = None, pages: int | None = None, is_slow: bool | None = None
    ) -> None:
        """Note what has changed with a worker, and tell all of it."""
        found = self._workers.get(worker)
        if found is None:
            return
        old = found.member
        found.member = old._replace(
            is_draining=old.is_draining if is_draining is None else is_draining,
            pages=old.pages if pages is None else pages,
            is_slow=old.is_slow if is_slow is None else is_slow,
        )
        if found.member != old:
            for each in self._workers.values():
                each.line.member(found.member)

    def leave(self, worker: str) -> None:
        """Forget a worker with its links and tabs, and tell the others. Parked tabs stay. Once."""
        if self._workers.pop(worker, None) is None:
            return
        self._waiting.pop(worker, None)
        self.places.leave(worker)
        for other in self._workers.values():
            other.line.lost(worker)

    @property
    def members(self) -> Iterator[Member]:
        """The workers that live."""
        return (worker.member for worker in self._workers.values())

    # --- messages -------------------------------------------------------------------------------------------------

    def post(self, origin: str, worker: str, rows: Sequence[bytes]) -> bool:
        """Pass on what one worker says to another. False where that does not live."""
        found = self._workers.get(worker)
        if found is None or origin not in self._workers:
            return False
        found.line.said(origin, rows)
        return True

    def post_all(self, origin: str, rows: Sequence[bytes]) -> int:
        """Pass on what one worker says to all, itself included. Return its number."""
        found = self._workers.get(origin)
        own = 0
        if found is not None:
            found.own += 1
            own = found.own
        number = self.stream.add(origin, own, rows)
        for worker in self._workers.values():
            worker.line.said_to_all(number, own, origin, rows)
        return number

    def since(self, number: int, most: int | None = None) -> list[Kept] | None:
        """Return what was said to all behind this number; None where some of it is not kept any more."""
        return self.stream.since(number, most)

    # --- what is lost on its way to here --------------------------------------------------------------------------

    def gap(self, worker: str) -> None:
        """Tell a worker that something that was said to it did not get here."""
        found = self._workers.get(worker)
        if found is not None:
            found.line.gap()

    def missed(self, origin: str, count: int) -> None:
        """Tell all that so many messages to all of one worker did not get here. Who takes a tab cannot read on then."""
        found = self._workers.get(origin)
        if found is not None:
            found.own += count
        self.stream.skip(count)
        for worker in self._workers.values():
            worker.line.missed(count, self.stream.number)

    def tell_waiting(self, worker: str, size: int, *, is_slow: bool = False) -> None:
        """Tell all how many bytes wait for a worker on its way, which is backpressure for relays."""
        if worker not in self._workers:
            return
        self.change(worker, is_slow=is_slow)
        if size:
            self._waiting[worker] = size
        else:
            self._waiting.pop(worker, None)
        for each in self._workers.values():
            each.line.waits(self._waiting)

    def stats(self) -> dict[str, Any]:
        """Return how much there is of what."""
        return {
            "members": len(self._workers),
            "number": self.stream.number,
            "kept": len(self.stream),
            "kept_bytes": self.stream.bytes,
            **self.places.stats(),
        }
