"""`Wakeup`: an awaitable that resumes its task inside the call that reports it.

An asyncio future resumes its task in the next turn of the event loop. That turn polls the system first, which costs
more than a small message. A `Wakeup` resumes the task at once, with the task's own context and as the current task.
It is what asyncio's documentation calls a future-like object, and has only what a task uses of one.
"""

import asyncio
from asyncio import current_task
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any


class Wakeup:
    """Awaited by one task at a time, any number of times."""

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_context", "_loop", "_wakeup")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # asyncio recognises a future by this attribute. True from the await until the task has noticed it.
        self._asyncio_future_blocking = False
        # The callback that resumes the task, and the context to call it in.
        self._wakeup: Callable[[Any], object] | None = None
        self._context: Context | None = None
        # The task is being cancelled, with this message.
        self._cancelled: tuple[Any] | None = None

    def __await__(self) -> Generator[Any, None, None]:
        """Wait for the next report."""
        self._asyncio_future_blocking = True
        yield self

    def report(self) -> None:
        """Resume the waiting task before this returns; inside another task, in the next turn of the loop.

        Does nothing when no task waits: a report is not kept.
        """
        if self._wakeup is None:
            return
        if current_task(self._loop) is None:
            self._resume()
        else:
            self._loop.call_soon(self._resume)

    def _resume(self) -> None:
        wakeup, context = self._wakeup, self._context
        if wakeup is not None and context is not None:
            self._wakeup = self._context = None
            try:
                context.run(wakeup, self)
            except (SystemExit, KeyboardInterrupt) as end:
                # The task has it already. The loop needs it as well, and the caller of `report` may swallow it.
                self._loop.call_soon(_raise, end)

    # --- called by the task, as on a future -----------------------------------------------------------------------

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop of the task."""
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Keep the callback that resumes the task."""
        self._wakeup = callback
        self._context = context

    def result(self) -> None:
        """Raise CancelledError where the task was cancelled; called by the task while it is resumed."""
        if self._cancelled is not None:
            (message,) = self._cancelled
            self._cancelled = None
            raise asyncio.CancelledError(*([] if message is None else [message]))

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the wait, in the next turn of the loop."""
        self._cancelled = (msg,)
        self._loop.call_soon(self._resume)
        return True


def _raise(error: BaseException) -> None:
    raise error
