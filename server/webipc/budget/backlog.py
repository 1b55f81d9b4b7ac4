"""`Backlog`: what threads have sent and the event loop has not taken yet.

A thread may send faster than the loop takes it, or while the loop is busy with something else. Then the thread waits:
it is the only one that can. For the whole process, because the loop does not take what is for one page any faster.
"""

import threading
from typing import Final

SECONDS: Final = 5.0
"""How long a thread waits. The loop may itself wait for that thread: then it never takes anything."""


class Admitted:
    """So many bytes that a thread has sent, and that are counted until the event loop has taken them."""

    __slots__ = ("_backlog", "_size")

    def __init__(self, backlog: "Backlog", size: int) -> None:
        self._backlog = backlog
        self._size = size

    def leave(self) -> None:
        """Count them no longer. A second call does nothing."""
        size, self._size = self._size, 0
        if size:
            self._backlog.leave(size)


class Backlog:
    """Counts bytes. `admit` belongs to threads other than the event loop's."""

    def __init__(self, limit: int) -> None:
        """`limit` is how many bytes may wait, unless a single message is larger."""
        self.limit = limit
        self.held = 0
        self._changed = threading.Condition()
        self._waiting = 0

    def admit(self, size: int) -> Admitted | None:
        """Count so many bytes, when there is room. Return None if there was none in `SECONDS`: then they are not."""
        with self._changed:
            if self.held and self.held + size > self.limit:
                self._waiting += 1
                try:
                    if not self._changed.wait_for(lambda: not self.held or self.held + size <= self.limit, SECONDS):
                        return None
                finally:
                    self._waiting -= 1
            self.held += size
        return Admitted(self, size)

    def leave(self, size: int) -> None:
        """Count so many bytes no longer: the loop has taken them."""
        with self._changed:
            self.held -= size
            if self._waiting:
                self._changed.notify_all()
