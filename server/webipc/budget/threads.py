"""`FairThreads`: threads for plain functions, divided among payers, and among the links of each payer.

A function starts if its payer may have one more thread, and otherwise waits in the row of its own link. A thread
that is given back goes to the next row, so one link's load is not another's wait. What takes a thread of another pool
by itself is counted in the same way (`enter`, `leave`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from webipc.budget.share import Share
from webipc.concurrency.loops import run_soon_in

THREADS = 80
"""As many that one payer alone has 40, which is what FastAPI gives to all `def` endpoints together."""
LEAST_THREADS = 2
BORROWED_THREADS = 40
"""All that FastAPI has for `def` endpoints and dependencies. One payer alone has half of them."""

Done = Callable[["Future[Any]"], object]


class _Call(NamedTuple):
    """A function that waits, and what is called with its outcome."""

    # None for what takes a thread of another pool: `done` is then called when it may.
    function: Callable[[], Any] | None
    done: Done


class FairThreads:
    """Runs functions in threads. All methods belong to the event loop's thread."""

    __slots__ = ("_executor", "_loop", "_rows", "_share", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int = THREADS) -> None:
        """`threads` is the number of threads, which are made when they are needed."""
        self._loop = loop
        self._share: Share[Hashable] = Share(threads, LEAST_THREADS)
        self._executor: ThreadPoolExecutor | None = None
        # What waits, by payer and link; in the order in which they are served next.
        self._rows: dict[Hashable, dict[Hashable, deque[_Call]]] = {}
        self._waiting = 0

    @property
    def running(self) -> int:
        """How many functions run now."""
        return self._share.held

    @property
    def waiting(self) -> int:
        """How many functions wait for a thread."""
        return self._waiting

    def run(self, payer: Hashable, link: Hashable, function: Callable[[], Any], done: Done) -> None:
        """Run a function in a thread, now or when its turn comes, in the order of its link.

        `done` is called in the event loop with a future that has ended: with the value, with what the function raised,
        or cancelled. It is never called when the loop is closed before.
        """
        self._put(payer, link, _Call(function, done))

    def enter(self, payer: Hashable, link: Hashable, begin: Done) -> None:
        """Count what takes a thread of another pool by itself, when its turn comes.

        `begin` is called in the event loop, now or later, with a future that is cancelled or has a result. Where it has
        one, `leave` has to be called when the thread is no longer used.
        """
        self._put(payer, link, _Call(None, begin))

    def leave(self, payer: Hashable) -> None:
        """Count that a thread of another pool is no longer used."""
        self._share.give(payer, 1)
        self._start_next()

    def _put(self, payer: Hashable, link: Hashable, call: _Call) -> None:
        if self._share.may(payer, 1):
            self._start(payer, call)
            return
        self._rows.setdefault(payer, {}).setdefault(link, deque()).append(call)
        self._waiting += 1

    def cancel(self, payer: Hashable, link: Hashable) -> int:
        """Cancel what waits for a link, which is over. What runs is left alone. Return how much it was."""
        row = self._rows.get(payer)
        calls = row.pop(link, None) if row is not None else None
        if calls is None:
            return 0
        if not row:
            del self._rows[payer]
        self._waiting -= len(calls)
        for call in calls:
            _cancel(call)
        return len(calls)

    def stop(self) -> None:
        """Cancel what waits, and make no more threads. Does not wait for what runs."""
        for payer, row in list(self._rows.items()):
            for link in list(row):
                self.cancel(payer, link)
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _start(self, payer: Hashable, call: _Call) -> None:
        if call.function is None:
            self._share.take(payer, 1)
            _begin(call)
            return
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._share.capacity, thread_name_prefix="webipc")
        # Raises RuntimeError after `stop`.
        future = self._executor.submit(call.function)
        self._share.take(payer, 1)
        future.add_done_callback(lambda ended: run_soon_in(self._loop, self._ended, payer, call.done, ended))

    def _ended(self, payer: Hashable, done: Done, future: "Future[Any]") -> None:
        self._share.give(payer, 1)
        self._start_next()
        done(future)

    def _start_next(self) -> None:
        """Start all that may start, each payer in turn: then a call waits only while its payer may have no more."""
        may, started = self._share.may, True
        while started:
            started = False
            # A payer that may not holds at least two threads, so few are passed over.
            for payer in list(self._rows):
                if self._share.held >= self._share.capacity:
                    return
                if may(payer, 1):
                    self._start(payer, self._take(payer))
                    started = True

    def _take(self, payer: Hashable) -> _Call:
        """Take out the next call of a payer, one of each of its links in turn, and put the payer behind the others."""
        row = self._rows.pop(payer)
        link = next(iter(row))
        calls = row.pop(link)
        call = calls.popleft()
        if calls:
            row[link] = calls
        if row:
            self._rows[payer] = row
        self._waiting -= 1
        return call


def _begin(call: _Call) -> None:
    future: Future[Any] = Future()
    future.set_result(None)
    call.done(future)


def _cancel(call: _Call) -> None:
    future: Future[Any] = Future()
    future.cancel()
    call.done(future)
