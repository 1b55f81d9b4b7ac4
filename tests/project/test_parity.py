"""Behaviours of Electron's IPC on the server's side without another test; docs/electron-parity.md names each of them.

The page is the one of `webipc.testing`. The TypeScript tests cover the page's side.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.connected import contents_of
from tests.support.logged import troubles
from tests.support.waiting import PATIENCE, until
from webipc import DestroyedError, IpcMainEvent, IpcMainInvokeEvent, Limits, WebContents
from webipc.testing import InvokeError, Renderer


async def test_a_send_reaches_no_handler_and_an_invoke_no_listener(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    reached: list[str] = []
    ipc_main.handle("handled", lambda event: reached.append("handler"))
    ipc_main.on("heard", lambda event: reached.append("listener"))
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page:
        page.send("handled")
        page.send("unhandled")
        await page.invoke("end")
        assert troubles(caplog) == []
        with pytest.raises(InvokeError, match="No handler registered for 'heard'"):
            await page.invoke("heard")
    assert reached == []


async def test_any_string_is_a_channel_and_no_key_is_reserved() -> None:
    app, ipc_main = application()
    sent = {"id": 1, "name": "ly", "type": "Buffer", "$": 0, "__proto__": {"x": 1}}
    for channel in ("", "ping-æøåü", "error", "__proto__"):
        ipc_main.handle(channel, lambda event, value: value)
    async with Renderer(app) as page:
        for channel in ("", "ping-æøåü", "error", "__proto__"):
            assert await page.invoke(channel, sent) == sent


async def test_arguments_are_one_value_in_which_identity_and_cycles_survive() -> None:
    app, ipc_main = application()
    heard: list[Any] = []
    ipc_main.on("send", lambda event, *args: heard.extend(args))
    ipc_main.handle("end", lambda event: None)
    shared = {"n": 1}
    cyclic: list[Any] = [5]
    cyclic.append(cyclic)
    async with Renderer(app) as page:
        page.send("send", shared, [shared], cyclic)
        shared["n"] = 2
        await page.invoke("end")
    first, (second,), cycle = heard
    assert first is second
    assert first == {"n": 1}
    assert cycle[1] is cycle


async def test_an_invoke_of_a_removed_handler_rejects() -> None:
    app, ipc_main = application()
    ipc_main.handle("gone", lambda event: 1)
    ipc_main.remove_handler("gone")
    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("gone")
    assert str(caught.value) == "Error invoking remote method 'gone': Error: No handler registered for 'gone'"


async def test_removing_a_handler_does_not_affect_a_running_call() -> None:
    app, ipc_main = application()
    go_on = asyncio.Event()
    begun = asyncio.Event()

    @ipc_main.handle("waits")
    async def waits(event: IpcMainInvokeEvent) -> str:
        begun.set()
        await go_on.wait()
        return "answer"

    async with Renderer(app) as page:
        waiting = asyncio.create_task(page.invoke("waits"))
        await begun.wait()
        ipc_main.remove_handler("waits")
        go_on.set()
        assert await waiting == "answer"


async def test_a_handle_once_handler_answers_only_the_first_of_two_calls() -> None:
    app, ipc_main = application()
    go_on = asyncio.Event()

    async def waits(event: IpcMainInvokeEvent) -> str:
        await go_on.wait()
        return "answer"

    ipc_main.handle_once("once", waits)
    async with Renderer(app) as page:
        first = asyncio.create_task(page.invoke("once"))
        second = asyncio.create_task(page.invoke("once"))
        with pytest.raises(InvokeError, match="No handler registered for 'once'"):
            await second
        assert not first.done()
        go_on.set()
        assert await first == "answer"


async def test_a_handler_that_returns_nothing_answers_null() -> None:
    """In Electron it resolves with `undefined`. Python's None is both, and is `null` on the wire."""
    app, ipc_main = application()
    ipc_main.handle("nothing", lambda event: None)
    async with Renderer(app) as page:
        assert await page.invoke("nothing") is None


async def test_results_come_in_the_order_in_which_handlers_finish() -> None:
    app, ipc_main = application()
    go_on = {name: asyncio.Event() for name in "abc"}
    finished: list[str] = []

    @ipc_main.handle("wait")
    async def wait(event: IpcMainInvokeEvent, name: str) -> str:
        await go_on[name].wait()
        return name

    async def call(page: Renderer, name: str) -> None:
        finished.append(await page.invoke("wait", name))

    async with Renderer(app) as page:
        calls = {name: asyncio.create_task(call(page, name)) for name in "abc"}
        for name in "cab":
            go_on[name].set()
            await calls[name]
    assert finished == ["c", "a", "b"]


