"""sendSync on the server: which listener answers, how an answer is kept for a repeated request, and what is refused."""

import asyncio
import gc
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.raw_sockets import connections_of
from tests.support.waiting import PATIENCE, settled, until
from webipc import CloneError, IpcMain, IpcMainEvent, Limits, undefined
from webipc.core import clone
from webipc.core.envelope import decode_value, parse
from webipc.core.errors import ResetError
from webipc.core.frame import decode_frame, decode_parcel, encode_body, encode_control, encode_message
from webipc.core.link import Link, Side
from webipc.testing import Renderer, SyncError
from webipc.testing.client import Client, Response

NEVER = {"error": "reply was never sent"}
TYPE = "application/vnd.webipc.v1"


async def test_the_page_gets_what_the_listener_has_set(site: Site) -> None:
    """Electron: can be replied to by setting event.returnValue."""
    _, ipc_main, page = site

    @ipc_main.on("double")
    def double(event: IpcMainEvent, value: int) -> None:
        assert event.return_value is undefined
        event.return_value = value * 2
        assert event.return_value is undefined

    assert await page.send_sync("double", 21) == 42


@pytest.mark.parametrize("value", [None, undefined, "", 0, [1, {"a": b"\x01"}], "é" * 70_000, bytes(3_145_729)])
async def test_any_value_can_be_asked_and_answered(site: Site, value: Any) -> None:
    _, ipc_main, page = site

    @ipc_main.on("echo")
    def echo(event: IpcMainEvent, value: Any) -> None:
        event.return_value = value

    assert await page.send_sync("echo", value) == value


