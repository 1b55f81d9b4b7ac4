"""`Ration`: how many lines of one kind the log gets in a period, of each key and of all keys together.

Strangers choose the keys, such as addresses. So no more keys are remembered than lines were written.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable


class Ration:
    """Counts lines. May be used from any thread."""

    __slots__ = ("_began", "_counts", "_left_out", "_lock", "_most", "_now", "_of_each", "_seconds")

    def __init__(self, of_each: int, most: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """`of_each` lines of one key, and `most` of all, may be written in so many `seconds` from the first one."""
        self._of_each = of_each
        self._most = most
        self._seconds = seconds
        self._now = now
        self._lock = threading.Lock()
        self._began = 0.0
        self._counts: Counter[Hashable] = Counter()
        self._left_out = 0

    def may_write(self, key: Hashable = None) -> bool:
        """Tell whether one more line may be written, and count it."""
        with self._lock:
            now = self._now()
            if not self._counts or now - self._began >= self._seconds:
                self._began = now
                self._counts.clear()
            if self._counts.total() >= self._most or self._counts[key] >= self._of_each:
                self._left_out += 1
                return False
            self._counts[key] += 1
            return True

    def left_out(self) -> str:
        """Return what a line says of those before it that were left out; empty where there were none."""
        with self._lock:
            count, self._left_out = self._left_out, 0
        return f" ({count} lines like this were left out before)" if count else ""
