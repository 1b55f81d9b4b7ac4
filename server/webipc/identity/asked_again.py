"""`AskedAgain`: which identities were asked again lately, and which attaches are older than that.

An attach takes time: its hello, its ask, the wait for its place. What the application has changed meanwhile, such as a
session that it has deleted, its ask may not have seen. So each attach knows the moment at which it began, and is
compared in the step that attaches it. Moments are counted and not timed: two things may happen in one tick of a clock.
"""

from collections.abc import Callable
from typing import Final

NOTED_SECONDS: Final = 20.0
"""No attach takes longer: 10 seconds to its hello, 6 for its ask, and one for its place."""


class AskedAgain:
    """Belongs to the event loop's thread."""

    __slots__ = ("_noted", "_now", "moment")

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` returns the time in seconds."""
        self._now = now
        # Goes up with each call of `note`. An attach keeps the one at which it began.
        self.moment = 0
        # The moment and the time of the last note of each identity, in the order of time.
        self._noted: dict[str | None, tuple[int, float]] = {}

    def note(self, identity: str | None) -> None:
        """Note that from now on no attach counts for this identity that began before."""
        self._forget()
        self.moment += 1
        self._noted.pop(identity, None)
        self._noted[identity] = (self.moment, self._now())

    def is_older(self, identity: str | None, moment: int) -> bool:
        """Tell whether an attach with this identity, which began at this moment, has to be asked again."""
        # That is nearly always all.
        if moment == self.moment:
            return False
        noted = self._noted.get(identity)
        return noted is not None and moment < noted[0]

    def _forget(self) -> None:
        until = self._now() - NOTED_SECONDS
        while self._noted:
            oldest = next(iter(self._noted))
            if self._noted[oldest][1] > until:
                return
            del self._noted[oldest]
