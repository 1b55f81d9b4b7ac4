"""What happens to Redis, and what workers are told: what is lost is a gap, missed, or an error with a count."""

import asyncio
import dataclasses
import time
from functools import partial
from typing import Any

import pytest

from tests.support.buses import REDIS_FAULTS, BusWorker, RedisRig, answered, said_once, workers
from tests.support.redis_server import redis_server
from tests.support.waiting import until
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home
from webipc.cluster.redis_bus.server.line import LineError


async def connected(*made: BusWorker) -> None:
    await until(lambda: all(worker.bus.is_connected for worker in made))


async def away(*made: BusWorker) -> None:
    await until(lambda: not any(worker.bus.is_connected for worker in made))


async def test_killed_and_empty_again_the_living_register_again_and_nothing_waits_in_vain(
    faulty: RedisRig, lines: list[str]
) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, settle=60)
    first, second = await workers(faulty, 2)
    ordinals = first.bus.ordinal, second.bus.ordinal
    assert await first.bus.directory.claim("1" * 32) is None
    faulty.server.kill()
    await away(first, second)
    first.say_to_all(1)
    first.say(second, 1)
    await until(lambda: first.gaps and second.gaps)
    faulty.server.start()
    await until(lambda: first.forgotten_count == second.forgotten_count == 1)
    # For some time nobody is dead, and nothing is unknown.
    await connected(second)
    with pytest.raises(BusError, match="still registering"):
        await second.bus.directory.find("1" * 32, None, None)
    faulty.server.admin.delete("webipc:{faulty}:settling")
    first.bus.directory.note(["1" * 32], [(7, "2" * 32)])
    # It is written when this worker has its connection again; what it asks comes behind that.
    for worker in (first, second):
        assert await answered(partial(worker.bus.directory.find, "1" * 32, None, None)) == Home(first.name)
    assert await answered(lambda: second.bus.directory.find("3" * 32, None, None)) is None
    # What waited arrives, once.
    await until(lambda: first.to_all and second.to_all and second.said)
    assert said_once(first) == said_once(second) == [1]
    assert second.numbers() == [1]
    assert first.lost_workers == second.lost_workers == []
    assert (first.bus.ordinal, second.bus.ordinal) == ordinals
    assert (await faulty.worker()).bus.ordinal not in ordinals
    assert sum("has forgotten everything: this worker" in line for line in lines if line.startswith("WARNING")) == 2


async def test_begun_again_with_what_it_had_nobody_is_dead_and_all_arrives(lines: list[str]) -> None:
    with redis_server(is_durable=True) as server:
        rig = RedisRig(server, REDIS_FAULTS)
        first, second = await workers(rig, 2)
        for number in range(20):
            first.say_to_all(number)
            first.say(second, number)
        await until(lambda: len(second.to_all) == len(first.to_all) == 20)
        claimed = await answered(lambda: first.bus.directory.claim("1" * 32))
        server.kill()
        await away(first, second)
        for number in range(20, 30):
            first.say_to_all(number)
            first.say(second, number)
        # Longer than a lease.
        await asyncio.sleep(REDIS_FAULTS.lease + 0.2)
        server.start()
        await connected(first, second)
        await until(lambda: len(second.to_all) == len(first.to_all) == 30 and len(second.said) == 30)
        assert said_once(second) == said_once(first) == list(range(30))
        assert second.numbers() == list(range(30))
        assert claimed is None
        assert await answered(lambda: second.bus.directory.find("1" * 32, None, None)) == Home(first.name)
        # Who has a lease still is told that it may have been taken for dead, or registers again; nobody was.
        await asyncio.sleep(2 * REDIS_FAULTS.lease)
        assert first.lost_workers == second.lost_workers == []
        assert first.gaps > 0
        assert first.missed_counts == second.missed_counts == []
        assert not any("lost" in line and line.startswith("ERROR") and "messages" in line for line in lines)
        await rig.close()


