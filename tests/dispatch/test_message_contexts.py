"""A message runs with the context variables of its own socket or request, not with those of an earlier one."""

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.waiting import until
from webipc import IpcMain, MessageChannelMain
from webipc.testing import Renderer

attached: ContextVar[str] = ContextVar("attached", default="none")


class Numbering:
    """Sets a context variable to a number for each socket and request, as a middleware does for a user."""

    def __init__(self, app: ASGIApp, names: list[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            name = f"{scope['path'].rpartition('/')[2]} {len(self._names) + 1}"
            self._names.append(name)
            attached.set(name)
        await self._app(scope, receive, send)


class Application:
    """Answers each kind of message with the number of its context."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.heard: list[str] = []
        self.app = FastAPI()
        self.app.add_middleware(Numbering, names=self.names)
        self.ipc_main = IpcMain()
        self.ipc_main.mount(self.app)
        self.ipc_main.handle("coroutine", self.coroutine)
        self.ipc_main.handle("thread", lambda event: attached.get())
        self.ipc_main.on("sent", lambda event: self.heard.append(attached.get()))
        self.ipc_main.on("sync", self.sync)

    async def coroutine(self, event: Any) -> str:
        return attached.get()

    def sync(self, event: Any) -> None:
        event.return_value = attached.get()


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.mark.parametrize("channel", ["coroutine", "thread"])
async def test_a_call_runs_in_the_context_of_its_socket(application: Application, channel: str) -> None:
    async with Renderer(application.app) as page:
        assert await page.invoke(channel) == "socket 1"
        await page.disconnect()
        await page.connect()
        assert await page.invoke(channel) == "socket 2"


async def test_a_listener_runs_in_the_context_of_its_socket(application: Application) -> None:
    async with Renderer(application.app) as page:
        page.send("sent")
        await until(lambda: len(application.heard) == 1)
        await page.disconnect()
        page.send("sent")
        await page.connect()
        await until(lambda: len(application.heard) == 2)
    assert application.heard == ["socket 1", "socket 2"]


async def test_a_synchronous_request_has_its_own_context_and_the_socket_keeps_its_own(
    application: Application,
) -> None:
    async with Renderer(application.app) as page:
        assert await page.send_sync("sync") == "sync 2"
        assert await page.invoke("coroutine") == "socket 1"


async def test_a_request_before_the_first_socket_gives_it_no_context(application: Application) -> None:
    async with Renderer(application.app) as page:
        await page.disconnect()
        assert await page.send_sync("sync") == "sync 2"
        await page.connect()
        assert await page.invoke("coroutine") == "socket 3"


async def test_a_context_variable_that_a_handler_sets_ends_with_its_message(application: Application) -> None:
    def set_in_thread(event: Any) -> None:
        attached.set("changed")

    async def set_in_loop(event: Any) -> None:
        attached.set("changed")

    application.ipc_main.handle("set in a thread", set_in_thread)
    application.ipc_main.handle("set in the loop", set_in_loop)
    async with Renderer(application.app) as page:
        await page.invoke("set in a thread")
        await page.invoke("set in the loop")
        assert await page.invoke("coroutine") == "socket 1"


async def test_calls_behind_a_suspended_one_keep_the_context_of_their_own_socket(application: Application) -> None:
    """They are run by a new task, which is created while the first one is suspended."""
    async with Renderer(application.app) as page:
        began, go_on = asyncio.Event(), asyncio.Event()

        async def slow(event: Any) -> str:
            began.set()
            await go_on.wait()
            return attached.get()

        application.ipc_main.handle("slow", slow)
        waiting = asyncio.ensure_future(page.invoke("slow"))
        await began.wait()
        await page.disconnect()
        await page.connect()
        assert await page.invoke("coroutine") == "socket 2"
        go_on.set()
        assert await waiting == "socket 1"


async def test_a_port_created_in_a_thread_finds_the_loop_after_a_reconnect(application: Application) -> None:
    heard: list[Any] = []

    def make_port(event: Any) -> None:
        channel = MessageChannelMain()
        channel.port1.on("message", lambda message: heard.append(message.data))
        channel.port1.start()
        channel.port2.post_message("hello")

    application.ipc_main.handle("make", make_port)
    async with Renderer(application.app) as page:
        await page.disconnect()
        await page.connect()
        await page.invoke("make")
        await until(lambda: heard == ["hello"])


user: ContextVar[str] = ContextVar("user", default="anonymous")


class Authentication:
    """Sets the user by a cookie, as the middleware of an application does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            user.set(HTTPConnection(scope).cookies.get("user", "anonymous"))
        await self._app(scope, receive, send)


@pytest.mark.parametrize("kind", ["coroutine", "thread", "listener", "sync"])
async def test_after_a_login_as_another_user_and_a_reconnect_handlers_see_the_second(kind: str) -> None:
    app = FastAPI()
    app.add_middleware(Authentication)
    ipc_main = IpcMain()
    ipc_main.mount(app)

    async def coroutine(event: Any) -> str:
        return user.get()

    def sync(event: Any) -> None:
        event.return_value = user.get()

    ipc_main.handle("coroutine", coroutine)
    ipc_main.handle("thread", lambda event: user.get())
    ipc_main.on("listener", lambda event: event.reply("seen", user.get()))
    ipc_main.on("sync", sync)

    async def seen(page: Renderer) -> Any:
        if kind == "sync":
            return await page.send_sync("sync")
        if kind == "listener":
            page.send("listener")
            return (await page.received("seen"))[0]
        return await page.invoke(kind)

    async with Renderer(app, headers={"cookie": "user=Ada"}) as page:
        assert await seen(page) == "Ada"
        # The answer of the application's own route for logging in.
        page._connection.client.keep_cookies([(b"set-cookie", b"user=Eve; HttpOnly")])
        # A request brings its own cookies; the socket has those that it was opened with.
        assert await seen(page) == ("Eve" if kind == "sync" else "Ada")
        await page.disconnect()
        await page.connect()
        assert await seen(page) == "Eve"
