"""What an application sees of its pages, through the in-process page: dispatch, answers, pages, threads, bounds."""

import asyncio
import contextvars
import gc
import logging
import threading
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, field_serializer

from tests.support.applications import application
from tests.support.connected import contents_of
from webipc import (
    CloneError,
    DestroyedError,
    IpcError,
    IpcMain,
    IpcMainEvent,
    IpcMainInvokeEvent,
    Limits,
    WrongLoopError,
    undefined,
)
from webipc.core.errors import ResetError
from webipc.testing import ClosedError, InvokeError, Renderer
from webipc.version import SUBPROTOCOL


async def test_a_handler_answers_what_it_returns() -> None:
    app, ipc_main = application()

    @ipc_main.handle("add")
    async def add(event: IpcMainInvokeEvent, a: float, b: float) -> float:
        return a + b

    async with Renderer(app) as page:
        assert await page.invoke("add", 1, 2) == 3


async def test_a_def_handler_runs_in_a_thread_and_holds_nobody_up() -> None:
    app, ipc_main = application()
    go_on = threading.Event()

    @ipc_main.handle("slow")
    def slow(event: IpcMainInvokeEvent) -> str:
        assert go_on.wait(5)
        return threading.current_thread().name

    @ipc_main.handle("quick")
    async def quick(event: IpcMainInvokeEvent) -> str:
        return "quick"

    async with Renderer(app) as page:
        waiting = asyncio.create_task(page.invoke("slow"))
        assert await page.invoke("quick") == "quick"
        go_on.set()
        assert (await waiting).startswith("webipc")


async def test_a_plain_function_may_hand_on_a_coroutine() -> None:
    app, ipc_main = application()

    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    ipc_main.handle("answer", lambda event: answer())
    async with Renderer(app) as page:
        assert await page.invoke("answer") == 42


async def test_send_reaches_every_listener_and_reply_reaches_the_page() -> None:
    app, ipc_main = application()
    heard: list[Any] = []

    @ipc_main.on("ping")
    def ping(event: IpcMainEvent, *args: Any) -> None:
        heard.append(args)
        event.reply("pong", *args)

    ipc_main.on("ping", lambda event, *args: heard.append("second"))
    async with Renderer(app) as page:
        page.send("ping", 1, {"a": undefined})
        assert await page.received("pong") == [1, {"a": undefined}]
    assert heard == [(1, {"a": undefined}), "second"]


async def test_a_channel_without_a_handler_rejects_with_electrons_text() -> None:
    app, _ = application()
    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("nobody")
    assert str(caught.value) == "Error invoking remote method 'nobody': Error: No handler registered for 'nobody'"
    assert caught.value.code == "no-handler"


async def test_the_text_of_an_exception_stays_at_home_in_production(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application(debug=False)

    @ipc_main.handle("fails")
    async def fails(event: IpcMainInvokeEvent) -> None:
        raise ValueError("the password is 1234")

    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("fails")
    assert "1234" not in str(caught.value)
    assert caught.value.reference is not None
    assert caught.value.reference in caplog.text
    assert "the password is 1234" in caplog.text


async def test_the_text_of_an_exception_crosses_in_debug() -> None:
    app, ipc_main = application(debug=True)

    @ipc_main.handle("fails")
    async def fails(event: IpcMainInvokeEvent) -> None:
        raise ValueError("no such row")

    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="Error invoking remote method 'fails': ValueError: no such row"):
            await page.invoke("fails")


async def test_an_ipc_error_crosses_with_its_code_and_data() -> None:
    app, ipc_main = application(debug=False)

    @ipc_main.handle("fails")
    async def fails(event: IpcMainInvokeEvent) -> None:
        raise IpcError("no such row", code="no-row", data={"id": 7})

    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("fails")
    assert str(caught.value) == "Error invoking remote method 'fails': Error: no such row"
    assert (caught.value.code, caught.value.data) == ("no-row", {"id": 7})


