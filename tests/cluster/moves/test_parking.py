"""The end of a worker in good order: which tabs leave when, and in which order a tab is written down and closed."""

import asyncio
import logging
import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.moved import LIMITS
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import settled, until
from tests.support.wanderer import Wanderer, take
from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent, MessageChannelMain, WebContents
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, Parked, key_of
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.cluster.moves import leaving, parking
from webipc.cluster.moves.snapshot import FORMAT, Snapshot
from webipc.core.errors import DestroyedError
from webipc.hub.links import MOVED
from webipc.testing import Browser

SERVICE_RESTART = 1012


@pytest.fixture
async def two() -> AsyncIterator[list[OneWorker]]:
    async with workers(2, limits=LIMITS) as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "BATCH_SECONDS", 0.01)
    monkeypatch.setattr(parking, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(leaving, "AGAIN_SECONDS", 0.01)


async def drain(worker: OneWorker, seconds: float = 20.0) -> None:
    """Drain a worker, as its server does before it ends."""
    await worker.hub.drain(seconds, asyncio.Event())
    await quiet()


def held_up(worker: OneWorker, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let no tab of a worker be parked before the event is set."""
    go_on, park = asyncio.Event(), worker.bus.directory.park

    async def slow(*args: Any) -> None:
        await go_on.wait()
        await park(*args)

    monkeypatch.setattr(worker.bus.directory, "park", slow)
    return go_on


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what webipc has logged."""
    return [each.getMessage() for each in caplog.records if each.name == "webipc"]


async def place_of(page: Wanderer, worker: OneWorker) -> Any:
    return await worker.bus.directory.find(key_of(page.id), None, None)


async def test_quiet_tab_goes_on_elsewhere_and_neither_side_loses_anything(two: list[OneWorker]) -> None:
    old, new = two
    heard: list[Any] = []
    for worker in two:
        worker.ipc_main.on("say", lambda event, value: heard.append(value))
    page = Wanderer(1)
    await page.come(old)
    contents_id = page.connection.document.tab.id
    await page.say("send", "say", value=["before"])
    page.connection.document.frame.send("news", "one")
    await quiet()
    await drain(old)
    assert page.closed_with == SERVICE_RESTART
    assert await place_of(page, new) == Parked(contents_id, format=FORMAT)
    page.post("send", "say", value=["behind"])
    page.lose()
    connection = await page.come(new)
    connection.document.frame.send("news", "two")
    page.write()
    await quiet()
    assert page.heard() == ["one", "two"]
    assert heard == ["before", "behind"]
    assert connection.document.tab.id == contents_id
    assert await place_of(page, new) == Home(new.shared.worker)


async def test_socket_is_closed_when_the_tab_is_parked_and_not_before(
    two: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = two
    page = Wanderer(1)
    connection = await page.come(old)
    go_on = held_up(old, monkeypatch)
    draining = asyncio.ensure_future(drain(old))
    await until(lambda: connection.ended)
    await settled()
    assert page.closed_with is None
    assert connection.end_reason == MOVED
    # It comes back before it can be found.
    waits = asyncio.ensure_future(old.shared.parking.wait_for(page.hello()))
    await settled()
    assert not waits.done()
    go_on.set()
    await draining
    await waits
    assert page.closed_with == SERVICE_RESTART


async def test_directory_names_the_old_home_until_the_tab_is_parked(
    two: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = two
    page = Wanderer(1)
    connection = await page.come(old)
    contents_id, token = connection.document.tab.id, key_of(connection.document.tab.token)
    await quiet()
    go_on = held_up(old, monkeypatch)
    draining = asyncio.ensure_future(drain(old))
    await until(lambda: connection.ended)
    await quiet()
    # A page that looks for it at another worker meanwhile is told to come again, and never that it is lost.
    home = old.shared.worker
    assert await place_of(page, new) == Home(home, "link")
    assert await new.bus.directory.find(key_of("a new page"), None, token) == Home(home, "token")
    assert await new.bus.directory.where(contents_id) == Home(home, "token")
    go_on.set()
    await draining
    assert await place_of(page, new) == Parked(contents_id, "link", FORMAT)
    assert await new.bus.directory.find(key_of("a new page"), None, token) == Parked(contents_id, "token", FORMAT)
    taken = await new.bus.directory.take(contents_id)
    assert taken is not None
    assert Snapshot.decode(taken.snapshot).head.contents.id == contents_id


async def test_running_handler_ends_and_its_answer_arrives_before_the_tab_leaves(two: list[OneWorker]) -> None:
    old, _ = two
    go_on = asyncio.Event()

    @old.ipc_main.handle("ask")
    async def handler(event: IpcMainInvokeEvent, value: int) -> str:
        await go_on.wait()
        return "answered"

    page, idle = Wanderer(1), Wanderer(2)
    await page.come(old)
    await idle.come(old)
    await page.say("invoke", 1, "ask", value=[1])
    draining = asyncio.ensure_future(drain(old))
    await until(lambda: idle.closed_with)
    assert page.closed_with is None
    go_on.set()
    await draining
    assert page.heard() == ["answered"]
    assert page.closed_with == SERVICE_RESTART


async def test_busy_tab_takes_what_its_handlers_wait_for_and_nothing_new(two: list[OneWorker]) -> None:
    """A handler that asks its page can end; what the page begins after a while runs where it goes on."""
    old, new = two
    began: list[str] = []

    @old.ipc_main.handle("ask")
    async def handler(event: IpcMainInvokeEvent, value: int) -> Any:
        assert event.sender_frame is not None
        return await event.sender_frame.execute_javascript("1")

    for worker, name in zip(two, ("old", "new"), strict=True):
        worker.ipc_main.on("say", lambda event, value, name=name: began.append(f"{name} {value}"))
    page = Wanderer(1)
    connection = await page.come(old)
    await page.say("invoke", 1, "ask", value=[1])
    draining = asyncio.ensure_future(drain(old))
    await until(lambda: connection.last_calls is not None)
    (call,) = [envelope for envelope in page.heard() if envelope == "invoke"]
    await page.say("result", 2, value="of the page")
    await page.say("send", "say", value=["new"])
    await draining
    assert call == "invoke"
    assert page.heard()[-1] == "of the page"
    assert began == []
    page.lose()
    await page.come(new)
    page.write()
    await quiet()
    assert began == ["new new"]


async def test_what_begins_is_left_three_quarters_of_a_short_time(
    two: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "PATIENCE_SECONDS", 1_000.0)
    old, _ = two
    ends = asyncio.Event()

    @old.ipc_main.handle("waits")
    async def waits(event: IpcMainInvokeEvent) -> str:
        await ends.wait()
        return "ended"

    page = Wanderer(1)
    connection = await page.come(old)
    await page.say("invoke", 1, "waits", value=[])
    draining = asyncio.ensure_future(drain(old, 3.0))
    await until(lambda: connection.last_calls is not None)
    ends.set()
    await draining
    assert page.heard() == ["ended"]


class Endless:
    """Three calls that do not end by themselves: in the event loop, in a thread, and of a page that is blocked."""

    def __init__(self, worker: OneWorker) -> None:
        self.let_go = threading.Event()
        self.cancelled = 0
        self._events: list[Any] = []
        worker.ipc_main.handle("task", self._task)
        worker.ipc_main.handle("thread", self._thread)
        # It keeps its event, and so the page in its call.
        worker.ipc_main.on("sync", lambda event, value: self._events.append(event))
        self._worker = worker
        self.pages = [Wanderer(number) for number in (1, 2, 3)]

    async def _task(self, event: IpcMainInvokeEvent, value: int) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    def _thread(self, event: IpcMainInvokeEvent, value: int) -> str:
        self.let_go.wait()
        return "too late"

    async def begin(self) -> None:
        for page, (kind, channel) in zip(
            self.pages, [("invoke", "task"), ("invoke", "thread"), ("sync", "sync")], strict=True
        ):
            await page.come(self._worker)
            await page.say(kind, 1, channel, value=[1])


async def test_what_runs_beyond_the_time_is_answered_once_with_an_error(
    two: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    old, new = two
    endless = Endless(old)
    await endless.begin()
    try:
        with caplog.at_level(logging.INFO, "webipc"):
            await drain(old, 0.1)
    finally:
        endless.let_go.set()
    assert endless.cancelled == 1
    assert re.fullmatch(r"drained 3 tabs in \d+\.\d s, 3 calls were cancelled", lines(caplog)[-1])
    for page in endless.pages:
        page.lose()
        await page.come(new)
    for page in endless.pages[:2]:
        (answer,) = page.heard()
        assert "reply was never sent" in str(answer)
    # The page that is blocked asks again, and the answer is there.
    ((_, _, kept),) = endless.pages[2].connection.syncs.kept
    assert b"reply was never sent" in kept.json


async def test_second_signal_ends_the_wait(two: list[OneWorker]) -> None:
    old, _ = two

    @old.ipc_main.on("say")
    async def listener(event: IpcMainEvent, value: int) -> None:
        await asyncio.get_running_loop().create_future()

    page = Wanderer(1)
    await page.come(old)
    await page.say("send", "say", value=[1])
    hurry = asyncio.Event()
    draining = asyncio.ensure_future(old.hub.drain(1_000, hurry))
    await until(lambda: page.connection.last_calls is not None)
    hurry.set()
    await draining
    assert page.closed_with == SERVICE_RESTART
    assert isinstance(await place_of(page, two[1]), Parked)


async def test_ports_close_before_the_tab_is_written_down(two: list[OneWorker]) -> None:
    old, new = two
    page = Wanderer(1)
    connection = await page.come(old)
    channel = MessageChannelMain()
    connection.document.frame.post_message("port", 1, [channel.port2])
    closed: list[bool] = []
    channel.port1.on("close", lambda: closed.append(True))
    channel.port1.start()
    await quiet()
    await drain(old)
    assert closed == [True]
    page.lose()
    connection = await page.come(new)
    assert page.heard() == ["post", "port-close"]
    # A new one has another id than that.
    connection.document.frame.post_message("port", 1, [MessageChannelMain().port2])
    await quiet()
    page.take()
    assert [envelope.ports for envelope in page.arrived if envelope.kind == "post"] == [[2], [4]]


async def test_calls_into_the_page_have_new_ids_where_it_goes_on(two: list[OneWorker]) -> None:
    old, new = two
    page = Wanderer(1)
    connection = await page.come(old)
    call = asyncio.ensure_future(connection.outgoing_calls.invoke("do"))
    await quiet()
    await page.say("result", 2, value=1)
    assert await call == 1
    await drain(old)
    page.lose()
    connection = await page.come(new)
    again = asyncio.ensure_future(connection.outgoing_calls.invoke("do"))
    await quiet()
    page.take()
    assert [envelope.id for envelope in page.arrived] == [2, 4]
    again.cancel()


async def test_tabs_leave_in_batches(two: list[OneWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    old, _ = two
    monkeypatch.setattr(parking, "BATCH", 4)
    pages = [Wanderer(number) for number in range(1, 11)]
    for page in pages:
        await page.come(old)
    rounds: list[int] = []
    leave_quiet = old.shared.parking._leave_quiet

    def one_round(tabs: Any, *, is_patient: bool) -> None:
        leave_quiet(tabs, is_patient=is_patient)
        rounds.append(len(tabs) - len(old.hub.tabs.all()))

    monkeypatch.setattr(old.shared.parking, "_leave_quiet", one_round)
    await drain(old)
    assert rounds == [4, 4, 2]
    assert {page.closed_with for page in pages} == {SERVICE_RESTART}


async def test_iframes_go_on_below_their_parents(two: list[OneWorker]) -> None:
    old, new = two
    page = Wanderer(1)
    frame = Wanderer(2, above=page)
    await page.come(old)
    await frame.come(old)
    await drain(old)
    frame.lose()
    page.lose()
    await frame.come(new)
    await page.come(new)
    assert frame.connection.document.parent is page.connection.document


async def test_document_in_an_iframe_that_never_said_goodbye_holds_up_no_tab(two: list[OneWorker]) -> None:
    old, _ = two
    page = Wanderer(1)
    frame = Wanderer(2, above=page)
    await page.come(old)
    await frame.come(old)
    frame.lose()
    page.connection.bye(0)
    await settled()
    assert [connection.link_id for connection in old.hub.links] == [frame.connection.link_id]
    async with asyncio.timeout(20):
        await drain(old, 600)
    assert old.shared.stats()["parked"] == 1


async def test_last_worker_ends_its_tabs_as_a_single_process_does(
    two: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two
    pages = [Wanderer(1), Wanderer(2)]
    await pages[0].come(first)
    await pages[1].come(second)
    with caplog.at_level(logging.INFO, "webipc"):
        await asyncio.gather(drain(first), drain(second))
    assert [page.closed_with for page in pages] == [SERVICE_RESTART] * 2
    # Nothing is parked where no worker could take it.
    assert first.shared.stats()["parked"] == second.shared.stats()["parked"] == 0
    assert [await place_of(page, first) for page in pages] == [Home(first.shared.worker), Home(second.shared.worker)]


async def test_last_worker_parks_its_tabs_where_the_bus_keeps_them_for_the_next_program(two: list[OneWorker]) -> None:
    first, second = two
    page = Wanderer(1)
    await page.come(first)
    first.bus.outlives_workers = True
    second.bus.drain()
    await quiet()
    await drain(first)
    assert isinstance(await place_of(page, second), Parked)


async def test_worker_that_cannot_read_the_snapshot_is_none_that_takes_it(two: list[OneWorker]) -> None:
    first, second = two
    page = Wanderer(1)
    await page.come(first)
    member = first.bus.members.get(second.shared.worker)
    assert member is not None
    first.bus.members.put(member._replace(formats=(9,)))
    await drain(first)
    assert await place_of(page, second) == Home(first.shared.worker)


async def test_tab_is_tried_again_while_the_bus_cannot_be_reached(
    two: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = two
    page = Wanderer(1)
    await page.come(old)
    park, failures = old.bus.directory.park, [BusError("away"), BusError("away")]

    async def failing(*args: Any) -> None:
        if failures:
            raise failures.pop()
        await park(*args)

    monkeypatch.setattr(old.bus.directory, "park", failing)
    await drain(old)
    assert isinstance(await place_of(page, new), Parked)
    assert page.closed_with == SERVICE_RESTART


async def test_tab_that_cannot_be_parked_is_counted_and_logged_and_the_others_leave(
    two: list[OneWorker], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = two
    monkeypatch.setattr(parking, "LATE_SECONDS", 0.0)
    page, other = Wanderer(1), Wanderer(2)
    await page.come(old)
    await other.come(old)
    doomed, park = page.connection.document.tab.id, old.bus.directory.park

    async def failing(contents_id: int, *args: Any) -> None:
        if contents_id == doomed:
            raise BusError("away")
        await park(contents_id, *args)

    monkeypatch.setattr(old.bus.directory, "park", failing)
    with caplog.at_level(logging.INFO, "webipc"):
        await drain(old, 0.2)
    assert [page.closed_with, other.closed_with] == [SERVICE_RESTART] * 2
    assert isinstance(await place_of(other, new), Parked)
    assert await place_of(page, new) == Home(old.shared.worker)
    assert any(line.startswith("1 tabs could not be parked") for line in lines(caplog))
    assert old.shared.stats()["park_failed"] == 1


async def test_nothing_is_emitted_and_no_link_is_told_to_have_ended(two: list[OneWorker]) -> None:
    old, new = two
    emitted: list[str] = []

    @old.ipc_main.web_contents_created
    def created(event: Any, contents: WebContents) -> None:
        contents.on("destroyed", lambda event: emitted.append("destroyed"))
        contents.on("ipc-messages-lost", lambda event, details: emitted.append("lost"))

    page = Wanderer(1)
    connection = await page.come(old)
    connection.claims_last(99)
    contents = connection.document.tab.contents
    await drain(old)
    await new.bus.directory.find(key_of(page.id), None, None)
    assert emitted == []
    assert not contents.is_destroyed()
    assert old.hub.account.held == 0
    assert (list(old.hub.links), old.hub.tabs.all()) == ([], [])
    await take(new, page.hello())
    assert new.hub.links.get(page.id) is not None


async def test_task_that_runs_on_sends_to_where_the_tab_has_moved(
    two: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = two
    page = Wanderer(1)
    connection = await page.come(old)
    contents, frame = connection.document.tab.contents, connection.document.frame
    go_on = held_up(old, monkeypatch)
    draining = asyncio.ensure_future(drain(old))
    await until(lambda: connection.ended)
    # Not parked yet; then parked; then at another worker.
    contents.send("news", 1)
    go_on.set()
    await draining
    frame.send("news", 2)
    await asyncio.to_thread(contents.send, "news", 3)
    await quiet()
    page.lose()
    await page.come(new)
    contents.send("news", 4)
    await quiet()
    assert page.heard() == [1, 2, 3, 4]


async def test_document_that_its_tab_does_not_show_is_not_reached_any_more_and_a_line_says_so(
    two: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    old, _ = two
    page = Wanderer(1)
    frame = Wanderer(2, above=page)
    contents_id = (await page.come(old)).document.tab.id
    embedded = (await frame.come(old)).document.frame
    await drain(old)
    embedded.send("news", 1)
    embedded.send("news", 2)
    assert [line for line in lines(caplog) if "were dropped" in line] == [
        f"WebContents #{contents_id} has moved to another process: {count} messages to it were dropped, because only "
        "the document that a tab shows can be reached from another process"
        for count in (1, 2)
    ]


async def test_ports_and_calls_into_a_page_that_has_moved_fail_as_into_one_that_is_gone(two: list[OneWorker]) -> None:
    old, _ = two
    page = Wanderer(1)
    frame = (await page.come(old)).document.frame
    await drain(old)
    channel = MessageChannelMain()
    closed: list[bool] = []
    channel.port1.on("close", lambda: closed.append(True))
    channel.port1.start()
    with pytest.raises(DestroyedError):
        frame.post_message("port", 1, [channel.port2])
    await quiet()
    assert closed == [True]
    with pytest.raises(DestroyedError):
        await frame.execute_javascript("1")


async def test_tabs_leave_also_where_the_server_only_ends_the_lifespan() -> None:
    async with workers(1, limits=LIMITS) as (new,):
        old = OneWorker(new._board, limits=LIMITS)
        page = Wanderer(1)
        async with Browser(old.app):
            await page.come(old)
        assert isinstance(await place_of(page, new), Parked)
        assert page.closed_with == SERVICE_RESTART


async def test_what_runs_ends_before_the_shutdown_of_the_application_begins() -> None:
    """Its handlers may need what that closes."""
    order: list[str] = []
    go_on = asyncio.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        order.append("shutdown")

    app, ipc_main = FastAPI(lifespan=lifespan), IpcMain()
    ipc_main._make_bus = lambda realm, worker, formats: MemoryBus(Switchboard(time.monotonic), worker, formats)
    ipc_main.mount(app)

    @ipc_main.handle("ask")
    async def handler(event: IpcMainInvokeEvent) -> None:
        await go_on.wait()
        order.append("handler")

    async with Browser(app) as browser:
        page = browser.open()
        await page.connect()
        call = asyncio.ensure_future(page.invoke("ask"))
        await quiet()
        asyncio.get_running_loop().call_later(0.03, go_on.set)
    assert order == ["handler", "shutdown"]
    await call
