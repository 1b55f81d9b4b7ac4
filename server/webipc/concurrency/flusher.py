"""Collects what is posted in one turn of the event loop and sends it together: full frames as soon as they are full,
the rest in the next turn.

A Flushable with frames to send calls `wake`; the flusher's task flushes each of them once, in the next turn of the
loop. One task serves every link of a hub: a task for each link would cost memory per page and time per frame, and a
callback of the loop has no current task, which some ASGI servers and middleware need.
"""

import asyncio
import logging
from typing import Protocol

logger = logging.getLogger("webipc")

FAILED = "Writing to a page failed; other pages are not affected"


class Flushable(Protocol):
    """Something that has frames to send."""

    # True while the flusher has it on its list.
    dirty: bool

    def flush(self) -> None:
        """Send every frame that can be sent now. Must not raise."""


class Flusher:
    """Flushes each Flushable that called `wake`, in the next turn of the event loop. Belongs to the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # What has something to send, in the order of the calls of `wake`.
        self._dirty: list[Flushable] = []
        # How many callers hold it at this moment.
        self._holds = 0
        # What the task waits for while nothing is dirty.
        self._idle: asyncio.Future[None] | None = None
        self._task = loop.create_task(self._run(), name="webipc flusher")

    def wake(self, flushable: Flushable) -> None:
        """Flush this in the next turn of the loop. A second call before that does nothing."""
        if flushable.dirty:
            return
        flushable.dirty = True
        self._dirty.append(flushable)
        if not self._holds and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def hurry(self, flushable: Flushable) -> None:
        """Flush this at once, even on hold: it has a full frame, and later messages go into the next frame anyway.

        Does nothing outside of a task. It must have called `wake` before, so that it is flushed in the next turn.
        """
        if asyncio.current_task(self._loop) is not None:
            try:
                flushable.flush()
            except Exception:
                logger.exception(FAILED)

    def hold(self) -> None:
        """Send nothing until `release`: the caller is about to post several messages, and does not wait in between.

        May be called several times; each call needs its `release`.
        """
        self._holds += 1

    def release(self) -> None:
        """Flush at once what called `wake` meanwhile, unless another `hold` is left."""
        self._holds -= 1
        if not self._holds and self._dirty:
            self._flush()

    async def stop(self) -> None:
        """Flush what is dirty, then end the task."""
        self._flush()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            if not self._dirty:
                self._idle = self._loop.create_future()
                await self._idle
            self._flush()

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for flushable in dirty:
            flushable.dirty = False
            try:
                flushable.flush()
            except Exception:
                logger.exception(FAILED)