async def test_another_server_that_lacks_what_was_written_last_is_seen_and_the_loss_is_counted(
    faulty: RedisRig, lines: list[str]
) -> None:
    first, second = await workers(faulty, 2)
    first.say_to_all(1)
    first.say(second, 1)
    await until(lambda: first.to_all and second.said)
    # What a replica has that was cut off now.
    faulty.server.admin.save()
    for number in range(2, 5):
        first.say_to_all(number)
    first.say(second, 2)
    await until(lambda: len(second.to_all) == len(first.to_all) == 4 and len(second.said) == 2)
    assert await first.bus.directory.claim("1" * 32) is None
    faulty.server.kill()
    await away(first, second)
    faulty.server.start()
    await until(lambda: first.forgotten_count and second.forgotten_count)
    first.bus.directory.note(["1" * 32], [])
    for worker in (first, second):
        assert await answered(partial(worker.bus.directory.find, "1" * 32, None, None)) == Home(first.name)
    for number in range(5, 8):
        second.say_to_all(number)
        first.say(second, number)
    await until(lambda: first.numbers_of_all()[-1:] == second.numbers_of_all()[-1:] == [7])
    assert said_once(first) == said_once(second) == list(range(1, 8))
    await until(lambda: second.numbers() == [1, 2, 5, 6, 7])
    assert first.gaps > 0 < second.gaps
    # Three of its messages are not in Redis any more: it cannot know that all have read them.
    await until(lambda: sum(faulty.bus_of(first).stats()["lost"].values()) == 3)
    await until(lambda: any(line.startswith("ERROR 3 messages to other workers are lost") for line in lines))
    assert faulty.bus_of(second).stats()["lost"] == {}
    assert first.lost_workers == second.lost_workers == []


async def test_connections_that_are_cut_again_and_again_lose_nothing_and_leak_nothing(faulty: RedisRig) -> None:
    # So long a worker may be without a connection before it gives up what it has asked.
    faulty.settings = dataclasses.replace(faulty.settings, ask=20)
    first, second = await workers(faulty, 2)
    cuts = 0
    for number in range(200):
        first.say_to_all(number)
        first.say(second, number, bytes(150_000 if number % 20 == 0 else 10))
        second.say_to_all(1_000 + number)
        if number % 20 == 10:
            cuts += faulty.server.admin.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.01)
    await until(lambda: len(first.to_all) == len(second.to_all) == 400 and len(second.said) == 200)
    assert cuts > 20
    assert [number for number in said_once(second) if number < 1_000] == list(range(200))
    assert [number for number in said_once(first) if number >= 1_000] == list(range(1_000, 1_200))
    assert first.numbers_of_all() == second.numbers_of_all()
    assert second.numbers() == list(range(200))
    assert first.gaps == second.gaps == 0
    assert first.missed_counts == second.missed_counts == []
    assert first.lost_workers == second.lost_workers == []
    # Three each, and that of the test.
    await until(lambda: len(faulty.server.admin.client_list()) == 7)
    # What was too large for an entry is gone when it was read.
    await until(lambda: not faulty.server.admin.keys("webipc:{faulty}:b:*"))


async def test_server_that_pauses_for_longer_than_a_lease_kills_nobody(faulty: RedisRig) -> None:
    # Longer than an answer may take, too.
    seconds = 1.3
    faulty.settings = dataclasses.replace(faulty.settings, answer=1.0)
    first, second = await workers(faulty, 2)
    for how in (faulty.server.pause, lambda: faulty.server.admin.client_pause(round(1000 * seconds))):
        how()
        begun = time.monotonic()
        first.say_to_all(round(begun * 1000))
        first.say(second, round(begun * 1000))
        await asyncio.sleep(seconds)
        faulty.server.go_on()
        await connected(first, second)
    await asyncio.sleep(1)
    await until(lambda: len(first.to_all) == len(second.to_all) == 2 and len(second.said) == 2)
    assert said_once(first) == said_once(second) == second.numbers()
    assert first.lost_workers == second.lost_workers == []


async def test_flushed_while_all_are_connected_is_seen_within_a_renewal(faulty: RedisRig, lines: list[str]) -> None:
    first, second = await workers(faulty, 2)
    for number in range(5):
        first.say_to_all(number)
    await until(lambda: len(second.to_all) == len(first.to_all) == 5)
    faulty.server.admin.flushall()
    first.say_to_all(5)
    await until(lambda: first.forgotten_count == second.forgotten_count == 1)
    second.say_to_all(6)
    first.say(second, 1)
    await until(lambda: 6 in second.numbers_of_all() and 6 in first.numbers_of_all() and second.said)
    for worker in (first, second):
        assert worker.gaps > 0
        assert worker.lost_workers == []
        # Five: written before it or behind it.
        assert [number for number in said_once(worker) if number != 5] == [0, 1, 2, 3, 4, 6]
    await until(lambda: any(line.startswith("ERROR") and "that Redis has lost" in line for line in lines))
    assert await answered(lambda: first.bus.directory.find("1" * 32, None, None)) is None


