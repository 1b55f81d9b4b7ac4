"""`Clock`: the time in which this process was able to hear its peers. It stands still while the process does.

A process that was stopped, or whose event loop was blocked, has heard nothing meanwhile, whatever its peers have sent.
So everything that judges a peer by time takes this time, and what the process itself owes takes the event loop's.
Reasons and figures: docs/adr/0032-time-stands-still-while-the-process-does.md
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

TOLERATED_PERIODS: Final = 2
"""A tick that is later than that many periods tells of a standstill; what is above does not count."""
TOLERATED_SECONDS: Final = 0.1
"""The same where periods are short: a busy event loop is late as well."""
LEAST_PERIOD: Final = 0.001


class Clock:
    """The time, which moves with each `tick`. Belongs to the event loop's thread."""

    __slots__ = ("_loop", "_most", "_ticked", "now", "period")

    def __init__(self, loop: asyncio.AbstractEventLoop, period: float) -> None:
        """`period` is how many seconds there are between two ticks."""
        self._loop = loop
        self.period = max(LEAST_PERIOD, period)
        # So much a tick counts at most.
        self._most = self.period + max(TOLERATED_PERIODS * self.period, TOLERATED_SECONDS)
        # The time of the last tick, in seconds: up to one period ago. An attribute, because each frame reads it.
        self.now = self._ticked = loop.time()

    def tick(self) -> float:
        """Move the time. Returns how many seconds the process has stood still since the last tick, or 0."""
        ticked = self._loop.time()
        passed = ticked - self._ticked
        self._ticked = ticked
        counted = min(passed, self._most)
        self.now += counted
        return passed - counted

    def call_later(self, seconds: float, callback: Callable[..., object], *args: Any) -> "Timer":
        """Call back when so many seconds of this time are over: not earlier, and a few periods later at most."""
        return Timer(self, self._loop, seconds, callback, args)

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        """As `asyncio.timeout`, in this time."""
        # A time that is over already ends at once, as with asyncio's.
        async with asyncio.timeout(None if seconds > 0 else 0) as waiting:
            timer = self.call_later(seconds, _expire, waiting, self._loop) if seconds > 0 else None
            try:
                yield waiting
            finally:
                if timer is not None:
                    timer.cancel()


def _expire(waiting: asyncio.Timeout, loop: asyncio.AbstractEventLoop) -> None:
    waiting.reschedule(loop.time())


class Timer:
    """A callback that is due at a time of a `Clock`."""

    __slots__ = ("_args", "_callback", "_clock", "_due", "_handle", "_loop")

    def __init__(
        self,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
    ) -> None:
        """See `Clock.call_later`."""
        self._clock = clock
        self._loop = loop
        self._due = clock.now + seconds
        self._callback = callback
        self._args = args
        self._handle = loop.call_later(seconds, self._look)

    def cancel(self) -> None:
        """Call nothing any more. Does nothing behind the call."""
        self._handle.cancel()

    def _look(self) -> None:
        left = self._due - self._clock.now
        if left > 0:
            # The clock stood still, or its next tick is still to come.
            self._handle = self._loop.call_later(max(left, self._clock.period / 2), self._look)
        else:
            self._callback(*self._args)
