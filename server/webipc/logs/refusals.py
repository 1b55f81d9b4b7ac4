"""What pages are refused, for the log: one line each, and a limited number of them for one page.

A page can be refused as often as it asks. A line of the log is longer than the message that causes it, and with a
traceback it would be thirty times as long.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

logger = logging.getLogger("webipc")

# How many lines one page may cause in one period.
LINES: Final = 10
PERIOD_SECONDS: Final = 60.0

LAST: Final = "; further lines like this of the same page are left out for a minute"


class _Period:
    """The lines of one page since some moment."""

    __slots__ = ("begun", "count", "once")

    def __init__(self, begun: float) -> None:
        self.begun = begun
        # How many lines there were, those that were left out included.
        self.count = 0
        # The texts that are written only once: no more than lines.
        self.once: tuple[str, ...] = ()


class Refusals:
    """Logs what was refused, with a limit for each page. May be used from any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` returns the seconds since some moment."""
        self._now = now
        self._lock = threading.Lock()
        self._periods: WeakKeyDictionary[object, _Period] = WeakKeyDictionary()

    def log(self, page: object, level: int, text: str) -> None:
        """Log a text, unless there were too many of this page. `page` is any object that lives as long as it."""
        if not logger.isEnabledFor(level):
            return
        self._write(page, level, text, None, None)

    def log_once(self, page: object, level: int, text: str, error: BaseException | None = None) -> None:
        """As `log`, but the same text only once in the period of the page; with the traceback of `error`."""
        if logger.isEnabledFor(level):
            self._write(page, level, text, text, error)

    def _write(self, page: object, level: int, text: str, once: str | None, error: BaseException | None) -> None:
        number = self._count(page, once)
        if number <= LINES:
            last = LAST if number == LINES else ""
            logger.log(level, "%s%s", text, last, exc_info=error, stacklevel=3)

    def _count(self, page: object, once: str | None) -> int:
        """Return which line of its period this would be; a number above LINES where it is to be left out."""
        now = self._now()
        with self._lock:
            period = self._periods.get(page)
            if period is None or now - period.begun >= PERIOD_SECONDS:
                period = self._periods[page] = _Period(now)
            if once in period.once:
                return LINES + 1
            period.count += 1
            if once is not None and period.count <= LINES:
                period.once += (once,)
            return period.count


REFUSALS: Final = Refusals()
"""That of this process."""
