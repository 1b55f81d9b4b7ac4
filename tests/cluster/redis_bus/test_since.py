"""What a tab that comes has missed of what was said to all: once each, or None where nobody can know it."""

import asyncio
import dataclasses
import time
from typing import Any, cast

import pytest

from tests.support.buses import BusWorker, RedisRig, workers
from tests.support.waiting import until
from webipc.cluster.board import ring as ring_module
from webipc.cluster.board.ring import At, Ring
from webipc.cluster.bus.bus import Position
from webipc.cluster.bus.rows import encode_rows
from webipc.cluster.spread.catching_up import CatchingUp, Left
from webipc.cluster.spread.own_entries import OwnEntries
from webipc.electron.tab import Tab

ALL = "webipc:{faulty}:all"


async def since(worker: BusWorker, position: Position) -> list[Any] | None:
    """Return the numbers of what a worker knows to be behind a position."""
    found = await worker.bus.since(position)
    return None if found is None else [entry.said.head["n"] for entry in found]


async def said_and_read(sender: BusWorker, numbers: range, *readers: BusWorker) -> None:
    for number in numbers:
        sender.say_to_all(number)
    await until(lambda: all(each.numbers_of_all()[-1:] == [numbers[-1]] for each in (sender, *readers)))


async def flushed(rig: RedisRig, *made: BusWorker) -> None:
    """Let Redis forget everything, and wait until these workers know how much of the new stream they have read."""
    counts = [worker.forgotten_count for worker in made]
    rig.server.admin.flushall()
    await until(lambda: all(worker.forgotten_count > count for worker, count in zip(made, counts, strict=True)))
    await until(lambda: all(rig.bus_of(worker)._reader.ring.place for worker in made))


def by_program(rig: RedisRig, number: int, place: str = "*") -> None:
    """Say something to all as a program that is no worker."""
    rig.server.admin.xadd(ALL, {"d": encode_rows([b'{"k":"say","n":%d}' % number])}, id=place)


async def deaf(worker: BusWorker, rig: RedisRig) -> None:
    """Let a worker read nothing any more."""
    await rig.bus_of(worker)._reader.end()


async def missed(worker: BusWorker, old: BusWorker, position: Position) -> list[Any] | None:
    """Return what a tab is given that comes to a worker with this position of its old home; None where it is reset."""
    given: list[Any] = []
    catching = CatchingUp(
        worker.bus,
        OwnEntries(),
        Left(position, old.name),
        lambda _, entries: given.extend(entry.head["n"] for entry in entries),
        lambda _: None,
        lambda _: None,
    )
    await catching.prepare(2.0)
    if not catching.is_complete:
        return None
    catching.deliver(cast("Tab", None))
    return given


async def test_position_of_before_is_known_to_those_alone_who_were_there_when_redis_forgot_everything(
    faulty: RedisRig,
) -> None:
    first, second = await workers(faulty, 2)
    await said_and_read(first, range(1), second)
    early = first.bus.position
    await said_and_read(first, range(1, 3), second)
    late = first.bus.position
    await flushed(faulty, first, second)
    assert await missed(second, first, early) == [1, 2]
    third = await faulty.worker()
    await said_and_read(second, range(3, 5), first, third)
    assert await since(second, early) == [1, 2, 3, 4]
    assert await since(second, late) == [3, 4]
    # It has the same numbers below it, and cannot know what was lost.
    assert await since(third, early) is None
    assert await since(third, late) is None
    # The old home has said the first ones itself.
    assert await missed(second, first, early._replace(own=1)) == [1, 2, 3, 4]
    assert await missed(second, first, late) == [3, 4]
    assert await missed(third, first, late) is None


