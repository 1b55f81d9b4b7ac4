"""`Telling`: tells a worker what its reader hears, and counts and logs what is lost or wrong."""

import logging
import time
from collections import Counter
from collections.abc import Callable

from webipc.cluster.bus.bus import Receiver, Said, SaidToAll
from webipc.cluster.redis_bus.members import RedisMembers

logger = logging.getLogger("webipc")

_GAP_LINE = 1.0
"""Seconds between two lines of the log about gaps."""


class Telling:
    """What one worker is told: a `Heard`. Belongs to the event loop's thread."""

    def __init__(self, members: RedisMembers, look_now: Callable[[], None]) -> None:
        """`look_now` is called where something comes from a worker that is not known."""
        self._members = members
        self._look_now = look_now
        # None before the beginning and behind the end.
        self.receiver: Receiver | None = None
        # How often something happened, by what it was.
        self.counts: Counter[str] = Counter()
        self._gap_said = float("-inf")
        self._is_telling_gap = False

    def tell(self, what: Callable[[Receiver], None]) -> None:
        """Tell the receiver something. What that raises is logged."""
        if self.receiver is None:
            return
        try:
            what(self.receiver)
        except Exception:
            logger.exception("What the bus has told has failed")

    def heard(self, said: Said) -> None:
        """See `Heard`."""
        if self._members.get(said.origin) is None:
            # A worker that has just begun.
            self._look_now()
        self.tell(lambda receiver: receiver.received(said))

    def heard_by_all(self, message: SaidToAll) -> None:
        """See `Heard`."""
        self.tell(lambda receiver: receiver.received_by_all(message))

    def heard_gap(self, why: str) -> None:
        """See `Heard`."""
        self.counts["gap"] += 1
        now = time.monotonic()
        if now - self._gap_said >= _GAP_LINE:
            # Each message of a worker that drops many is one.
            self._gap_said = now
            logger.warning("Messages of other workers may be lost: %s. Relayed pages connect again", why)
        if self._is_telling_gap:
            # What is said because of a gap may be dropped as well. That is the same gap.
            return
        self._is_telling_gap = True
        try:
            self.tell(lambda receiver: receiver.gap())
        finally:
            self._is_telling_gap = False

    def heard_missed(self, count: int) -> None:
        """See `Heard`."""
        self.counts["missed"] += count
        how_many = f"{count} messages" if count else "An unknown number of messages"
        logger.error("%s to all workers were removed before this one has read them", how_many)
        self.tell(lambda receiver: receiver.missed(count))

    def heard_wrong(self, why: str) -> None:
        """See `Heard`."""
        self.counts["wrong"] += 1
        count = self.counts["wrong"]
        # The first, and then each time that it has doubled: who may write there may write much.
        if count & (count - 1) == 0:
            logger.warning("%d entries of the bus were dropped; the last was wrong: %s", count, why)
