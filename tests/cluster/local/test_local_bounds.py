"""The local bus where a worker or the parent does not read: memory stays bounded, and what is dropped is told."""

import asyncio
from typing import Any

import pytest
import uvloop

from tests.support.buses import BusWorker, LocalRig, connection_of, local_rig
from tests.support.waiting import PATIENCE, settled, until
from webipc.cluster.bus.bus import BusError, Position
from webipc.cluster.bus.directory import Home, key_of
from webipc.cluster.local import local_connection, outgoing
from webipc.cluster.local.frames import encode_frame
from webipc.cluster.local.local_connection import PAYLOAD_BYTES


def deafen(worker: BusWorker) -> asyncio.Transport:
    """Let a worker not read any more, and return what lets it."""
    transport = connection_of(worker)._transport
    assert transport is not None
    transport.pause_reading()
    return transport


def waiting_bytes(rig: LocalRig) -> int:
    return int(rig.server.stats()["waiting_bytes"])


async def test_worker_that_does_not_read_costs_the_parent_a_bounded_memory_and_the_others_nothing(
    rig: LocalRig,
) -> None:
    deaf, sender, other = [await rig.worker() for _ in range(3)]
    transport = deafen(deaf)
    most = 0
    for number in range(60):
        sender.say(deaf, number, bytes(1_000_000))
        other.say(sender, number)
        await until(lambda number=number: len(sender.said) == number + 1)  # type: ignore[misc]
        most = max(most, waiting_bytes(rig))
    # What is dropped, a piece of the socket's, and what is on its way from the sender.
    assert rig.MOST_WAITING / 2 < most <= rig.MOST_WAITING + 3_000_000
    assert sender.numbers() == list(range(60))
    assert rig.server.stats()["dropped"] >= 45
    transport.resume_reading()
    await until(lambda: deaf.gaps)
    assert deaf.numbers() == list(range(len(deaf.said)))
    sender.say(deaf, 100)
    await until(lambda: deaf.numbers()[-1] == 100)
    assert deaf.gaps == 1
    await until(lambda: waiting_bytes(rig) == 0)


async def test_sender_sees_what_waits_for_a_worker_at_the_parent_and_that_it_is_slow(rig: LocalRig) -> None:
    deaf, sender = await rig.worker(), await rig.worker()
    await until(lambda: sender.bus.members.get(deaf.name))
    transport = deafen(deaf)
    for number in range(7):
        sender.say(deaf, number, bytes(1_000_000))
    # All of it leaves the sender's process.
    await until(lambda: connection_of(sender).waiting == 0 and sender.bus.waiting(deaf.name) >= 5_000_000)
    assert sender.bus.waiting(sender.name) == 0
    await until(lambda: (member := sender.bus.members.get(deaf.name)) is not None and member.is_slow)
    # One that comes later is told as well.
    third = await rig.worker()
    await until(lambda: third.bus.waiting(deaf.name) >= 5_000_000)
    transport.resume_reading()
    await until(lambda: sender.bus.waiting(deaf.name) == third.bus.waiting(deaf.name) == 0)
    await until(lambda: (member := sender.bus.members.get(deaf.name)) is not None and not member.is_slow)
    await until(lambda: len(deaf.said) == 7)
    assert deaf.gaps == 0


async def test_worker_that_was_behind_knows_who_lives(rig: LocalRig) -> None:
    deaf, sender, dying = [await rig.worker() for _ in range(3)]
    await until(lambda: deaf.bus.members.get(dying.name))
    transport = deafen(deaf)
    for number in range(12):
        sender.say(deaf, number, bytes(1_000_000))
    await until(lambda: rig.server.stats()["dropped"])
    await rig.kill(dying)
    born = await rig.worker()
    sender.bus.drain()
    transport.resume_reading()
    await until(lambda: deaf.bus.members.get(born.name))
    assert deaf.lost_workers == [dying.name]
    draining = deaf.bus.members.get(sender.name)
    assert draining is not None
    assert draining.is_draining


async def test_worker_that_is_behind_is_not_read_and_takes_no_tab_whose_snapshot_would_be_lost(rig: LocalRig) -> None:
    deaf, sender = await rig.worker(), await rig.worker()
    sender.bus.directory.tab_born(1, key_of("token"))
    await sender.bus.directory.park(1, b"snapshot", [], 60)
    transport = deafen(deaf)
    for number in range(12):
        sender.say(deaf, number, bytes(1_000_000))
    await until(lambda: rig.server.stats()["dropped"])
    taking = asyncio.create_task(deaf.bus.directory.take(1))
    await settled()
    assert await sender.bus.directory.take(1) is not None
    transport.resume_reading()
    assert await taking is None


