"""What waits for Redis: its bounds, what is told of what is dropped, and questions that nobody waits for any more."""

import asyncio
import dataclasses

import pytest

from tests.support.buses import RedisRig, workers
from tests.support.waiting import PATIENCE, until
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, Parked


async def test_what_waits_is_bounded_in_bytes_and_what_is_dropped_is_counted(
    faulty: RedisRig, lines: list[str]
) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, queue_bytes=1_000_000)
    first, second = await workers(faulty, 2)
    faulty.server.kill()
    await until(lambda: not faulty.bus_of(first)._outbox.is_connected)
    for number in range(100):
        first.say(second, number, bytes(50_000))
        first.say_to_all(number)
        assert first.bus.stats()["queue_bytes"] <= 1_000_000
        assert first.bus.waiting(second.name) <= 1_000_000
    lost = first.bus.stats()["lost"]
    kept = first.bus.stats()["queue_entries"]
    assert sum(lost.values()) + kept == 200
    assert kept < 40
    await until(lambda: first.gaps)
    await until(lambda: any(f"ERROR {sum(lost.values())} messages to other workers are lost" in line for line in lines))
    faulty.server.start()
    # The last ones arrive in order, and that others are missing is told.
    await until(lambda: second.numbers()[-1:] == [99] and second.numbers_of_all()[-1:] == [99])
    assert second.numbers() == list(range(100 - len(second.said), 100))
    assert second.numbers_of_all() == list(range(100 - len(second.to_all), 100))
    assert len(second.said) + len(second.to_all) == kept
    assert second.gaps > 0
    assert first.bus.stats()["queue_bytes"] == first.bus.waiting(second.name) == 0


async def test_what_is_said_because_of_a_gap_and_dropped_too_is_no_further_gap(
    faulty: RedisRig, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, queue_bytes=100_000, ask=PATIENCE)
    first, second = await workers(faulty, 2)
    gaps = 0

    def gap() -> None:
        nonlocal gaps
        gaps += 1
        # As a home that tells the other worker to close what it relays.
        first.say(second, gaps)

    monkeypatch.setattr(first, "gap", gap)
    first.bus.directory.tab_born(5, "2" * 32)
    await until(lambda: not first.bus.stats()["queue_entries"])
    faulty.server.kill()
    await until(lambda: not faulty.bus_of(first)._outbox.is_connected)
    # Questions are not dropped, so that no message has room beside this one.
    parking = asyncio.ensure_future(first.bus.directory.park(5, bytes(200_000), [], 60))
    await until(lambda: first.bus.stats()["queue_bytes"] > 200_000)
    first.say(second, 0)
    assert gaps == 1
    first.say(second, 0)
    assert gaps == 2
    assert not [line for line in lines if "has failed" in line]
    parking.cancel()


async def test_what_waits_is_bounded_in_time(faulty: RedisRig, lines: list[str]) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, queue_seconds=0.5)
    first, second = await workers(faulty, 2)
    faulty.server.kill()
    await until(lambda: not first.bus.is_connected)
    for number in range(5):
        first.say_to_all(number)
    first.say(second, 1)
    await until(lambda: sum(first.bus.stats()["lost"].values()) == 6)
    await until(lambda: [line for line in lines if line.startswith("ERROR 6 messages to other workers are lost")])
    first.say_to_all(5)
    faulty.server.start()
    await until(lambda: second.to_all)
    assert second.numbers_of_all() == [5]
    assert second.to_all[0].own == 6


async def test_message_to_a_worker_that_has_ended_is_a_warning_that_says_so(faulty: RedisRig, lines: list[str]) -> None:
    """Each deploy has some, and none of them is an error."""
    (first,) = await workers(faulty, 1)
    first.bus.post("0" * 16, "say", {"n": 1})
    await until(lambda: "WARNING 1 messages to other workers are lost (1 to one that had ended)" in lines)
    assert first.bus.stats()["lost"] == {"no-worker": 1}


