"""Runs the application's code for the messages of one link, in the order of arrival.

The first step of every listener and every `async def` handler runs in arrival order, on every Python (Electron's own
ordering tests depend on it), and no task is made for a call until it suspends. For this, one worker task runs call
after call. If a call suspends, it keeps the task, so that `asyncio.current_task()`, timeouts and cancel scopes are
right from its first line on; a new worker task runs the calls behind it. The first worker is the task that reads the
socket, so that a call that does not suspend costs no turn of the event loop.

`Task(eager_start=True)` of Python 3.12 would do part of this, but not on 3.11, and a task for each call costs three
times as much as the call. Twin in spirit: js-client/src/concurrency/job-queue.ts
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

SERVER_ENDS = "the server ends"
"""The message of a cancellation that is no fault of the call. It is logged once for all calls, by who cancels."""

# A listener that holds the event loop for longer than this is named in the log in debug mode.
SLOW_SECONDS = 0.1


class Job(Protocol):
    """One call of the application's code."""

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """Call it. Return its coroutine, of which no step was run; None when the call is complete."""

    def settle(self, value: Any) -> None:
        """The coroutine has ended with `value`."""

    def fail(self, error: BaseException) -> None:
        """`start`, or the coroutine, has raised."""

    def describe(self) -> str:
        """Name it for the log."""


class Held(Protocol):
    """What the calls of a message hold while they wait."""

    def open(self) -> None:
        """One of them waits."""

    def close(self) -> None:
        """One that waited has ended."""


Successor = Callable[[], Coroutine[Any, Any, None]]