async def test_question_that_was_read_before_its_worker_fell_behind_is_not_done(rig: LocalRig) -> None:
    deaf, sender = await rig.worker(), await rig.worker()
    sender.bus.directory.tab_born(1, key_of("token"))
    await sender.bus.directory.park(1, b"snapshot", [], 60)
    [attached] = [one for one in rig.server._attached if deaf.name in {hub.worker for hub in one._hubs.values()}]
    transport = deafen(deaf)
    for number in range(12):
        sender.say(deaf, number, bytes(1_000_000))
    await until(lambda: rig.server.stats()["dropped"])
    # As if it came in one piece with what the parent read last.
    attached.data_received(b"".join(encode_frame(["ask", 1, 99, "take", 1])))
    assert await sender.bus.directory.take(1) is not None
    transport.resume_reading()
    await until(lambda: deaf.gaps)


async def test_worker_that_was_behind_knows_what_waits_for_whom(rig: LocalRig) -> None:
    deaf, behind, sender = [await rig.worker() for _ in range(3)]
    transport = deafen(deaf)
    for number in range(7):
        sender.say(deaf, number, bytes(1_000_000))
    await until(lambda: behind.bus.waiting(deaf.name) >= 5_000_000)
    other = deafen(behind)
    for number in range(12):
        sender.say(behind, number, bytes(1_000_000))
    await until(lambda: rig.server.stats()["dropped"])
    # That it waits for the first one no more is not told to one that is behind.
    transport.resume_reading()
    await until(lambda: len(deaf.said) == 7 and sender.bus.waiting(deaf.name) == 0)
    other.resume_reading()
    await until(lambda: behind.gaps)
    await until(lambda: behind.bus.waiting(deaf.name) == 0)


async def test_message_that_is_too_large_is_refused_where_it_is_said_and_told(rig: LocalRig) -> None:
    sender, other = await rig.worker(), await rig.worker()
    for number, size in enumerate((1, PAYLOAD_BYTES, 1)):
        sender.say(other, number, bytes(size))
        sender.say_to_all(number, bytes(size))
    await until(lambda: len(other.said) == 2 and len(other.to_all) == 2)
    assert other.numbers() == other.numbers_of_all() == [0, 2]
    assert (other.gaps, other.missed_counts) == (1, [1])
    # Its own count is still that of the others, and who reads on learns that something is missing.
    assert [message.own for message in other.to_all] == [1, 3]
    assert await other.bus.since(Position(0, 0)) is None
    assert await other.bus.since(Position(2, 0)) != []
    sender.bus.directory.tab_born(1, key_of("token"))
    with pytest.raises(BusError, match="expected at most"):
        await sender.bus.directory.park(1, bytes(PAYLOAD_BYTES + 1), [], 60)
    assert await other.bus.directory.where(1) == Home(sender.name, "token")


def unread(rig: LocalRig, worker: BusWorker) -> asyncio.Transport:
    """Let the parent not read a worker any more, and return what lets it."""
    [attached] = [one for one in rig.server._attached if worker.name in {hub.worker for hub in one._hubs.values()}]
    assert attached._transport is not None
    attached._transport.pause_reading()
    return attached._transport


async def test_parent_that_does_not_read_costs_a_worker_a_bounded_memory(rig: LocalRig) -> None:
    sender, other = await rig.worker(), await rig.worker()
    transport = unread(rig, sender)
    connection = connection_of(sender)
    assert connection._out is not None
    connection._out.most = 5_000_000
    for number in range(10):
        sender.say(other, number, bytes(1_000_000))
        sender.say_to_all(number, bytes(1_000_000))
        await settled()
    assert connection.waiting <= 5_500_000
    connection._out.most = 1_000_000
    with pytest.raises(BusError, match="does not read"):
        await sender.bus.directory.where(1)
    transport.resume_reading()
    await until(lambda: other.gaps and other.missed_counts)
    heard = len(other.to_all)
    assert heard + sum(other.missed_counts) == 10
    sender.say(other, 100)
    sender.say_to_all(100)
    await until(lambda: 100 in other.numbers() and 100 in other.numbers_of_all())
    assert other.to_all[-1].own == 11


