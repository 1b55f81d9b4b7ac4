"""Asks are bounded: so many run at once, others wait in turn, and one without an end holds its place until it ends."""

import asyncio
import threading
from typing import Any

import pytest

from tests.support.asking import MakeAsks, asked, attach, refused, visitor
from tests.support.waiting import settled, until
from webipc.core.errors import CloseCode
from webipc.identity.line import PLACES


class Gate:
    """A dependency that waits until it is opened, and counts who is in it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.inside = 0
        self.most = 0
        self.cancelled = 0

    async def __call__(self) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.inside -= 1
        return "ada"


async def test_an_ask_that_takes_too_long_is_not_cancelled_and_its_place_is_free_when_it_ends(
    make_asks: MakeAsks, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    asks = make_asks(gate, ask_ms=30)
    refusal = await refused(asks)
    assert refusal.code == CloseCode.TRY_LATER
    assert (gate.inside, gate.cancelled, asks.running) == (1, 0, 1)
    (record,) = [each for each in caplog.records if each.name == "webipc"]
    assert record.getMessage() == (
        "203.0.113.1:1 at http://app.example was not let in: asking who it is took longer than 30 ms "
        "(1 asks run, 0 wait)"
    )
    gate.open.set()
    await until(lambda: asks.running == 0)
    assert (await asked(asks)).identity == "ada"


async def test_who_gives_up_meanwhile_does_not_cancel_the_ask(make_asks: MakeAsks) -> None:
    gate = Gate()
    asks = make_asks(gate)
    asking = asyncio.create_task(asks.ask(visitor(), attach()))
    await until(lambda: gate.inside == 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (gate.cancelled, asks.running) == (0, 1)
    gate.open.set()
    await until(lambda: asks.running == 0)


async def test_three_hundred_that_come_together_are_all_let_in(make_asks: MakeAsks) -> None:
    gate = Gate()
    asks = make_asks(gate)
    asking = [asyncio.create_task(asks.ask(visitor(f"203.0.113.{number}"), attach())) for number in range(300)]
    await settled()
    assert (asks.running, asks.waiting) == (PLACES, 300 - PLACES)
    gate.open.set()
    assert [caller.identity for caller in await asyncio.gather(*asking)] == ["ada"] * 300
    assert (gate.most, asks.running, asks.waiting) == (PLACES, 0, 0)


async def test_the_time_in_the_line_counts(make_asks: MakeAsks) -> None:
    gate = Gate()
    asks = make_asks(gate, ask_ms=30)
    refusals = await asyncio.gather(*[refused(asks, address=f"203.0.113.{number}") for number in range(PLACES + 40)])
    assert {refusal.code for refusal in refusals} == {CloseCode.TRY_LATER}
    assert (asks.running, asks.waiting) == (PLACES, 0)
    gate.open.set()
    await until(lambda: asks.running == 0)


async def test_beyond_a_thousand_that_wait_the_next_is_told_to_come_later(make_asks: MakeAsks) -> None:
    gate = Gate()
    asks = make_asks(gate)
    asking = [asyncio.create_task(asks.ask(visitor(f"a{number}"), attach())) for number in range(PLACES + 1_000)]
    await settled()
    assert asks.waiting == 1_000
    assert (await refused(asks, address="late")).code == CloseCode.TRY_LATER
    gate.open.set()
    await asyncio.gather(*asking)


async def test_a_plain_function_that_hangs_a_hundred_times_holds_at_most_64_threads(make_asks: MakeAsks) -> None:
    let_go = threading.Event()
    inside: set[int] = set()

    def hangs() -> str:
        inside.add(threading.get_ident())
        let_go.wait()
        return "ada"

    asks = make_asks(hangs, ask_ms=30)
    threads = threading.active_count()
    try:
        for start in range(0, 100, 20):
            await asyncio.gather(*[refused(asks, address=f"203.0.113.{start + one}") for one in range(20)])
        assert asks.running <= PLACES
        assert threading.active_count() - threads <= PLACES
        assert len(inside) <= PLACES
    finally:
        let_go.set()
    await until(lambda: asks.running == 0)


async def test_the_end_of_the_process_ends_what_waits(make_asks: MakeAsks, caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    asks = make_asks(gate)
    asking: Any = asyncio.create_task(refused(asks))
    await until(lambda: gate.inside == 1)
    for task in asks._tasks:
        task.cancel()
    assert (await asking).code == CloseCode.TRY_LATER
    assert not caplog.records
    assert asks.running == 0
