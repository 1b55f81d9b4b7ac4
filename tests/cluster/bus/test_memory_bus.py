"""What a `MemoryBus` offers to tests: steps that are chosen, loss, and a worker that dies in the middle."""

import asyncio
import time

import pytest

from tests.support.buses import BusWorker
from tests.support.chosen_steps import ChosenSteps
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, key_of
from webipc.cluster.bus.memory_bus import MemoryBus

LINK = key_of("link")


async def three() -> tuple[ChosenSteps, list[BusWorker]]:
    steps, board = ChosenSteps(), Switchboard(time.monotonic)
    made = [BusWorker(MemoryBus(board, name, steps=steps)) for name in "abc"]
    for worker in made:
        await worker.bus.begin(worker)
    await steps.take_all()
    return steps, made


async def test_nothing_arrives_before_its_step_and_each_lane_keeps_its_order() -> None:
    steps, (a, b, c) = await three()
    a.say(c, 1)
    b.say(c, 2)
    a.say(c, 3)
    assert steps.lanes() == ["a says", "b says"]
    steps.take("b says")
    steps.take("a says")
    assert c.said == []
    assert steps.lanes() == ["a says", "c hears"]
    steps.take("c hears")
    assert c.numbers() == [2]
    steps.take("c hears")
    steps.take("a says")
    steps.take("c hears")
    assert c.numbers() == [2, 1, 3]
    assert steps.lanes() == []


async def test_question_of_the_directory_is_three_steps_of_which_others_may_come_between() -> None:
    steps, (a, b, _) = await three()
    first = asyncio.create_task(a.bus.directory.claim(LINK))
    second = asyncio.create_task(b.bus.directory.claim(LINK))
    await asyncio.sleep(0)
    steps.take("b says")
    steps.take("a says")
    steps.take("a is answered")
    assert await first == Home("b")
    assert not second.done()
    steps.take("b is answered")
    assert await second is None


async def test_worker_that_dies_has_not_said_what_had_not_left_it() -> None:
    steps, (a, b, c) = await three()
    a.say(b, 1)
    steps.take("a says")
    a.say(b, 2)
    a.say_to_all(2)
    asking = asyncio.create_task(a.bus.directory.claim(LINK))
    await asyncio.sleep(0)
    assert isinstance(a.bus, MemoryBus)
    c.say(a, 3)
    a.bus.kill()
    with pytest.raises(BusError, match="has left"):
        await asking
    await steps.take_all()
    assert b.numbers() == [1]
    assert b.to_all == []
    assert b.lost_workers == c.lost_workers == ["a"]
    assert a.said == []
    assert not a.bus.is_connected


async def test_loss_takes_what_is_on_its_way_and_tells_of_it_in_its_place() -> None:
    steps, (a, b, c) = await three()
    a.say(b, 1)
    a.say_to_all(1)
    steps.take("a says")
    steps.take("a says")
    assert isinstance(b.bus, MemoryBus)
    assert isinstance(c.bus, MemoryBus)
    c.bus.kill()
    b.bus.lose()
    a.say(b, 2)
    a.say_to_all(2)
    await steps.take_all()
    assert (b.numbers(), b.gaps) == ([2], 1)
    assert (b.numbers_of_all(), b.missed_counts) == ([2], [1])
    # Who lives is not lost.
    assert b.lost_workers == ["c"]
    assert b.bus.position.number == 2
    assert a.numbers_of_all() == [1, 2]
