"""What is sent to many reaches the pages of every worker, once and in its sender's order; what is missed is told."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import pytest

from tests.support.logged import troubles
from tests.support.several_workers import Ear, OneWorker, User, current_user, quiet, workers
from tests.support.waiting import until
from webipc import CloneError, Limits, ResetError
from webipc.cluster.bus.all_kinds import BROADCAST, REAUTHENTICATE, SHOUT, shout_head
from webipc.cluster.bus.bus import Said, SaidToAll
from webipc.cluster.spread import messages
from webipc.core.frame.json_text import load_array
from webipc.testing import ClosedError


@pytest.fixture
async def three() -> AsyncIterator[list[OneWorker]]:
    async with workers(3, limits=Limits(goodbye_ms=50)) as made:
        yield made


async def test_broadcast_reaches_each_page_of_each_worker_once(three: list[OneWorker]) -> None:
    a, b, c = three
    async with a.browser().open() as one, b.browser().open() as two, c.browser().open() as other, two.open() as more:
        ears = [Ear(page) for page in (one, two, other, more)]
        for number in range(5):
            a.ipc_main.broadcast("news", number)
        await until(lambda: all(len(ear.heard) == 5 for ear in ears))
        await quiet()
        assert [ear.heard for ear in ears] == [[0, 1, 2, 3, 4]] * 4


async def test_what_each_worker_sends_arrives_in_its_order(three: list[OneWorker]) -> None:
    a, b, c = three
    async with a.browser().open() as one, b.browser().open() as two, c.browser().open() as other:
        ears = [Ear(page) for page in (one, two, other)]
        for number in range(50):
            for name, worker in zip("abc", three, strict=True):
                worker.ipc_main.broadcast("news", name, number)
            if number % 7 == 0:
                await asyncio.sleep(0)
        await until(lambda: all(len(ear.heard) == 150 for ear in ears))
        for ear in ears:
            for name in "abc":
                assert [number for sender, number in ear.heard if sender == name] == list(range(50))


async def test_broadcast_here_reaches_the_pages_of_this_worker_alone(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with a.browser().open() as one, b.browser().open() as two:
        ears = [Ear(page) for page in (one, two)]
        a.ipc_main.broadcast_here("news", 1)
        await quiet()
        assert [ear.heard for ear in ears] == [[1], []]
        with pytest.raises(TypeError, match="channel"):
            a.ipc_main.broadcast_here(7)  # type: ignore[arg-type]


async def test_own_broadcast_is_there_before_what_is_sent_behind_it(three: list[OneWorker]) -> None:
    a = three[0]
    async with a.browser().open() as page:
        ear = Ear(page)
        a.ipc_main.broadcast("news", 1)
        a.tab(page).send("news", 2)
        await quiet()
        assert ear.heard == [1, 2]


async def test_values_of_every_kind_cross(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        ear = Ear(page)
        value = {"bytes": b"\x00\xff" * 1_000, "text": "æ\ud800", "set": {1, 2}, "nested": [[b""]]}
        a.ipc_main.broadcast("news", value)
        await until(lambda: ear.heard)
        assert ear.heard == [value]


async def test_group_is_of_all_workers(three: list[OneWorker]) -> None:
    a, b, c = three
    async with a.browser().open() as one, b.browser().open() as two, b.browser().open() as out, two.open_frame() as low:
        ears = [Ear(page) for page in (one, two, out, low)]
        a.ipc_main.group("room").add(a.tab(one))
        b.ipc_main.group("room").add(b.tab(two))
        main_frame = b.tab(two).main_frame
        assert main_frame is not None
        b.ipc_main.group("room").add(main_frame.frames[0])
        assert [len(worker.ipc_main.group("room")) for worker in three] == [1, 2, 0]
        c.ipc_main.group("room").send("news", 1)
        a.ipc_main.group("room").send("news", 2, exclude=a.tab(one))
        await quiet()
        assert [ear.heard for ear in ears] == [[1], [1, 2], [], [1, 2]]


async def test_user_is_reached_at_all_workers(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with a.browser("ada").open() as one, b.browser("ada").open() as two, b.browser("bob").open() as his:
        ears = [Ear(page) for page in (one, two, his)]
        a.ipc_main.to(user="ada").send("news", 1)
        b.ipc_main.to(user="ada").send("news", 2, exclude=b.tab(two))
        await quiet()
        assert [sorted(ear.heard) for ear in ears] == [[1, 2], [1], []]


async def test_who_is_excluded_is_named_by_ids(three: list[OneWorker]) -> None:
    """A tab may have moved when its old worker's message arrives."""
    a, b, _ = three
    async with b.browser().open() as one, b.browser().open() as two, one.open_frame() as low:
        ears = [Ear(page) for page in (one, two, low)]
        room = b.ipc_main.group("room")
        frame = b.tab(one).main_frame
        assert frame is not None
        for member in (b.tab(one), b.tab(two), frame.frames[0]):
            room.add(member)
        message = [b'["send","news",[1]]']
        a.bus.post_all(SHOUT, shout_head("group", "room", [(b.tab(one).id, frame.frames[0].routing_id)]), message)
        a.bus.post_all(SHOUT, shout_head("group", "room", [(b.tab(two).id, None), (7, None)]), message)
        await quiet()
        assert [ear.heard for ear in ears] == [[1, 1], [1], [1]]


