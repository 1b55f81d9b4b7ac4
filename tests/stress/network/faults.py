"""What the network does to a connection, and when: `Weather`, drawn from a seed.

A fault is timed by bytes: it strikes when a connection has passed so many since its last one. Kinds are dealt like
cards, so each kind comes once before any comes again. The same seed deals the same faults in the same order; which
connection gets which depends on the traffic.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """One kind of fault."""

    RESET = "reset"
    """Both sides get RST, anywhere within a frame."""
    FINISH = "finish"
    """Both sides get FIN, anywhere within a frame."""
    ABANDON = "abandon"
    """The page's side gets RST; the server's stays open and silent, until the server closes it."""
    HALF_OPEN = "half-open"
    """Both sides stay open, and nothing passes any more."""
    STALL = "stall"
    """One direction waits until the network has passed something else for a while."""
    THROTTLE = "throttle"
    """One direction passes so many bytes a second, for a while."""
    SPLIT = "split"
    """One direction passes a few bytes at a time, for a while."""
    DUPLICATE = "duplicate"
    """All that the page has sent is sent again, on a second connection; its answers are dropped."""
    ERROR = "error"
    """An error of a gateway instead of the server's answer, some in JSON."""
    PORTAL = "portal"
    """The login page of a captive portal instead of the server's answer, or the way to it."""


INSTEAD = frozenset({Fault.ERROR, Fault.PORTAL})
"""Faults instead of a connection to the server."""

LASTING = frozenset({Fault.STALL, Fault.THROTTLE, Fault.SPLIT, Fault.DUPLICATE})
"""Faults that a connection survives."""

SOCKET_FAULTS: tuple[Fault, ...] = tuple(Fault)
REQUEST_FAULTS = tuple(each for each in Fault if each not in {Fault.ABANDON, Fault.HALF_OPEN})
"""A browser waits for ever for a request on a half-open connection, and so does PROTOCOL.md 4.6."""


class Deck:
    """Deals kinds of faults in rounds."""

    def __init__(self, random: Random, kinds: Sequence[Fault]) -> None:
        self._random = random
        self._kinds = list(kinds)
        self._left: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def deal(self) -> Fault:
        """Return the next kind."""
        if not self._left:
            self._left = self._random.sample(self._kinds, len(self._kinds))
        return self._left.pop()


@dataclass(frozen=True)
class Mix:
    """Which faults there are, and how often."""

    sockets: Sequence[Fault] = ()
    requests: Sequence[Fault] = ()
    least: int = 200
    """Bytes between two faults of one connection, at least."""
    most: int = 400_000
    """The same, at most. Most gaps are near the least: they are drawn evenly by order of size."""
    instead: float = 0.25
    """How many of the sockets do not reach the server, if one of their faults is of that kind."""
    struck: float = 0.5
    """How many of the requests have a fault."""
    rate: int = 50_000
    """Bytes a second while a connection is throttled."""


class Weather:
    """The faults of a network, one after another."""

    def __init__(self, seed: str, mix: Mix) -> None:
        self.mix = mix
        self.random = Random(seed)
        self._cutting = Deck(self.random, [each for each in mix.sockets if each not in INSTEAD])
        self._instead = Deck(self.random, [each for each in mix.sockets if each in INSTEAD])
        self._requests = Deck(self.random, mix.requests)

    def first(self, *, is_socket: bool) -> Fault | None:
        """Return the fault of a connection that begins: one instead of the server for a socket, any for a request."""
        if is_socket:
            strikes = self._instead and self.random.random() < self.mix.instead
            return self._instead.deal() if strikes else None
        strikes = self._requests and self.random.random() < self.mix.struck
        return self._requests.deal() if strikes else None

    def next(self) -> Fault | None:
        """Return the next fault of an open socket."""
        return self._cutting.deal() if self._cutting else None

    def gap(self) -> int:
        """Return how many bytes pass before it."""
        low, high = self.mix.least, self.mix.most
        return round(low * math.exp(self.random.random() * math.log(high / low)))
