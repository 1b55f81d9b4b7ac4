"""Waits within an event loop: for a condition, and for messages in transit."""

import asyncio
from collections.abc import Callable

PATIENCE = 20.0
"""Seconds until `until` raises TimeoutError."""


async def until(fact: Callable[[], object]) -> None:
    """Wait until `fact()` is true. Raises TimeoutError after `PATIENCE` seconds."""
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - a condition has no event to wait for
            await asyncio.sleep(0.001)


async def settled() -> None:
    """Let all messages within this process arrive: this takes a few iterations of the loop."""
    for _ in range(20):
        await asyncio.sleep(0)