@pytest.mark.parametrize("whom", ["contents", "principal", "user", "group"])
async def test_shout_of_another_program_reaches_whom_it_names(three: list[OneWorker], whom: str) -> None:
    a, b, _ = three
    async with b.browser("ada").open() as page, b.browser("bob").open() as other:
        ears = [Ear(page), Ear(other)]
        tab = b.tab(page)
        b.ipc_main.group("room").add(tab)
        which = {"contents": tab.id, "principal": tab.principal, "user": "ada", "group": "room"}[whom]
        a.bus.post_all(SHOUT, {"to": {whom: which}}, [b'["send","news",["hello"]]'])
        await quiet()
        assert [ear.heard for ear in ears] == [["hello"], []]


async def test_threads_keep_their_order(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with a.browser("ada").open() as here, b.browser("ada").open() as there:
        ears = [Ear(here), Ear(there)]

        def send(name: str) -> None:
            for number in range(30):
                if number % 2:
                    a.ipc_main.broadcast("news", name, number)
                else:
                    a.ipc_main.to(user="ada").send("news", name, number)

        threads = [threading.Thread(target=send, args=(name,)) for name in "xyz"]
        for thread in threads:
            thread.start()
        await until(lambda: all(len(ear.heard) == 90 for ear in ears))
        for ear in ears:
            for name in "xyz":
                assert [number for sender, number in ear.heard if sender == name] == list(range(30))


async def test_what_cannot_be_sent_is_told_to_the_caller_and_to_no_worker(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        ear = Ear(page)
        with pytest.raises(CloneError):
            a.ipc_main.broadcast("news", object())
        a.ipc_main.broadcast("news", 1)
        await quiet()
        assert ear.heard == [1]
        assert a.bus.position.own == 1


# --- asking again -----------------------------------------------------------------------------------------------------


async def test_reauthenticate_asks_the_pages_of_a_user_at_every_worker(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with a.browser("ada").open() as one, b.browser("ada").open() as two, b.browser("bob").open() as his:
        await a.ipc_main.reauthenticate(user="ada")
        await until(lambda: not one.connected and not two.connected)
        await quiet()
        assert his.connected
        assert [await page.closed() for page in (one, two)] == [4411, 4411]
        b.ipc_main.to(user="ada").send("news", 1)
        ear = Ear(two)
        await two.connect()
        await until(lambda: ear.heard == [1])


async def test_page_that_connects_at_another_worker_at_this_moment_is_asked_again(three: list[OneWorker]) -> None:
    a, b, _ = three
    asked: list[str] = []
    go_on = asyncio.Event()

    async def slow_user() -> User:
        asked.append("ada")
        await go_on.wait()
        return User("ada")

    b.app.dependency_overrides[current_user] = slow_user
    page = b.browser("ada").open()
    connecting = asyncio.create_task(page.connect())
    await until(lambda: len(asked) == 1)
    await a.ipc_main.reauthenticate(user="ada")
    await quiet()
    go_on.set()
    with contextlib.suppress(ClosedError):
        await connecting
    assert await page.closed() == 4411
    await page.connect()
    assert len(asked) == 2
    await page.close()


async def test_program_that_is_no_worker_asks_nobody_again(three: list[OneWorker]) -> None:
    b = three[1]
    async with b.browser("ada").open() as page:
        b.shared.received_by_all(SaidToAll(1_000, 0, Said("", REAUTHENTICATE, {"user": "ada"}, [])))
        await quiet()
        assert page.connected
        assert b.shared.stats()["wrong_messages"] == 1


# --- what is missed ---------------------------------------------------------------------------------------------------


async def test_worker_that_has_missed_something_resets_its_pages_and_says_so(
    three: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    a, b, _ = three
    async with a.browser().open() as one, b.browser().open() as two, b.browser().open() as away:
        await away.disconnect()
        b.shared.missed(7)
        assert await two.closed() == 4008
        with pytest.raises((ClosedError, ResetError), match="overflow"):
            await away.connect()
        assert one.connected
        assert [text for text in troubles(caplog) if "7 messages" in text and "2 pages" in text]
        assert b.shared.stats()["missed"] == 7


# --- what a stranger writes ------------------------------------------------------------------------------------------


WRONG_ROWS = {
    "no row": [],
    "no JSON": [b"\xff\xfe"],
    "cut": [b'["send","news",[1]'],
    "more behind it": [b'["send","news",[1]],["send","news",[2]]'],
    "an object": [b'{"send": 1}'],
    "no kind": [b"[]"],
    "another kind": [b'["invoke",1,"news",[1]]'],
    "a void": [b'["void"]'],
    "no array of arguments": [b'["send","news",1]'],
    "a wrong channel": [b'["send",7,[1]]'],
    "a long channel": [b'["send","%b",[1]]' % (b"x" * 5_000)],
    "in the name of a page": [b'["send","news",[1],{"senderId":7}]'],
    "a fixup that does not fit": [b'["send","news",[1],[["b",[0],0]]]'],
    "a segment that nothing names": [b'["send","news",[1]]', b"x"],
    "too many segments": [b'["send","news",[1]]', *[b""] * 10_001],
    "too large": [b'["send","news",["%b"]]' % (b"x" * 3_000_000)],
    "too deep": [b'["send","news",%b%b]' % (b"[" * 5_000, b"]" * 5_000)],
}


@pytest.mark.parametrize("rows", WRONG_ROWS.values(), ids=WRONG_ROWS)
async def test_message_that_no_page_may_be_sent_is_dropped_and_counted(
    rows: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async with workers(2, limits=Limits(message_bytes=2_000_000)) as (a, b), b.browser().open() as page:
        ear = Ear(page)
        a.bus.post_all(BROADCAST, {}, rows)
        a.bus.post_all(SHOUT, shout_head("contents", page.web_contents_id), rows)
        a.ipc_main.broadcast("news", "still there")
        await until(lambda: ear.heard)
        assert ear.heard == ["still there"]
        assert b.shared.stats()["wrong_messages"] == 2
        assert [text for text in troubles(caplog) if "no page may be sent" in text]


async def test_large_message_is_looked_at_where_a_program_that_is_no_worker_has_sent_it(
    three: list[OneWorker],
) -> None:
    b = three[1]
    large = b'["send","news",["%b"]' % (b"x" * 300_000)
    async with b.browser().open() as page:
        ear = Ear(page)
        b.shared.received_by_all(SaidToAll(1_000, 0, Said("", BROADCAST, {}, [large])))
        b.shared.received_by_all(SaidToAll(1_001, 0, Said("", BROADCAST, {}, [large + b"]"])))
        await until(lambda: ear.heard == ["x" * 300_000])
        assert b.shared.stats()["wrong_messages"] == 1


async def test_large_message_of_a_worker_is_not_parsed(three: list[OneWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, _ = three
    parsed: list[int] = []

    def parse(data: bytes) -> list[object]:
        parsed.append(len(data))
        return load_array(data)

    monkeypatch.setattr(messages, "load_array", parse)
    async with b.browser().open() as page:
        ear = Ear(page)
        a.ipc_main.broadcast("news", "x" * 300_000)
        a.ipc_main.broadcast("news", "x" * 200_000)
        await until(lambda: len(ear.heard) == 2)
        # By each of the two other workers.
        assert [size > 200_000 for size in parsed] == [True, True]
        assert max(parsed) < 300_000


WRONG_HEADS = [
    (SHOUT, {}),
    (SHOUT, {"to": {}}),
    (SHOUT, {"to": {"group": "room", "user": "ada"}}),
    (SHOUT, {"to": {"contents": "1"}}),
    (SHOUT, {"to": {"contents": True}}),
    (SHOUT, {"to": "everybody"}),
    (SHOUT, {"to": {"group": "room"}, "exclude": [[1]]}),
    (SHOUT, {"to": {"group": "room"}, "exclude": 7}),
    ("reauthenticate", {"user": 7}),
    ("command", {"contents": 1, "name": "close"}),
    ("say", {"contents": 1}),
    ("answer", {"call": 1, "fields": {}}),
]


@pytest.mark.parametrize("kind, head", WRONG_HEADS)
async def test_stream_for_all_takes_nothing_but_what_is_for_many(
    three: list[OneWorker], kind: str, head: dict[str, object]
) -> None:
    a, b, _ = three
    async with b.browser("ada").open() as page:
        b.ipc_main.group("room").add(b.tab(page))
        ear = Ear(page)
        a.bus.post_all(kind, head, [b'["send","news",[1]]'])
        await quiet()
        assert ear.heard == []
        assert page.connected
        assert sum(b.shared.stats()["dropped"].values()) == 1
