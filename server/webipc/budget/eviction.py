"""`Evictions`: which links of a payer have to give something back, in which order, and what the log says of it.

The search is linear in the links of one payer. It goes on until an eighth of the bound is free, so that its cost is
paid by the next eighth.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Protocol

from webipc.budget.share import Share
from webipc.budget.sizes import in_words

logger = logging.getLogger("webipc")

LOG_SECONDS = 10.0
"""One line per payer in this time: who can cause a line can cause thousands."""

IDLE_BYTES = 32_768
"""A link that holds no more than this is not ended to make room: it is a neighbour of those that hold much."""

_ENDS = {"away": "its link, which has no socket, is ended", "overflow": "its link is reset, overflow"}


class Holder(Protocol):
    """What holds bytes and can give them back: a link. All of it belongs to the event loop's thread."""

    @property
    def is_away(self) -> bool:
        """Whether no socket carries the link: its end is noticed the least."""

    @property
    def port_bytes(self) -> int:
        """How many bytes wait in its ports that have no consumer."""

    def close_ports(self, size: int) -> int:
        """Close ports without a consumer, the fullest first, until so many bytes are free. Return how many ports."""

    def evict(self, reason: str) -> None:
        """End the link; `reason` is "away" or "overflow"."""

    def __str__(self) -> str:
        """Name the page for the log."""


class Held(Protocol):
    """A purse, as far as an eviction needs it."""

    holder: Holder
    held: int
    lasting: int
    is_closed: bool


class Evictions:
    """Collects bytes from the links of a payer."""

    def __init__(self, share: Share[Any], clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._share = share
        self._clock = clock
        # How often something was ended, by reason.
        self.counts: Counter[str] = Counter()
        # When the log has last named a payer, and how many evictions of it the log has not told since.
        self._named: dict[Hashable, tuple[float, int]] = {}

    def collect(self, payer: Hashable, purses: Iterable[Held], target: int, spared: Held | None = None) -> None:
        """Have the links of a payer give bytes back until it holds `target` or nothing is left to end.

        First links without a socket, the largest first; then the ports in which most waits and that have no consumer;
        then the links that hold most, down to `spared`, which is not ended.
        """
        before = self._share.of(payer)
        for purse, reason in _in_order(purses):
            if (excess := self._share.of(payer) - target) <= 0:
                return
            if purse is spared and reason != "port":
                if reason == "overflow":
                    return
            elif reason == "port":
                held, closed = purse.held, purse.holder.close_ports(excess)
                self.counts[reason] += closed
                self._tell(payer, purse.holder, held, before, f"{closed} of its ports are closed")
            else:
                self._evict(payer, purse, before, reason)

    def stop_callers(self, payer: Hashable, purses: Iterable[Held], target: int, spared: Held | None = None) -> None:
        """End links until what the running calls of those that stay hold is no more than `target`.

        That frees nothing before the calls return. But a link that has ended makes no more of them. `spared` stays.
        """
        before = self._share.of(payer)
        callers = sorted(purses, key=lambda purse: purse.lasting, reverse=True)
        callers = [purse for purse in callers if purse.lasting and not purse.is_closed and purse is not spared]
        held = sum(purse.lasting for purse in callers)
        for purse in callers:
            if held <= target:
                return
            held -= purse.lasting
            self._evict(payer, purse, before, "overflow")

    def _evict(self, payer: Hashable, purse: Held, before: int, reason: str) -> None:
        held = purse.held
        purse.holder.evict(reason)
        self.counts[reason] += 1
        self._tell(payer, purse.holder, held, before, _ENDS[reason])

    def _tell(self, payer: Hashable, holder: Holder, held: int, before: int, what: str) -> None:
        now = self._clock()
        told_at, untold = self._named.get(payer, (-LOG_SECONDS, 0))
        if now - told_at < LOG_SECONDS:
            self._named[payer] = (told_at, untold + 1)
            return
        self._named = {key: row for key, row in self._named.items() if now - row[0] < LOG_SECONDS}
        self._named[payer] = (now, 0)
        text = "%s of %s held %s (its address %s of %s): %s%s"
        more = f"; {untold} more before this" if untold else ""
        amounts = map(in_words, (held, before, self._share.capacity))
        logger.warning(text, holder, payer, *amounts, what, more)


def _in_order(purses: Iterable[Held]) -> Iterator[tuple[Held, str]]:
    """Yield what is to be given up, and why, in the order in which it is."""
    # What running calls hold does not get less by the end of their link. The end of an idle one gains nothing either.
    by_size = sorted(purses, key=lambda purse: purse.held - purse.lasting, reverse=True)
    worth = [purse for purse in by_size if purse.held - purse.lasting > IDLE_BYTES and not purse.is_closed]
    yield from ((purse, "away") for purse in worth if purse.holder.is_away)
    by_ports = sorted(by_size, key=lambda purse: purse.holder.port_bytes, reverse=True)
    yield from ((purse, "port") for purse in by_ports if purse.holder.port_bytes)
    yield from ((purse, "overflow") for purse in worth if not purse.is_closed)
