"""Which connections give way, and who pays: decided without a network. No clock: the loop's time is turned by hand."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from webipc.servers.newcomers import BURST, LEAST_OF_A_PAYER, UNKNOWN, Bounds, Newcomers, Payer, newcomers_of


class TurnedLoop:
    """What is used of an event loop. A test sets its time, and makes its timers due."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[..., Any]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], Any]) -> Any:
        self.timers.append((self.now + delay, callback))
        return self.timers[-1]

    def wait(self, seconds: float) -> None:
        """Let time pass, and call each timer in time."""
        until = self.now + seconds
        while self.timers and (at := min(at for at, _ in self.timers)) <= until:
            self.stand_still(at - self.now)
        self.now = until

    def stand_still(self, seconds: float) -> None:
        """Let time pass without a turn; then call what is due."""
        self.now += seconds
        due = [callback for at, callback in self.timers if at <= self.now]
        self.timers = [(at, callback) for at, callback in self.timers if at > self.now]
        for callback in due:
            callback()


@dataclass(eq=False)
class Connection:
    """A connection that tells when it was dropped."""

    payer: Payer
    log: list["Connection"] = field(default_factory=list)

    def drop(self) -> None:
        self.log.append(self)


PROXY = "10.0.0.1"


class Door:
    """The newcomers of a server with room for 32 of them and 100 connections."""

    def __init__(self, loop: TurnedLoop) -> None:
        self.loop = loop
        self.newcomers = Newcomers(
            cast("asyncio.AbstractEventLoop", loop), Bounds(connections=100, newcomers=32), {PROXY}
        )
        self.dropped: list[Connection] = []

    def enter(self, address: str, count: int = 1, *, is_timed: bool = True) -> list[Connection]:
        made = [Connection(self.newcomers.payer_of(address), self.dropped) for _ in range(count)]
        for connection in made:
            self.newcomers.enter(connection, is_timed=is_timed)
        return made

    def rest(self, address: str, count: int) -> list[Connection]:
        made = [Connection(self.newcomers.payer_of(address), self.dropped) for _ in range(count)]
        for connection in made:
            self.newcomers.rest(connection)
        return made


@pytest.fixture
def door() -> Door:
    return Door(TurnedLoop())


def test_a_newcomer_is_dropped_when_its_time_is_over_and_one_that_left_is_not(door: Door) -> None:
    silent, quick = door.enter("192.0.2.1", 2)
    door.newcomers.leave(quick)
    door.loop.wait(9.5)
    (late,) = door.enter("192.0.2.1")
    assert door.dropped == []
    door.loop.wait(1)
    assert door.dropped == [silent]
    door.loop.wait(10)
    assert door.dropped == [silent, late]


def test_the_time_in_which_the_process_stood_still_does_not_count(door: Door) -> None:
    (before,) = door.enter("192.0.2.1")
    door.loop.wait(5)
    door.loop.stand_still(50)
    assert door.dropped == []
    (behind,) = door.enter("192.0.2.1")
    door.loop.wait(3)
    assert door.dropped == []
    door.loop.wait(4)
    assert door.dropped == [before]
    door.loop.wait(4)
    assert door.dropped == [before, behind]


def test_one_timer_serves_all_and_none_is_left_when_there_is_no_newcomer(door: Door) -> None:
    connections = door.enter("192.0.2.1", 5)
    assert len(door.loop.timers) == 1
    door.loop.wait(1)
    assert len(door.loop.timers) == 1
    for connection in connections:
        door.newcomers.leave(connection)
    door.loop.wait(1)
    assert door.loop.timers == []


def test_one_that_waits_for_something_else_has_no_time_limit_here(door: Door) -> None:
    door.enter("192.0.2.1", is_timed=False)
    (silent,) = door.enter("192.0.2.1")
    door.loop.wait(60)
    assert door.dropped == [silent]
    assert len(door.newcomers) == 1


def test_the_oldest_of_the_payer_that_has_most_are_dropped_at_the_next_look(door: Door) -> None:
    (first,) = door.enter("192.0.2.1")
    crowd = door.enter("192.0.2.2", 60)
    (last,) = door.enter("192.0.2.3")
    assert door.dropped == []
    door.loop.wait(1)
    left = [connection for connection in [first, *crowd, last] if connection in door.newcomers]
    # Two others have one each: of the 30 that are left to it, the payer of the crowd may have half.
    assert left == [first, *crowd[-15:], last]


