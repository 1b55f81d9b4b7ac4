"""What every bus promises of messages and members (`Bus`, `Receiver`): the same tests for each kind."""

import asyncio

import pytest

from tests.support.buses import BusWorker, Rig, until_answered, workers
from tests.support.waiting import until
from webipc.cluster.bus.bus import BusError, NoWorkerError, Position
from webipc.cluster.bus.directory import Over, key_of


async def test_messages_arrive_in_the_order_of_each_sender(rig: Rig) -> None:
    first, second, third = await workers(rig, 3)
    for number in range(300):
        first.say(third, number)
        second.say(third, 1_000 + number)
        first.say(second, number)
    await until(lambda: len(third.said) == 600 and len(second.said) == 300)
    assert [number for number in third.numbers() if number < 1_000] == list(range(300))
    assert [number for number in third.numbers() if number >= 1_000] == list(range(1_000, 1_300))
    assert second.numbers() == list(range(300))
    assert {said.origin for said in third.said} == {first.name, second.name}
    assert third.gaps == 0
    assert first.said == []


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
async def test_rows_arrive_as_they_are(rig: Rig, size: int) -> None:
    first, second = await workers(rig, 2)
    rows = [bytes(range(256)) * (size // 256 + 1), b"", b"\n\x00"]
    first.say(second, 1, *rows)
    first.say(second, 2)
    await until(lambda: len(second.said) == 2)
    assert list(second.said[0].rows) == rows
    assert second.numbers() == [1, 2]


async def test_heads_arrive_as_they_are(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    head = {"text": "\u20ac\U0001f600\u0000", "list": [1, None, True, 1.5, {"k": []}], "big": 2**52, "": -1}
    first.bus.post(second.name, "say", head)
    await until(lambda: second.said)
    assert second.said[0].kind == "say"
    assert dict(second.said[0].head) == head


async def test_all_hear_what_is_said_to_all_in_one_order_themselves_too(rig: Rig) -> None:
    made = await workers(rig, 3)
    for number in range(50):
        for place, worker in enumerate(made):
            worker.say_to_all(1_000 * place + number)
        await asyncio.sleep(0)
    await until(lambda: all(len(worker.to_all) == 150 for worker in made))
    first = made[0]
    for worker in made:
        assert [message.number for message in worker.to_all] == [message.number for message in first.to_all]
        assert worker.numbers_of_all() == first.numbers_of_all()
        assert worker.missed_counts == []
        assert worker.bus.position.number == first.to_all[-1].number
        assert worker.bus.position.own == 50
    numbers = [message.number for message in first.to_all]
    assert numbers == sorted(set(numbers))
    for place, worker in enumerate(made):
        own = [message for message in first.to_all if message.said.origin == worker.name]
        assert [message.own for message in own] == list(range(1, 51))
        assert [message.said.head["n"] for message in own] == [1_000 * place + number for number in range(50)]


async def test_own_messages_to_all_are_counted_at_once(rig: Rig) -> None:
    (first,) = await workers(rig, 1)
    before = first.bus.position
    first.say_to_all(1)
    assert first.bus.position.own == before.own + 1
    assert first.bus.position.number == before.number
    await until(lambda: first.to_all)
    assert first.bus.position.number == first.to_all[0].number


async def test_what_was_said_to_all_can_be_read_from_a_position_on(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    first.say_to_all(1)
    await until(lambda: second.to_all)
    position = second.bus.position
    assert await second.bus.since(position) == []
    for number in range(2, 1_500):
        first.say_to_all(number, b"row")
    await until(lambda: len(second.to_all) == 1_499)
    third = await rig.worker()
    for reader in (second, third):
        read = await reader.bus.since(position)
        assert read is not None
        assert [message.said.head["n"] for message in read] == list(range(2, 1_500))
        assert [message.own for message in read] == list(range(2, 1_500))
        assert {message.said.origin for message in read} == {first.name}
        assert {bytes(message.said.rows[0]) for message in read} == {b"row"}
        assert [message.number for message in read] == [message.number for message in second.to_all[1:]]
    assert third.to_all == []
    # It begins where the stream is.
    assert third.bus.position.number == second.bus.position.number


async def test_worker_that_has_left_is_read_on_from_the_stream(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    start = second.bus.position
    first.say_to_all(1)
    await until(lambda: second.to_all)
    await rig.kill(first)
    await until(lambda: second.lost_workers)
    read = await second.bus.since(start)
    assert read is not None
    assert [(message.said.origin, message.own) for message in read] == [(first.name, 1)]


async def test_loss_is_told_and_what_is_said_later_arrives(rig: Rig) -> None:
    deaf, sender, other = await workers(rig, 3)
    said = await rig.lose(deaf, sender)
    await until(lambda: deaf.gaps and deaf.missed_counts)
    sender.say(deaf, 100)
    sender.say_to_all(100)
    await until(lambda: 100 in deaf.numbers() and 100 in deaf.numbers_of_all())
    heard = [number for number in deaf.numbers_of_all() if number < 0]
    # Each one was heard or counted, and no one else has missed any.
    assert len(heard) + sum(deaf.missed_counts) == said
    assert heard == [-1 - place for place in range(len(heard))]
    await until(lambda: 100 in other.numbers_of_all())
    assert len(other.to_all) == said + 1
    assert other.missed_counts == []
    assert (other.gaps, sender.gaps) == (0, 0)
    assert deaf.bus.position.number == other.bus.position.number


async def test_question_is_answered(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    asking = asyncio.create_task(first.questions.ask(second.name, "ask", {"what": 7}, [b"row"]))
    await until(lambda: second.said)
    asked = second.said[0]
    assert asked.head["what"] == 7
    second.questions.answer(asked.origin, asked.head["call"], {"got": 8}, [b"other"])
    answer = await asking
    assert (dict(answer.fields), list(answer.rows)) == ({"got": 8}, [b"other"])
    assert len(first.questions) == 0


async def test_question_fails_when_its_worker_dies(rig: Rig) -> None:
    first, second, third = await workers(rig, 3)
    asking = asyncio.create_task(first.questions.ask(second.name, "ask", {}))
    other = asyncio.create_task(first.questions.ask(third.name, "ask", {}))
    await until(lambda: second.said and third.said)
    await rig.kill(second)
    with pytest.raises(NoWorkerError):
        await asking
    third.questions.answer(first.name, third.said[0].head["call"], {})
    await other
    with pytest.raises(NoWorkerError):
        await first.questions.ask(second.name, "ask", {})


async def test_question_fails_with_a_gap(rig: Rig) -> None:
    deaf, sender = await workers(rig, 2)
    asking = asyncio.create_task(deaf.questions.ask(sender.name, "ask", {}))
    await until(lambda: sender.said)
    await rig.lose(deaf, sender)
    with pytest.raises(NoWorkerError):
        await asking


async def test_members_know_each_other_and_learn_of_a_death(rig: Rig) -> None:
    made = await workers(rig, 3)
    first, second, third = made
    ordinals = [worker.bus.ordinal for worker in made]
    assert len(set(ordinals)) == 3
    assert min(ordinals) >= 1
    for worker in made:
        assert worker.bus.is_connected
        assert not worker.bus.has_given_up
        assert [member.ordinal for member in worker.bus.members] == sorted(ordinals)
        mine = worker.bus.members.get(worker.name)
        assert mine is not None
        assert (mine.ordinal, mine.formats, mine.is_draining) == (worker.bus.ordinal, (1,), False)
    await rig.kill(second)
    await until(lambda: first.lost_workers == third.lost_workers == [second.name])
    assert first.bus.members.get(second.name) is None
    assert [member.worker for member in first.bus.members] == [first.name, third.name]
    # Nothing of it is an error.
    first.say(second, 1)
    fourth = await rig.worker()
    assert fourth.bus.ordinal not in (first.bus.ordinal, third.bus.ordinal)
    assert fourth.bus.members.get(second.name) is None


async def test_drain_is_told_to_all(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    first.bus.drain()

    def is_draining(seen_by: str) -> bool:
        seer = first if seen_by == "first" else second
        member = seer.bus.members.get(first.name)
        return member is not None and member.is_draining

    await until(lambda: is_draining("first") and is_draining("second"))
    third = await rig.worker()
    await until(lambda: (member := third.bus.members.get(first.name)) is not None and member.is_draining)
    # It still hears and says.
    first.say(second, 1)
    second.say(first, 2)
    await until(lambda: first.said and second.said)


async def test_others_learn_how_many_pages_a_worker_has_those_that_come_later_too(rig: Rig) -> None:
    first, second = await workers(rig, 2)

    def pages(seen_by: BusWorker, of: BusWorker) -> int:
        member = seen_by.bus.members.get(of.name)
        assert member is not None
        return member.pages

    assert pages(second, first) == 0
    first.bus.tell_pages(10_000)
    second.bus.tell_pages(7)
    first.bus.tell_pages(10_001)
    await until(lambda: {pages(seer, first) for seer in (first, second)} == {10_001})
    await until(lambda: {pages(seer, second) for seer in (first, second)} == {7})
    third = await rig.worker()
    await until(lambda: len(list(third.bus.members)) == 3)
    assert pages(third, first) == 10_001
    # What else is known of it stays.
    first.bus.drain()
    await until(lambda: (member := third.bus.members.get(first.name)) is not None and member.is_draining)
    assert pages(third, first) == 10_001
    first.bus.tell_pages(0)
    await until(lambda: pages(third, first) == 0)
    member = third.bus.members.get(first.name)
    assert member is not None
    assert (member.is_draining, member.formats) == (True, (1,))
    # Behind the end nobody is told, and nothing raises.
    await first.bus.end()
    first.bus.tell_pages(1)


async def test_end_comes_behind_everything_that_was_said(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    link = key_of("ended")
    for number in range(100):
        first.say(second, number, bytes(2_000))
        first.say_to_all(number)
    first.bus.directory.link_ended(link, 60)
    await first.bus.end()
    await until(lambda: second.lost_workers)
    assert second.lost_workers == [first.name]
    await until(lambda: len(second.said) == 100 and len(second.to_all) == 100)
    assert second.numbers() == list(range(100))
    assert await second.bus.directory.find(link, None, None) == Over()
    assert not first.bus.is_connected
    with pytest.raises(BusError):
        await first.bus.directory.where(1)
    # Behind the end everything is dropped, and nothing raises.
    first.say(second, 1)
    first.say_to_all(1)
    first.bus.directory.link_ended(link, 60)


async def test_what_was_said_before_a_statement_that_is_seen_arrives_even_from_the_dead(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    link = key_of("stated")
    assert await first.bus.directory.claim(link) is None
    first.say(second, 1, bytes(200_000))
    first.bus.directory.link_ended(link, 60)
    await until_answered(lambda: second.bus.directory.find(link, None, None), Over())
    await rig.kill(first)
    await until(lambda: second.lost_workers)
    await until(lambda: second.numbers() == [1])


async def test_realms_do_not_know_each_other(rig: Rig) -> None:
    first, other = await rig.worker("/ipc"), await rig.worker("/more")
    link = key_of("one")
    assert await first.bus.directory.claim(link) is None
    assert await other.bus.directory.find(link, None, None) is None
    assert first.bus.members.get(other.name) is None
    first.say_to_all(1)
    first.say(other, 1)
    await until(lambda: first.to_all)
    assert await other.bus.since(Position(0, 0)) == []
    assert other.said == []


async def test_backpressure_of_a_worker_that_hears_all_is_nothing(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    assert first.bus.waiting(second.name) == 0
    first.say(second, 1, bytes(1_000_000))
    assert first.bus.waiting(second.name) >= 1_000_000
    await until(lambda: second.said)
    await until(lambda: first.bus.waiting(second.name) == 0)


async def test_numbers_for_a_monitoring_system_are_plain_values(rig: Rig) -> None:
    (first,) = await workers(rig, 1)
    for name, value in first.bus.stats().items():
        assert type(name) is str
        assert isinstance(value, int | float | str | dict | None)
