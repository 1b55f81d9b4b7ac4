"""Which event loop code belongs to, and how any thread calls a function in it."""

import asyncio
import concurrent.futures
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVarTuple

Args = TypeVarTuple("Args")

# The event loop whose message a worker thread handles. Objects that are made in the thread use it as their loop.
home_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("webipc home loop", default=None)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread; None without one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def loop_here() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, otherwise the one that the thread works for; None without one."""
    return running_loop() or home_loop.get()


def run_in(loop: asyncio.AbstractEventLoop, function: Callable[[*Args], object], *args: *Args) -> bool:
    """Call a function in the thread of a loop: at once where this is that thread, otherwise as `run_soon_in` does.

    A call at once raises what the function raises. Returns False when the loop is closed: then it is never called.
    """
    # In Python 3.11 this is a system call (`getpid`). A hot path that knows the id of the loop's thread compares that
    # with `threading.get_ident()` first, and leaves the rest to `run_soon_in`.
    if running_loop() is loop:
        function(*args)
        return True
    return run_soon_in(loop, function, *args)


def run_soon_in(loop: asyncio.AbstractEventLoop, function: Callable[[*Args], object], *args: *Args) -> bool:
    """Call a function in a later turn of a loop. May be called from any thread, and by the garbage collector.

    Calls of one thread keep their order. Returns False when the loop is closed: then the function is never called.
    """
    try:
        loop.call_soon_threadsafe(function, *args)
    except RuntimeError:
        return False
    return True


async def done_in(
    loop: asyncio.AbstractEventLoop, seconds: float, function: Callable[[*Args], object], *args: *Args
) -> None:
    """Call a function in the thread of a loop, from any loop, and return when that is done.

    Raises what the function raises, and TimeoutError after so many seconds: then it is called later. It is never called
    when the loop is closed.
    """
    done: concurrent.futures.Future[None] = concurrent.futures.Future()

    def call() -> None:
        # From here on a timeout does not cancel the future any more.
        is_waited_for = done.set_running_or_notify_cancel()
        try:
            function(*args)
        except Exception as error:
            if not is_waited_for:
                raise
            done.set_exception(error)
        else:
            if is_waited_for:
                done.set_result(None)

    if not run_in(loop, call):
        return
    if done.done():
        done.result()
    else:
        async with asyncio.timeout(seconds):
            await asyncio.wrap_future(done)
