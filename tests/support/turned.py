"""Time that a test turns: that of the event loop, by which a hub sweeps and judges its links."""

import asyncio

import pytest

from webipc.hub.hub import Hub


class Turned:
    """The time of an event loop, in which a hub is swept twice a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: self.now)

    def run(self, hub: Hub, seconds: float, *, answers: bool = True) -> None:
        """Let time pass; with `answers` pages answer heartbeats."""
        for _ in range(round(2 * seconds)):
            self.now += 0.5
            hub._sweeper._tick()
            hub._sweeper.sweep()
            for connection in hub._links:
                if answers and connection.last_sent == self.now:
                    connection.last_heard = hub.clock.now