async def test_parent_that_does_not_even_read_what_is_stated_is_given_up(
    rig: LocalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = await rig.worker()
    unread(rig, sender)
    connection = connection_of(sender)
    monkeypatch.setattr(local_connection, "OUT_BYTES", 200_000)
    lost = asyncio.Event()
    connection.on_lost = lost.set
    for number in range(20_000):
        sender.bus.directory.link_ended(key_of(str(number)), 60)
    await asyncio.wait_for(lost.wait(), PATIENCE)
    assert connection.waiting < 1_000_000


def test_bounds_hold_in_the_event_loop_that_uvicorn_uses() -> None:
    async def overwhelmed() -> None:
        async with local_rig() as rig:
            deaf, sender = await rig.worker(), await rig.worker()
            transport = deafen(deaf)
            for number in range(30):
                sender.say(deaf, number, bytes(1_000_000))
                await until(lambda: connection_of(sender).waiting == 0)
            await until(lambda: rig.server.stats()["dropped"] >= 20)
            # The transports have one piece each, so that what is counted is all that there is.
            transports = [one._transport for one in rig.server._attached if one._transport is not None]
            assert sum(one.get_write_buffer_size() for one in transports) <= 2 * 262_144
            assert waiting_bytes(rig) <= rig.MOST_WAITING + 1_000_000
            transport.resume_reading()
            await until(lambda: deaf.gaps)
            assert deaf.numbers() == list(range(len(deaf.said)))

    uvloop.run(overwhelmed())


def test_worker_gives_the_parent_up_only_beyond_what_posts_may_take() -> None:
    assert outgoing.OUT_BYTES > PAYLOAD_BYTES


def answers_of(worker: BusWorker) -> list[int]:
    """Return the sizes of what a worker is answered from now on, of those that have any."""
    sizes: list[int] = []
    connection = connection_of(worker)
    ask = connection.ask

    async def counted(*question: Any, **more: Any) -> Any:
        answer = await ask(*question, **more)
        sizes.extend([len(answer[1])] if answer[1] else [])
        return answer

    connection.ask = counted  # type: ignore[method-assign]
    return sizes


async def test_thousand_tabs_that_come_are_told_from_memory_what_they_have_missed(rig: LocalRig) -> None:
    sender, taker = await rig.worker(), await rig.worker()
    position = sender.bus.position
    for number in range(200):
        sender.say_to_all(number, bytes(1_000))
    await until(lambda: len(taker.to_all) == 200)
    newcomer = await rig.worker()
    for number in range(200, 300):
        sender.say_to_all(number, bytes(1_000))
    await until(lambda: len(newcomer.to_all) == 100)
    # The newcomer reads once what was before it, and what came meanwhile with it.
    for worker, answers in ((taker, 0), (newcomer, 1)):
        sizes = answers_of(worker)
        found = await asyncio.gather(*(worker.bus.since(position) for _ in range(1_000)))
        assert all([entry.said.head["n"] for entry in each or []] == list(range(300)) for each in found)
        assert len(sizes) == answers
        assert sum(sizes) < 400_000
    assert rig.server.stats()["dropped"] == 0


async def test_tab_that_comes_is_told_of_what_is_still_on_its_way_to_its_worker(rig: LocalRig) -> None:
    sender, taker = await rig.worker(), await rig.worker()
    position = sender.bus.position
    transport = deafen(taker)
    for number in range(5):
        sender.say_to_all(number, bytes(1_000_000))
    await until(lambda: len(sender.to_all) == 5)
    asking = asyncio.ensure_future(taker.bus.since(position))
    await settled()
    assert taker.to_all == []
    transport.resume_reading()
    found = await asking
    assert found is not None
    assert [entry.said.head["n"] for entry in found] == list(range(5))


async def test_worker_that_has_missed_something_reads_it_at_the_parent(rig: LocalRig) -> None:
    sender, deaf = await rig.worker(), await rig.worker()
    await rig.lose(deaf, sender)
    await until(lambda: deaf.missed_counts)
    position = sender.bus.position
    before = Position(position.number - 2, 0)
    sender.say_to_all(7)
    await until(lambda: deaf.numbers_of_all()[-1:] == [7])
    found = await deaf.bus.since(position)
    assert found is not None
    assert [entry.said.head["n"] for entry in found] == [7]
    # What was dropped on its way to this worker is at the parent.
    found = await deaf.bus.since(before)
    assert found is not None
    assert [entry.number for entry in found] == [position.number - 1, position.number, position.number + 1]