async def test_question_fails_in_time_and_at_once_where_redis_is_away_for_longer(faulty: RedisRig) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, ask=0.5, answer=1.0)
    first, _ = await workers(faulty, 2)
    faulty.server.pause()
    with pytest.raises(BusError, match="has not answered within"):
        await first.bus.directory.find("1" * 32, None, None)
    await until(lambda: faulty.bus_of(first)._outbox.has_given_up)
    waiting = first.bus.stats()["queue_entries"]
    for _ in range(1_000):
        with pytest.raises(BusError, match="cannot be reached"):
            await first.bus.directory.find("1" * 32, None, None)
    assert first.bus.stats()["queue_entries"] == waiting
    faulty.server.go_on()


async def test_claim_that_nobody_waits_for_is_released(faulty: RedisRig) -> None:
    # No connection is lost: what was sent on one that is lost is answered in vain, and sent again.
    faulty.settings = dataclasses.replace(faulty.settings, answer=20.0)
    first, second = await workers(faulty, 2)
    claims = [asyncio.ensure_future(first.bus.directory.claim(f"{number:032}")) for number in range(20)]
    await asyncio.sleep(0)
    for claim in claims:
        claim.cancel()
    # On its way then, or not sent at all.
    faulty.server.pause()
    late = asyncio.ensure_future(first.bus.directory.claim("f" * 32))
    with pytest.raises(BusError):
        await late
    faulty.server.go_on()
    await until(lambda: first.bus.is_connected and not first.bus.stats()["queue_entries"])
    for link in ("f" * 32, f"{0:032}", f"{19:032}"):
        assert await second.bus.directory.find(link, None, None) is None


async def test_tab_that_was_taken_for_nothing_is_put_back_with_its_words(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    link, token = "1" * 32, "2" * 32
    await first.bus.directory.claim(link)
    first.bus.directory.tab_born(5, token)
    await first.bus.directory.park(5, b"snapshot", [link], 60)
    assert await first.bus.directory.leave_word(5, b"word")
    line = faulty.bus_of(second)._writer._line
    assert line is not None
    ask = line.ask

    async def slow(commands: object) -> object:
        # The browser leaves while Redis is at it.
        taking.cancel()
        return await ask(commands)  # type: ignore[arg-type]

    line.ask = slow  # type: ignore[method-assign, assignment]
    taking = asyncio.ensure_future(second.bus.directory.take(5))
    await asyncio.wait([taking])
    line.ask = ask  # type: ignore[method-assign]
    assert taking.cancelled()
    await until(lambda: not second.bus.stats()["queue_entries"])
    assert await first.bus.directory.find(link, None, None) == Parked(5)
    taken = await first.bus.directory.take(5)
    assert taken is not None
    assert (taken.snapshot, taken.words) == (b"snapshot", [b"word"])
    assert await second.bus.directory.find(link, None, token) == Home(first.name)
    assert await second.bus.directory.take(5) is None


async def test_tab_that_was_taken_leaves_nothing_behind(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    first.bus.directory.tab_born(5, "2" * 32)
    await first.bus.directory.park(5, bytes(1_000_000), [], 60)
    await first.bus.directory.leave_word(5, b"word")
    assert await second.bus.directory.take(5) is not None
    await until(lambda: not faulty.server.admin.keys("webipc:{faulty}:x*"))


async def test_everything_is_noted_again_before_redis_forgets_it(faulty: RedisRig) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, note_again=0.1)
    worker = await faulty.worker()
    await until(lambda: worker.forgotten_count >= 2)
    assert worker.gaps == 0


@pytest.mark.parametrize("leave, come_back", [("kill", "start"), ("pause", "go_on")])
async def test_bus_that_is_away_for_longer_has_given_up_until_redis_is_back_and_ends_then_too(
    faulty: RedisRig, leave: str, come_back: str
) -> None:
    first, second = await workers(faulty, 2)
    assert not first.bus.has_given_up
    getattr(faulty.server, leave)()
    await until(lambda: first.bus.has_given_up and second.bus.has_given_up)
    await asyncio.wait_for(second.bus.end(), PATIENCE)
    getattr(faulty.server, come_back)()
    await until(lambda: not first.bus.has_given_up and first.bus.is_connected)