def test_a_payer_may_have_some_however_many_others_there_are(door: Door) -> None:
    for number in range(20):
        door.enter(f"198.51.100.{number}")
    mine = door.enter("192.0.2.1", 12)
    door.loop.wait(1)
    assert door.dropped == mine[: 12 - LEAST_OF_A_PAYER]


def test_a_crowd_of_many_payers_is_cut_to_the_bound_oldest_first(door: Door) -> None:
    crowd = [connection for number in range(40) for connection in door.enter(f"198.51.100.{number}")]
    door.loop.wait(1)
    assert door.dropped == crowd[:8]


def test_a_flood_does_not_wait_for_the_next_look(door: Door) -> None:
    door.enter("192.0.2.1", 500)
    assert len(door.newcomers) <= BURST * 32


def test_a_trusted_proxy_has_no_bound_of_its_own_but_pays_when_all_is_full(door: Door) -> None:
    behind = door.enter(PROXY, 30)
    door.loop.wait(1)
    assert door.dropped == []
    door.enter("192.0.2.1", 4)
    door.loop.wait(1)
    assert door.dropped == behind[:2]


def test_at_the_limit_of_connections_idle_ones_give_way_before_newcomers(door: Door) -> None:
    newcomers = door.enter("192.0.2.1", 8)
    idle = door.rest("192.0.2.2", 8)
    assert door.newcomers.may_connect(99)
    assert door.dropped == []
    for _ in range(8):
        assert door.newcomers.may_connect(100)
    assert door.dropped == idle
    assert door.newcomers.may_connect(100)
    assert door.dropped == [*idle, newcomers[0]]


def test_at_the_limit_of_connections_nobody_gives_way_who_has_said_what_it_wants(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "webipc")
    (served,) = door.enter("192.0.2.1")
    door.newcomers.leave(served)
    for _ in range(5):
        assert not door.newcomers.may_connect(100)
    door.loop.now += 10
    assert not door.newcomers.may_connect(101)
    assert door.dropped == []
    assert [record.getMessage() for record in caplog.records] == [
        "1 new connections were closed: 100 are open, and the limit on open files allows no more",
        "5 new connections were closed: 101 are open, and the limit on open files allows no more",
    ]


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=200))
def test_no_payer_has_more_than_its_share_after_a_look_and_who_has_less_loses_nothing(
    steps: list[tuple[int, bool]],
) -> None:
    door = Door(TurnedLoop())
    present: dict[int, list[Connection]] = {number: [] for number in range(7)}
    for number, comes in steps:
        if comes or not present[number]:
            present[number] += door.enter(f"192.0.2.{number}")
        else:
            door.newcomers.leave(present[number].pop(0))
    before = {number: len(row) for number, row in present.items()}
    door.loop.wait(1)
    after = {number: sum(one in door.newcomers for one in row) for number, row in present.items()}
    held = sum(after.values())
    assert held == len(door.newcomers) <= 32
    for number, count in after.items():
        assert count <= max(LEAST_OF_A_PAYER, (32 - (held - count)) // 2)
        if count < before[number]:
            # One that lost something has at least as many as any that lost nothing, but for the last step of an eighth.
            others = [after[other] for other in after if after[other] == before[other]]
            assert all(count >= other * 7 // 8 - 1 for other in others)


@pytest.mark.parametrize(
    "addresses",
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1%eth1"),
        ("a name", "a name"),
    ],
)
def test_one_customer_is_one_payer(door: Door, addresses: tuple[str, str]) -> None:
    assert len({door.newcomers.payer_of(address) for address in addresses}) == 1


@pytest.mark.parametrize("other", ["192.0.2.2", "2001:db8:1:3::1", PROXY])
def test_others_are_other_payers(door: Door, other: str) -> None:
    assert door.newcomers.payer_of(other) not in {
        door.newcomers.payer_of(address) for address in ("192.0.2.1", "2001:db8:1:2::1")
    }


def test_a_client_without_an_address_is_a_proxy(door: Door) -> None:
    assert door.newcomers.payer_of(None) == UNKNOWN
    assert not UNKNOWN.is_bounded
    assert not door.newcomers.payer_of(PROXY).is_bounded


def test_a_server_that_bounds_nothing_has_no_newcomers() -> None:
    assert newcomers_of(ServerState()) is None