async def test_a_failed_handler_is_logged_in_electrons_words(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application(debug=True)

    @ipc_main.handle("fails")
    async def fails(event: IpcMainInvokeEvent) -> None:
        raise ValueError("no such row")

    async with Renderer(app) as page:
        with pytest.raises(InvokeError):
            await page.invoke("fails")
        with pytest.raises(InvokeError):
            await page.invoke("unhandled")
    assert troubles(caplog) == [
        "Error occurred in handler for 'fails': no such row",
        "Error occurred in handler for 'unhandled': No handler registered for 'unhandled'",
    ]


async def test_a_listener_that_raises_stops_the_wider_ipc_objects_too(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    heard: list[str] = []

    @ipc_main.web_contents_created
    def created(event: Any, contents: WebContents) -> None:
        def fail(event: IpcMainEvent) -> None:
            heard.append("contents")
            raise ValueError("not this one")

        contents.ipc.on("ping", fail)

    ipc_main.on("ping", lambda event: heard.append("main"))
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page:
        page.send("ping")
        await page.invoke("end")
    assert heard == ["contents"]
    assert troubles(caplog) == ["A listener for 'ping' raised"]


async def test_the_result_of_a_listener_is_ignored_and_a_later_exception_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application()
    heard: list[str] = []

    @ipc_main.on("ping")
    async def later(event: IpcMainEvent) -> str:
        await asyncio.sleep(0)
        heard.append("later")
        raise ValueError("too late to stop other listeners")

    ipc_main.on("ping", lambda event: heard.append("second"))

    @ipc_main.handle("end")
    async def end(event: IpcMainInvokeEvent) -> None:
        await asyncio.sleep(0.001)

    async with Renderer(app) as page:
        page.send("ping")
        await page.invoke("end")
    assert sorted(heard) == ["later", "second"]
    assert troubles(caplog) == ["A listener for 'ping' raised"]


async def test_registrations_of_a_tab_and_of_its_main_frame_survive_a_reload() -> None:
    app, ipc_main = application()
    heard: list[str] = []

    @ipc_main.web_contents_created
    def created(event: Any, contents: WebContents) -> None:
        assert contents.main_frame is not None
        contents.main_frame.ipc.on("ping", lambda event: heard.append("frame"))
        contents.ipc.on("ping", lambda event: heard.append("contents"))
        contents.main_frame.ipc.handle("who", lambda event: "frame")

    async with Renderer(app) as page:
        await page.reload()
        page.send("ping")
        assert await page.invoke("who") == "frame"
    assert heard == ["frame", "contents"]


async def test_a_handler_of_the_frame_comes_before_that_of_the_contents() -> None:
    app, ipc_main = application()

    @ipc_main.web_contents_created
    def created(event: Any, contents: WebContents) -> None:
        assert contents.main_frame is not None
        contents.main_frame.ipc.handle("who", lambda event: "frame")
        contents.ipc.handle("who", lambda event: "contents")

    ipc_main.handle("who", lambda event: "main")
    async with Renderer(app) as page:
        assert await page.invoke("who") == "frame"


async def test_a_reply_to_a_document_that_has_gone_is_not_an_error(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    kept: list[IpcMainEvent] = []
    ipc_main.on("keep", kept.append)
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page:
        page.send("keep")
        await page.invoke("end")
        await page.reload()
        late: list[Any] = []
        page.on("late", late.append)
        kept[0].reply("late")
        kept[0].sender.send("new")
        assert await page.received("new") == []
    assert late == []
    assert troubles(caplog) == []


async def test_a_send_to_a_frame_that_has_gone_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    async with Renderer(app) as page:
        frame = contents_of(ipc_main, page).main_frame
        assert frame is not None
        await page.reload()
        frame.send("late")
    assert (frame.detached, frame.is_destroyed()) == (True, True)
    assert troubles(caplog) == [
        "Error sending from webFrameMain: Error: Render frame was disposed before WebFrameMain could be accessed"
    ]


DESCRIBED = (
    "frame_token", "frame_tree_node_id", "frames", "frames_in_subtree", "name", "origin", "parent", "process_id",
    "routing_id", "top", "url",
)  # fmt: skip


async def test_properties_of_a_frame_that_has_gone_raise_and_its_events_keep_their_ids() -> None:
    app, ipc_main = application()
    events: list[IpcMainEvent] = []
    ipc_main.on("say", events.append)
    async with Renderer(app) as page:
        page.send("say")
        await until(lambda: events)
        frame = contents_of(ipc_main, page).main_frame
        assert frame is not None
        ids = (frame.process_id, frame.routing_id, frame.frame_tree_node_id)
        await page.reload()
        await until(frame.is_destroyed)
        for name in DESCRIBED:
            with pytest.raises(
                DestroyedError, match=r"^Render frame was disposed before WebFrameMain could be accessed$"
            ):
                getattr(frame, name)
        assert (events[0].process_id, events[0].frame_id, events[0].frame_tree_node_id) == ids
        assert frame.ipc is contents_of(ipc_main, page).main_frame_ipc
        assert "gone" in repr(frame)


async def test_a_frame_sends_to_its_document_and_has_its_own_ids() -> None:
    app, ipc_main = application()
    async with Renderer(app) as page, Renderer(app) as other:
        frame = contents_of(ipc_main, page).main_frame
        assert frame is not None
        assert page.welcome is not None
        frame.send("hello", frame.frame_token)
        assert await page.received("hello") == [page.welcome.frame_token]
        other_frame = contents_of(ipc_main, other).main_frame
        assert other_frame is not None
        assert other_frame.frame_token != frame.frame_token
        assert other_frame.routing_id != frame.routing_id
        assert frame.origin == "http://testserver"
        assert {type(value) for value in (frame.url, frame.name, frame.frame_token)} == {str}


async def test_a_page_without_an_origin_has_the_origin_null() -> None:
    app, ipc_main = application(allow_missing_origin=True)
    async with Renderer(app, origin=None) as page:
        frame = contents_of(ipc_main, page).main_frame
        assert frame is not None
        assert frame.origin == "null"


async def test_each_tab_is_its_own_sender_and_is_destroyed_by_itself() -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=10))
    senders: list[WebContents] = []
    ipc_main.handle("who", lambda event: senders.append(event.sender))
    gone = asyncio.Event()

    @ipc_main.web_contents_created
    def created(event: Any, contents: WebContents) -> None:
        contents.on("destroyed", lambda event: gone.set())

    async with Renderer(app) as one, Renderer(app) as two:
        await one.invoke("who")
        await two.invoke("who")
        await one.close()
        await asyncio.wait_for(gone.wait(), PATIENCE)
        first, second = senders
        assert (first.is_destroyed(), second.is_destroyed()) == (True, False)
        await two.invoke("who")
        assert ipc_main.get_all_web_contents() == [second]


async def test_the_tab_is_destroyed_already_when_destroyed_is_emitted() -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=10))
    seen: list[Any] = []
    gone = asyncio.Event()

    @ipc_main.web_contents_created
    def created(event: Any, contents: WebContents) -> None:
        @contents.on("destroyed")
        def destroyed(*args: Any) -> None:
            (event,) = args
            seen.append((event.sender is contents, ipc_main.from_id(contents.id), contents.is_destroyed()))
            gone.set()

    async with Renderer(app) as stays, Renderer(app) as leaves:
        contents = contents_of(ipc_main, leaves)
        await leaves.close()
        await asyncio.wait_for(gone.wait(), PATIENCE)
        assert stays.connected
    assert seen == [(True, None, True)]
    assert contents.id == leaves.web_contents_id
    assert contents.ipc.event_names() == ["error"]
    uses: list[Callable[[], object]] = [lambda: contents.send("late"), lambda: contents.main_frame]
    for use in uses:
        with pytest.raises(DestroyedError) as caught:
            use()
        assert isinstance(caught.value, TypeError)
        assert str(caught.value) == "Object has been destroyed"