async def test_the_first_answer_counts(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Electron: does not crash when reply is sent by multiple listeners."""
    _, ipc_main, page = site

    @ipc_main.on("ask")
    def first(event: IpcMainEvent) -> None:
        event.return_value = 1
        event.return_value = 2

    @ipc_main.on("ask")
    def second(event: IpcMainEvent) -> None:
        event.return_value = 3
        # A later answer is not even encoded.
        event.return_value = print

    assert await page.send_sync("ask") == 1
    assert caplog.records == []


async def test_the_answer_may_be_set_later_while_others_are_served(site: Site) -> None:
    _, ipc_main, page = site
    kept: list[IpcMainEvent] = []
    ipc_main.on("later", kept.append)
    ipc_main.handle("other", lambda event: "served")
    waiting = asyncio.create_task(page.send_sync("later"))
    await until(lambda: kept)
    async with page.open() as other:
        assert await other.invoke("other") == "served"
    assert not waiting.done()
    kept.pop().return_value = "late"
    assert await waiting == "late"


async def test_an_async_listener_may_answer_after_an_await(site: Site) -> None:
    _, ipc_main, page = site

    @ipc_main.on("later")
    async def later(event: IpcMainEvent) -> None:
        await asyncio.sleep(0)
        event.return_value = "later"

    assert await page.send_sync("later") == "later"


async def test_the_answer_may_be_set_in_another_thread(site: Site) -> None:
    _, ipc_main, page = site

    @ipc_main.on("thread")
    async def ask_thread(event: IpcMainEvent) -> None:
        await asyncio.to_thread(setattr, event, "return_value", "from a thread")

    assert await page.send_sync("thread") == "from a thread"


async def test_what_cannot_be_cloned_raises_in_the_listener_and_a_good_answer_still_counts(site: Site) -> None:
    _, ipc_main, page = site

    @ipc_main.on("ask")
    def ask(event: IpcMainEvent) -> None:
        with pytest.raises(CloneError, match=r"^An object could not be cloned\. result: "):
            event.return_value = print
        event.return_value = "good"

    assert await page.send_sync("ask") == "good"


async def test_an_event_without_references_is_answered_at_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    _, ipc_main, page = site
    ipc_main.on("silent", lambda event: None)
    assert await page.send_sync("silent") == NEVER
    assert caplog.records == []


async def test_an_event_that_is_kept_is_answered_when_its_last_reference_is_gone(site: Site) -> None:
    _, ipc_main, page = site
    kept: list[IpcMainEvent] = []
    ipc_main.on("keep", kept.append)
    waiting = asyncio.create_task(page.send_sync("keep"))
    await until(lambda: kept)
    await settled()
    assert not waiting.done()
    kept.clear()
    assert await waiting == NEVER


def fail(event: IpcMainEvent) -> None:
    raise ValueError("no answer")


async def fail_later(event: IpcMainEvent) -> None:
    await asyncio.sleep(0)
    fail(event)


def fail_twice(event: IpcMainEvent) -> None:
    try:
        fail(event)
    except ValueError:
        raise KeyError("worse") from None


def fail_together(event: IpcMainEvent) -> None:
    errors = []
    try:
        fail(event)
    except ValueError as error:
        errors.append(error)
    raise ExceptionGroup("several", errors)


@pytest.mark.parametrize("listener", [fail, fail_later, fail_twice, fail_together])
async def test_a_listener_that_raises_lets_the_page_go_though_the_log_keeps_the_error(
    site: Site, caplog: pytest.LogCaptureFixture, listener: Callable[[IpcMainEvent], Any]
) -> None:
    _, ipc_main, page = site
    ipc_main.on("fails", listener)
    gc.disable()
    try:
        assert await page.send_sync("fails") == NEVER
    finally:
        gc.enable()
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "A listener for 'fails' raised"
    assert record.exc_info is not None


async def test_without_a_listener_there_is_one_warning_and_the_page_goes_on(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    _, ipc_main, page = site
    ipc_main.handle("handled", lambda event: 1)
    assert await page.send_sync("handled") == NEVER
    assert caplog.messages == [
        f"WebContents #{page.web_contents_id} called ipcRenderer.sendSync() with 'handled' channel without listeners."
    ]


async def test_ipc_message_sync_comes_first_and_may_answer(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Electron: emits when the renderer process sends a synchronous message."""
    _, ipc_main, page = site
    contents = contents_of(ipc_main, page)
    assert contents.main_frame is not None
    order: list[Any] = []

    @contents.on("ipc-message-sync")
    def any_channel(event: IpcMainEvent, channel: str, *args: Any) -> None:
        order.append([channel, *args])
        event.return_value = "foobar"

    for name, ipc in (("main", ipc_main), ("contents", contents.ipc), ("frame", contents.main_frame.ipc)):
        ipc.on("sync", lambda event, *args, name=name: order.append(name))
    assert await page.send_sync("sync", 1, 2) == "foobar"
    assert order == [["sync", 1, 2], "frame", "contents", "main"]
    assert await page.send_sync("no listener") == "foobar"
    assert caplog.records == []


async def test_it_is_in_order_with_everything_else_and_never_overtaken(site: Site) -> None:
    """Electron: between send, sendSync, and invoke is consistent."""
    _, ipc_main, page = site
    heard: list[int] = []

    @ipc_main.on("number")
    def number(event: IpcMainEvent, value: int) -> None:
        heard.append(value)
        event.return_value = value

    async def invoked(event: Any, value: int) -> None:
        heard.append(value)

    ipc_main.handle("number", invoked)
    ipc_main.on("post", lambda event, value: heard.append(value))
    calls = []
    for index in range(0, 100, 4):
        page.send("number", index)
        calls.append(asyncio.create_task(page.invoke("number", index + 1)))
        await asyncio.sleep(0)
        page.post_message("post", index + 2)
        assert await page.send_sync("number", index + 3) == index + 3
    await asyncio.gather(*calls)
    assert heard == list(range(100))


async def test_what_is_sent_to_a_blocked_page_waits_until_it_has_its_answer(site: Site) -> None:
    _, ipc_main, page = site
    heard: list[Any] = []
    page.on("pushed", lambda event, value: heard.append(value))

    @ipc_main.on("ask")
    async def ask(event: IpcMainEvent) -> None:
        event.reply("pushed", 1)
        event.sender.send("pushed", 2)
        await settled()
        heard.append("nothing yet")
        event.return_value = "answer"

    heard.append(await page.send_sync("ask"))
    await until(lambda: len(heard) == 4)
    assert heard == ["nothing yet", 1, 2, "answer"]


async def test_the_wait_is_bounded_and_the_page_reads_why() -> None:
    app, ipc_main = application(limits=Limits(sync_ms=50))
    kept: list[IpcMainEvent] = []
    ipc_main.on("keep", kept.append)
    ipc_main.on("echo", lambda event, value: setattr(event, "return_value", value))
    async with Renderer(app) as page:
        with pytest.raises(SyncError) as caught:
            await page.send_sync("keep")
        text = "no listener for 'keep' has set event.return_value within 50 ms (the limit `sync_ms`)"
        assert (str(caught.value), caught.value.code) == (f"Error: {text}", "sync-timeout")
        kept[0].return_value = "late"
        assert await page.send_sync("echo", "next") == "next"


async def test_it_works_without_a_socket_and_before_the_first_one(site: Site) -> None:
    app, ipc_main, page = site
    heard: list[Any] = []
    ipc_main.on("note", lambda event, value: heard.append(value))

    @ipc_main.on("who")
    def who(event: IpcMainEvent) -> None:
        event.sender.send("seen", event.sender.id)
        event.return_value = [event.sender.id, event.sender.main_frame is event.sender_frame]

    await page.disconnect()
    page.send("note", 1)
    assert await page.send_sync("who") == [page.web_contents_id, True]
    async with asyncio.timeout(PATIENCE):
        early = Renderer(app)
        early.send("note", 2)
        contents_id, is_shown = await early.send_sync("who")
        await early.connect()
    assert (contents_id, is_shown, heard) == (early.web_contents_id, True, [1, 2])
    # A message that was sent to it before its first socket is not lost.
    assert await early.received("seen") == [contents_id]
    await early.close()


async def test_a_document_that_blocks_before_its_first_socket_is_not_given_up(site: Site) -> None:
    app, ipc_main = application(limits=Limits(unattached_grace_ms=20, goodbye_ms=20, grace_ms=20, sync_ms=5000))
    kept: list[IpcMainEvent] = []
    ipc_main.on("keep", kept.append)
    async with Renderer(app) as page:
        early = Renderer(app)
        waiting = asyncio.create_task(early.send_sync("keep"))
        await until(lambda: kept)
        # A younger one that is not blocked is dropped soon.
        await Renderer(app).send_sync("no listener")
        kept_ids = {page.web_contents_id, kept[0].sender.id}
        await until(lambda: {contents.id for contents in ipc_main.get_all_web_contents()} == kept_ids)
        kept.pop().return_value = "patient"
        assert await waiting == "patient"
        await early.close()


async def test_an_event_belongs_to_a_document_in_an_iframe_as_well(site: Site) -> None:
    _, ipc_main, page = site
    async with page.open_frame() as frame:

        @ipc_main.on("who")
        def who(event: IpcMainEvent) -> None:
            assert event.sender_frame is not None
            event.return_value = event.sender_frame.parent is not None

        assert [await page.send_sync("who"), await frame.send_sync("who")] == [False, True]


# --- raw requests ---------------------------------------------------------------------------------------------------


class Asker:
    """A page whose requests the test composes."""

    def __init__(self, app: ASGIApp, link: str = "b" * 32, **headers: str) -> None:
        self.browser = Client(app, headers=headers)
        self.link = Link(Side.RENDERER)
        self._id = link
        # What its hello says of the link, whatever was sent already.
        self.fresh = True

    def hello(self, **fields: Any) -> str:
        known = {"link": self._id, "secret": "c" * 32, "attempt": 0, "received": 0, "first": 1, "fresh": self.fresh}
        return encode_control(0, "hello", {**known, "features": [], **fields})

    def sync(self, call_id: int, channel: str, *args: Any) -> None:
        self.link.post(encode_message(["sync", call_id, channel], clone.encode(list(args))))

    def done(self, call_id: int) -> None:
        self.link.post(encode_message(["sync-done", call_id]))

    def body(self, *last: str | bytes) -> bytes:
        return encode_body([self.hello(), *self.link.backlog(), *last])

    async def ask(self, call_id: int) -> Any:
        answer = await self.post(self.body(encode_control(0, "await", call_id)))
        assert answer.status == 200, answer
        return value_of(answer)

    async def post(self, body: bytes, content_type: str = TYPE) -> Response:
        return await self.browser.post("/ipc/sync", content_type, body)


def value_of(answer: Response) -> Any:
    end = 5 + int.from_bytes(answer.body[1:5], "little")
    assert answer.body[0] == 1
    assert decode_frame(answer.body[5:end]).is_bare
    (envelope,) = parse([decode_parcel(answer.body[end:])])
    return decode_value(envelope)  # type: ignore[arg-type] # a result or an error


def code_of(answer: Response) -> tuple[int, int, str]:
    content = json.loads(answer.body)
    return answer.status, content["code"], content["reason"]


class Counting:
    """A listener `count` that answers with the number of its calls, and a listener `keep` that keeps its events."""

    def __init__(self, ipc_main: IpcMain) -> None:
        self.calls = 0
        self.kept: list[IpcMainEvent] = []
        ipc_main.on("count", self._count)
        ipc_main.on("keep", self.kept.append)

    def _count(self, event: IpcMainEvent) -> None:
        self.calls += 1
        event.return_value = self.calls


async def test_a_repeated_request_gets_the_kept_answer_and_runs_no_listener(site: Site) -> None:
    app, ipc_main, _ = site
    counting = Counting(ipc_main)
    asker = Asker(app)
    asker.sync(1, "count")
    body = asker.body(encode_control(0, "await", 1))
    assert [value_of(await asker.post(body)), value_of(await asker.post(body))] == [1, 1]
    assert counting.calls == 1


async def test_a_repeated_request_joins_the_running_call(site: Site) -> None:
    app, ipc_main, _ = site
    counting = Counting(ipc_main)
    asker = Asker(app)
    asker.sync(1, "keep")
    body = asker.body(encode_control(0, "await", 1))
    waiting = [asyncio.create_task(asker.post(body)) for _ in range(2)]
    await until(lambda: counting.kept)
    await settled()
    (event,) = counting.kept
    event.return_value = "once"
    assert [value_of(await each) for each in waiting] == ["once", "once"]


async def test_a_cancelled_request_leaves_the_call_to_the_next_one(site: Site) -> None:
    app, ipc_main, _ = site
    counting = Counting(ipc_main)
    asker = Asker(app)
    asker.sync(1, "keep")
    body = asker.body(encode_control(0, "await", 1))
    first = asyncio.create_task(asker.post(body))
    await until(lambda: counting.kept)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    again = asyncio.create_task(asker.post(body))
    await settled()
    counting.kept[0].return_value = "still there"
    assert value_of(await again) == "still there"


async def test_no_task_watches_a_client_whose_answer_is_there_at_once(site: Site) -> None:
    app, ipc_main, _ = site
    counting = Counting(ipc_main)
    ipc_main.on("answer in a task", answer_in_a_task)
    received = 0

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        async def one_more() -> Message:
            nonlocal received
            received += 1
            return await receive()

        await app(scope, one_more, send)

    asker = Asker(counted)
    for number, channel in enumerate(["count", "answer in a task", "nothing listens"]):
        before = received
        asker.sync(2 * number + 1, channel)
        await asker.post(asker.body(encode_control(0, "await", 2 * number + 1)))
        # The body is one piece.
        assert received - before == 1, channel
        # It is not taken for one that waits.
        calls = [call for each in connections_of(ipc_main) for call in each.syncs._calls.values()]
        assert [call._asking for call in calls] == [0]
    before = received
    asker.sync(7, "keep")
    waiting = asyncio.create_task(asker.post(asker.body(encode_control(0, "await", 7))))
    await until(lambda: received - before == 2)
    counting.kept[0].return_value = "later"
    assert value_of(await waiting) == "later"


async def answer_in_a_task(event: IpcMainEvent) -> None:
    event.return_value = "at once"


async def test_an_answer_is_kept_until_it_is_done_or_the_next_call_comes(site: Site) -> None:
    app, ipc_main, _ = site
    Counting(ipc_main)
    asker = Asker(app)
    asker.sync(1, "count")
    assert await asker.ask(1) == 1
    asker.done(1)
    refused = await asker.post(asker.body(encode_control(0, "await", 1)))
    assert code_of(refused)[:2] == (400, 4400)
    asker.sync(3, "count")
    assert await asker.ask(3) == 2
    asker.sync(5, "count")
    assert await asker.ask(5) == 3
    refused = await asker.post(asker.body(encode_control(0, "await", 3)))
    assert code_of(refused) == (400, 4400, "expected the id of a sync that came, and is not done; 3 came")
    # A late request does not end the link.
    asker.sync(7, "count")
    assert await asker.ask(7) == 4


async def test_a_wrong_body_is_refused_and_does_not_end_the_link_of_another_page(site: Site) -> None:
    app, ipc_main, page = site
    counting = Counting(ipc_main)
    wait = encode_control(0, "await", 1)

    def body(link: str, *frames: str | bytes) -> bytes:
        return encode_body([Asker(app, link).hello(), *frames])

    sync = '[1,0,["sync",1,"count",[]]]'
    wrong = {
        "await of an id that never came": (body("1" * 32, encode_control(0, "await", 9)), 400, 4400),
        "await is not last": (body("2" * 32, wait, sync), 400, 4400),
        "no await": (body("3" * 32, sync), 400, 4400),
        "two controls": (body("4" * 32, sync, wait, wait), 400, 4400),
        "bye instead of await": (body("5" * 32, sync, encode_control(0, "bye", 1)), 400, 4400),
        "no hello": (encode_body([sync, wait]), 400, 4400),
        "an id of the server's": (body("6" * 32, '[1,0,["sync",2,"count",[]]]', wait), 400, 4400),
        "arguments that are none": (body("7" * 32, '[1,0,["sync",1,"count",5]]', wait), 400, 4400),
        "too long a channel": (body("8" * 32, f'[1,0,["sync",1,"{"x" * 4097}",[]]]', wait), 413, 4413),
        "a number too far on": (body("9" * 32, '[7,0,["sync",1,"count",[]]]', wait), 400, 4400),
        "nothing": (b"", 400, 4400),
    }
    asker = Asker(app)
    for what, (data, status, code) in wrong.items():
        assert code_of(await asker.post(data))[:2] == (status, code), what
    assert await page.send_sync("count") > counting.calls - 1
    assert page.connected


async def test_another_site_and_another_type_are_refused_before_anything_is_read(site: Site) -> None:
    app, ipc_main, _ = site
    counting = Counting(ipc_main)
    asker, stranger = Asker(app), Asker(app, origin="http://evil.example")
    for each in (asker, stranger):
        each.sync(1, "count")
    assert code_of(await stranger.post(stranger.body(encode_control(0, "await", 1))))[:2] == (403, 4403)
    for content_type in ("text/plain", "application/json"):
        assert code_of(await asker.post(asker.body(), content_type))[:2] == (415, 4400)
    assert counting.calls == 0


async def test_another_secret_is_refused(site: Site) -> None:
    app, ipc_main, _ = site
    counting = Counting(ipc_main)
    asker = Asker(app)
    asker.sync(1, "count")
    assert await asker.ask(1) == 1
    frames = [asker.hello(secret="d" * 32), encode_control(0, "await", 1)]
    assert code_of(await asker.post(encode_body(frames)))[:2] == (403, 4403)
    assert counting.calls == 1


async def test_too_large_a_body_is_not_read_to_its_end() -> None:
    app, _ = application(limits=Limits(body_bytes=10_000))
    async with Renderer(app):
        assert code_of(await Asker(app).post(bytes(10_001)))[:2] == (413, 4413)


async def test_a_request_for_a_link_that_has_ended_is_answered_with_its_reset(site: Site) -> None:
    app, ipc_main, _ = site
    Counting(ipc_main)
    asker = Asker(app)
    asker.sync(1, "count")
    asker.fresh = False
    body = asker.body(encode_control(0, "await", 1))
    assert code_of(await asker.post(body)) == (409, 4410, "unknown-link")
    asker.fresh = True
    assert await asker.ask(1) == 1
    bye = encode_body([asker.hello(), encode_control(0, "bye", 1)])
    assert (await asker.browser.post("/ipc/beacon", TYPE, bye)).status == 204
    assert code_of(await asker.post(body)) == (409, 4410, "ended")


async def test_a_page_that_goes_away_while_it_is_blocked_harms_nobody(site: Site) -> None:
    """Electron: does not crash when reply is not sent and browser is destroyed."""
    app, ipc_main, page = site
    counting = Counting(ipc_main)
    async with Renderer(app) as blocked:
        waiting = asyncio.create_task(blocked.send_sync("keep"))
        await until(lambda: counting.kept)
        await blocked.close()
        with pytest.raises(ResetError):
            await waiting
    counting.kept.pop().return_value = "too late"
    assert await page.send_sync("count") == 1


async def test_many_calls_of_one_page_leave_nothing_behind(site: Site) -> None:
    app, ipc_main, _ = site
    Counting(ipc_main)
    asker = Asker(app)
    for call_id in range(1, 400, 2):
        asker.sync(call_id, "count")
        await asker.ask(call_id)
    (connection,) = [each for each in connections_of(ipc_main) if each.link_id == "b" * 32]
    assert (len(connection.syncs._calls), len(connection.answers)) == (1, 0)
    assert not connection.syncs.block
