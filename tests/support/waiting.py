"""Waiting within an event loop: for a fact, and for what is on its way."""

import asyncio
from collections.abc import Callable

PATIENCE = 20.0
"""Seconds that anything may take before a test is told that it will not happen."""


async def until(fact: Callable[[], object]) -> None:
    """Wait until `fact()` is true; TimeoutError when it is not in time."""
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - a fact has no event that it could set
            await asyncio.sleep(0.001)


async def settled() -> None:
    """Let everything arrive that this process has in hand: it takes few turns of the loop."""
    for _ in range(20):
        await asyncio.sleep(0)
