"""The two ends of a channel, and the messages between them: entangling, queueing, transfer, close (PROTOCOL.md 4.4).

An end is in this process (`LocalEnd`, behind a MessagePortMain) or in a page (`RemoteEnd` of link_ports.py). It does
not depend on the kind of its peer: a channel between two pages has two remote ends, and its messages are forwarded
without being decoded. The ids of ports within a link are in core/ports.py.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from webipc.budget.backlog import Admitted
from webipc.core.envelope import Port, Post
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link.held import held_by
from webipc.core.link.written import Opened
from webipc.core.tuples import new
from webipc.ports.allowance import Allowance
from webipc.ports.value import PortValue

# Held while the peer of an end changes and while a message is queued at one, so that all messages of a channel have one
# order; never while other code runs (a log handler of the application may post into a port). One lock for all channels,
# because a transfer touches ends of several, and separate locks would have no safe order. Reentrant, because the
# garbage collector may close an end while this thread holds the lock.
entangling = threading.RLock()


class PortMessage(NamedTuple):
    """A message within a channel: an encoded value, and the ends that are transferred with it."""

    value: PortValue
    ends: tuple["LocalEnd", ...] = ()
    # The allowance of the page that posted it; None where it does not come from a page.
    allowance: "Allowance[LocalEnd] | None" = None
    # How many bytes it takes while it waits for the event loop, where the program has posted it.
    held: int = 0
    # Counts it until the event loop takes it, where another thread has posted it.
    admitted: Admitted | None = None
    # How many bytes of it the allowance counts.
    counted: int = 0

    @classmethod
    def encode(
        cls, value: Any, limits: Limits = DEFAULT_LIMITS, ends: tuple["LocalEnd", ...] = (), *, ports: int = 0
    ) -> "PortMessage":
        """Encode a value at once: see `PortValue.encode`."""
        encoded, whole = PortValue.encode(value, limits, ports)
        return cls(encoded, ends, None, held_by(whole))

    @classmethod
    def received(
        cls, carrier: Port | Post, ends: tuple["LocalEnd", ...], allowance: "Allowance[LocalEnd] | None" = None
    ) -> "PortMessage":
        """Return the message that a page has posted, without decoding its value."""
        return new(cls, (PortValue.received(carrier), ends, allowance, 0, None, 0))

    def with_ends(self, ends: "Iterable[LocalEnd]") -> "PortMessage":
        """Return the same message with these ends."""
        return PortMessage(self.value, tuple(ends), None, self.held, self.admitted)

    def taken(self) -> None:
        """Note that the event loop has taken it, or that it was dropped: a thread may have posted it."""
        if self.admitted is not None:
            self.admitted.leave()

    def kept(self) -> "PortMessage":
        """Return it as what the allowance counts: see `PortValue.kept`."""
        value, size = self.value.kept()
        return PortMessage(value, self.ends, self.allowance, counted=size)

    def close_ends(self) -> None:
        """Close the ends that are transferred with it, because the message cannot be delivered."""
        for end in self.ends:
            end.close()


class End:
    """One end of a channel. `peer` is the other one, None once either is closed."""

    __slots__ = ("peer",)

    def __init__(self) -> None:
        self.peer: End | None = None

    @property
    def limits(self) -> Limits:
        """The limits of what can be delivered here."""
        return DEFAULT_LIMITS

    def deliver(self, message: PortMessage) -> None:
        """Queue a message of the other end. Called under the lock: what it causes is done by `delivered`.

        Raises LimitError when it would have to wait and is nested too deeply for that: then it is not queued.
        """
        raise NotImplementedError

    def admit(self, message: PortMessage) -> PortMessage:
        """Return a message that may be posted to this end, from this thread. Called without the lock.

        A thread may have to wait until the event loop has taken what was sent before. Raises BufferFullError when it
        has waited in vain.
        """
        return message

    def peer_closed(self) -> None:
        """Queue the close of the other end, behind its messages. Called under the lock."""
        raise NotImplementedError

    def delivered(self) -> None:
        """React to what was queued. Called without the lock, in any thread."""

    def post(self, message: PortMessage) -> None:
        """Post a message to the other end. On a closed channel it is dropped, and the ends in it are closed.

        Raises LimitError when it would have to wait and is nested too deeply for that: then it is not delivered.
        """
        with entangling:
            peer = self.peer
            if peer is not None:
                peer.deliver(message)
        if peer is None:
            message.taken()
            message.close_ends()
        else:
            peer.delivered()

    def close(self) -> None:
        """Close the channel, behind the messages that were posted before. A second call does nothing."""
        with entangling:
            peer, self.peer = self.peer, None
            if peer is not None:
                peer.peer = None
                peer.peer_closed()
        if peer is not None:
            peer.delivered()


class LocalEnd(End):
    """An end in this process: queues messages until they are taken."""

    __slots__ = ("_on_pending", "_opening", "_waiting", "successor")

    def __init__(self) -> None:
        super().__init__()
        # The messages that were not taken yet, in order; None stands for the close of the other end.
        self._waiting: deque[PortMessage | None] = deque()
        # Called when something was queued; None before `start` and after `pause`.
        self._on_pending: Callable[[], None] | None = None
        # The first of the waiting messages, while it is decoded elsewhere because it is large.
        self._opening: PortMessage | None = None
        # The end that has replaced this one, once it was transferred.
        self.successor: End | None = None

    def start(self, on_pending: Callable[[], None]) -> None:
        """From now on call `on_pending`, under the lock, when there is something to `take`."""
        with entangling:
            self._on_pending = on_pending
            if self._waiting:
                on_pending()

    def pause(self) -> None:
        """Only queue messages, as before `start`: the port is being transferred, or its consumer is busy."""
        with entangling:
            self._on_pending = None

    def deliver(self, message: PortMessage) -> None:
        """See End."""
        if message.admitted is not None:
            # It waits for no event loop of a server, but for the program.
            message.taken()
        allowance = message.allowance
        if allowance is None or (self.takes_at_once and (message.value.carried is None or not message.value.is_large)):
            # It is taken in the next turn of the loop, or it comes from the program itself, which is not bounded.
            self._put(message)
        else:
            kept = message.kept()
            allowance.take(self, kept.counted)
            self._put(kept)

    @property
    def takes_at_once(self) -> bool:
        """Whether what is delivered is taken in the next turn of the loop."""
        return self._on_pending is not None and self._opening is None

    def peer_closed(self) -> None:
        """See End."""
        self._put(None)

    def _put(self, item: PortMessage | None) -> None:
        self._waiting.append(item)
        if self._on_pending is not None:
            self._on_pending()

    def can_take(self) -> bool:
        """Tell whether there is something to take. Called under the lock.

        A large message is decoded elsewhere first, which begins here: then `on_pending` is called again.
        """
        item = self._waiting[0] if self._waiting else None
        # Most are small: that is seen without a call.
        if item is None or item.value.carried is None or not item.value.is_large:
            return bool(self._waiting)
        opener, carried = None if item.allowance is None else item.allowance.opener, item.value.carried
        if self._opening is None and opener is not None and carried is not None:
            self._opening = item
            if not opener(carried.text, partial(carried.open, item.value.segments), partial(self._opened, item)):
                self._opening = None
        return self._opening is None

    def _opened(self, item: PortMessage, opened: Opened | None) -> bool:
        """Let a message be taken that was decoded. Return whether it is still here."""
        with entangling:
            if self._opening is not item:
                return False
            self._opening = None
            self._waiting[0] = item._replace(value=item.value.with_opened(opened))
            if self._on_pending is not None:
                self._on_pending()
            return True

    def take(self) -> PortMessage | None:
        """Return the next message; None when the other end was closed at this point. IndexError when nothing waits."""
        return self._restored(self._waiting.popleft())

    def _restored(self, item: PortMessage | None) -> PortMessage | None:
        if item is not None and item.counted:
            assert item.allowance is not None
            item.allowance.give_back(self, item.counted)
        return item

    @property
    def pending(self) -> int:
        """How many messages wait to be taken, a close included."""
        return len(self._waiting)

    def close(self) -> None:
        """Close the channel. Messages that were not taken are dropped, and the ends in them are closed."""
        if self.successor is not None:
            # Closed during its transfer: the end that has replaced it is meant.
            self.successor.close()
            return
        super().close()
        with entangling:
            dropped = self._drop_waiting()
            self._on_pending = None
        for end in dropped:
            end.close()

    def _drop_waiting(self) -> "list[LocalEnd]":
        """Drop the messages that were not taken; return the ends in them."""
        dropped: list[LocalEnd] = []
        self._opening = None
        while self._waiting:
            item = self._restored(self._waiting.popleft())
            if item is not None:
                dropped += item.ends
        return dropped

    def close_unstarted(self) -> bool:
        """Close the channel because too much waits here, unless the port is started. Return whether it was closed.

        What waits is dropped, and the ends in it are closed: once the port is started, it emits `close` alone.
        """
        with entangling:
            if self.takes_at_once:
                return False
            dropped = self._drop_waiting()
            peer, self.peer = self.peer, None
            if peer is not None:
                peer.peer = None
                peer.peer_closed()
            self.peer_closed()
        if peer is not None:
            peer.delivered()
        for end in dropped:
            end.close()
        return True

    def move_to(self, successor: End) -> None:
        """Let another end replace this one, and move the waiting messages there."""
        with entangling:
            self.successor = successor
            self._on_pending = None
            peer, self.peer = self.peer, None
            successor.peer = peer
            if peer is not None:
                peer.peer = successor
            moved, self._waiting = self._waiting, deque()
            self._opening = None
            for item in moved:
                message = self._restored(item)
                if message is None:
                    successor.peer_closed()
                else:
                    successor.deliver(message)
        successor.delivered()


def entangle(one: End, other: End) -> None:
    """Make a channel of two ends that have none."""
    one.peer, other.peer = other, one
