"""Where a document waits that has come before what it needs: the end of the one before it in its tab, or its parent.

Must not know who waits, nor for what: each says by a key what it wants to be called for.
"""

import asyncio
import contextlib
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class KeyedEvent(Generic[Key]):
    """Lets those in who are called, and everybody else when they have waited long enough."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """`seconds`: how long anybody waits at most."""
        self._loop = loop
        self._seconds = seconds
        self._waiting: dict[Key, list[asyncio.Future[None]]] = {}

    async def wait(self, key: Key) -> None:
        """Return when this key is called, or the time is over."""
        called = self._loop.create_future()
        self._waiting.setdefault(key, []).append(called)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await called
        finally:
            self._forget(key, called)

    def _forget(self, key: Key, called: "asyncio.Future[None]") -> None:
        """Take one off the list, unless `set` has: it may, in the very turn in which the time is over."""
        waiting = self._waiting.get(key, [])
        if called in waiting:
            waiting.remove(called)
            if not waiting:
                del self._waiting[key]

    def set(self, key: Key) -> None:
        """Let everybody in who waits for this key."""
        for called in self._waiting.pop(key, ()):
            if not called.done():
                called.set_result(None)