async def test_an_error_whose_data_cannot_be_sent_still_crosses_with_its_text() -> None:
    app, ipc_main = application(debug=False)

    @ipc_main.handle("fails")
    async def fails(event: IpcMainInvokeEvent) -> None:
        raise IpcError("no such row", code="no-row", data=lambda: None)

    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="no such row") as caught:
            await page.invoke("fails")
    assert caught.value.code == "no-row"


async def test_a_result_that_cannot_be_sent_rejects_with_the_path_of_the_value() -> None:
    app, ipc_main = application(debug=False)

    @ipc_main.handle("bad")
    async def bad(event: IpcMainInvokeEvent) -> Any:
        return {"rows": [1, print]}

    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match=r"Error: An object could not be cloned\. result\.rows\[1\]: ") as caught:
            await page.invoke("bad")
    assert caught.value.code == "not-cloneable"


async def test_a_result_larger_than_a_message_may_be_rejects() -> None:
    app, ipc_main = application(limits=Limits(message_bytes=2_000_000, part_bytes=100_000, socket_bytes=200_000))

    @ipc_main.handle("large")
    async def large(event: IpcMainInvokeEvent) -> bytes:
        return bytes(2_000_001)

    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("large")
        assert caught.value.code == "limit"
        with pytest.raises(InvokeError, match="No handler registered"):
            await page.invoke("still there")


async def test_a_cancelled_handler_answers_that_no_reply_was_sent() -> None:
    app, ipc_main = application()

    @ipc_main.handle("cancelled")
    async def cancelled(event: IpcMainInvokeEvent) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match=r"^Error invoking remote method 'cancelled': reply was never sent$"):
            await page.invoke("cancelled")


async def test_a_handler_that_cancels_its_task_without_waiting_harms_no_other() -> None:
    app, ipc_main = application()

    @ipc_main.handle("cancels")
    async def cancels(event: IpcMainInvokeEvent) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "done"

    @ipc_main.handle("waits")
    async def waits(event: IpcMainInvokeEvent) -> str:
        await asyncio.sleep(0)
        return "waited"

    async with Renderer(app) as page:
        answers = await asyncio.gather(*map(page.invoke, ("cancels", "waits", "cancels")))
    assert answers == ["done", "waited", "done"]


async def test_the_first_steps_of_listeners_and_handlers_happen_in_arrival_order() -> None:
    app, ipc_main = application()
    order: list[int] = []

    @ipc_main.on("send")
    async def on_send(event: IpcMainEvent, number: int) -> None:
        order.append(number)
        if number % 3 == 0:
            await asyncio.sleep(0)

    @ipc_main.handle("invoke")
    async def on_invoke(event: IpcMainInvokeEvent, number: int) -> None:
        order.append(number)
        if number % 2 == 0:
            await asyncio.sleep(0.001)

    async with Renderer(app) as page:
        calls = []
        for number in range(500):
            if number % 5 == 0:
                calls.append(asyncio.ensure_future(page.invoke("invoke", number)))
                await asyncio.sleep(0)
            else:
                page.send("send", number)
        await asyncio.gather(*calls)
    assert order == list(range(500))


async def test_a_handler_has_the_task_that_it_ends_in_from_its_first_step_on() -> None:
    app, ipc_main = application()

    @ipc_main.handle("tasks")
    async def tasks(event: IpcMainInvokeEvent) -> bool:
        first = asyncio.current_task()
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        return first is asyncio.current_task()

    async with Renderer(app) as page:
        assert await asyncio.gather(*(page.invoke("tasks") for _ in range(20))) == [True] * 20


async def test_a_timeout_that_a_handler_sets_hits_that_handler_alone() -> None:
    app, ipc_main = application()

    @ipc_main.handle("late")
    async def late(event: IpcMainInvokeEvent) -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return "timed out"
        return "never"

    @ipc_main.handle("patient")
    async def patient(event: IpcMainInvokeEvent) -> str:
        await asyncio.sleep(0.03)
        return "patient"

    async with Renderer(app) as page:
        answers = await asyncio.gather(*map(page.invoke, ("late", "patient", "late")))
    assert answers == ["timed out", "patient", "timed out"]


