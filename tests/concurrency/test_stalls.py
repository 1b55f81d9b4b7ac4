"""How long the event loop was not free: a test turns the clock, and the loop calls what is due then."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from webipc.concurrency.stalls import KEPT_SECONDS, PERIOD, Stalls


class TurnedLoop:
    """What is used of an event loop, and its clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def clock(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> "TurnedLoop":
        self.timers.append((self.now + delay, callback))
        return self

    def cancel(self) -> None:
        """Cancel the timer, as its handle: there is one."""
        self.timers.clear()

    def turn(self, seconds: float) -> None:
        """Have one turn that takes this long; then call what is due."""
        self.now += seconds
        due = [callback for at, callback in self.timers if at <= self.now]
        self.timers = [(at, callback) for at, callback in self.timers if at > self.now]
        for callback in due:
            callback()

    def idle(self, seconds: float) -> None:
        """Have nothing to do but the timer, which is called in time."""
        until = self.now + seconds
        while self.timers[0][0] <= until:
            self.turn(self.timers[0][0] - self.now)
        self.now = until


@pytest.fixture
def loop() -> TurnedLoop:
    return TurnedLoop()


@pytest.fixture
def stalls(loop: TurnedLoop) -> Stalls:
    return Stalls(cast("asyncio.AbstractEventLoop", cast("Any", loop)), loop.clock)


def test_a_loop_that_is_free_has_no_delay(loop: TurnedLoop, stalls: Stalls) -> None:
    loop.idle(10)
    assert stalls.longest == 0
    assert len(loop.timers) == 1


@pytest.mark.parametrize("before", [0.0, 0.04, 0.099])
def test_a_turn_is_at_most_one_period_longer_than_the_delay(loop: TurnedLoop, stalls: Stalls, before: float) -> None:
    loop.idle(5 * PERIOD + before)
    loop.turn(2.5)
    assert 2.5 - PERIOD <= stalls.longest + 1e-9 <= 2.5 + 1e-6


def test_a_turn_that_has_not_ended_counts(loop: TurnedLoop, stalls: Stalls) -> None:
    loop.idle(1)
    loop.now += 7
    assert stalls.longest == pytest.approx(7, abs=PERIOD)


def test_a_delay_is_forgotten_after_a_minute_and_a_shorter_one_behind_it_later(
    loop: TurnedLoop, stalls: Stalls
) -> None:
    loop.turn(PERIOD + 3)
    loop.idle(20)
    loop.turn(PERIOD + 1)
    loop.idle(KEPT_SECONDS - 25)
    assert stalls.longest == pytest.approx(3)
    loop.idle(6)
    assert 1 - PERIOD <= stalls.longest <= 1 + PERIOD
    loop.idle(20)
    assert stalls.longest == pytest.approx(0)


def test_a_delay_is_forgotten_also_when_the_loop_has_not_turned_since(loop: TurnedLoop, stalls: Stalls) -> None:
    loop.turn(PERIOD + 3000)
    loop.now += KEPT_SECONDS
    assert stalls.longest == pytest.approx(KEPT_SECONDS - PERIOD)


def test_delays_that_become_shorter_are_at_most_those_of_a_minute(loop: TurnedLoop, stalls: Stalls) -> None:
    for number in range(3000):
        loop.turn(PERIOD + 0.001 * (1 - number / 3000))
    assert len(stalls._delays) <= KEPT_SECONDS / PERIOD
    loop.turn(PERIOD + 1)
    assert len(stalls._delays) == 1


def test_a_loop_that_is_not_watched_any_more_has_no_turn_without_end(loop: TurnedLoop, stalls: Stalls) -> None:
    stalls.stop()
    loop.turn(1000)
    assert stalls.longest == 0
    assert loop.timers == []
