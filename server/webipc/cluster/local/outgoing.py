"""`Outgoing`: what waits for the other end of a socket pair, counted, and given to the network in pieces.

The transport holds one piece at most, so that what waits is counted here, and a large payload that many get is there
once.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

OUT_BYTES: Final = 100_663_296
"""What waits for one end at most, in bytes: the largest frame, and room for what comes behind it."""

_PIECE: Final = 262_144
_SMALL: Final = 16_384
_OVERHEAD: Final = 64
"""What each piece costs beside its bytes, about."""


class Outgoing:
    """The way out of one connection. Belongs to the event loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, drained: Callable[[], None], most: int = OUT_BYTES) -> None:
        """`drained` is called each time that some of what waited has left. `most` is how many bytes may wait."""
        self.most = most
        self._loop = loop
        self._drained = drained
        self._transport: asyncio.Transport | None = None
        self._is_paused = True
        self._is_scheduled = False
        self._is_over = False
        self._waiting: deque[bytes | memoryview] = deque()
        # Bytes that wait here; those of the transport are not among them.
        self._bytes = 0

    @property
    def held(self) -> int:
        """How many bytes have not left this process, about."""
        return self._bytes + (_PIECE if self._is_paused and self._transport is not None else 0)

    def is_full_for(self, size: int) -> bool:
        """Whether so many bytes more would be too many. What is empty takes any frame."""
        return self._bytes > 0 and self._bytes + size > self.most

    def begin(self, transport: asyncio.Transport) -> None:
        """Write to this transport from now on."""
        self._transport = transport
        # Paused with its first byte that the network does not take, and resumed with the last.
        transport.set_write_buffer_limits(high=0)
        self.resume()

    def end(self) -> None:
        """Forget what waits, and take nothing more."""
        self._is_over = True
        self._transport = None
        self._is_paused = True
        self._waiting.clear()
        self._bytes = 0

    def put(self, head: bytes, payload: bytes = b"") -> None:
        """Send these, in the order of the calls."""
        if self._is_over:
            return
        # What is small is copied, because an object for each would cost more than what is in it.
        for piece in (head + payload,) if len(payload) < _SMALL else (head, payload):
            self._waiting.append(piece)
            self._bytes += len(piece) + _OVERHEAD
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._flush_scheduled)

    def pause(self) -> None:
        """Learn that the network takes nothing."""
        self._is_paused = True

    def resume(self) -> None:
        """Learn that the network takes more."""
        self._is_paused = False
        self._flush()

    def _flush_scheduled(self) -> None:
        self._is_scheduled = False
        self._flush()

    def _flush(self) -> None:
        if not self._may_write():
            return
        while self._may_write() and self._transport is not None:
            # The transport may pause this in the middle of `write`.
            self._transport.write(self._next())
        self._drained()

    def _may_write(self) -> bool:
        return not self._is_paused and len(self._waiting) > 0

    def _next(self) -> bytes | memoryview:
        """Take one piece from what waits: many small ones as one, or some of a large one."""
        first = self._waiting.popleft()
        if len(first) > _PIECE:
            self._waiting.appendleft(memoryview(first)[_PIECE:])
            self._bytes -= _PIECE
            return memoryview(first)[:_PIECE]
        batch, size = [first], len(first)
        while self._waiting and size + len(self._waiting[0]) <= _PIECE:
            batch.append(self._waiting.popleft())
            size += len(batch[-1])
        self._bytes -= size + _OVERHEAD * len(batch)
        return b"".join(batch) if len(batch) > 1 else first
