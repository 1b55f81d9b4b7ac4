"""`Arrivals`: what a page has received and its test has not asked for yet, by channel."""

import asyncio
from typing import Generic, TypeVar

Arrival = TypeVar("Arrival")


class Arrivals(dict[str, list[Arrival]], Generic[Arrival]):
    """Messages in the order in which they came, for each channel."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def add(self, channel: str, arrival: Arrival) -> None:
        """Keep a message."""
        self.setdefault(channel, []).append(arrival)
        self._news.set()

    async def take(self, channel: str, within: float) -> Arrival:
        """Wait for the next message on a channel, and return it. Raises TimeoutError after `within` seconds.

        The text of the error lists the channels on which messages have arrived.
        """
        try:
            async with asyncio.timeout(within):
                while not self.get(channel):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            waiting = sorted(name for name, messages in self.items() if messages)
            raise TimeoutError(
                f"no message on {channel!r} within {within} s; there are messages on {waiting}"
            ) from None
        return self[channel].pop(0)
