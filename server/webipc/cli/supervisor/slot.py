"""`Slot`: one of the N places for a worker. It starts another one when its worker has died, or is to be replaced."""

import asyncio
import itertools
import logging
import signal
from collections.abc import Callable

from webipc.cli.supervisor.plan import DEATHS, Times
from webipc.cli.supervisor.worker_process import WorkerProcess

logger = logging.getLogger("webipc")

Start = Callable[[int, int], WorkerProcess]
"""Starts a worker for the slot with this number, the how many-th one. Raises OSError where there is no room for it."""


class UnstableError(Exception):
    """The workers of a slot die before they are ready; the text is one sentence, to be printed."""


class NotReplacedError(Exception):
    """The worker of a slot stays, because the next one cannot serve; the text says why."""


class Slot:
    """A place for a worker, and the worker in it, which may have just died."""

    def __init__(self, number: int, start: Start, times: Times, graceful_seconds: float) -> None:
        """Start the first worker."""
        self.number = number
        self._turns = itertools.count(1)
        self.worker = start(number, next(self._turns))
        # A worker of it has been ready.
        self.has_been_up = asyncio.Event()
        self._start = start
        self._times = times
        self._end_seconds = graceful_seconds + times.shutdown
        self._loop = asyncio.get_running_loop()
        # Held while another worker takes the place.
        self._changing = asyncio.Lock()
        self._deaths = 0
        self._delay = times.first_delay

    async def keep(self) -> None:
        """Start another worker whenever the current one has died. Raises UnstableError when that is of no use."""
        while True:
            worker = self.worker
            is_ready = await worker.until_ready()
            since = self._loop.time()
            if is_ready:
                self._deaths = 0
                self.has_been_up.set()
            status = await worker.until_ended()
            async with self._changing:
                if self.worker is not worker:
                    continue
                if is_ready and self._loop.time() - since >= self._times.longest_delay:
                    self._delay = self._times.first_delay
                if not is_ready:
                    self._count_death(status)
                logger.warning("worker %d %s; another one starts in %g s", self.number, _how(status), self._delay)
                await self._start_again()

    async def _start_again(self) -> None:
        """Start a worker after the delay, which is doubled; again and again while the system has no room for one."""
        while True:
            await asyncio.sleep(self._delay)
            self._delay = min(2 * self._delay, self._times.longest_delay)
            try:
                self.worker = self._start(self.number, next(self._turns))
            except OSError as error:
                text = "worker %d cannot be started: %s; the next attempt is in %g s"
                logger.error(text, self.number, error, self._delay)  # noqa: TRY400 - its text says all
            else:
                return

    async def replace(self) -> None:
        """Start another worker, and let the current one end when that is ready.

        Raises NotReplacedError if the other one does not get ready: then the current one stays. Nothing is done for one
        that has just died: who takes its place has the program as it is now.
        """
        async with self._changing:
            old = self.worker
            if not await old.until_ready() or old.ended.done():
                return
            try:
                new = self._start(self.number, next(self._turns))
            except OSError as error:
                raise NotReplacedError(f"another one cannot be started: {error}") from None
            if (what := await self._what_kept_from_ready(new)) is not None:
                raise NotReplacedError(f"the next one {what}")
            self.worker = new
        old.end(signal.SIGTERM, self._end_seconds)
        await old.until_ended()

    async def _what_kept_from_ready(self, worker: WorkerProcess) -> str | None:
        """Return None when a worker is ready; otherwise end it, and say what it has done."""
        await asyncio.wait([worker.ready], timeout=self._times.ready)
        if not worker.ready.done():
            worker.end(signal.SIGTERM, self._times.shutdown)
            await worker.until_ended()
            return f"did not get ready within {self._times.ready:g} s"
        return None if worker.ready.result() else f"{_how(await worker.until_ended())} before it was ready"

    def _count_death(self, status: int) -> None:
        self._deaths += 1
        if self._deaths == DEATHS:
            raise UnstableError(f"worker {self.number} died {DEATHS} times before it was ready: it {_how(status)}")


def _how(status: int) -> str:
    """Say how a process has ended."""
    if status >= 0:
        return f"has ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