async def test_a_context_variable_that_a_listener_sets_does_not_reach_the_next_message() -> None:
    app, ipc_main = application()
    variable = contextvars.ContextVar("variable", default="unset")

    @ipc_main.handle("set")
    async def set_it(event: IpcMainInvokeEvent, wait: bool) -> str:
        before = variable.get()
        variable.set("set")
        if wait:
            await asyncio.sleep(0)
            assert variable.get() == "set"
        return before

    async with Renderer(app) as page:
        answers = await asyncio.gather(*(page.invoke("set", wait) for wait in (False, True, False, True)))
    assert answers == ["unset"] * 4


@pytest.mark.parametrize("wait", [False, True])
async def test_an_answer_is_encoded_in_the_context_of_its_call(wait: bool) -> None:
    app, ipc_main = application()
    variable = contextvars.ContextVar("variable", default="unset")

    class Answer(BaseModel):
        text: str

        @field_serializer("text")
        def complete(self, text: str) -> str:
            return f"{text} {variable.get()}"

    @ipc_main.handle("set")
    async def set_it(event: IpcMainInvokeEvent) -> Answer:
        variable.set("set")
        if wait:
            await asyncio.sleep(0)
        return Answer(text="it was")

    async with Renderer(app) as page:
        assert await page.invoke("set") == {"text": "it was set"}


async def test_a_listener_that_raises_stops_those_behind_it_for_that_message_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application()
    heard: list[Any] = []

    @ipc_main.on("ping")
    def first(event: IpcMainEvent, number: int) -> None:
        heard.append(("first", number))
        if number == 1:
            raise ValueError("not this one")

    @ipc_main.on("ping")
    def second(event: IpcMainEvent, number: int) -> None:
        heard.append(("second", number))
        if number == 2:
            event.reply("done")

    async with Renderer(app) as page:
        page.send("ping", 1)
        page.send("ping", 2)
        await page.received("done")
    assert heard == [("first", 1), ("first", 2), ("second", 2)]
    assert "'ping'" in caplog.text
    assert "not this one" in caplog.text


async def test_bad_arguments_are_told_to_the_caller_and_logged_for_a_send(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()

    @ipc_main.handle("add")
    async def add(event: IpcMainInvokeEvent, a: float, b: float) -> float:
        return a + b

    ipc_main.on("number", number_listener)
    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="b") as caught:
            await page.invoke("add", 1, "x")
        assert caught.value.code == "bad-argument"
        page.send("number", "x")
        assert await page.invoke("add", 1, 2) == 3
    assert "'number'" in caplog.text


def number_listener(event: IpcMainEvent, number: int) -> None:
    """A listener that wants a number."""


async def test_ipc_of_the_frame_and_of_the_contents_come_before_ipc_main() -> None:
    app, ipc_main = application()
    order: list[str] = []

    @ipc_main.web_contents_created
    def created(event: Any, contents: Any) -> None:
        contents.on("ipc-message", lambda event, channel, *args: order.append(f"ipc-message {channel} {args}"))
        contents.ipc.on("ping", lambda event: order.append("contents"))
        contents.main_frame.ipc.on("ping", lambda event: order.append("frame"))
        contents.ipc.handle("who", lambda event: "contents")

    @ipc_main.on("ping")
    def ping(event: IpcMainEvent) -> None:
        order.append("main")
        event.sender.send("done")

    ipc_main.handle("who", lambda event: "main")
    ipc_main.handle("else", lambda event: "main")
    async with Renderer(app) as page:
        page.send("ping")
        await page.received("done")
        assert await page.invoke("who") == "contents"
        assert await page.invoke("else") == "main"
    assert order == ["ipc-message ping ()", "frame", "contents", "main"]


async def test_new_web_contents_are_announced_before_their_first_message() -> None:
    app, ipc_main = application()
    order: list[Any] = []

    @ipc_main.web_contents_created
    async def created(event: Any, contents: Any) -> None:
        order.append(("created", contents.id))

    ipc_main.handle("id", lambda event: order.append(("invoke", event.sender.id)))
    async with Renderer(app) as page:
        await page.invoke("id")
        assert order == [("created", page.web_contents_id), ("invoke", page.web_contents_id)]


