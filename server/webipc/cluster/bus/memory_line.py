"""`MemoryLine`: what the switchboard of a `MemoryBus` delivers to one worker. `Steps`: when each delivery is made."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from webipc.cluster.bus.bus import Member, Receiver, SaidToAll
from webipc.cluster.bus.known_members import KnownMembers
from webipc.cluster.bus.wire import decode_said


class Steps(Protocol):
    """Decides when each step is taken."""

    def soon(self, lane: str, step: Callable[[], None]) -> None:
        """Take a step later, behind the earlier ones of its lane."""


class LoopSteps:
    """The event loop takes one step after the other."""

    def soon(self, lane: str, step: Callable[[], None]) -> None:
        """See `Steps`."""
        asyncio.get_running_loop().call_soon(step)


class MemoryLine:
    """A `Line`. What it delivers comes later, in order."""

    def __init__(self, worker: str, steps: Steps, members: KnownMembers) -> None:
        """`members` are told here who lives."""
        self._lane = f"{worker} hears"
        self._steps = steps
        self._members = members
        self._receiver: Receiver | None = None
        # How many messages were on their way, and which of them `lose` takes.
        self._heard = 0
        self._lost_before = 0
        # The number of the last message to all.
        self.number = 0
        # What waits on its way, by worker.
        self.waiting: Mapping[str, int] = {}

    @property
    def is_heard(self) -> bool:
        """Whether there is a worker that hears it."""
        return self._receiver is not None

    def begin(self, receiver: Receiver, number: int) -> None:
        """Deliver to this receiver, of the stream what is behind this number."""
        self._receiver = receiver
        self.number = number

    def end(self) -> None:
        """Deliver nothing more."""
        self._receiver = None

    def lose(self) -> None:
        """Lose every message that is on its way, and let the worker learn of that."""
        self._lost_before = self._heard
        self.gap()

    def said(self, origin: str, rows: Sequence[bytes]) -> None:
        """See `Line`."""
        self._message(lambda receiver: receiver.received(decode_said(origin, rows)))

    def said_to_all(self, number: int, own: int, origin: str, rows: Sequence[bytes]) -> None:
        """See `Line`."""

        def deliver(receiver: Receiver) -> None:
            self.number = number
            receiver.received_by_all(SaidToAll(number, own, decode_said(origin, rows)))

        def lose(receiver: Receiver) -> None:
            self.number = number
            receiver.missed(1)

        self._message(deliver, lose)

    def member(self, member: Member) -> None:
        """See `Line`."""
        self._soon(lambda _: self._members.put(member))

    def lost(self, worker: str) -> None:
        """See `Line`."""

        def deliver(receiver: Receiver) -> None:
            self._members.remove(worker)
            receiver.lost(worker)

        self._soon(deliver)

    def gap(self) -> None:
        """See `Line`."""
        self._soon(lambda receiver: receiver.gap())

    def missed(self, count: int, number: int) -> None:
        """See `Line`."""

        def deliver(receiver: Receiver) -> None:
            self.number = number
            receiver.missed(count)

        self._soon(deliver)

    def waits(self, sizes: Mapping[str, int]) -> None:
        """See `Line`."""
        waiting = dict(sizes)

        def deliver(_: Receiver) -> None:
            self.waiting = waiting

        self._soon(deliver)

    def _message(self, deliver: Callable[[Receiver], None], lose: Callable[[Receiver], None] | None = None) -> None:
        """Deliver a message later; where it is lost meanwhile, let `lose` tell so instead."""
        self._heard += 1
        number = self._heard

        def arrive(receiver: Receiver) -> None:
            if number > self._lost_before:
                deliver(receiver)
            elif lose is not None:
                lose(receiver)

        self._soon(arrive)

    def _soon(self, deliver: Callable[[Receiver], None]) -> None:
        def arrive() -> None:
            if self._receiver is not None:
                deliver(self._receiver)

        if self._receiver is not None:
            self._steps.soon(self._lane, arrive)
