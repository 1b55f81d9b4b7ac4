"""Collects what is posted in one turn of the event loop and writes it together: full frames as soon as they are full,
the rest when the turn is over.

Whoever has something to say wakes the pump; the pump flushes each of them once, in its own task, in the next turn of
the loop. One task serves every link of a hub, because a task for each costs memory per page and time per frame, and a
callback of the loop has no current task, which some ASGI servers and middleware need. Must not know what is flushed.
"""

import asyncio
import logging
from typing import Protocol

logger = logging.getLogger("webipc")


class Flushable(Protocol):
    """Something that has frames to send."""

    # True while the pump has it on its list.
    dirty: bool

    def flush(self) -> None:
        """Send what is there to be sent. Must not raise."""


class Flusher:
    """Flushes what was woken, in the next turn of the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # What has something to send, in the order in which it said so.
        self._dirty: list[Flushable] = []
        # How many hold it back at this moment.
        self._holds = 0
        # What the task waits for while nothing is dirty.
        self._idle: asyncio.Future[None] | None = None
        self._task = loop.create_task(self._run(), name="webipc pump")

    def wake(self, flushable: Flushable) -> None:
        """Flush this in the next turn of the loop. Saying it twice costs nothing."""
        if flushable.dirty:
            return
        flushable.dirty = True
        self._dirty.append(flushable)
        if not self._holds and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def hurry(self, flushable: Flushable) -> None:
        """Flush this at once, though somebody holds: it has a whole frame, and what follows goes into the next anyway.

        Nothing happens outside of a task. It was woken, so its turn comes.
        """
        if asyncio.current_task(self._loop) is not None:
            _flush(flushable)

    def hold(self) -> None:
        """Let nothing out until `release`: somebody is about to say several things, and will not wait in between."""
        self._holds += 1

    def release(self) -> None:
        """Flush at once what was woken meanwhile, unless somebody else still holds."""
        self._holds -= 1
        if not self._holds and self._dirty:
            self._flush()

    async def stop(self) -> None:
        """End the task; what is dirty is flushed first."""
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
            _flush(flushable)


def _flush(flushable: Flushable) -> None:
    try:
        flushable.flush()
    except Exception:
        logger.exception("A page could not be written to; the others are not affected")
