"""`Stalls`: how long the event loop was not free, at worst, in the last minute.

A timer of the loop is due every `PERIOD` seconds, and notes how much later it was called. That costs ten callbacks a
second, whatever the loop does, and nothing for what it does.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final

PERIOD: Final = 0.1
KEPT_SECONDS: Final = 60.0


class Stalls:
    """The delays of one event loop."""

    _timer: asyncio.TimerHandle

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns the time in seconds, in any thread; uvloop's own stands still during a turn. Begins at once.

        Belongs to the event loop's thread, but `longest`.
        """
        self._loop = loop
        self._clock = clock
        # When a delay ended and how long it was: only those that are longer than all after them, so the longest first.
        self._delays: deque[tuple[float, float]] = deque()
        self._plan(clock())

    @property
    def longest(self) -> float:
        """The longest delay of the timer in the last minute, in seconds; also one that has not ended. From any thread.

        A turn of the loop, or several without a pause, that took this long and up to `PERIOD` longer. One that is
        shorter than `PERIOD` is found only if the timer was due in it.
        """
        now = self._clock()
        # A copy, which is made in one step: the loop changes the original meanwhile.
        ended = (delay for at, delay in list(self._delays) if at > now - KEPT_SECONDS)
        return max(next(ended, 0.0), now - self._due, 0.0)

    def stop(self) -> None:
        """End the timer."""
        self._timer.cancel()
        self._due = math.inf

    def _plan(self, now: float) -> None:
        self._due = now + PERIOD
        self._timer = self._loop.call_later(PERIOD, self._note)

    def _note(self) -> None:
        now = self._clock()
        delay, delays = now - self._due, self._delays
        while delays and delays[-1][1] <= delay:
            delays.pop()
        delays.append((now, delay))
        while delays[0][0] <= now - KEPT_SECONDS:
            delays.popleft()
        self._plan(now)
