"""`ipc_main.remote(id)`: messages to a tab of any worker, at most once and in order; what its page is asked to do."""

import asyncio
import json
import secrets
import threading
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from tests.support.applications import application
from tests.support.logged import troubles
from tests.support.scripted_page import ScriptedPage
from tests.support.several_workers import Ear, OneWorker, quiet, workers
from tests.support.waiting import settled, until
from webipc import (
    CloneError,
    DestroyedError,
    DisposedError,
    FeatureError,
    JSError,
    LimitError,
    Limits,
    RemoteWebContents,
    ResetError,
    UnreadableError,
    WebContents,
)
from webipc.cluster.bus.bus import BusError, Said
from webipc.cluster.bus.directory import Home, Parked
from webipc.cluster.spread import ways
from webipc.testing import Browser, Renderer


@pytest.fixture
async def three() -> AsyncIterator[list[OneWorker]]:
    async with workers(3, limits=Limits(goodbye_ms=50)) as made:
        yield made


def remote(worker: OneWorker, page: Renderer) -> RemoteWebContents:
    return worker.ipc_main.remote(page.web_contents_id)


def unsent(worker: OneWorker) -> dict[str, int]:
    found: dict[str, int] = worker.shared.stats()["unsent"]
    return found


def lookups(worker: OneWorker, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with each question to the directory where a tab is."""
    asked: list[int] = []
    where = worker.bus.directory.where

    async def counted(contents_id: int) -> Home | Parked | None:
        asked.append(contents_id)
        return await where(contents_id)

    monkeypatch.setattr(worker.bus.directory, "where", counted)
    return asked


# --- messages ---------------------------------------------------------------------------------------------------------


async def test_message_reaches_the_page_wherever_it_is(three: list[OneWorker]) -> None:
    async with three[1].browser().open() as page, three[1].browser().open() as other, page.open_frame() as low:
        ears = [Ear(page), Ear(other), Ear(low)]
        for worker in three:
            remote(worker, page).send("news", worker.shared.worker, b"\x01")
        await quiet()
        assert sorted(ears[0].heard) == sorted((worker.shared.worker, b"\x01") for worker in three)
        assert [ear.heard for ear in ears[1:]] == [[], []]


async def test_what_a_worker_sends_keeps_its_order_whether_the_way_is_known_or_not(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        ear = Ear(page)
        for number in range(100):
            remote(a, page).send("news", number)
            if number % 10 == 0:
                await asyncio.sleep(0)
            if number % 25 == 0:
                a.shared.spread._ways._cache.clear()
        await until(lambda: len(ear.heard) == 100)
        assert ear.heard == list(range(100))


async def test_way_is_asked_for_once(three: list[OneWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, _ = three
    asked = lookups(a, monkeypatch)
    async with b.browser().open() as page, a.browser().open() as mine:
        for _ in range(10):
            remote(a, page).send("news")
            remote(a, mine).send("news")
        await quiet()
        for _ in range(10):
            remote(a, page).send("news")
        await quiet()
        assert asked == [page.web_contents_id]


async def test_way_is_asked_for_again_when_it_was_not_used_for_a_while(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _ = three
    asked = lookups(a, monkeypatch)
    monkeypatch.setattr(ways, "CACHED_SECONDS", -1)
    async with b.browser().open() as page:
        for _ in range(3):
            remote(a, page).send("news")
            await quiet()
        assert len(asked) == 3


async def test_ways_that_are_remembered_are_bounded(three: list[OneWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, _ = three
    monkeypatch.setattr(ways, "CACHED", 2)
    async with b.browser().open() as one, b.browser().open() as two, b.browser().open() as more:
        for page in (one, two, more):
            remote(a, page).send("news")
            await quiet()
        assert list(a.shared.spread._ways._cache) == [two.web_contents_id, more.web_contents_id]


async def test_threads_encode_at_once_and_keep_their_order(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        ear = Ear(page)
        failed: list[type[Exception]] = []

        def send(name: str) -> None:
            value = [0]
            for number in range(50):
                value[0] = number
                remote(a, page).send("news", name, value)
            try:
                remote(a, page).send("news", object())
            except CloneError as error:
                failed.append(type(error))

        threads = [threading.Thread(target=send, args=(name,)) for name in "xyz"]
        for thread in threads:
            thread.start()
        await until(lambda: len(ear.heard) == 150)
        for thread in threads:
            thread.join()
        for name in "xyz":
            assert [value[0] for sender, value in ear.heard if sender == name] == list(range(50))
        assert failed == [CloneError] * 3


async def test_it_has_no_listeners_of_its_own(three: list[OneWorker]) -> None:
    there = three[0].ipc_main.remote(7)
    assert not isinstance(there, WebContents)
    assert not any(hasattr(there, name) for name in ("on", "once", "ipc", "main_frame_ipc", "main_frame"))
    assert (there.id, repr(there)) == (7, "<RemoteWebContents #7>")


async def test_wrong_arguments_are_told_to_the_caller(three: list[OneWorker]) -> None:
    ipc_main = three[0].ipc_main
    for wrong in ("7", 7.0, True, None):
        with pytest.raises(TypeError, match="the id of web contents"):
            ipc_main.remote(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="channel"):
        ipc_main.remote(7).send(7)  # type: ignore[arg-type]
    with pytest.raises(LimitError):
        ipc_main.remote(7).send("x" * 5_000)
    with pytest.raises(TypeError, match="code as a text"):
        await ipc_main.remote(7).execute_javascript(7)  # type: ignore[arg-type]


async def test_message_to_a_tab_that_is_nowhere_is_counted_and_logged(
    three: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    a = three[0]
    a.ipc_main.remote(7).send("news")
    await quiet()
    assert unsent(a) == {"unknown": 1}
    assert [text for text in troubles(caplog) if "unknown" in text and "#7" in text]


async def test_message_for_a_tab_that_has_gone_from_where_it_was_is_passed_on_once(three: list[OneWorker]) -> None:
    a, b, c = three
    async with c.browser().open() as page:
        ear = Ear(page)
        # It was at the second worker, as far as the first one knows.
        a.shared.spread._ways._remember(page.web_contents_id, b.shared.worker)
        # And that one believes in another place, which does not count any more.
        b.shared.spread._ways._remember(page.web_contents_id, a.shared.worker)
        remote(a, page).send("news", 1)
        await quiet()
        assert ear.heard == [1]
        b.bus.post(
            a.shared.worker, "say", {"contents": page.web_contents_id, "passed_on": True}, [b'["send","news",[]]']
        )
        await quiet()
        assert ear.heard == [1]
        assert unsent(a) == {"moved": 1}


async def test_message_does_not_go_round_where_each_worker_believes_that_the_other_has_the_tab(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = three

    def believe(worker: OneWorker, home: OneWorker) -> None:
        async def where(contents_id: int) -> Home | Parked | None:
            return Home(home.shared.worker)

        monkeypatch.setattr(worker.bus.directory, "where", where)

    believe(a, b)
    believe(b, c)
    believe(c, b)
    a.ipc_main.remote(7).send("news")
    await quiet()
    assert [unsent(worker) for worker in three] == [{}, {}, {"moved": 1}]


async def test_page_that_is_between_two_documents_gets_nothing() -> None:
    async with workers(2, limits=Limits(goodbye_ms=60_000)) as (a, b), b.browser().open() as page:
        tab_id = page.web_contents_id
        await page.close()
        await until(lambda: (tab := b.hub.tabs.from_id(tab_id)) is not None and tab.shown is None)
        a.ipc_main.remote(tab_id).send("news")
        await quiet()
        assert unsent(b) == {"no-document": 1}


async def test_lost_socket_loses_nothing(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        ear = Ear(page)
        await page.disconnect()
        for number in range(5):
            remote(a, page).send("news", number)
        await quiet()
        await page.connect()
        await until(lambda: len(ear.heard) == 5)
        assert ear.heard == list(range(5))


async def test_ways_to_a_worker_that_dies_are_forgotten(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        remote(a, page).send("news")
        await quiet()
        assert a.shared.spread._ways._cache
        b.bus.kill()
        await quiet()
        assert not a.shared.spread._ways._cache
        remote(a, page).send("news")
        await quiet()
        assert unsent(a) == {"unknown": 1}


async def test_what_waits_for_the_directory_is_bounded(three: list[OneWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, _ = three
    monkeypatch.setattr(ways, "WAITING_BYTES", 10_000)
    async with b.browser().open() as page:
        ear = Ear(page)
        for number in range(20):
            remote(a, page).send("news", number, "x" * 1_000)
        assert 0 < a.shared.stats()["looking"] <= 10_000
        await quiet()
        assert 5 < len(ear.heard) < 10
        assert [number for number, _ in ear.heard] == list(range(len(ear.heard)))
        assert unsent(a) == {"full": 20 - len(ear.heard)}
        assert a.shared.stats()["looking"] == 0


async def test_directory_that_does_not_answer_loses_what_waits_and_says_so(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a = three[0]

    async def unreachable(contents_id: int) -> Home | Parked | None:
        raise BusError("cannot reach it")

    monkeypatch.setattr(a.bus.directory, "where", unreachable)
    a.ipc_main.remote(7).send("news")
    with pytest.raises(BusError):
        await a.ipc_main.remote(7).execute_javascript("1")
    await quiet()
    assert unsent(a) == {"bus": 1}
    assert [text for text in troubles(caplog) if "(bus)" in text]


PAGE = {
    "principal": "",
    "identity": None,
    "origin": "",
    "frame_token": "",
    "web_contents_id": 1,
    "is_main_frame": True,
}


@pytest.mark.parametrize(
    "sender, rows",
    [
        (None, []),
        (None, [b"["]),
        (None, [b'["invoke",1,"news",[]]']),
        (None, [b'["send","news",[],{"senderId":1}]']),
        (None, [b'["send","news",[],{"other":1}]']),
        (PAGE, [b'["send","news",[]]']),
        (PAGE, [b'["send","news",[],{"senderId":"1"}]']),
    ],
)
async def test_message_that_no_page_may_be_sent_is_dropped(
    three: list[OneWorker], sender: Any, rows: list[bytes]
) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        a.bus.post(b.shared.worker, "say", {"contents": page.web_contents_id, "sender": sender}, rows)
        await quiet()
        assert page.connected
        assert unsent(b) == {"wrong": 1}


# --- parked tabs ------------------------------------------------------------------------------------------------------


async def park(worker: OneWorker, contents_id: int) -> None:
    """Park the tab in the directory alone, and let its worker forget it."""
    tab = worker.hub.tabs.from_id(contents_id)
    assert tab is not None
    await worker.bus.directory.park(contents_id, b"{}", [], 60.0)
    for connection in worker.hub.links:
        if connection.document.tab is tab:
            worker.hub.end(connection, "ended")
    worker.hub.tabs.release(tab)


async def test_what_is_sent_to_a_parked_tab_waits_for_the_worker_that_takes_it(three: list[OneWorker]) -> None:
    a, b, c = three
    async with b.browser().open() as page, c.browser().open() as later:
        contents_id = page.web_contents_id
        await park(b, contents_id)
        for number in range(3):
            a.ipc_main.remote(contents_id).send("news", number, b"\xff")
        await quiet()
        taken = await c.bus.directory.take(contents_id)
        assert taken is not None
        # Sent when the directory names the new home, which has not restored it yet.
        a.ipc_main.remote(contents_id).send("news", 3, b"")
        await quiet()
        ear = Ear(later)
        tab = c.hub.tabs.from_id(later.web_contents_id)
        assert tab is not None
        # The tab is restored: another one stands for it here.
        own_id, tab.id = tab.id, contents_id
        c.hub.tabs._by_id[contents_id] = tab
        c.shared.spread.saying.deliver_words(tab, taken.words)
        await quiet()
        assert ear.heard == [(0, b"\xff"), (1, b"\xff"), (2, b"\xff"), (3, b"")]
        del c.hub.tabs._by_id[contents_id]
        tab.id = own_id
        assert a.shared.stats()["looking"] == c.shared.stats()["looking"] == 0


async def test_words_that_are_wrong_are_dropped_and_the_others_arrive(three: list[OneWorker]) -> None:
    c = three[2]
    async with c.browser().open() as page:
        ear = Ear(page)
        tab = c.hub.tabs.from_id(page.web_contents_id)
        assert tab is not None
        head = orjson.dumps({"contents": tab.id})

        def word(*rows: bytes) -> bytes:
            return b"".join(len(row).to_bytes(4, "little") + row for row in rows)

        message = b'["send","news",[1]]'
        wrong = [b"", b"\xff", word(b"7"), word(b"{"), word(head), word(head, b"["), word(b'{"contents":"x"}', message)]
        c.shared.spread.saying.deliver_words(tab, [*wrong, word(head, message)])
        await quiet()
        assert ear.heard == [1]
        assert unsent(c) == {"wrong": len(wrong)}


async def test_parked_tab_that_takes_no_more_words_loses_them_and_that_is_counted(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        contents_id = page.web_contents_id
        await park(b, contents_id)

        async def full(contents_id: int, word: bytes) -> bool:
            return False

        monkeypatch.setattr(a.bus.directory, "leave_word", full)
        a.ipc_main.remote(contents_id).send("news")
        await quiet()
        assert unsent(a) == {"full": 1}


async def test_command_for_a_parked_tab_fails_at_once(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        contents_id = page.web_contents_id
        await park(b, contents_id)
        assert await a.ipc_main.remote(contents_id).exists()
        with pytest.raises(DisposedError):
            await a.ipc_main.remote(contents_id).reload()


async def test_tab_that_never_comes_is_not_waited_for_for_ever(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = three
    async with b.browser().open() as page:
        contents_id = page.web_contents_id
        await park(b, contents_id)
        assert await c.bus.directory.take(contents_id)
        monkeypatch.setattr(c.shared.spread._ways._arrivals, "_seconds", 0.01)
        a.ipc_main.remote(contents_id).send("news")
        await until(lambda: unsent(c) == {"unknown": 1})


# --- what a page is asked to do ---------------------------------------------------------------------------------------


class Commanded:
    """A page, written by hand, that has allowed its server everything; and the commands that have come."""

    def __init__(self, worker: OneWorker, *features: str) -> None:
        self.page = ScriptedPage(worker.app, secrets.token_hex(16), features or ("invoke",))
        self._answered = 0

    async def connect(self) -> int:
        """Connect it, and return the id of its tab."""
        await self.page.connect()
        return self.page.contents_id

    def commands(self) -> list[list[Any]]:
        """Return the calls that have come: their kind, id, channel and arguments."""
        return [message for frame in self.page.frames[1:] for message in frame[2:]]

    async def answer(self, number: int, kind: str, *rest: Any) -> None:
        """Answer the command with this number, which may still be on its way."""
        await until(lambda: len(self.commands()) > number)
        command = self.commands()[number]
        self._answered += 1
        self.page.socket.write(json.dumps([self._answered, number + 1, [kind, command[1], *rest]]))


async def test_page_of_another_worker_runs_code_reloads_and_closes(three: list[OneWorker]) -> None:
    a, b, _ = three
    page = Commanded(b)
    there = a.ipc_main.remote(await page.connect())
    running = asyncio.create_task(there.execute_javascript("1 + \ud800 1"))
    await page.answer(0, "result", ["x", 2])
    assert await running == ["x", 2]
    reloading = asyncio.create_task(there.reload())
    await page.answer(1, "result", None)
    await reloading
    closing = asyncio.create_task(there.close())
    await page.answer(2, "result", None)
    await closing
    assert [command[2:] for command in page.commands()] == [
        ["webipc:executeJavaScript", ["1 + \ud800 1"]],
        ["webipc:reload", []],
        ["webipc:close", []],
    ]
    assert b.ipc_main.get_all_web_contents()[0]._tab.is_closing


async def test_command_comes_behind_what_was_sent_before(three: list[OneWorker]) -> None:
    a, b, _ = three
    page = Commanded(b)
    there = a.ipc_main.remote(await page.connect())
    for number in range(3):
        there.send("news", number)
    running = asyncio.create_task(there.execute_javascript("1"))
    await until(lambda: len(page.commands()) == 4)
    assert [command[0] for command in page.commands()] == ["send", "send", "send", "invoke"]
    await page.answer(3, "result", None)
    await running


async def test_what_the_page_has_thrown_is_raised(three: list[OneWorker]) -> None:
    a, b, _ = three
    page = Commanded(b)
    there = a.ipc_main.remote(await page.connect())
    running = asyncio.create_task(there.execute_javascript("x"))
    await page.answer(0, "error", {"message": "x is not defined"})
    with pytest.raises(JSError, match="x is not defined"):
        await running


async def test_why_a_command_has_no_answer_is_raised(three: list[OneWorker]) -> None:
    a, b, _ = three
    with pytest.raises(DestroyedError):
        await a.ipc_main.remote(7).execute_javascript("1")
    old = Commanded(b, "ports")
    with pytest.raises(FeatureError):
        await a.ipc_main.remote(await old.connect()).reload()
    page = Commanded(c := three[2])
    running = asyncio.create_task(a.ipc_main.remote(await page.connect()).execute_javascript("1"))
    await until(page.commands)
    (connection,) = c.hub.links
    connection.reset("ended")
    with pytest.raises(ResetError, match="ended"):
        await running


async def test_answer_that_this_side_cannot_take_is_raised(three: list[OneWorker]) -> None:
    a, b, _ = three
    page = Commanded(b)
    there = a.ipc_main.remote(await page.connect())
    running = asyncio.create_task(there.execute_javascript("people"))
    # Six arrays, each of which refers to all six: too many ways through them.
    knowing = [["@", [row, place], [place]] for row in range(6) for place in range(6)]
    await page.answer(0, "result", [[None] * 6 for _ in range(6)], knowing)
    with pytest.raises(UnreadableError):
        await running


async def test_command_ends_with_the_worker_of_its_page(three: list[OneWorker]) -> None:
    a, b, _ = three
    page = Commanded(b)
    running = asyncio.create_task(a.ipc_main.remote(await page.connect()).execute_javascript("1"))
    await until(page.commands)
    b.bus.kill()
    with pytest.raises(ResetError, match="owner-lost"):
        await running
    # Nothing of it waits for a directory that it cannot reach.
    for connection in b.hub.links:
        connection.reset("ended")
    for tab in b.hub.tabs.all():
        b.hub.tabs.destroy(tab)


async def test_command_follows_a_tab_that_has_moved(three: list[OneWorker]) -> None:
    a, b, c = three
    page = Commanded(c)
    contents_id = await page.connect()
    a.shared.spread._ways._remember(contents_id, b.shared.worker)
    running = asyncio.create_task(a.ipc_main.remote(contents_id).execute_javascript("1"))
    await page.answer(0, "result", 1)
    assert await running == 1
    assert len(page.commands()) == 1


WRONG_COMMANDS: list[tuple[dict[str, Any], list[bytes]]] = [
    ({"contents": 1, "name": "destroy", "call": 1}, [b"[]"]),
    ({"contents": "1", "name": "close", "call": 1}, [b"[]"]),
    ({"contents": 1, "name": "close"}, [b"[]"]),
    ({"contents": 1, "name": "close", "call": 1}, []),
    ({"contents": 1, "name": "close", "call": 1}, [b"{"]),
]


@pytest.mark.parametrize("head, rows", WRONG_COMMANDS)
async def test_wrong_command_is_dropped(three: list[OneWorker], head: dict[str, Any], rows: list[bytes]) -> None:
    a, b, _ = three
    a.bus.post(b.shared.worker, "command", head, rows)
    await quiet()
    assert sum(b.shared.stats()["dropped"].values()) == 1


async def test_it_is_known_whether_a_tab_exists(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page, a.browser().open() as mine:
        ids = page.web_contents_id, mine.web_contents_id
        assert [await a.ipc_main.remote(one).exists() for one in (*ids, 7)] == [True, True, False]
        b.bus.kill()
        await quiet()
        assert not await a.ipc_main.remote(ids[0]).exists()


# --- a single process -------------------------------------------------------------------------------------------------


async def test_single_process_has_the_same_calls(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    async with Browser(app) as browser, browser.open() as page:
        ear = Ear(page)
        there = ipc_main.remote(page.web_contents_id)
        there.send("news", 1)
        await settled()
        assert ear.heard == [1]
        assert await there.exists()
        assert not await ipc_main.remote(7).exists()
        ipc_main.remote(7).send("news")
        assert [text for text in troubles(caplog) if "#7" in text]
        with pytest.raises(DestroyedError):
            await ipc_main.remote(7).close()
        with pytest.raises(FeatureError):
            await there.close()
        fetched = await ipc_main.fetch_web_contents()
        assert [info.id for info in fetched.pages] == [page.web_contents_id]
        assert fetched.missing == []


async def test_nothing_happens_without_a_running_application() -> None:
    _, ipc_main = application()
    ipc_main.remote(7).send("news")
    assert not await ipc_main.remote(7).exists()
    assert await ipc_main.fetch_web_contents() == ([], [])


# --- the tabs of all workers ------------------------------------------------------------------------------------------


async def test_tabs_of_all_workers_are_fetched(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with a.browser("ada").open() as one, b.browser().open() as two:
        await two.disconnect()
        await until(lambda: not b.tab(two).main_frame._document.is_attached)  # type: ignore[union-attr]
        fetched = await a.ipc_main.fetch_web_contents()
        assert fetched.missing == []
        pages = {info.id: info for info in fetched.pages}
        assert set(pages) == {one.web_contents_id, two.web_contents_id}
        first, second = pages[one.web_contents_id], pages[two.web_contents_id]
        assert (first.identity, first.connected, first.worker) == ("ada", True, a.shared.worker)
        assert (second.identity, second.connected, second.worker) == (None, False, b.shared.worker)
        assert second.principal == b.tab(two).principal
        assert second.origin == "http://testserver"


async def test_worker_that_does_not_answer_in_time_is_named_and_is_no_error(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = three
    monkeypatch.setattr(b.shared, "received", lambda said: None)
    async with a.browser().open() as one, b.browser().open(), c.browser().open() as other:
        fetched = await a.ipc_main.fetch_web_contents(timeout=0.02)
        assert {info.id for info in fetched.pages} == {one.web_contents_id, other.web_contents_id}
        assert fetched.missing == [b.shared.worker]


async def test_worker_that_dies_meanwhile_is_not_missing(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _ = three
    monkeypatch.setattr(b.shared, "received", lambda said: b.bus.kill())
    fetched = await a.ipc_main.fetch_web_contents()
    assert fetched.missing == []


@pytest.mark.parametrize("rows", [[], [b"{"], [b'[["1"]]'], [b"[[1,2,3,4,5,6,7]]"]])
async def test_worker_that_answers_something_else_is_missing(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch, rows: list[bytes]
) -> None:
    a, b, _ = three

    def answer(said: Said) -> None:
        b.shared._questions.answer(said.origin, said.head["call"], {}, rows)

    monkeypatch.setattr(b.shared, "received", answer)
    assert (await a.ipc_main.fetch_web_contents()).missing == [b.shared.worker]


@pytest.mark.parametrize("wrong", [0, -1, float("inf"), float("nan"), True, "2", None])
async def test_timeout_that_is_none_is_refused(three: list[OneWorker], wrong: Any) -> None:
    with pytest.raises(ValueError, match="seconds above 0"):
        await three[0].ipc_main.fetch_web_contents(timeout=wrong)
