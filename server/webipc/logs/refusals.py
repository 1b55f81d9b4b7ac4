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


class Refusals:
    """Logs what was refused, with a limit for each page. May be used from any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` returns the seconds since some moment."""
        self._now = now
        self._lock = threading.Lock()
        # When the period of a page began, and how many lines it has had in it.
        self._periods: WeakKeyDictionary[object, tuple[float, int]] = WeakKeyDictionary()

    def log(self, page: object, level: int, text: str) -> None:
        """Log a text, unless there were too many of this page. `page` is any object that lives as long as it."""
        if not logger.isEnabledFor(level):
            return
        number = self._count(page)
        if number <= LINES:
            logger.log(level, "%s%s", text, LAST if number == LINES else "", stacklevel=2)

    def _count(self, page: object) -> int:
        now = self._now()
        with self._lock:
            begun, count = self._periods.get(page, (now, 0))
            if now - begun >= PERIOD_SECONDS:
                begun, count = now, 0
            self._periods[page] = (begun, count + 1)
            return count + 1


REFUSALS: Final = Refusals()
"""That of this process."""
