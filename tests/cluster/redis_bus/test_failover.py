"""A replica takes over, with all that was written or cut off before: nothing comes twice, and what is lost is told."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest

from tests.support.buses import REDIS_FAULTS, BusWorker, RedisRig, answered, said_once, workers
from tests.support.redis_failover import RedisFailover, redis_failover
from tests.support.serving import free_port
from tests.support.waiting import until
from webipc.cluster.bus.directory import Home, Over
from webipc.cluster.redis_bus.flow.trail import STEP, Trail
from webipc.cluster.redis_bus.server.address import Address

LINK, OTHER = "1" * 32, "2" * 32


@pytest.fixture
def redis() -> Iterator[RedisFailover]:
    with redis_failover() as made:
        # As one that has been in use: it has not just forgotten everything.
        made.admin.set("webipc:{faulty}:gen", "in use")
        yield made


@pytest.fixture
async def rig(redis: RedisFailover) -> AsyncIterator[RedisRig]:
    made = RedisRig(redis, REDIS_FAULTS, name="faulty")  # type: ignore[arg-type] # what a rig needs of one
    yield made
    await made.close()


async def in_thread(does: Callable[[], object]) -> None:
    """Do something with the servers, without holding the event loop up."""
    await asyncio.to_thread(does)


def once(worker: BusWorker) -> list[int]:
    """Return what was said to all, as a worker has heard it; fail where something came twice."""
    numbers = said_once(worker)
    assert len(worker.numbers()) == len(set(worker.numbers()))
    return numbers


async def written(rig: RedisRig, *made: BusWorker) -> None:
    """Wait until everything that waits is in Redis."""
    buses = [rig.bus_of(worker) for worker in made]
    await until(lambda: all(bus.is_connected and not len(bus._outbox) for bus in buses))


def lost_of(rig: RedisRig, worker: BusWorker) -> int:
    return sum(rig.bus_of(worker).stats()["lost"].values())


async def test_replica_that_has_all_takes_over_and_nothing_is_lost(
    redis: RedisFailover, rig: RedisRig, lines: list[str]
) -> None:
    first, second = await workers(rig, 2)
    await in_thread(redis.add_replica)
    assert await first.bus.directory.claim(LINK) is None
    for number in range(20):
        first.say_to_all(number)
        first.say(second, number)
    await until(lambda: len(first.to_all) == len(second.to_all) == len(second.said) == 20)
    await in_thread(redis.catch_up)
    await in_thread(redis.fail_over)
    assert redis.lacked == 0
    for number in range(20, 40):
        first.say_to_all(number)
        second.say_to_all(100 + number)
        first.say(second, number)
    await until(lambda: len(first.to_all) == len(second.to_all) == 60 and len(second.said) == 40)
    assert once(first) == once(second)
    assert second.numbers() == list(range(40))
    await until(lambda: first.forgotten_count == second.forgotten_count == 1)
    for worker in (first, second):
        assert worker.lost_workers == []
        assert worker.missed_counts == []
        assert await answered(partial(worker.bus.directory.find, LINK, None, None)) == Home(first.name)
        assert lost_of(rig, worker) == 0
    told = [line for line in lines if "is another process: this worker registers itself and its pages again" in line]
    assert [line.split()[0] for line in told] == ["WARNING"] * 2
    assert not any("are lost" in line for line in lines)


async def test_replica_that_was_cut_off_takes_over_and_what_it_lacks_is_counted(  # noqa: PLR0915 - one failover
    redis: RedisFailover, rig: RedisRig, lines: list[str]
) -> None:
    first, second = await workers(rig, 2)
    await in_thread(redis.add_replica)
    for number in range(5):
        first.say_to_all(number)
        first.say(second, number)
    await until(lambda: len(first.to_all) == len(second.to_all) == len(second.said) == 5)
    await in_thread(redis.catch_up)
    await in_thread(redis.cut_off)
    for number in range(5, 8):
        first.say_to_all(number)
    first.say(second, 5)
    assert await first.bus.directory.claim(LINK) is None
    second.bus.directory.tab_born(7, OTHER)
    await until(lambda: len(first.to_all) == len(second.to_all) == 8 and len(second.said) == 6)
    await in_thread(redis.fail_over)
    assert redis.lacked > 0
    await until(lambda: first.forgotten_count == second.forgotten_count == 1)
    # They register again what they have.
    first.bus.directory.note([LINK], [])
    second.bus.directory.note([], [(7, OTHER)])
    await written(rig, first, second)
    for worker in (first, second):
        assert await answered(partial(worker.bus.directory.find, LINK, None, None)) == Home(first.name)
        assert await answered(partial(worker.bus.directory.where, 7)) == Home(second.name, "token")
    for number in range(8, 12):
        second.say_to_all(number)
        first.say(second, number)
    await until(lambda: once(first)[-1:] == once(second)[-1:] == [11] and second.numbers()[-1:] == [11])
    # All have heard what the replica lacks. The worker that has said it cannot know that, and counts it.
    assert once(first) == once(second) == list(range(12))
    assert second.numbers() == [0, 1, 2, 3, 4, 5, 8, 9, 10, 11]
    assert first.gaps > 0 < second.gaps
    await until(lambda: lost_of(rig, first) == 3)
    await until(lambda: any(line.startswith("ERROR 3 messages to other workers are lost") for line in lines))
    assert lost_of(rig, second) == 0
    assert first.lost_workers == second.lost_workers == []


async def test_worker_that_the_replica_never_knew_keeps_its_ordinal_and_nobody_gets_it(
    redis: RedisFailover, rig: RedisRig
) -> None:
    first = await rig.worker()
    await in_thread(redis.add_replica)
    await in_thread(redis.cut_off)
    second = await rig.worker()
    await until(lambda: first.bus.members.get(second.name))
    bus = rig.bus_of(second)
    # It is slow to find its way back.
    bus._lease._settings = dataclasses.replace(REDIS_FAULTS, again_least=0.5, again_most=0.5)
    await in_thread(redis.fail_over)
    assert redis.lacked > 0
    others = [(await rig.worker()).bus.ordinal for _ in range(3)]
    assert bus.ordinal not in others
    await until(lambda: len(list(first.bus.members)) == 5)
    members = list(first.bus.members)
    assert len({member.ordinal for member in members}) == 5
    assert first.lost_workers == second.lost_workers == []


async def test_server_whose_clock_is_behind_takes_over_and_what_is_said_next_arrives(
    redis: RedisFailover, rig: RedisRig
) -> None:
    first, second = await workers(rig, 2)
    first.say_to_all(1)
    first.say(second, 1)
    await until(lambda: first.to_all and second.said)
    await in_thread(redis.add_replica)
    await in_thread(redis.cut_off)
    # What is written now has places that are an hour ahead of those that the replica will give.
    ahead = int(redis.admin.time()[0] + 3_600) * 1_000
    for key in ("webipc:{faulty}:all", f"webipc:{{faulty}}:m:{second.name}", f"webipc:{{faulty}}:m:{first.name}"):
        redis.admin.execute_command("XSETID", key, f"{ahead}-0")
    for number in (2, 3, 4):
        first.say_to_all(number)
        first.say(second, number)
    await until(lambda: second.numbers() == once(second) == once(first) == [1, 2, 3, 4])
    reader = rig.bus_of(second)._reader
    # It finds the way when all is written.
    address, reader._address = reader._address, Address(f"redis://127.0.0.1:{free_port()}/0")
    await in_thread(redis.fail_over)
    assert redis.lacked > 0
    # As many as it lacks: the numbers of entries do not tell.
    for number in (5, 6, 7):
        first.say_to_all(number)
        first.say(second, number)
    await written(rig, first)
    await until(lambda: not reader.is_connected)
    reader._address = address
    await until(lambda: 7 in second.numbers() and 7 in once(second) and 7 in once(first))
    assert second.numbers() == [1, 2, 3, 4, 5, 6, 7]
    for worker in (first, second):
        assert once(worker) == [1, 2, 3, 4, 5, 6, 7] or worker.missed_counts


async def test_replica_that_lacks_more_than_a_reader_remembers_is_missed_and_nothing_comes_twice(
    redis: RedisFailover, rig: RedisRig, lines: list[str]
) -> None:
    first, second = await workers(rig, 2)
    rig.bus_of(second)._reader._trail = Trail(2 * STEP)
    first.say_to_all(0)
    await until(lambda: len(first.to_all) == len(second.to_all) == 1)
    await in_thread(redis.add_replica)
    await in_thread(redis.cut_off)
    for number in range(1, 3 * STEP):
        first.say_to_all(number)
    await until(lambda: len(first.to_all) == len(second.to_all) == 3 * STEP)
    await in_thread(redis.fail_over)
    first.say_to_all(1_000)
    await until(lambda: second.missed_counts == [0])
    first.say_to_all(1_001)
    await until(lambda: 1_001 in once(first) and 1_001 in once(second))
    # It remembers enough to know all that it has read.
    assert first.missed_counts == []
    assert once(first) == [*range(3 * STEP), 1_000, 1_001]
    assert any(line.startswith("ERROR An unknown number of messages to all workers") for line in lines)


async def test_replica_after_replica_takes_over_and_all_arrives_once(redis: RedisFailover, rig: RedisRig) -> None:
    first, second = await workers(rig, 2)
    for number in range(3):
        await in_thread(redis.add_replica)
        first.say_to_all(2 * number)
        second.say(first, 2 * number)
        await until(lambda: len(second.to_all) == len(first.said) == 2 * number + 1)  # noqa: B023 - before the next
        await in_thread(redis.catch_up)
        await in_thread(redis.fail_over)
        first.say_to_all(2 * number + 1)
        second.say(first, 2 * number + 1)
        await until(lambda: len(second.to_all) == len(first.said) == 2 * number + 2)  # noqa: B023 - before the next
    await until(lambda: len(first.to_all) == 6)
    assert once(first) == once(second) == first.numbers() == list(range(6))
    assert first.missed_counts == second.missed_counts == []


@pytest.mark.parametrize("replica_knows", ["parked", "at its old home"])
async def test_tab_that_has_moved_since_the_replica_was_cut_off_is_at_the_worker_that_has_it(
    redis: RedisFailover, rig: RedisRig, replica_knows: str
) -> None:
    rig.settings = dataclasses.replace(REDIS_FAULTS, settle=20)
    old, now, other = await workers(rig, 3)
    old.bus.directory.tab_born(7, OTHER)
    assert await old.bus.directory.claim(LINK) is None
    if replica_knows == "parked":
        await old.bus.directory.park(7, b"snapshot", [LINK], 60)
    await in_thread(redis.add_replica)
    await in_thread(redis.cut_off)
    if replica_knows != "parked":
        await old.bus.directory.park(7, b"snapshot", [LINK], 60)
    assert await now.bus.directory.take(7) is not None
    await old.bus.end()
    await written(rig, now)
    await in_thread(redis.kill)
    # As long as most of them take: longer than a lease.
    await asyncio.sleep(REDIS_FAULTS.lease)
    await in_thread(redis.promote)
    await until(lambda: now.forgotten_count)
    # What a worker has is its own, also where it was taken for dead and asks first; and it says so.
    assert await answered(lambda: now.bus.directory.kept([LINK])) == [LINK]
    now.bus.directory.note([LINK], [(7, OTHER)])
    await written(rig, now)
    assert await answered(lambda: other.bus.directory.find(LINK, None, None)) == Home(now.name)
    assert await answered(lambda: other.bus.directory.where(7)) == Home(now.name, "token")
    assert await answered(lambda: other.bus.directory.find("3" * 32, None, OTHER)) == Home(now.name, "token")
    # Nobody gets it a second time.
    assert await answered(lambda: other.bus.directory.take(7)) is None


async def test_link_that_has_ended_stays_so_when_its_worker_registers_again(
    redis: RedisFailover, rig: RedisRig
) -> None:
    first, second = await workers(rig, 2)
    second.bus.directory.link_ended(LINK, 60)
    await written(rig, second)
    await in_thread(redis.add_replica)
    await in_thread(redis.fail_over)
    await until(lambda: first.forgotten_count)
    assert await answered(lambda: first.bus.directory.kept([LINK])) == []
    first.bus.directory.note([LINK], [])
    await written(rig, first)
    assert await answered(lambda: first.bus.directory.find(LINK, None, None)) == Over()


async def test_what_was_said_before_is_told_once_to_a_tab_that_comes_behind_it(
    redis: RedisFailover, rig: RedisRig
) -> None:
    first, second = await workers(rig, 2)
    first.say_to_all(0)
    await until(lambda: len(first.to_all) == len(second.to_all) == 1)
    left = first.bus.position
    first.say_to_all(1)
    await in_thread(redis.add_replica)
    await until(lambda: len(first.to_all) == len(second.to_all) == 2)
    await in_thread(redis.catch_up)
    await in_thread(redis.fail_over)
    reader = rig.bus_of(second)._reader
    await until(lambda: reader.connects == 2 and not reader._must_look_back)
    first.say_to_all(2)
    await until(lambda: len(first.to_all) == len(second.to_all) == 3)
    said = await second.bus.since(left)
    assert said is not None
    assert [each.said.head["n"] for each in said] == [1, 2]
