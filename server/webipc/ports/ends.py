"""The two ends of a channel, and the messages between them: entangling, queueing, transfer, close (PROTOCOL.md 4.4).

An end is in this process (`LocalEnd`, behind a MessagePortMain) or in a page (`RemoteEnd` of link_ports.py). It does
not depend on the kind of its peer: a channel between two pages has two remote ends, and its messages are forwarded
without being decoded. The ids of ports within a link are in core/ports.py.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from webipc.budget.backlog import Admitted
from webipc.core import clone
from webipc.core.envelope import Port, Post, decode_value, parse
from webipc.core.frame import decode_parcel, encode_message, encode_parcel
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link.held import held_by
from webipc.core.link.sizes import check_size
from webipc.core.values.scalar import MAX_SAFE_INTEGER
from webipc.ports.allowance import Allowance

# Held while the peer of an end changes and while a message is queued at one, so that all messages of a channel have one
# order; never while other code runs (a log handler of the application may post into a port). One lock for all channels,
# because a transfer touches ends of several, and separate locks would have no safe order. Reentrant, because the
# garbage collector may close an end while this thread holds the lock.
entangling = threading.RLock()

# What a message takes besides its value, and each port in it, at most.
_HEAD_BYTES: Final = len('"port",,,[]') + len(str(MAX_SAFE_INTEGER))
_ID_BYTES: Final = len(str(MAX_SAFE_INTEGER)) + 1


@dataclass(frozen=True, slots=True)
class PortMessage:
    """A message within a channel: an encoded value, and the ends that are transferred with it."""

    skeleton: Any
    fixups: Sequence[Any]
    segments: Sequence[Any]
    ends: tuple["LocalEnd", ...] = ()
    # The allowance of the page that posted it; None where it does not come from a page.
    allowance: "Allowance[LocalEnd] | None" = None
    # How many bytes it takes while it waits for the event loop, where the program has posted it.
    held: int = 0
    # Counts it until the event loop takes it, where another thread has posted it.
    admitted: Admitted | None = None

    @classmethod
    def encode(
        cls, value: Any, limits: Limits = DEFAULT_LIMITS, ends: tuple["LocalEnd", ...] = (), *, ports: int = 0
    ) -> "PortMessage":
        """Encode a value at once: later changes of it have no effect. Raises CloneError and LimitError.

        The limits are those of the link that is to carry it, with so many ports. What is too large for that is refused
        here, because later there is no caller to raise to.
        """
        cloned = clone.encode(value, limits, "message")
        whole = encode_message([], cloned)
        # As large as it can be with its kind and ids, which are not known yet.
        check_size(whole, limits, _HEAD_BYTES + _ID_BYTES * ports)
        text = whole.json
        if cloned.fixups:
            text = encode_message([], clone.Cloned(cloned.skeleton, [], [])).json
        return cls(orjson.Fragment(text[1:-1]), cloned.fixups, cloned.segments, ends, None, held_by(whole))

    def with_ends(self, ends: "Iterable[LocalEnd]") -> "PortMessage":
        """Return the same message with these ends."""
        return PortMessage(self.skeleton, self.fixups, self.segments, tuple(ends), None, self.held, self.admitted)

    def taken(self) -> None:
        """Note that the event loop has taken it, or that it was dropped: a thread may have posted it."""
        if self.admitted is not None:
            self.admitted.leave()

    @classmethod
    def received(
        cls, carrier: Port | Post, ends: tuple["LocalEnd", ...], allowance: "Allowance[LocalEnd] | None" = None
    ) -> "PortMessage":
        """Return the message that a page has posted, without decoding its value."""
        return cls(carrier.value, carrier.fixups, carrier.segments, ends, allowance)

    def decode(self, limits: Limits = DEFAULT_LIMITS) -> Any:
        """Return the value. To be called once, because the value may be made of the skeleton.

        Raises ProtocolError when the page has sent what is no encoded value, UnreadableError when it cannot be read.
        """
        if not isinstance(self.skeleton, orjson.Fragment):
            return clone.decode(self.skeleton, self.fixups, self.segments, limits)
        return decode_value(_parsed(self.parcel(), limits), limits)

    def parcel(self) -> bytes:
        """Return the value as one bytes object. Raises LimitError when it is nested too deeply for that."""
        return encode_parcel(encode_message(["port", 1], self, None, [[]]))

    def close_ends(self) -> None:
        """Close the ends that are transferred with it, because the message cannot be delivered."""
        for end in self.ends:
            end.close()


class KeptMessage(NamedTuple):
    """A message of a page that waits in a port that is not started, which may be for ever.

    Kept as the bytes that the allowance counts: parsed objects, or views of whole frames, would take far more.
    """

    parcel: bytes
    ends: tuple["LocalEnd", ...]
    allowance: "Allowance[LocalEnd]"

    def message(self) -> PortMessage:
        """Return the message."""
        return PortMessage.received(_parsed(self.parcel, self.allowance.limits), self.ends)


def _parsed(parcel: bytes, limits: Limits) -> Port:
    (envelope,) = parse([decode_parcel(parcel, limits)], limits)
    assert isinstance(envelope, Port)
    return envelope


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

    __slots__ = ("_on_pending", "_waiting", "successor")

    def __init__(self) -> None:
        super().__init__()
        # The messages that were not taken yet, in order; None stands for the close of the other end.
        self._waiting: deque[PortMessage | KeptMessage | None] = deque()
        # Called when something was queued; None before `start` and after `pause`.
        self._on_pending: Callable[[], None] | None = None
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
        # It waits for no event loop of a server, but for the program.
        message.taken()
        if self._on_pending is not None or message.allowance is None:
            # It is taken in the next turn of the loop, or it comes from the program itself, which is not bounded.
            self._put(message)
        else:
            parcel = message.parcel()
            message.allowance.take(self, len(parcel))
            self._put(KeptMessage(parcel, message.ends, message.allowance))

    def peer_closed(self) -> None:
        """See End."""
        self._put(None)

    def _put(self, item: PortMessage | KeptMessage | None) -> None:
        self._waiting.append(item)
        if self._on_pending is not None:
            self._on_pending()

    def take(self) -> PortMessage | None:
        """Return the next message; None when the other end was closed at this point. IndexError when nothing waits."""
        return self._restored(self._waiting.popleft())

    def _restored(self, item: PortMessage | KeptMessage | None) -> PortMessage | None:
        if not isinstance(item, KeptMessage):
            return item
        item.allowance.give_back(self, len(item.parcel))
        return item.message()

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
        while self._waiting:
            item = self._waiting.popleft()
            if isinstance(item, KeptMessage):
                item.allowance.give_back(self, len(item.parcel))
            if item is not None:
                dropped += item.ends
        return dropped

    def close_unstarted(self) -> bool:
        """Close the channel because too much waits here, unless the port is started. Return whether it was closed.

        What waits is dropped, and the ends in it are closed: once the port is started, it emits `close` alone.
        """
        with entangling:
            if self._on_pending is not None:
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
