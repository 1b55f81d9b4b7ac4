"""The two ends of a channel, and what is on its way between them: entanglement, waiting, transfer, close.

An end is in this process (`LocalEnd`, behind a MessagePortMain) or in a page (`link_ports.RemoteEnd`), and nobody else
can tell which: so a port that goes from page to page is two remote ends, and what passes is not decoded. Must not know
event loops, messages' channels or listeners. The ids of ports within a link are core/ports.py.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from webipc.core import clone
from webipc.core.envelope import Port, Post, decode_value, parse
from webipc.core.frame import decode_parcel, encode_message, encode_parcel
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link.sizes import check_size
from webipc.ports.allowance import Allowance

# Held while ends are entangled anew and while something is noted at one, so that there is one order of everything that
# is said; never while anything else is done (a log handler of the application's may say something into a port). One for
# all: a transfer touches ends of several channels, and locks of their own would have to be taken in an order that
# nobody knows. It can be taken twice, because a garbage collector closes ends wherever it happens to run.
entangling = threading.RLock()


@dataclass(frozen=True, slots=True)
class PortMessage:
    """A message within a channel: a value that nobody has decoded, and the ends that travel with it."""

    skeleton: Any
    fixups: Sequence[Any]
    segments: Sequence[Any]
    ends: tuple["LocalEnd", ...] = ()
    # How much of the page that has said it may wait; None where it does not come from a page.
    allowance: "Allowance[LocalEnd] | None" = None

    @classmethod
    def encode(cls, value: Any, limits: Limits = DEFAULT_LIMITS, ends: tuple["LocalEnd", ...] = ()) -> "PortMessage":
        """Encode a value, now: later changes of it are not seen. Raises CloneError and LimitError."""
        cloned = clone.encode(value, limits, "message")
        check_size(encode_message([], cloned), limits)
        text = encode_message([], clone.Cloned(cloned.skeleton, [], [])).json
        return cls(orjson.Fragment(text[1:-1]), cloned.fixups, cloned.segments, ends)

    def with_ends(self, ends: "Iterable[LocalEnd]") -> "PortMessage":
        """Return the same message with these ends."""
        return PortMessage(self.skeleton, self.fixups, self.segments, tuple(ends))

    @classmethod
    def received(
        cls, carrier: Port | Post, ends: tuple["LocalEnd", ...], allowance: "Allowance[LocalEnd] | None" = None
    ) -> "PortMessage":
        """Take what a page has said, as it is."""
        return cls(carrier.value, carrier.fixups, carrier.segments, ends, allowance)

    def decode(self, limits: Limits = DEFAULT_LIMITS) -> Any:
        """Return the value; once, because it may be made of the skeleton. Raises ProtocolError when it lies."""
        if not isinstance(self.skeleton, orjson.Fragment):
            return clone.decode(self.skeleton, self.fixups, self.segments, limits)
        return decode_value(_parsed(self.parcel(), limits), limits)

    def parcel(self) -> bytes:
        """Return the value in bytes of its own. Raises LimitError when it is too deep for that."""
        return encode_parcel(encode_message(["port", 1], self, None, [[]]))

    def close_ends(self) -> None:
        """The message goes nowhere: what travels with it is closed."""
        for end in self.ends:
            end.close()


class KeptMessage(NamedTuple):
    """A message of a page that waits, for nobody knows how long: in the bytes that are counted, and not in the objects
    that they were parsed into, or as views of whole frames, which would be many times as much.
    """

    parcel: bytes
    ends: tuple["LocalEnd", ...]
    allowance: "Allowance[LocalEnd]"

    def message(self) -> PortMessage:
        """Return what waited."""
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

    def deliver(self, message: PortMessage) -> None:
        """Note what the other end has said. Called under the lock: what comes of it is for `delivered`.

        Raises LimitError when it would have to wait, and is too deep for that. Then nothing is noted.
        """
        raise NotImplementedError

    def peer_closed(self) -> None:
        """Note that the other end is closed; nothing comes behind this. Called under the lock."""
        raise NotImplementedError

    def delivered(self) -> None:
        """Something was noted. Called without the lock, in any thread."""

    def post(self, message: PortMessage) -> None:
        """Say something to the other end. Where there is none any more, it is lost.

        Raises LimitError when it would have to wait, and is too deep for that. Then nothing was said.
        """
        with entangling:
            peer = self.peer
            if peer is not None:
                peer.deliver(message)
        if peer is None:
            message.close_ends()
        else:
            peer.delivered()

    def close(self) -> None:
        """Let go of the other end, and tell it. A second call does nothing."""
        with entangling:
            peer, self.peer = self.peer, None
            if peer is not None:
                peer.peer = None
                peer.peer_closed()
        if peer is not None:
            peer.delivered()


class LocalEnd(End):
    """An end in this process: keeps what comes until somebody takes it."""

    __slots__ = ("_on_news", "_waiting", "heir")

    def __init__(self) -> None:
        super().__init__()
        # What has come and was not taken, in its order; None stands for the close of the other end.
        self._waiting: deque[PortMessage | KeptMessage | None] = deque()
        # Called when something has come; None before `start`.
        self._on_news: Callable[[], None] | None = None
        # What has taken the place of this end, once it was transferred.
        self.heir: End | None = None

    def start(self, on_news: Callable[[], None]) -> None:
        """From now on `on_news` is called, under the lock, when there is something to `take`."""
        with entangling:
            self._on_news = on_news
            if self._waiting:
                on_news()

    def pause(self) -> None:
        """Keep what comes, as before `start`: the port is on its way, or nothing comes any more."""
        with entangling:
            self._on_news = None

    def deliver(self, message: PortMessage) -> None:
        """See End."""
        if self._on_news is not None or message.allowance is None:
            # Somebody listens, and takes it in a moment; or the program talks to itself, which is its own affair.
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
        if self._on_news is not None:
            self._on_news()

    def take(self) -> PortMessage | None:
        """Return the next message; None when the other end was closed at this point. IndexError when nothing waits."""
        return self._unkept(self._waiting.popleft())

    def _unkept(self, item: PortMessage | KeptMessage | None) -> PortMessage | None:
        if not isinstance(item, KeptMessage):
            return item
        item.allowance.give_back(self, len(item.parcel))
        return item.message()

    @property
    def news(self) -> int:
        """How much waits to be taken."""
        return len(self._waiting)

    def close(self) -> None:
        """Close as every end does. What has come and was not taken is lost, with the ends that came with it."""
        if self.heir is not None:
            # It was on its way when it was closed: what has taken its place is meant.
            self.heir.close()
            return
        super().close()
        with entangling:
            lost = self._lose_waiting()
            self._on_news = None
        for end in lost:
            end.close()

    def _lose_waiting(self) -> "list[LocalEnd]":
        """Forget what has come and was not taken; return the ends that came with it."""
        lost: list[LocalEnd] = []
        while self._waiting:
            item = self._waiting.popleft()
            if isinstance(item, KeptMessage):
                item.allowance.give_back(self, len(item.parcel))
            if item is not None:
                lost += item.ends
        return lost

    def give_up(self) -> bool:
        """Close the port, unless somebody listens, because too much waits in it: whoever starts it hears that alone.

        What waits is lost, with the ends that came with it. Returns whether it was closed.
        """
        with entangling:
            if self._on_news is not None:
                return False
            lost = self._lose_waiting()
            peer, self.peer = self.peer, None
            if peer is not None:
                peer.peer = None
                peer.peer_closed()
            self.peer_closed()
        if peer is not None:
            peer.delivered()
        for end in lost:
            end.close()
        return True

    def give_way(self, heir: End) -> None:
        """Let another end take the place of this one, and what has come with it."""
        with entangling:
            self.heir = heir
            self._on_news = None
            peer, self.peer = self.peer, None
            heir.peer = peer
            if peer is not None:
                peer.peer = heir
            moved, self._waiting = self._waiting, deque()
            for item in moved:
                message = self._unkept(item)
                if message is None:
                    heir.peer_closed()
                else:
                    heir.deliver(message)
        heir.delivered()


def entangle(one: End, other: End) -> None:
    """Make a channel of two ends that have none."""
    one.peer, other.peer = other, one
