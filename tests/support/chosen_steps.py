"""`ChosenSteps`: the steps of workers on a `MemoryBus`, of which a test chooses the next one.

Each lane keeps its order: what one worker says, what it hears, what it is answered. Which lane is next is free.
"""

import asyncio
from collections import deque
from collections.abc import Callable


class ChosenSteps:
    """Implements `Steps`."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Callable[[], None]]] = {}

    def soon(self, lane: str, step: Callable[[], None]) -> None:
        """Keep a step until it is chosen."""
        self._lanes.setdefault(lane, deque()).append(step)

    def lanes(self) -> list[str]:
        """Return the lanes that have a step, in a fixed order."""
        return sorted(lane for lane, steps in self._lanes.items() if steps)

    def take(self, lane: str) -> None:
        """Take the next step of a lane."""
        self._lanes[lane].popleft()()

    async def take_all(self) -> None:
        """Take every step, and those that follow from them, in turn; let the tasks that wait for them go on."""
        while True:
            await _tasks_go_on()
            lanes = self.lanes()
            if not lanes:
                return
            for lane in lanes:
                self.take(lane)


async def _tasks_go_on() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
