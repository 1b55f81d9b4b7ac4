"""`Wakeup`: what one task waits for, and goes on with in the very call that reports it.

An asyncio future resumes who waits for it in the next turn of the event loop, which asks the system for news in between
and costs more than a small message does. This one resumes its task at once, with the task's own context and as the
current task. It is what asyncio's documentation calls a future-like object; only what a task asks of one is here.

Must not know what has arrived.
"""

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any


class Wakeup:
    """Awaited by one task at a time, any number of times."""

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_context", "_loop", "_wakeup")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # By this a task knows what it may wait for; it is True while the task has yet to take notice.
        self._asyncio_future_blocking = False
        # What resumes the task that waits, and the context that it is to be called in.
        self._wakeup: Callable[[Any], object] | None = None
        self._context: Context | None = None
        # The task that waits is being cancelled, with this message.
        self._cancelled: tuple[Any] | None = None

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until it is reported."""
        self._asyncio_future_blocking = True
        yield self

    def report(self) -> None:
        """Let the task that waits go on, before this returns; in the next turn where some task is running just now."""
        if self._wakeup is None:
            return
        if asyncio.current_task(self._loop) is not None:
            self._loop.call_soon(self._resume)
        else:
            self._resume()

    def _resume(self) -> None:
        wakeup, context = self._wakeup, self._context
        if wakeup is not None and context is not None:
            self._wakeup = self._context = None
            try:
                context.run(wakeup, self)
            except (SystemExit, KeyboardInterrupt) as end:
                # The task has been told. The loop has to be as well, and whoever reports may not pass it on.
                self._loop.call_soon(_raise, end)

    # --- what a task asks of a future -----------------------------------------------------------------------------

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that the task has to belong to."""
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Note what resumes the task."""
        self._wakeup = callback
        self._context = context

    def result(self) -> None:
        """Tell the task, while it is being resumed, whether it goes on or is cancelled."""
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
