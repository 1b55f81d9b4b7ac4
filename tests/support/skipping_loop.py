"""An event loop whose clock skips the time in which nothing happens: a test of timeouts takes no time, and is the same
each time. Not for code that uses threads or sockets, because the clock does not wait for them.
"""

import asyncio
import selectors
from collections.abc import Callable


class _Selector(selectors.SelectSelector):
    """Waits for nothing, and says how long it should have."""

    def __init__(self, skip: Callable[[float], None]) -> None:
        super().__init__()
        self._skip = skip

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now."""
        assert timeout is not None, "nothing will ever happen in this loop: what is waited for?"
        ready = super().select(0)
        if not ready and timeout > 0:
            self._skip(timeout)
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """The loop. Its time moves only while every task waits."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Selector(self._skip))

    def _skip(self, seconds: float) -> None:
        self._now += seconds

    def time(self) -> float:
        """Return the time in seconds, of which nothing has passed at the beginning."""
        return self._now
