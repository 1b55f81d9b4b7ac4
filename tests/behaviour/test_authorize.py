"""`IpcMain(authorize=may)`: a message that it does not allow is as if its channel did not exist, whatever it is."""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.applications import application
from tests.support.logged import troubles
from tests.support.port_listeners import PortListener, open_ports
from tests.support.waiting import until
from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent, IpcRouter, MessageChannelMain
from webipc.testing import InvokeError, Renderer, SyncError

FORBIDDEN = "'{}' is forbidden for this page: sign in as a user who may use it"
who: ContextVar[str] = ContextVar("who", default="nobody")


def only(*allowed: str) -> Callable[[Any, str], bool]:
    return lambda event, channel: channel in allowed


def guarded(*allowed: str, **settings: Any) -> tuple[FastAPI, IpcMain, list[str]]:
    """Return an application in which these channels are allowed, and `end`; `a` and `b` note each call in the list."""
    app, ipc_main = application(authorize=only("end", *allowed), **settings)
    heard: list[str] = []
    for channel in ("a", "b"):
        note(ipc_main, channel, heard)
    ipc_main.handle("end", lambda event: "end")
    return app, ipc_main, heard


def note(ipc_main: IpcMain, channel: str, heard: list[str]) -> None:
    @ipc_main.on(channel)
    def listener(event: IpcMainEvent, *args: Any) -> None:
        heard.append(f"listener of {channel}")
        event.return_value = channel

    @ipc_main.on(channel)
    async def later(event: IpcMainEvent, *args: Any) -> None:
        heard.append(f"async listener of {channel}")

    @ipc_main.handle(channel)
    def handler(event: IpcMainInvokeEvent, number: int) -> str:
        heard.append(f"handler of {channel}")
        return channel


async def test_an_invoke_that_is_not_allowed_fails_with_the_code_forbidden() -> None:
    app, _, heard = guarded("a")
    async with Renderer(app) as page:
        assert await page.invoke("a", 1) == "a"
        with pytest.raises(InvokeError) as caught:
            await page.invoke("b", 1)
    text = FORBIDDEN.format("b")
    assert str(caught.value) == f"Error invoking remote method 'b': Error: {text}"
    assert (caught.value.code, caught.value.detail, caught.value.data) == ("forbidden", text, None)
    assert heard == ["handler of a"]


@pytest.mark.parametrize("debug", [False, True])
async def test_a_stranger_does_not_learn_which_channels_exist_nor_what_they_take(debug: bool) -> None:
    app, ipc_main, heard = guarded(debug=debug)

    @ipc_main.handle("taken")
    async def taken(event: IpcMainInvokeEvent) -> None:
        """Exist."""

    async with Renderer(app) as page:
        answers = []
        calls: list[tuple[str, list[Any]]] = [("b", [1]), ("b", []), ("b", ["x"]), ("none", []), ("taken", [1])]
        for channel, args in calls:
            with pytest.raises(InvokeError) as caught:
                await page.invoke(channel, *args)
            answers.append(str(caught.value).replace(f"'{channel}'", "'?'"))
    assert len(set(answers)) == 1
    assert heard == []


async def test_where_it_is_allowed_a_channel_without_a_handler_is_named_as_ever() -> None:
    app, _, _ = guarded("none")
    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="No handler registered for 'none'"):
            await page.invoke("none")


