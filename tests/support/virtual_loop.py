"""An event loop whose time a test moves: nothing in it waits, and the same steps always give the same order."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

STEP: Final = 0.001
# So many turns of the loop it takes until all that was sent within this process has arrived.
TURNS: Final = 30


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that stands still but in `do` and `pass_time`."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._now

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something to its end, and let all arrive that follows from it. A millisecond passes with each turn."""
        self.run_until_complete(self._do(work))

    async def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.create_task(work)
        while not task.done():
            await self._turn()
        await task
        for _ in range(TURNS):
            await self._turn()

    async def _turn(self) -> None:
        # The loop never waits for its next timer, because this is always ready.
        await asyncio.sleep(0)
        self._now += STEP

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass, a tenth of a second with each turn."""
        self.run_until_complete(self._pass(seconds))

    async def _pass(self, seconds: float) -> None:
        until = self._now + seconds
        while self._now < until:
            await self._turn()
            self._now += 0.1
        for _ in range(TURNS):
            await self._turn()
