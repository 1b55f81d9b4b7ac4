"""One direction of a connection through the network: passes bytes on, and counts them until a fault is due."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

READ = 65_536
PIECES = (1, 2, 3, 7, 64)
"""Sizes of what a splitting direction passes at a time, in bytes."""


class Pipe:
    """Passes on what a reader gives. `due` is awaited when `left` bytes have passed; it sets `left` again."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        due: "Callable[[Pipe], Awaitable[None]]",
        passed: Callable[[int], None],
    ) -> None:
        """`passed` is told of each chunk that was passed on."""
        self._reader = reader
        self._writer = writer
        self._due = due
        self._passed = passed
        self.left: int | None = None
        """Bytes until the next fault; None: there is none."""
        self._split = 0
        self._throttled = 0.0
        self._rate = 0
        self.recorded = bytearray()
        """What has passed, from the first byte on; empty if it is not recorded."""
        self._recordable = 0
        self._is_dead = False

    def record(self, head: bytes, at_most: int) -> None:
        """Record what passes behind these first bytes, and nothing once it is longer than `at_most`."""
        self.recorded = bytearray(head)
        self._recordable = at_most

    def split(self, count: int) -> None:
        """Pass the next bytes on in small pieces, each in a packet of its own."""
        self._split = count

    def throttle(self, rate: int, count: int) -> None:
        """Pass the next bytes on at this rate, in bytes a second."""
        self._rate, self._throttled = rate, count

    def limit(self, rate: int | None) -> None:
        """Pass everything on at this rate, or as it comes."""
        self._rate, self._throttled = (0, 0.0) if rate is None else (rate, math.inf)

    def calm(self) -> None:
        """Let no fault be due, and end those that last for a while."""
        self.left = None
        self._split = 0
        if not math.isinf(self._throttled):
            self._throttled = 0

    def die(self) -> None:
        """Pass on nothing more, not even what is read before the task that runs this is cancelled."""
        self._is_dead = True

    async def run(self) -> None:
        """Pass bytes on until the sender has sent its last one."""
        while (data := await self._reader.read(READ)) and not self._is_dead:
            await self.take(data)

    async def take(self, data: bytes) -> None:
        """Pass on these bytes, and whatever is due on the way."""
        while data:
            step = len(data) if self.left is None else min(len(data), self.left)
            await self._pass(data[:step])
            data = data[step:]
            if self.left is not None:
                self.left -= step
                if self.left <= 0:
                    await self._due(self)

    async def _pass(self, data: bytes) -> None:
        if self.recorded:
            self.recorded += data
            if len(self.recorded) > self._recordable:
                self.recorded.clear()
        start = 0
        while start < len(data):
            size = self._size_of_next(len(data) - start)
            began = time.monotonic()
            self._writer.write(data[start : start + size])
            await self._writer.drain()
            await self._pause(size, began)
            start += size
        self._passed(len(data))

    def _size_of_next(self, rest: int) -> int:
        if self._split > 0:
            size = min(rest, PIECES[self._split % len(PIECES)])
            self._split -= size
            return size
        if self._throttled > 0:
            # Ten pieces a second: a rate is a matter of time.
            size = min(rest, max(self._rate // 10, 1))
            self._throttled -= size
            return size
        return rest

    async def _pause(self, size: int, began: float) -> None:
        if self._throttled > 0:
            await asyncio.sleep(max(size / self._rate - (time.monotonic() - began), 0))
        elif self._split > 0:
            await asyncio.sleep(0)