class JobQueue:
    """The messages of one link that wait for the application's code."""

    __slots__ = (
        "_debug",
        "_flusher",
        "_is_running",
        "_loop",
        "_message_context",
        "held",
        "_tasks",
        "_jobs",
        "_waiting",
        "suspended",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tasks: set[asyncio.Task[Any]],
        flusher: Flusher,
        *,
        debug: bool,
    ) -> None:
        """`tasks` gets every task that runs calls: it keeps them alive, and its owner may cancel them."""
        self._loop = loop
        self._tasks = tasks
        self._flusher = flusher
        self._debug = debug
        # The messages behind the one that is being run, each with its only call or with an iterator of its calls, and
        # with its context; None while there is none, since most links are idle.
        self._waiting: deque[tuple[Job | None, Iterator[Job] | None, Context, Held | None]] | None = None
        # The calls of the message that is being run, and the context of that message.
        self._jobs: Iterator[Job] | None = None
        self._message_context: Context | None = None
        # What the calls of that message hold while they wait.
        self.held: Held | None = None
        # True while a task runs the calls, or is about to.
        self._is_running = False
        # The tasks of calls that have suspended; None until the first.
        self.suspended: set[asyncio.Task[Any]] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing has to be started: no call waits, or a task runs them already."""
        return self._is_running or self._waiting is None

    @property
    def has_ended(self) -> bool:
        """Whether every call that was queued has ended; `def` handlers run elsewhere."""
        return not self._is_running and self._waiting is None and not self.suspended

    def put(self, jobs: Iterator[Job], held: "Held | None" = None) -> None:
        """Queue the calls of one message, behind those of earlier messages. `held` is told which of them wait.

        They run in a copy of the current context: that of the socket or request that delivered the message, and not
        that of the link's first one. The caller has to call `run` or `start` then.
        """
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((None, jobs, copy_context(), held))

    def put_call(self, job: Job, held: "Held | None" = None) -> None:
        """Queue the only call of a message. As `put`, but without the cost of an iterator."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((job, None, copy_context(), held))

    def start(self) -> None:
        """Run the queued calls in a new task, unless a task runs them already."""
        if not self.is_idle:
            self._hand_over(self._work)

    async def _work(self) -> None:
        self._flusher.hold()
        if await self.run(self._work_on, asyncio.current_task()):
            self._flusher.release()

    def _work_on(self) -> Coroutine[Any, Any, None]:
        """Return the worker that takes over, because this task now belongs to a call that has suspended."""
        self._flusher.release()
        return self._work()

    async def run(self, successor: Successor, task: asyncio.Task[Any] | None) -> bool:
        """Run the queued calls, one after the other, in the current task, which is `task`.

        If a call suspends, it keeps this task: `successor` is called at once and its coroutine started in a new task,
        which has to call `run` for the calls behind; this returns False when the call has ended. Returns True when
        every call was run.
        """
        self._is_running = True
        while (job := self._next()) is not None:
            context = self._message_context
            assert context is not None, "a call without its message"
            # The call, its first step and its answer together: entering a context costs as much as calling a function.
            rest = context.run(self._first_step, job)
            if rest is not None:
                held = self.held
                if held is not None:
                    held.open()
                self._hand_over(successor)
                try:
                    await self._finish_suspended(job, StartedCoroutine(*rest, context.run), context)
                finally:
                    if held is not None:
                        held.close()
                return False
            if task is not None and task.cancelling():
                # The call has cancelled its own task. That must not cancel the calls behind it.
                self._hand_over(successor)
                return False
        self._is_running = False
        return True

    def _first_step(self, job: Job) -> tuple[Coroutine[Any, Any, Any], Any] | None:
        """Call it, and run the first step of its coroutine. None when it has ended, otherwise the coroutine and what it
        yielded. To be run in the context of the message.
        """
        try:
            coroutine = job.start() if not self._debug else self._watched_start(job)
        except FATAL:
            raise
        except BaseException as error:  # noqa: BLE001 - `fail` takes every error of the application
            _fail(job, error)
            # Electron: a listener that throws stops only the later listeners of the same message.
            self._jobs = None
            return None
        if coroutine is None:
            return None
        try:
            # Not by `started_coroutine.start`: another call of a function would cost a tenth of the whole job.
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
        """Return the next call, and make its message the current one. None behind the last."""
        while True:
            if self._jobs is not None:
                try:
                    job = next(self._jobs, None)
                except FATAL:
                    raise
                except BaseException:
                    # A `once` listener is removed here, and removing it calls the listeners for 'removeListener'.
                    logger.exception("A message was dropped: a listener for 'removeListener' raised")
                    job = None
                if job is not None:
                    return job
                self._jobs = None
            if not self._waiting:
                self._waiting = self._message_context = self.held = None
                return None
            job, self._jobs, self._message_context, self.held = self._waiting.popleft()
            if job is not None:
                return job

    async def _finish_suspended(self, job: Job, rest: StartedCoroutine[Any], context: Context) -> None:
        task = asyncio.current_task()
        assert task is not None, "a call runs in a task"
        suspended = self.suspended = self.suspended or set()
        suspended.add(task)
        try:
            await self._finish(job, rest, context)
        finally:
            suspended.discard(task)

    async def _finish(self, job: Job, rest: StartedCoroutine[Any], context: Context) -> None:
        try:
            value = await rest
        except FATAL:
            raise
        except asyncio.CancelledError as cancelled:
            context.run(_fail, job, cancelled)
            raise
        except BaseException as error:
            if rest.is_closed:
                # The task is destroyed, because its event loop has ended: nothing can be answered.
                raise
            context.run(_fail, job, error)
        else:
            context.run(_settle, job, value)


def _settle(job: Job, value: Any) -> None:
    try:
        job.settle(value)
    except Exception:
        # An error of webipc itself. It must not stop the calls behind this one.
        logger.exception("The result of a call could not be delivered: %s", job.describe())


def _fail(job: Job, error: BaseException) -> None:
    try:
        job.fail(error)
    except Exception:
        logger.exception("The error of a call could not be delivered: %s", job.describe())


def _warn_slow(job: Job, held: float) -> None:
    logger.warning(
        "%s held the event loop for %.0f ms, and with it every page. Make it `async def` and put the slow part into "
        "`await asyncio.to_thread(...)`, or register it with `handle` as a plain `def`, which runs in a thread.",
        job.describe(),
        held * 1000,
    )