async def test_a_reload_keeps_the_web_contents_and_fires_no_destroyed() -> None:
    app, ipc_main = application()
    destroyed: list[int] = []

    @ipc_main.web_contents_created
    def created(event: Any, contents: Any) -> None:
        contents.on("destroyed", lambda event: destroyed.append(event.sender.id))

    async with Renderer(app) as page:
        before = page.web_contents_id
        contents = ipc_main.from_id(before)
        assert contents is not None
        old_frame = contents.main_frame
        await page.reload()
        assert page.web_contents_id == before
        assert ipc_main.get_all_web_contents() == [contents]
        assert contents.main_frame is not old_frame
        assert old_frame is not None
        assert old_frame.is_destroyed()
        contents.send("hello")
        assert await page.received("hello") == []
    assert destroyed == []


async def test_a_tab_that_does_not_come_back_is_destroyed() -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=20))
    gone = asyncio.Event()

    @ipc_main.web_contents_created
    def created(event: Any, contents: Any) -> None:
        contents.on("destroyed", lambda event: gone.set())

    async with Renderer(app) as stays, Renderer(app) as leaves:
        assert stays.web_contents_id != leaves.web_contents_id
        contents = contents_of(ipc_main, leaves)
        await leaves.close()
        await asyncio.wait_for(gone.wait(), 5)
        assert ipc_main.from_id(leaves.web_contents_id) is None
        assert contents.is_destroyed()
        with pytest.raises(DestroyedError, match="Object has been destroyed"):
            contents.send("hello")


async def test_what_is_sent_while_the_socket_is_away_arrives_once_in_order() -> None:
    app, ipc_main = application()
    heard: list[int] = []
    ipc_main.on("number", lambda event, number: heard.append(number))
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        for number in range(100):
            page.send("number", number)
            contents.send("count", number)
            if number % 10 == 5:
                await page.disconnect()
            if number % 10 == 8:
                await page.connect()
        for number in range(100):
            assert await page.received("count") == [number]
        ipc_main.handle("sync", lambda event: None)
        await page.invoke("sync")
    assert heard == list(range(100))


async def test_an_invoke_is_answered_after_the_page_was_away() -> None:
    app, ipc_main = application()
    go_on = asyncio.Event()

    @ipc_main.handle("waits")
    async def waits(event: IpcMainInvokeEvent) -> str:
        await go_on.wait()
        return "answer"

    async with Renderer(app) as page:
        waiting = asyncio.create_task(page.invoke("waits"))
        await asyncio.sleep(0)
        ipc_main.handle("here", lambda event: None)
        await page.invoke("here")
        await page.disconnect()
        go_on.set()
        await asyncio.sleep(0)
        await page.connect()
        assert await asyncio.wait_for(waiting, 5) == "answer"


async def test_a_page_that_does_not_come_back_in_time_is_reset() -> None:
    app, _ = application(limits=Limits(grace_ms=20, goodbye_ms=20))
    async with Renderer(app) as page:
        await page.disconnect()
        await asyncio.sleep(0.1)
        with pytest.raises(ResetError, match=r"ended|unknown-link"):
            await page.connect()
        await page.connect()
        assert page.connected


async def test_a_page_for_which_too_much_is_kept_is_reset_and_the_others_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application(limits=Limits(kept_messages=10))
    async with Renderer(app) as away, Renderer(app) as here:
        contents = ipc_main.from_id(away.web_contents_id)
        other = ipc_main.from_id(here.web_contents_id)
        assert contents is not None
        assert other is not None
        await away.disconnect()
        for number in range(12):
            contents.send("count", number)
        other.send("hello")
        assert await here.received("hello") == []
        with pytest.raises(ResetError):
            await away.connect()
    assert "reset" in caplog.text


async def test_broadcast_reaches_every_page() -> None:
    app, ipc_main = application()
    async with Renderer(app) as one, Renderer(app) as two:
        ipc_main.broadcast("news", {"n": 1})
        assert await one.received("news") == [{"n": 1}]
        assert await two.received("news") == [{"n": 1}]
        with pytest.raises(CloneError):
            ipc_main.broadcast("news", print)


