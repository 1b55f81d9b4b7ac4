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

    def collect(self, payer: Hashable, purses: Iterable[Held], target: int) -> None:
        """Have the links of a payer give bytes back until it holds `target` or nothing is left to end.

        First links without a socket, the largest first; then the ports in which most waits and that have no consumer;
        then the links that hold most.
        """
        before = self._share.of(payer)
        for purse, reason in _in_order(purses):
            if (excess := self._share.of(payer) - target) <= 0:
                return
            held = purse.held
            if reason == "port":
                closed = purse.holder.close_ports(excess)
                self.counts[reason] += closed
                what = f"{closed} of its ports are closed"
            else:
                purse.holder.evict(reason)
                self.counts[reason] += 1
                what = _ENDS[reason]
            self._tell(payer, purse.holder, held, before, what)

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
    # What running calls hold does not get less by the end of their link.
    by_size = sorted(purses, key=lambda purse: purse.held - purse.lasting, reverse=True)
    yield from ((purse, "away") for purse in by_size if purse.holder.is_away and not purse.is_closed)
    by_ports = sorted(by_size, key=lambda purse: purse.holder.port_bytes, reverse=True)
    yield from ((purse, "port") for purse in by_ports if purse.holder.port_bytes)
    yield from ((purse, "overflow") for purse in by_size if purse.held > purse.lasting and not purse.is_closed)
