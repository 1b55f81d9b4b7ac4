"""A clock that stands still while the process does. A test turns the event loop's clock, and calls what is due."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from webipc.concurrency.clock import Clock


class TurnedLoop:
    """What is used of an event loop."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> "TurnedLoop":
        self.timers.append((self.now + delay, callback))
        return self

    def cancel(self) -> None:
        """Cancel the timer, as its handle: there is one."""
        self.timers.clear()


class Turned:
    """A clock that ticks every half second, unless the process stands still."""

    def __init__(self) -> None:
        self.loop = TurnedLoop()
        self.clock = Clock(cast("asyncio.AbstractEventLoop", cast("Any", self.loop)), 0.5)
        self._ticks = self.loop.now + 0.5

    def run(self, seconds: float) -> None:
        """Let time pass, with all that is due."""
        until = self.loop.now + seconds
        while (at := min(self._ticks, *(at for at, _ in self.loop.timers), until)) < until:
            self._turn(at)
        self._turn(until)

    def stand_still(self, seconds: float) -> float:
        """Let time pass without a turn; then tick. Returns what the tick has told."""
        self.loop.now += seconds
        # What was due meanwhile comes first: the worst order that an event loop may have.
        self._call_due()
        self._ticks = self.loop.now + 0.5
        return self.clock.tick()

    def _turn(self, at: float) -> None:
        self.loop.now = at
        if self._ticks <= at:
            self._ticks += 0.5
            assert self.clock.tick() == 0
        self._call_due()

    def _call_due(self) -> None:
        due = [callback for at, callback in self.loop.timers if at <= self.loop.now]
        self.loop.timers = [(at, callback) for at, callback in self.loop.timers if at > self.loop.now]
        for callback in due:
            callback()


@pytest.fixture
def turned() -> Turned:
    return Turned()


def test_time_passes_while_the_clock_ticks(turned: Turned) -> None:
    began = turned.clock.now
    turned.run(40)
    assert 39.5 <= turned.clock.now - began <= 40


def test_a_tick_may_be_a_second_late(turned: Turned) -> None:
    began = turned.clock.now
    assert turned.stand_still(1.5) == 0
    assert turned.clock.now - began == 1.5


def test_a_standstill_does_not_count(turned: Turned) -> None:
    began = turned.clock.now
    turned.run(10)
    assert turned.stand_still(48) == 46.5
    turned.run(10)
    assert 20 <= turned.clock.now - began <= 21.5


def test_a_callback_is_called_in_time(turned: Turned) -> None:
    called: list[str] = []
    turned.run(0.4)
    turned.clock.call_later(10, called.append, "it")
    turned.run(9.9)
    assert not called
    turned.run(1.1)
    assert called == ["it"]
    assert not turned.loop.timers


def test_a_callback_waits_for_what_a_standstill_has_taken(turned: Turned) -> None:
    called: list[str] = []
    turned.clock.call_later(10, called.append, "it")
    turned.run(5)
    turned.stand_still(48)
    assert not called
    turned.run(3)
    assert not called
    turned.run(2.5)
    assert called == ["it"]


def test_a_cancelled_callback_is_not_called(turned: Turned) -> None:
    called: list[str] = []
    timer = turned.clock.call_later(1, called.append, "it")
    timer.cancel()
    turned.run(5)
    timer.cancel()
    assert not called


async def test_a_timeout_is_in_this_time() -> None:
    clock = Clock(asyncio.get_running_loop(), 0.01)
    with pytest.raises(TimeoutError):  # noqa: PT012 - the clock has to tick meanwhile
        async with clock.timeout(0.02) as waiting:
            while True:
                clock.tick()
                await asyncio.sleep(0.01)
    assert waiting.expired()
    async with clock.timeout(0.02):
        # The clock does not tick.
        await asyncio.sleep(0.06)
    clock.tick()
    async with clock.timeout(10):
        pass
