"""`Cycles`: finds the events of `sendSync` that only a reference cycle still holds, so that no page waits for them.

Python's counting of references releases a page as soon as nothing holds the event. An event in a cycle (`self.event =
event` in an object that the event leads to, or an exception kept with its traceback) is found by the garbage collector
alone, which may come minutes later. It is asked when all listeners of a call have returned, for young objects only: a
full collection takes 150 to 220 ms in a process with real data, and every page would wait for it.
"""

import asyncio
import gc
from typing import Final

from webipc.concurrency.loops import run_soon_in
from webipc.link.calls.sync_calls import SyncCall

# In debug mode, where few pages wait, a full collection may follow, but not more often.
FULL_SECONDS: Final = 10.0
# The generation of objects that have survived one collection, and the one below it.
_YOUNG: Final = 1


class Cycles:
    """What looks for cycles in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, debug: bool) -> None:
        self._loop = loop
        self._debug = debug
        # The calls that are looked at in the next turn, and those that wait for a full collection.
        self._young: list[SyncCall] = []
        self._old: list[SyncCall] = []
        # When a full collection may come again, in the time of the loop.
        self._next_full = 0.0

    def returned(self, call: SyncCall) -> None:
        """Note that all listeners of a call have returned: if there is no answer, look for its event."""
        if call.is_open:
            self._young.append(call)
            if len(self._young) == 1:
                # What has run the last listener still holds the event in this turn.
                run_soon_in(self._loop, self._collect_young)

    def _collect_young(self) -> None:
        left = _open(self._young)
        self._young = []
        if not left:
            return
        gc.collect(_YOUNG)
        if self._debug and (kept := _open(left)):
            self._old += kept
            if len(self._old) == len(kept):
                self._loop.call_later(max(0.0, self._next_full - self._loop.time()), self._collect_all)

    def _collect_all(self) -> None:
        left = _open(self._old)
        self._old = []
        if left:
            self._next_full = self._loop.time() + FULL_SECONDS
            gc.collect()


class Returns:
    """Counts the listeners of one call that have not returned."""

    __slots__ = ("_count", "_cycles", "call")

    def __init__(self, cycles: Cycles, call: SyncCall) -> None:
        """It is not complete before `end` was called for what finds the listeners, too."""
        self._cycles = cycles
        self.call = call
        self._count = 1

    def begin(self) -> None:
        """Note that a listener has suspended."""
        self._count += 1

    def end(self) -> None:
        """Note that one has returned, or that all were found."""
        self._count -= 1
        if not self._count:
            self._cycles.returned(self.call)


def _open(calls: list[SyncCall]) -> list[SyncCall]:
    return [call for call in calls if call.is_open]
