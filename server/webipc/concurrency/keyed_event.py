"""An event for each key, with a timeout: a new document waits for the end of the one before it in its tab, or for the
document that embeds it.
"""

import asyncio
import contextlib
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class KeyedEvent(Generic[Key]):
    """Resumes every task that waits for a key when that key is set, or after a timeout."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """`seconds` is the timeout of every `wait`."""
        self._loop = loop
        self._seconds = seconds
        self._waiting: dict[Key, list[asyncio.Future[None]]] = {}

    async def wait(self, key: Key) -> None:
        """Return when this key is set, or after the timeout. A `set` before this call does not count."""
        is_set = self._loop.create_future()
        self._waiting.setdefault(key, []).append(is_set)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await is_set
        finally:
            self._forget(key, is_set)

    def _forget(self, key: Key, is_set: "asyncio.Future[None]") -> None:
        """Remove one from the list. `set` has removed it before if it was called in the turn of the timeout."""
        waiting = self._waiting.get(key, [])
        if is_set in waiting:
            waiting.remove(is_set)
            if not waiting:
                del self._waiting[key]

    def set(self, key: Key) -> None:
        """Resume every task that waits for this key."""
        for is_set in self._waiting.pop(key, ()):
            if not is_set.done():
                is_set.set_result(None)
