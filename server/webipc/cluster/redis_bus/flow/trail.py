"""`Trail`: places of a stream that a reader has passed, for a way back where another server goes on with it."""

from collections import deque
from typing import Final

from webipc.cluster.redis_bus.server.entries import START, Place

STEP: Final = 64
"""Each so many entries a place is remembered."""


class Trail:
    """The last places, one for each `STEP` entries, and how many entries there had ever been up to them."""

    __slots__ = ("_steps",)

    def __init__(self, most: int) -> None:
        """`most`: so many entries it leads back, about, and never more."""
        self._steps: deque[tuple[str, int]] = deque([(START, 0)], maxlen=max(1, most // STEP - 1))

    def begin(self, last: str, count: int) -> None:
        """Begin here: what was before is not in this stream."""
        self._steps.clear()
        self._steps.append((last, count))

    def passed(self, place: Place) -> None:
        """Learn that a reader is here."""
        if place.count % STEP == 0:
            self._steps.append((place.last, place.count))

    @property
    def oldest(self) -> tuple[str, int]:
        """The oldest place, and how many entries there had ever been up to it."""
        return self._steps[0]