async def test_uncloneable_arguments_of_send_are_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        contents.send("news", print)
        contents.send("news", 1)
        assert await page.received("news") == [1]
    assert "Error sending from webFrameMain: " in caplog.text
    assert "Failed to serialize arguments" in caplog.text


async def test_sending_needs_a_channel() -> None:
    app, ipc_main = application()
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        with pytest.raises(TypeError, match="Missing required channel argument"):
            contents.send(None)  # type: ignore[arg-type]  # this is what is tested


async def test_what_a_thread_sends_before_it_returns_arrives_before_its_result() -> None:
    app, ipc_main = application()
    arrived: list[Any] = []

    @ipc_main.handle("progress")
    def progress(event: IpcMainInvokeEvent) -> str:
        for step in range(50):
            event.sender.send("step", step)
        return "done"

    async with Renderer(app) as page:
        page.on("step", lambda event, step: arrived.append(step))
        arrived.append(await page.invoke("progress"))
    assert arrived == [*range(50), "done"]


async def test_what_a_thread_sends_is_encoded_at_the_call() -> None:
    app, ipc_main = application()

    @ipc_main.handle("changes")
    def changes(event: IpcMainInvokeEvent) -> None:
        value = [1]
        event.sender.send("value", value)
        value.append(2)

    async with Renderer(app) as page:
        await page.invoke("changes")
        assert await page.received("value") == [[1]]


async def test_sending_after_the_loop_has_closed_says_that_everything_is_destroyed() -> None:
    app, ipc_main = application()
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
    assert contents.main_frame is None
    ipc_main.broadcast("nobody", 1)


async def test_the_sender_frame_is_none_once_the_document_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    kept: list[IpcMainInvokeEvent] = []

    @ipc_main.handle("keep")
    async def keep(event: IpcMainInvokeEvent) -> str:
        kept.append(event)
        assert event.sender_frame is not None
        return event.sender_frame.frame_token

    async with Renderer(app) as page:
        assert page.welcome is not None
        assert await page.invoke("keep") == page.welcome.frame_token
        await page.reload()
        assert kept[0].sender_frame is None
        assert "Frame property was accessed after it navigated or was destroyed." in caplog.text


async def test_the_events_have_the_fields_that_electron_gives_to_each_kind() -> None:
    app, ipc_main = application()
    seen: list[Any] = []

    def look(event: Any) -> None:
        seen.append(event)

    ipc_main.on("send", look)
    ipc_main.handle("invoke", look)
    async with Renderer(app) as page:
        page.send("send")
        await page.invoke("invoke")
        contents = ipc_main.from_id(page.web_contents_id)
    send, invoke = seen
    for event in seen:
        assert event.type == "frame"
        assert event.sender is contents
        assert {type(event.frame_id), type(event.process_id), type(event.frame_tree_node_id)} == {int}
        event.prevent_default()
        assert event.default_prevented
    assert isinstance(send, IpcMainEvent)
    assert isinstance(invoke, IpcMainInvokeEvent)
    assert not hasattr(invoke, "reply")
    assert not hasattr(send, "ports")


async def test_another_origin_is_refused_and_a_listed_one_is_not() -> None:
    app, _ = application(origins=["https://app.example"])
    with pytest.raises(ClosedError) as caught:
        async with Renderer(app, origin="https://evil.example"):
            pass
    assert caught.value.close_code == 4403
    with pytest.raises(ClosedError):
        async with Renderer(app, origin=None):
            pass
    async with Renderer(app, origin="https://app.example") as page:
        assert page.connected


async def test_a_missing_origin_is_let_in_where_the_application_says_so() -> None:
    app, _ = application(allow_missing_origin=True)
    async with Renderer(app, origin=None) as page:
        assert page.connected