async def test_a_send_that_is_not_allowed_reaches_no_listener(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main, heard = guarded("a")
    async with Renderer(app) as page:
        (contents,) = ipc_main.get_all_web_contents()
        contents.on("ipc-message", lambda event, channel, *args: heard.append(f"ipc-message {channel}"))
        contents.ipc.on("b", lambda event: heard.append("listener of the contents"))
        contents.main_frame_ipc.on("b", lambda event: heard.append("listener of the frame"))
        page.send("b")
        page.send("a")
        assert await page.invoke("end") == "end"
    assert heard == ["ipc-message a", "listener of a", "async listener of a"]
    assert troubles(caplog) == []


async def test_a_send_sync_that_is_not_allowed_throws(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main, heard = guarded("a")
    async with Renderer(app) as page:
        (contents,) = ipc_main.get_all_web_contents()
        contents.on("ipc-message-sync", lambda event, channel, *args: heard.append(f"ipc-message-sync {channel}"))
        for channel in ("b", "none"):
            with pytest.raises(SyncError) as caught:
                await page.send_sync(channel)
            text = FORBIDDEN.format(channel)
            assert (str(caught.value), caught.value.code, caught.value.detail) == (f"Error: {text}", "forbidden", text)
        assert await page.send_sync("a") == "a"
    assert heard == ["ipc-message-sync a", "listener of a", "async listener of a"]
    assert troubles(caplog) == []


async def test_the_ports_of_a_post_message_that_is_not_allowed_are_closed() -> None:
    seen: list[Any] = []

    def may(event: Any, channel: str) -> bool:
        if channel == "b":
            # Also when the guard keeps them.
            seen.extend(event.ports)
        return channel != "b"

    app, ipc_main = application(authorize=may)
    heard: list[str] = []
    note(ipc_main, "b", heard)
    async with Renderer(app) as page:
        channel = MessageChannelMain()
        listener = PortListener(channel.port1)
        page.post_message("b", "secret", [channel.port2])
        await until(lambda: listener.received)
        assert listener.received == ["close"]
        assert open_ports(ipc_main) == [0]
    assert (heard, len(seen)) == ([], 1)


async def test_what_goes_through_a_port_is_not_asked_about() -> None:
    asked: list[str] = []

    def may(event: Any, channel: str) -> bool:
        asked.append(channel)
        return True

    app, ipc_main = application(authorize=may)

    @ipc_main.on("port")
    async def port(event: IpcMainEvent, message: Any) -> None:
        async for each in event.ports[0]:
            event.ports[0].post_message(each.data)

    async with Renderer(app) as page:
        channel = MessageChannelMain()
        page.post_message("port", None, [channel.port2])
        channel.port1.post_message("hello")
        assert (await anext(aiter(channel.port1))).data == "hello"
    assert asked == ["port"]


async def test_send_to_is_not_asked_about() -> None:
    app, _ = application(authorize=lambda event, channel: False)
    async with Renderer(app) as page, page.open() as other:
        page.send_to(other.web_contents_id, "hello", 1)
        assert await other.received("hello") == [1]


async def test_a_registration_for_one_call_is_not_used_up_by_a_message_that_is_not_allowed() -> None:
    allowed = {"end"}
    app, ipc_main = application(authorize=lambda event, channel: channel in allowed)
    heard: list[str] = []
    ipc_main.once("a", lambda event: heard.append("once"))
    ipc_main.handle_once("a", lambda event: "once")
    ipc_main.handle("end", lambda event: "end")
    async with Renderer(app) as page:
        page.send("a")
        with pytest.raises(InvokeError, match="forbidden"):
            await page.invoke("a")
        allowed.add("a")
        page.send("a")
        assert await page.invoke("a") == "once"
    assert heard == ["once"]


async def test_it_is_asked_once_for_each_message_with_the_event_that_listeners_get() -> None:
    asked: list[tuple[Any, str]] = []
    got: list[Any] = []

    def may(event: Any, channel: str) -> bool:
        asked.append((event, channel))
        return True

    app, ipc_main = application(authorize=may)
    for channel in ("sent", "sync", "posted"):
        ipc_main.on(channel, lambda event, *args: got.append(event))
        ipc_main.on(channel, lambda event, *args: setattr(event, "return_value", 1))

    @ipc_main.handle("invoked")
    async def invoked(event: IpcMainInvokeEvent) -> None:
        got.append(event)

    async with Renderer(app, headers={"x-name": "Ada"}) as page:
        page.send("sent")
        await page.send_sync("sync")
        page.post_message("posted", None)
        await page.invoke("invoked")
        assert [channel for _, channel in asked] == ["sent", "sync", "posted", "invoked"]
        assert [event for event, _ in asked] == got
        assert {event.connection.headers["x-name"] for event, _ in asked} == {"Ada"}
        assert {event.sender for event, _ in asked} == {ipc_main.get_all_web_contents()[0]}


# --- when -------------------------------------------------------------------------------------------------------------


async def test_it_decides_when_the_message_would_run_and_not_when_it_arrives() -> None:
    """A listener of a message before may have changed what it decides on: a login, or its end."""
    members: set[Any] = set()
    app, ipc_main = application(authorize=lambda event, channel: channel != "secret" or event.sender in members)
    ipc_main.on("login", lambda event: members.add(event.sender))
    ipc_main.on("logout", lambda event: members.discard(event.sender))
    heard: list[int] = []
    ipc_main.on("secret", lambda event, number: heard.append(number))

    @ipc_main.handle("secret")
    async def secret(event: IpcMainInvokeEvent, number: int) -> int:
        return number

    async with Renderer(app) as page:
        # What is sent without an `await` in between arrives in one frame.
        page.send("secret", 1)
        page.send("login")
        page.send("secret", 2)
        assert await page.invoke("secret", 3) == 3
        page.send("secret", 4)
        page.send("logout")
        page.send("secret", 5)
        with pytest.raises(InvokeError, match="forbidden"):
            await page.invoke("secret", 6)
    assert heard == [2, 4]


class Naming:
    """Sets a context variable for each socket and request, as a middleware does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._number += 1
        who.set(f"{scope['type']} {self._number}")
        await self._app(scope, receive, send)


async def test_it_runs_in_the_context_of_the_message() -> None:
    asked: list[str] = []

    def may(event: Any, channel: str) -> bool:
        asked.append(who.get())
        return True

    app, ipc_main = application(authorize=may)
    app.add_middleware(Naming)
    ipc_main.on("sync", lambda event: setattr(event, "return_value", 1))
    ipc_main.on("sent", lambda event: None)
    ipc_main.on("posted", lambda event, message: None)
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page:
        page.send("sent")
        page.post_message("posted", None)
        await page.invoke("end")
        first, second, third = asked
        asked.clear()
        await page.send_sync("sync")
        await page.invoke("end")
    assert first == second == third == asked[1]
    assert first.startswith("websocket")
    assert asked[0].startswith("http")


# --- where ------------------------------------------------------------------------------------------------------------


async def test_documents_in_iframes_and_routers_are_guarded_too() -> None:
    router = IpcRouter(prefix="todos:")
    router.handle("add", lambda event: "added")
    router.handle("list", lambda event: "listed")
    app, ipc_main = application(authorize=only("todos:list"))
    ipc_main.include_router(router)
    async with Renderer(app) as page, page.open_frame() as frame:
        for document in (page, frame):
            assert await document.invoke("todos:list") == "listed"
            with pytest.raises(InvokeError, match="forbidden"):
                await document.invoke("todos:add")


# --- what the log says ------------------------------------------------------------------------------------------------


async def test_the_log_names_page_and_channel_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "webipc")
    app, _, _ = guarded("a")
    async with Renderer(app) as page:
        number = page.web_contents_id
        for _ in range(20):
            page.send("b")
            page.post_message("b", None)
            for call in (page.invoke("b", 1), page.send_sync("b")):
                with pytest.raises((InvokeError, SyncError)):
                    await call
        page.send("a")
        await page.invoke("end")
    text = f"A message for 'b' of <WebContents #{number}> is refused: authorize does not allow it"
    assert [each for each in caplog.messages if "refused" in each] == [text]


async def test_an_exception_of_it_denies_and_stays_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def may(event: Any, channel: str) -> bool:
        if channel == "end":
            return True
        return bool(event.user.may_use(channel))

    app, ipc_main = application(authorize=may)
    heard: list[str] = []
    note(ipc_main, "a", heard)
    ipc_main.handle("end", lambda event: "end")
    async with Renderer(app) as page:
        page.send("a")
        page.post_message("a", None)
        with pytest.raises(InvokeError) as caught:
            await page.invoke("a", 1)
        with pytest.raises(SyncError):
            await page.send_sync("a")
        assert await page.invoke("end") == "end"
        number = page.web_contents_id
    assert caught.value.detail == FORBIDDEN.format("a")
    assert heard == []
    assert troubles(caplog) == [f"A message for 'a' of <WebContents #{number}> is refused: authorize has raised"]
    assert "AttributeError" in caplog.text