async def test_position_behind_a_new_generation_is_one_of_it(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    await said_and_read(first, range(3), second)
    before = first.bus.position
    await flushed(faulty, first, second)
    nothing = first.bus.position
    assert nothing.number == 0
    assert nothing.generation not in ("", before.generation)
    third = await faulty.worker()
    for worker in (second, third):
        assert await since(worker, nothing) == []
    await said_and_read(first, range(3, 5), second, third)
    fourth = await faulty.worker()
    for worker in (second, third, fourth):
        assert await since(worker, nothing) == [3, 4]
        assert await missed(worker, first, nothing._replace(own=4)) == [4]
        assert await since(worker, first.bus.position) == []
    faulty.server.admin.xtrim(ALL, maxlen=1, approximate=False)
    assert await since(second, nothing) == [3, 4]
    assert await since(await faulty.worker(), nothing) is None


async def test_position_before_the_first_entry_is_none_of_another_generation(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    nothing = first.bus.position
    third = await faulty.worker()
    await said_and_read(first, range(2), second, third)
    await flushed(faulty, first, second, third)
    await said_and_read(first, range(2, 3), second, third)
    assert await since(third, nothing) == [0, 1, 2]
    # It cannot know what was said before Redis has forgotten it.
    assert await since(await faulty.worker(), nothing) is None


async def test_position_is_unknown_until_a_worker_knows_what_it_has_read_of_the_new_stream(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    await said_and_read(first, range(3), second)
    await deaf(first, faulty)
    faulty.server.admin.flushall()
    await until(lambda: first.forgotten_count and second.forgotten_count)
    position = first.bus.position
    assert position.generation == "?"
    assert await since(second, position) is None
    # Nor does it know what a tab would have missed that comes.
    assert await since(first, second.bus.position) is None


async def test_program_whose_entry_is_read_on_both_sides_of_a_new_generation_is_heard_once(faulty: RedisRig) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, renew=0.5)
    first, second = await workers(faulty, 2)
    await said_and_read(first, range(1), second)
    position = first.bus.position
    faulty.server.admin.flushall()
    by_program(faulty, 7)
    await until(lambda: first.forgotten_count and second.forgotten_count)
    await until(lambda: all(faulty.bus_of(worker)._reader.ring.place for worker in (first, second)))
    await said_and_read(first, range(1, 2), second)
    assert first.numbers_of_all() == second.numbers_of_all() == [0, 7, 1]
    assert await since(second, position) == [7, 1]


async def test_copy_of_an_entry_is_given_once_whoever_tells_what_was_said(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    empty = first.bus.position
    await said_and_read(first, range(1), second)
    original = first.bus.position
    ((_, fields),) = faulty.server.admin.xrange(ALL)
    between = await faulty.worker()
    # As where a connection was lost between the command and its answer.
    faulty.server.admin.xadd(ALL, fields)
    await said_and_read(first, range(1, 3), second)
    third = await faulty.worker()
    # For one of them the copy is the first that it reads.
    await until(lambda: between.numbers_of_all() == [0, 1, 2])
    for worker in (second, between, third, third):
        assert await since(worker, empty) == [0, 1, 2]
    # Another one for each: that which the third worker has read for the first position answers the second, too.
    fourth = await faulty.worker()
    for worker in (second, third, fourth):
        assert await since(worker, original) == [1, 2]
    assert first.bus.position.number > second.to_all[0].number


async def test_entries_that_a_server_lacks_that_took_over_are_known_to_those_who_read_them(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    await said_and_read(first, range(2), second)
    kept = first.bus.position
    # What a replica has that was cut off now.
    faulty.server.admin.save()
    await said_and_read(first, range(2, 5), second)
    lost = first.bus.position
    faulty.server.kill()
    await until(lambda: not first.bus.is_connected and not second.bus.is_connected)
    faulty.server.start()
    await until(lambda: first.forgotten_count and second.forgotten_count)
    await until(lambda: first.bus.is_connected and second.bus.is_connected)
    third = await faulty.worker()
    await said_and_read(second, range(5, 7), first, third)
    assert lost.generation == first.bus.position.generation
    assert await since(second, kept) == [2, 3, 4, 5, 6]
    assert await since(second, lost) == [5, 6]
    assert await since(third, kept) == [5, 6]
    assert await since(third, lost) is None


async def test_server_that_took_over_and_whose_clock_is_behind_has_no_place_of_before(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    await said_and_read(first, range(2), second)
    faulty.server.admin.save()
    later = f"{int(time.time() * 1000) + 3_600_000}-0"
    by_program(faulty, 9, later)
    await until(lambda: first.numbers_of_all()[-1:] == second.numbers_of_all()[-1:] == [9])
    position = first.bus.position
    faulty.server.kill()
    await until(lambda: not first.bus.is_connected and not second.bus.is_connected)
    faulty.server.start()
    await until(lambda: first.bus.is_connected and second.bus.is_connected)
    # What follows has numbers below that of the position, and is not nothing.
    await said_and_read(first, range(2, 4), second)
    third = await faulty.worker()
    for worker in (second, third):
        assert await since(worker, position) is None
        assert await since(worker, first.bus.position) == []
    position = first.bus.position
    await said_and_read(first, range(4, 5), second, third)
    assert await since(second, position) == await since(third, position) == [4]


async def test_position_of_the_version_before_is_known_by_its_entry(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    never = Position(0, 0)
    await said_and_read(first, range(3), second)
    at_second = Position(second.to_all[1].number, 2)
    third = await faulty.worker()
    for worker in (second, third):
        assert await since(worker, never) == [0, 1, 2]
        assert await since(worker, at_second) == [2]
    await flushed(faulty, first, second, third)
    fourth = await faulty.worker()
    await said_and_read(first, range(3, 4), second, fourth)
    assert await since(second, at_second) == [2, 3]
    # Nothing was read in that which Redis has forgotten.
    assert await since(fourth, never) == [3]
    assert await since(fourth, at_second) is None


async def test_position_whose_entry_was_trimmed_is_known_by_the_ring_alone(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    await said_and_read(first, range(1), second)
    position = first.bus.position
    await said_and_read(first, range(1, 4), second)
    faulty.server.admin.xtrim(ALL, maxlen=1, approximate=False)
    third = await faulty.worker()
    assert await since(second, position) == [1, 2, 3]
    assert await since(third, position) is None
    assert await since(third, first.bus.position) == []


async def test_worker_that_has_missed_something_knows_no_place_before_it(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    await said_and_read(first, range(1), second)
    position = first.bus.position
    await faulty.lose(second, first)
    await until(lambda: second.missed_counts)
    assert await since(second, position) is None
    await said_and_read(first, range(1, 2), second)
    assert await since(second, position) is None
    position = first.bus.position
    await said_and_read(first, range(2, 4), second)
    assert await since(second, position) == [2, 3]


async def test_worker_that_cannot_read_asks_for_the_rest(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    await said_and_read(first, range(2), second)
    position = first.bus.position
    await said_and_read(first, range(2, 4), second)
    await deaf(second, faulty)
    await said_and_read(first, range(4, 600))
    assert await since(second, position) == list(range(2, 600))


async def test_large_entry_is_given_by_the_ring_and_by_redis_and_not_where_it_is_gone(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    position = first.bus.position
    first.say_to_all(1, bytes(200_000))
    await until(lambda: first.to_all and second.to_all)
    third, fourth = await faulty.worker(), await faulty.worker()
    assert await since(third, position) == [1]
    faulty.server.admin.delete(*faulty.server.admin.keys("webipc:{faulty}:b:*"))
    assert await since(second, position) == await since(third, position) == [1]
    assert await since(fourth, position) is None


async def test_tab_that_comes_while_much_is_said_has_each_message_once_in_order(faulty: RedisRig) -> None:
    first, second, third = await workers(faulty, 3)
    positions = []
    for number in range(600):
        for worker in (first, third):
            worker.say_to_all(number)
        if number % 60 == 0:
            positions.append((first.bus.position, len(first.to_all)))
            await asyncio.sleep(0.01)
    for position, _ in positions:
        for taker in (second, third):
            given = await missed(taker, first, position)
            assert given is not None
            # Up to here it has read what the others had said; and of its old home's own it has all up to `own`.
            rest = [entry for entry in taker.to_all if entry.number > position.number]
            expected = [e for e in rest if not (e.said.origin == first.name and e.own <= position.own)]
            assert given == [entry.said.head["n"] for entry in expected]


def test_ring_is_bounded_in_count_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "KEPT", 5)
    monkeypatch.setattr(ring_module, "KEPT_BYTES", 5_000)
    ring = Ring()
    ring.begin(b"g", 100)
    for number in range(101, 121):
        ring.passed(b"g", number, None, 10)
        assert len(ring) <= 5
    assert ring.since(At(b"g", 114)) is None
    assert ring.since(At(b"g", 115)) == ring.since(At(b"g", 120)) == []
    for number in range(121, 124):
        ring.passed(b"g", number, None, 1_500)
        assert ring.bytes <= 5_000
    assert len(ring) == 2
    ring.passed(b"g", 124, None, 6_000)
    assert (len(ring), ring.bytes, ring.before) == (0, 0, At(b"g", 124))
    assert len(ring._index) == 0


async def test_ring_is_waited_for_until_the_reader_knows_where_it_is() -> None:
    ring = Ring()
    ring.begin(b"g", 7)
    assert await ring.wait_for(7, 0)
    assert not await ring.wait_for(8, 0)
    waiting = asyncio.ensure_future(ring.wait_for(8, 20))
    await asyncio.sleep(0)
    ring.read_up_to(8)
    assert await waiting
    # Another stream, of which nothing is known, even where nothing is in it.
    ring.begin_again(b"h")
    assert not await ring.wait_for(0, 0)
    ring.read_up_to(0)
    assert await ring.wait_for(0, 0)