async def test_a_full_server_lets_the_longest_away_go_first_and_then_refuses() -> None:
    app, _ = application(max_links=2)
    async with Renderer(app) as one, Renderer(app) as two:
        await one.disconnect()
        async with Renderer(app) as three:
            assert three.connected
            with pytest.raises(ClosedError) as caught:
                async with Renderer(app):
                    pass
            assert caught.value.close_code == 4503
            assert two.connected
        with pytest.raises(ResetError):
            await one.connect()


def test_a_second_event_loop_is_told_what_is_wrong() -> None:
    app, _ = application()
    with TestClient(app):
        # Each request without a portal of its own would run in the client's; a second loop is this one's.

        async def enter() -> None:
            async with Renderer(app):
                pass

        with pytest.raises(Exception, match="belongs to another event loop"):
            asyncio.run(enter())


def test_a_socket_in_a_second_event_loop_is_one_error_and_none_once_the_first_has_ended() -> None:
    app, _ = application()
    site = {"origin": "http://testserver"}
    with TestClient(app) as client:
        # This one has no loop of its own open: each of its sockets gets one.
        other = TestClient(app)
        with (
            pytest.raises(WrongLoopError, match="Use one loop per application"),
            other.websocket_connect("/ipc/socket", subprotocols=[SUBPROTOCOL], headers=site),
        ):
            pytest.fail("it was let in")
        with client.websocket_connect("/ipc/socket", subprotocols=[SUBPROTOCOL], headers=site) as socket:
            assert socket.accepted_subprotocol == SUBPROTOCOL
    with (
        TestClient(app) as client,
        client.websocket_connect("/ipc/socket", subprotocols=[SUBPROTOCOL], headers=site) as socket,
    ):
        assert socket.accepted_subprotocol == SUBPROTOCOL


def test_it_is_mounted_once_and_under_a_path() -> None:
    app, ipc_main = application()
    with pytest.raises(RuntimeError, match="mounted already"):
        ipc_main.mount(FastAPI())
    with pytest.raises(ValueError, match="prefix"):
        IpcMain().mount(app, prefix="/")
    with pytest.raises(ValueError, match="prefix"):
        IpcMain().mount(app, prefix="ipc")


def test_debug_follows_the_application() -> None:
    app, ipc_main = application()
    assert not ipc_main.debug
    app.debug = True
    assert ipc_main.debug
    assert not IpcMain(debug=False).debug


async def test_a_slow_listener_is_named_in_debug(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application(debug=True)

    @ipc_main.on("slow")
    def slow_one(event: IpcMainEvent) -> None:
        # Busy, as slow listeners are.
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.12
        while loop.time() < end:
            pass
        event.reply("done")

    async with Renderer(app) as page:
        page.send("slow")
        await page.received("done")
    assert "slow_one" in caplog.text
    assert "asyncio.to_thread" in caplog.text


async def test_an_application_mounted_in_another_works_without_a_lifespan_of_its_own() -> None:
    inner, ipc_main = application()
    outer = FastAPI()
    outer.mount("/inner", inner)
    ipc_main.handle("here", lambda event: "here")
    async with Renderer(outer, prefix="/inner/ipc") as page:
        assert await page.invoke("here") == "here"


async def test_many_links_leave_nothing_behind() -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=10, grace_ms=10))
    async with Renderer(app):
        for _ in range(20):
            async with Renderer(app):
                pass
        await asyncio.sleep(0.1)
        gc.collect()
        assert len(ipc_main.get_all_web_contents()) == 1
        hub = ipc_main._hub
        assert hub is not None
        assert (len(hub._links), len(hub._ended), len(hub.tabs._empty), len(hub.tabs._by_token)) == (1, 0, 0, 1)


async def test_the_secret_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app, ipc_main = application(debug=True)
    ipc_main.handle("payload", lambda event, text: text)
    async with Renderer(app) as page:
        secret = page._connection.page.secret
        await page.invoke("payload", "a private text")
        await page.disconnect()
        await page.connect()
    assert secret not in caplog.text
    assert "a private text" not in caplog.text


def test_one_origin_in_the_place_of_a_list_is_refused_with_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"expected a list of origins, got a string: write \['https://app\.example'\]"):
        IpcMain(origins="https://app.example")
