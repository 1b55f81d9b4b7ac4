"""Runs the application's code for the messages of one link, in the order in which they came.

The first step of every listener and every `async def` handler happens in arrival order, on every Python (Electron's own
ordering tests depend on it), and no task is made for a call until it suspends. Both come from one trick: a worker task
runs call after call. A coroutine that suspends keeps the task it began in, so `asyncio.current_task()`, timeouts and
cancel scopes are right from the first line on; the messages behind it get a new worker. The first worker is whoever
brings messages (the task that reads the socket), so that a call which never waits costs no turn of the event loop.

Must not know what a message is, nor who called. `Task(eager_start=True)` of Python 3.12 would do part of this, but not
on 3.11, and a task for each call costs three times as much as the call.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context, copy_context
from typing import Any, Protocol

from webipc.concurrency.fatal import FATAL
from webipc.concurrency.flusher import Flusher
from webipc.concurrency.started_coroutine import StartedCoroutine

logger = logging.getLogger("webipc")

# A listener that holds the event loop for longer than this is named in the log in debug mode.
SLOW_SECONDS = 0.1


class Job(Protocol):
    """One call of the application's code."""

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """Call it. What is returned is a coroutine whose steps are still to be run, or None when all is said."""

    def settle(self, value: Any) -> None:
        """The coroutine has ended with `value`."""

    def fail(self, error: BaseException) -> None:
        """`start`, or the coroutine, has raised."""

    def describe(self) -> str:
        """Name it for the log."""


Successor = Callable[[], Coroutine[Any, Any, None]]


class JobQueue:
    """The messages of one link that wait for the application's code."""

    __slots__ = (
        "_debug",
        "_flusher",
        "_is_running",
        "_loop",
        "_message_context",
        "_tasks",
        "_jobs",
        "_waiting",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tasks: set[asyncio.Task[Any]],
        flusher: Flusher,
        *,
        debug: bool,
    ) -> None:
        """`tasks` keeps what runs alive, and tells who wants to end it."""
        self._loop = loop
        self._tasks = tasks
        self._flusher = flusher
        self._debug = debug
        # The messages behind the one that is being run, each with its first call or with the rest of its calls, and
        # with its context; None while there is none, since most links are idle.
        self._waiting: deque[tuple[Job | None, Iterator[Job] | None, Context]] | None = None
        # The calls of the message that is being run, and the context of that message.
        self._jobs: Iterator[Job] | None = None
        self._message_context: Context | None = None
        # A task runs the calls, or is about to.
        self._is_running = False

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to run, or somebody runs it already."""
        return self._is_running or self._waiting is None

    def put(self, jobs: Iterator[Job]) -> None:
        """Queue these calls, which belong to one message, behind all that came before.

        They run in a copy of the context of this call: that of the socket or request which brought the message, and
        not that of the link's first one. They are run by whoever calls `run` next, who has to, or `start`.
        """
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((None, jobs, copy_context()))

    def put_call(self, job: Job) -> None:
        """Queue the only call of a message: as `put`, without an iterator for one."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((job, None, copy_context()))

    def start(self) -> None:
        """Run what waits in a task of its own, unless somebody runs it."""
        if not self.is_idle:
            self._hand_over(self._work)

    async def _work(self) -> None:
        self._flusher.hold()
        if await self.run(self._work_on):
            self._flusher.release()

    def _work_on(self) -> Coroutine[Any, Any, None]:
        """Let another task work: this one has become a call's."""
        self._flusher.release()
        return self._work()

    async def run(self, successor: Successor) -> bool:
        """Run what waits, one call after the other, in the task that asks for it.

        A call that has to wait keeps this task: then `successor` is called at once, and what it returns is started in
        a task of its own, which has to call `run` for the calls behind it; and when the call has ended, this returns
        False. True when everything has been run.
        """
        self._is_running = True
        me = asyncio.current_task()
        while (job := self._next()) is not None:
            context = self._message_context
            assert context is not None, "a call without its message"
            # The call, its first step and its answer in one go: to enter a context costs as much as to call a function.
            rest = context.run(self._first_step, job)
            if rest is not None:
                self._hand_over(successor)
                await self._finish(job, StartedCoroutine(*rest, context.run), context)
                return False
            if me is not None and me.cancelling():
                # The call has cancelled the task it ran in. That is its own affair, and not of the calls behind it.
                self._hand_over(successor)
                return False
        self._is_running = False
        return True

    def _first_step(self, job: Job) -> tuple[Coroutine[Any, Any, Any], Any] | None:
        """Call it, and run its coroutine up to where it waits: return it, and what for; None when it has ended.

        To be run in the context of the message.
        """
        try:
            coroutine = job.start() if not self._debug else self._watched_start(job)
        except FATAL:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the application raises is its caller's to hear
            _fail(job, error)
            # Electron: a listener that throws stops the listeners behind it for this message, and nothing else.
            self._jobs = None
            return None
        if coroutine is None:
            return None
        try:
            waits_for = coroutine.send(None)
        except StopIteration as stop:
            _settle(job, stop.value)
        except FATAL:
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            _fail(job, error)
        else:
            return coroutine, waits_for
        return None

    def _watched_start(self, job: Job) -> Coroutine[Any, Any, Any] | None:
        began = self._loop.time()
        try:
            return job.start()
        finally:
            if (held := self._loop.time() - began) > SLOW_SECONDS:
                _warn_slow(job, held)

    def _hand_over(self, successor: Successor) -> None:
        self._is_running = True
        task = self._loop.create_task(successor())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _next(self) -> Job | None:
        while True:
            if self._jobs is not None:
                job = _next_of(self._jobs)
                if job is not None:
                    return job
                self._jobs = None
            if not self._waiting:
                self._waiting = self._message_context = None
                return None
            job, self._jobs, self._message_context = self._waiting.popleft()
            if job is not None:
                return job

    async def _finish(self, job: Job, rest: StartedCoroutine[Any], context: Context) -> None:
        try:
            value = await rest
        except (*FATAL, GeneratorExit):
            # The last when the event loop is closed with this task in it.
            raise
        except asyncio.CancelledError as cancelled:
            context.run(_fail, job, cancelled)
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            context.run(_fail, job, error)
        else:
            context.run(_settle, job, value)


def _next_of(jobs: Iterator[Job]) -> Job | None:
    """Return the next call of a message. None behind the last, and where what looks for it fails."""
    try:
        return next(jobs, None)
    except FATAL:
        raise
    except BaseException:
        # A `once` listener is removed here, which whoever listens for removals hears.
        logger.exception("A message could not be handed on: a listener for 'removeListener' raised")
        return None


def _settle(job: Job, value: Any) -> None:
    try:
        job.settle(value)
    except Exception:
        # Not the application's fault, and not of the messages behind it.
        logger.exception("The end of a call could not be told: %s", job.describe())


def _fail(job: Job, error: BaseException) -> None:
    try:
        job.fail(error)
    except Exception:
        logger.exception("The failure of a call could not be told: %s", job.describe())


def _warn_slow(job: Job, held: float) -> None:
    logger.warning(
        "%s held the event loop for %.0f ms, and with it every page. Make it `async def` and put the slow part into "
        "`await asyncio.to_thread(...)`, or register it with `handle` as a plain `def`, which runs in a thread.",
        job.describe(),
        held * 1000,
    )