async def test_the_call_of_an_old_document_continues_and_its_answer_is_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application()
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @ipc_main.handle("waits")
    async def waits(event: IpcMainInvokeEvent) -> str:
        begun.set()
        await go_on.wait()
        done.set()
        return "dropped"

    ipc_main.handle("end", lambda event: "here")
    async with Renderer(app) as page:
        old = asyncio.create_task(page.invoke("waits"))
        await begun.wait()
        await page.reload()
        go_on.set()
        await done.wait()
        assert await page.invoke("end") == "here"
        old.cancel()
        await asyncio.wait([old])
    assert troubles(caplog) == []


async def test_a_page_does_not_wait_for_another() -> None:
    app, ipc_main = application()
    go_on = asyncio.Event()

    @ipc_main.handle("wait")
    async def wait(event: IpcMainInvokeEvent) -> None:
        await go_on.wait()

    ipc_main.handle("end", lambda event: "here")
    async with Renderer(app) as one, Renderer(app) as two:
        waiting = asyncio.create_task(one.invoke("wait"))
        assert await two.invoke("end") == "here"
        go_on.set()
        await waiting


async def test_what_is_sent_to_a_page_arrives_in_the_order_of_the_calls() -> None:
    app, ipc_main = application()
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        arrived: list[int] = []
        page.on("count", lambda event, number: arrived.append(number))
        for number in range(500):
            contents.send("count", number)
        contents.send("end")
        await page.received("end")
    assert arrived == list(range(500))


async def test_the_last_message_of_a_page_is_delivered_after_the_page_has_closed() -> None:
    app, ipc_main = application()
    heard: list[int] = []
    ipc_main.on("last words", lambda event: heard.append(event.sender.id))
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as stays:
        async with Renderer(app) as leaves:
            leaves.send("last words")
        await stays.invoke("end")
        assert heard == [leaves.web_contents_id]


async def test_messages_of_pages_do_not_pass_through_emit(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Electron they do: docs/electron-parity.md says what sees every message instead."""
    app, ipc_main = application()
    ipc_main.handle("end", lambda event: None)
    emitted: list[str] = []
    seen: list[tuple[str, Any]] = []
    emit = ipc_main.emit

    def replaced(channel: str, *args: Any) -> bool:
        emitted.append(channel)
        return emit(channel, *args)

    monkeypatch.setattr(ipc_main, "emit", replaced)
    ipc_main.on("said", lambda event, value: None)
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        contents.on("ipc-message", lambda event, channel, *args: seen.append((channel, *args)))
        page.send("said", 1)
        page.send("unheard", 2)
        await page.invoke("end")
    assert seen == [("said", 1), ("unheard", 2)]
    assert emitted == []
    ipc_main.emit("said", None, 3)
    assert emitted == ["said"]