async def test_full_server_lets_messages_wait_and_directories_answer(faulty: RedisRig, lines: list[str]) -> None:
    first, second = await workers(faulty, 2)
    assert await first.bus.directory.claim("1" * 32) is None
    faulty.server.admin.config_set("maxmemory", "1")
    for number in range(300):
        first.say_to_all(number)
        first.say(second, number)
    await until(lambda: any("is full (maxmemory)" in line for line in lines))
    assert not first.bus.is_connected
    # Leases are renewed without more memory.
    await asyncio.sleep(0.8)
    assert first.lost_workers == second.lost_workers == []
    assert await answered(lambda: second.bus.directory.find("1" * 32, None, None)) == Home(first.name)
    faulty.server.admin.config_set("maxmemory", "0")
    await until(lambda: len(second.to_all) == len(first.to_all) == 300 and len(second.said) == 300)
    assert said_once(second) == second.numbers() == list(range(300))
    assert second.gaps == 0
    await connected(first)


async def test_deleted_mailbox_is_a_gap_even_where_nothing_follows(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    first.say(second, 1)
    await until(lambda: second.said)
    faulty.server.admin.delete(f"webipc:{{faulty}}:m:{second.name}")
    await until(lambda: second.gaps)
    first.say(second, 2)
    await until(lambda: len(second.said) == 2)


async def test_message_that_never_came_is_a_gap_when_the_next_one_comes(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    first.say(second, 1)
    await until(lambda: second.numbers() == [1])
    # As behind a server that took over and lacks what was written last: no count of it tells of that.
    posting = faulty.bus_of(first)._posting
    posting._last[second.name] = next(posting._numbers)
    first.say(second, 3)
    await until(lambda: second.numbers() == [1, 3])
    assert second.gaps == 1
    first.say(second, 4)
    await until(lambda: second.numbers() == [1, 3, 4])
    assert second.gaps == 1


async def test_large_message_that_is_gone_before_it_is_read_is_a_gap_or_missed(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    line = faulty.bus_of(second)._reader._line
    assert line is not None
    await line.close()
    first.say(second, 1, bytes(200_000))
    first.say_to_all(1, bytes(200_000))
    await until(lambda: not len(faulty.bus_of(first)._outbox))
    keys = faulty.server.admin.keys("webipc:{faulty}:b:*")
    # The first worker may have read its own.
    assert keys
    faulty.server.admin.delete(*keys)
    await until(lambda: second.gaps == 1 and second.missed_counts == [1])
    first.say(second, 2)
    first.say_to_all(2)
    await until(lambda: second.numbers() == [2] and second.numbers_of_all() == [2])


async def test_slow_server_is_said_once_a_minute_and_loses_nothing(faulty: RedisRig, lines: list[str]) -> None:
    first, second = await workers(faulty, 2)
    for number in range(2):
        # Longer than an answer may take to be called slow, and shorter than it may take.
        faulty.server.admin.client_pause(350)
        first.say_to_all(number)
        await until(lambda: len(second.to_all) == number + 1)  # noqa: B023 - it is done before the next turn
    assert sum("is slow: an answer took" in line and line.startswith("WARNING") for line in lines) == 1
    assert first.gaps == second.gaps == 0
    assert first.lost_workers == second.lost_workers == []


async def test_gaps_are_said_once_a_second(faulty: RedisRig, lines: list[str]) -> None:
    first, second = await workers(faulty, 2)
    mailbox = f"webipc:{{faulty}}:m:{second.name}"
    for number in range(50):
        faulty.server.admin.xadd(mailbox, {"o": first.name, "n": 2 * number + 10, "p": 2 * number + 9, "d": b""})
    await until(lambda: second.gaps == 50)
    assert 1 <= sum("may be lost" in line for line in lines) <= 3


async def test_connection_that_is_cut_while_a_large_message_is_fetched_costs_nothing(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    reader = faulty.bus_of(second)._reader
    cut = 0
    for number in range(6):
        line = reader._line
        assert line is not None
        ask = line.ask

        async def lose(commands: Any, ask: Any = ask, line: Any = line) -> Any:
            answers = await ask(commands)
            if commands[0][0] == "GET":
                nonlocal cut
                cut += 1
                await line.close()
                raise LineError("the answer is lost")
            return answers

        line.ask = lose  # type: ignore[method-assign]
        first.say(second, number, bytes(200_000))
        first.say_to_all(number, bytes(200_000))
        await until(lambda: len(second.said) == len(second.to_all) == number + 1)  # noqa: B023 - done before the next
    assert cut >= 6
    assert second.numbers() == said_once(second) == list(range(6))
    assert second.gaps == 0
    assert second.missed_counts == []


async def test_receiver_that_raises_stops_nothing(faulty: RedisRig, lines: list[str]) -> None:
    first, second = await workers(faulty, 2)

    def fail(_: object) -> None:
        raise RuntimeError("broken")

    second.received = fail  # type: ignore[method-assign, assignment]
    first.say(second, 1)
    first.say_to_all(1)
    await until(lambda: second.to_all)
    assert any("has failed" in line for line in lines)
