"""`Supervisor`: the parent process as a whole. It starts the workers, listens, and acts on signals.

SIGTERM and SIGINT end the program: each worker gets the same signal, and another one for each further signal. SIGHUP
replaces one worker after the other, which loads the program again and loses no request.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final

from webipc.cli.acceptor.acceptor import Acceptor, Patience
from webipc.cli.acceptor.peers import Peers
from webipc.cli.acceptor.rendezvous import by_rank
from webipc.cli.supervisor.plan import Plan, Times
from webipc.cli.supervisor.slot import NotReplacedError, Slot, UnstableError
from webipc.cli.supervisor.switchboard import Switchboard
from webipc.cli.supervisor.worker_process import WorkerProcess
from webipc.servers.tcp import prepare

logger = logging.getLogger("webipc")

BACKLOG: Final = 2_048
"""So many connections may wait in the kernel."""
HANDLED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


class Supervisor:
    """Runs the workers of one plan."""

    def __init__(
        self,
        plan: Plan,
        listeners: list[socket.socket],
        switchboard: Switchboard | None,
        *,
        times: Times | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`listeners` are bound. `switchboard` connects the workers; None: they have a Redis."""
        self._plan = plan
        self._listeners = listeners
        self._switchboard = switchboard
        self._times = times or Times()
        self._loop = asyncio.get_running_loop()
        self._acceptor = Acceptor(listeners, self._hand_out, Peers(plan.proxies), patience)
        self._slots: list[Slot] = []
        # Every process that has not ended: those of the slots, and those that a rolling restart starts or ends.
        self._processes: set[WorkerProcess] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        # Done with the exit status when the program has to end.
        self._over: asyncio.Future[int] = self._loop.create_future()
        # The signal that workers get at the end.
        self._last_signal: int = signal.SIGTERM
        self._is_serving = asyncio.Event()
        self._rolling: asyncio.Task[None] | None = None
        self._is_asked_to_roll = False
        self._has_terminal = _has_terminal() and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL

    async def run(self) -> int:
        """Run until the end, and return the exit status: 0 after a signal, 1 when workers cannot run."""
        handlers: list[Callable[[], None]] = [self._interrupt, self._terminate, self._hang_up, self._look]
        for number, handler in zip(HANDLED, handlers, strict=True):
            self._loop.add_signal_handler(number, handler)
        # The command has blocked them until here.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        self._begin(self._serve())
        try:
            return await self._over
        finally:
            await self._end()
            for number in HANDLED:
                self._loop.remove_signal_handler(number)

    async def _serve(self) -> None:
        """Start all workers, then listen."""
        # The first one alone: what is wrong with the program is said once.
        first = self._new_slot(1)
        if not await first.worker.until_ready() and await first.worker.until_ended() > 0:
            self._finish(1)
            return
        self._begin(self._keep(first))
        await first.has_been_up.wait()
        for number in range(2, self._plan.workers + 1):
            self._begin(self._keep(self._new_slot(number)))
        for slot in self._slots:
            await slot.has_been_up.wait()
        if self._listen():
            self._acceptor.start()
            self._is_serving.set()
            logger.info("%d workers serve at %s (press Ctrl-C to quit)", self._plan.workers, self._plan.address)

    def _listen(self) -> bool:
        """Listen. Return False if another program has begun to listen there since the command has looked."""
        prepare(self._listeners)
        try:
            for listener in self._listeners:
                listener.listen(BACKLOG)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            logger.error("the program ends: cannot listen at %s: %s", self._plan.address, why)  # noqa: TRY400 - says all
            self._finish(1)
            return False
        return True

    async def _keep(self, slot: Slot) -> None:
        try:
            await slot.keep()
        except UnstableError as error:
            logger.error("the program ends: %s", error)  # noqa: TRY400 - its text says all
            self._finish(1)

    def _new_slot(self, number: int) -> Slot:
        slot = Slot(number, self._start, self._times, self._plan.graceful_seconds)
        self._slots.append(slot)
        return slot

    def _start(self, number: int, turn: int) -> WorkerProcess:
        process = WorkerProcess(self._plan, number, turn, self._switchboard, self._acceptor.retry)
        self._processes.add(process)
        process.ended.add_done_callback(lambda _: self._processes.discard(process))
        return process

    def _hand_out(self, connection: socket.socket, key: bytes) -> bool:
        up = {slot.number: slot.worker for slot in self._slots if slot.worker.is_up}
        return any(up[number].give(connection) for number in by_rank(key, up))

    # --- the end --------------------------------------------------------------------------------------------------

    async def _end(self) -> None:
        """Take no connection any more, and end all workers."""
        self._acceptor.close()
        for task in self._tasks:
            task.cancel()
        seconds = self._plan.graceful_seconds + self._times.shutdown
        for process in self._processes:
            process.end(self._last_signal, seconds)
        await asyncio.gather(*(process.until_ended() for process in self._processes))

    def _finish(self, status: int) -> None:
        if not self._over.done():
            self._over.set_result(status)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._has_ended)
        return task

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the program ends, because its parent process has failed", exc_info=error)
            self._finish(1)

    # --- signals --------------------------------------------------------------------------------------------------

    def _interrupt(self) -> None:
        self._end_by(signal.SIGINT)

    def _terminate(self) -> None:
        self._end_by(signal.SIGTERM)

    def _end_by(self, number: int) -> None:
        if self._over.done():
            # A further one: no worker waits any longer.
            for process in self._processes:
                process.send_signal(number)
            return
        self._last_signal = number
        self._finish(0)

    def _hang_up(self) -> None:
        if self._has_terminal and not _has_terminal():
            # The terminal has gone, and the program with it, as any other one.
            self._end_by(signal.SIGTERM)
            return
        self._is_asked_to_roll = True
        if self._rolling is None or self._rolling.done():
            self._rolling = self._begin(self._roll())

    async def _roll(self) -> None:
        """Replace one worker after the other; from the first one on again if SIGHUP has come meanwhile."""
        await self._is_serving.wait()
        while self._is_asked_to_roll:
            self._is_asked_to_roll = False
            for done, slot in enumerate(self._slots):
                try:
                    await slot.replace()
                except NotReplacedError as error:
                    logger.error("worker %d was not replaced: %s; %s", slot.number, error, self._stays(done))  # noqa: TRY400 - its text says all
                    return
            logger.info("all %d workers were replaced", len(self._slots))

    def _stays(self, done: int) -> str:
        """Say what serves behind a rolling restart that has replaced only so many workers."""
        if not done:
            return "those that serve stay"
        text = "%d of %d serve the program as it is now, the others as it was: send SIGHUP again when it is mended"
        return text % (done, len(self._slots))

    def _look(self) -> None:
        """Find out which workers have ended."""
        for process in list(self._processes):
            process.look()


def _has_terminal() -> bool:
    """Return whether this process belongs to a terminal that is there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
