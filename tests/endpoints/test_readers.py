"""Sockets of our class for uvicorn: an idle one has no task and no ASGI call; one task reads all of them."""

import asyncio
import gc
import json
from collections.abc import Iterator
from contextlib import ExitStack
from contextvars import ContextVar
from typing import Any

import pytest
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.sync.client import ClientConnection

from tests.support.raw_sockets import Site, closing, connections_of, greeted, hello, socket
from tests.support.serving import PATIENCE, Live, live, wait_until
from webipc import IpcMainInvokeEvent, Limits
from webipc.endpoints.websocket.readers import DirectSession
from webipc.servers.uvicorn import DirectWebSocket

VISITOR: ContextVar[str] = ContextVar("VISITOR", default="nobody")


@pytest.fixture
def site() -> Site:
    # A document has all the time to leave its tab to the next one.
    return Site(limits=Limits(goodbye_ms=60_000))


@pytest.fixture
def server(site: Site) -> Iterator[Live]:
    with live(site.app) as served:
        yield served


def pages(stack: ExitStack, server: Live, count: int, *, first: int = 0) -> list[ClientConnection]:
    """Open so many pages, each with a link of its own: the number of the page in hexadecimal digits."""
    return [stack.enter_context(greeted(server, link=f"{first + number:032x}")) for number in range(count)]


def invoke(opened: ClientConnection, number: int, channel: str, *args: Any) -> None:
    """Send the call that has this number on its socket."""
    opened.send(json.dumps([number, 0, ["invoke", 2 * number - 1, channel, list(args)]]))


def answer(opened: ClientConnection) -> Any:
    """Read the next answer."""
    while True:
        frame = json.loads(opened.recv(PATIENCE))
        if len(frame) > 2 and frame[2][0] == "result":
            return frame[2][2]


def tasks_of(server: Live) -> int:
    """Return the number of tasks of the server's event loop, without the one that counts."""
    return server.call(lambda: len(asyncio.all_tasks()) - 1)


class Wrapping:
    """A middleware that keeps something open as long as the call: the time between `enter` and `exit`."""

    def __init__(self, app: ASGIApp, log: list[str]) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        token = VISITOR.set(dict(scope["headers"]).get(b"x-visitor", b"visitor").decode())
        self._log.append("enter")
        try:
            await self._app(scope, receive, send)
        finally:
            self._log.append("exit")
            VISITOR.reset(token)


# --- what an idle socket has ----------------------------------------------------------------------------------------


def test_idle_sockets_have_no_task_and_no_asgi_call(server: Live) -> None:
    with ExitStack() as stack:
        pages(stack, server, 1)
        wait_until(lambda: not server.running_requests, "the call of the first socket has ended")
        before = tasks_of(server)
        pages(stack, server, 20, first=1)
        wait_until(lambda: not server.running_requests, "the calls of all sockets have ended")
        wait_until(lambda: tasks_of(server) == before, "there is no task of theirs")
        assert server.open_connections == 21


def test_idle_sockets_keep_no_object_of_uvicorn_or_starlette(server: Live) -> None:
    # Earlier tests of this process may have left some.
    ours = ("127.0.0.1", server.port)

    def kept() -> int:
        gc.collect()
        objects = gc.get_objects()
        sockets = [each for each in objects if isinstance(each, DirectWebSocket) and each.server == ours]
        scopes = [each for each in objects if type(each) is dict and each.get("type") == "websocket"]
        requests = [each.scope for each in objects if isinstance(each, WebSocket)]
        return len(sockets) + [each.get("server") for each in scopes + requests].count(ours)

    with ExitStack() as stack:
        pages(stack, server, 5)
        wait_until(lambda: server.call(kept) == 0, "they are collected")


def test_many_sockets_are_served_by_one_reader(site: Site, server: Live) -> None:
    tasks: list[object] = []

    @site.ipc_main.handle("which task")
    async def which(event: IpcMainInvokeEvent) -> None:
        tasks.append(asyncio.current_task())

    with ExitStack() as stack:
        opened = pages(stack, server, 10)
        for each in opened:
            invoke(each, 1, "which task")
            answer(each)
    assert len(set(tasks)) == 1


# --- calls that suspend ---------------------------------------------------------------------------------------------


def test_a_call_that_suspends_keeps_its_task_while_other_sockets_are_read(site: Site, server: Live) -> None:
    go_on = asyncio.Event()
    tasks: list[bool] = []

    @site.ipc_main.handle("wait")
    async def wait(event: IpcMainInvokeEvent) -> str:
        me = asyncio.current_task()
        async with asyncio.timeout(20):
            await go_on.wait()
        tasks.append(asyncio.current_task() is me)
        return "waited"

    with ExitStack() as stack:
        first, second = pages(stack, server, 2)
        invoke(first, 1, "wait")
        invoke(first, 2, "echo", "behind it")
        assert answer(first) == "behind it"
        invoke(second, 1, "echo", "meanwhile")
        assert answer(second) == "meanwhile"
        server.call(go_on.set)
        assert answer(first) == "waited"
    assert tasks == [True]


def test_a_call_that_cancels_its_task_harms_no_other_socket(site: Site, server: Live) -> None:
    @site.ipc_main.handle("cancel")
    async def cancel(event: IpcMainInvokeEvent) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    with ExitStack() as stack:
        first, second = pages(stack, server, 2)
        invoke(first, 1, "cancel")
        invoke(first, 2, "echo", 1)
        invoke(second, 1, "echo", 2)
        assert answer(second) == 2
        assert answer(first) is None
        assert answer(first) == 1


def test_a_page_that_waits_for_its_tab_keeps_no_other_waiting(site: Site, server: Live) -> None:
    with greeted(server) as opened:
        (contents,) = site.ipc_main.get_all_web_contents()
        token = connections_of(site.ipc_main)[0].document.tab.token
        with socket(server) as waiting:
            # A tab that was duplicated: it is told so when the document that has the token does not leave in time.
            waiting.send(hello(link="2" * 32, token=token))
            wait_until(lambda: tasks_waiting(site), "the second page waits for its tab")
            invoke(opened, 1, "echo", "meanwhile")
            assert answer(opened) == "meanwhile"
            assert len(connections_of(site.ipc_main)) == 1
            opened.send('[0,1,["bye",1]]')
            assert json.loads(waiting.recv(PATIENCE))[2][1]["webContentsId"] == contents.id


def tasks_waiting(site: Site) -> bool:
    """Return whether a page waits for its tab."""
    hub = site.ipc_main._provider.hub
    return hub is not None and bool(hub.births._next_in_tab._waiting)


def test_an_error_of_webipc_itself_closes_one_socket_with_1011(
    site: Site, server: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        first, second = pages(stack, server, 2)
        broken = next(each for each in connections_of(site.ipc_main) if each.link_id == f"{0:032x}")
        receive = type(broken).receive

        def fail(self: Any, *args: Any, **more: Any) -> Any:
            if self is broken:
                raise RuntimeError("broken")
            return receive(self, *args, **more)

        monkeypatch.setattr(type(broken), "receive", fail)
        invoke(first, 1, "echo", 1)
        assert closing(first) == (1011, "the server failed")
        invoke(second, 1, "echo", 2)
        assert answer(second) == 2
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "no other page is affected" in record.getMessage()


# --- calls that stay open -------------------------------------------------------------------------------------------


def test_middleware_of_ours_sees_the_call_end_with_the_socket(site: Site) -> None:
    log: list[str] = []
    site.app.add_middleware(Wrapping, log=log)
    with live(site.app) as server:
        with greeted(server) as opened:
            invoke(opened, 1, "echo", 1)
            assert answer(opened) == 1
            assert log == ["enter"]
            assert server.running_requests == 1
        wait_until(lambda: log == ["enter", "exit"], "the call has ended with its socket")
        wait_until(lambda: not server.running_requests, "uvicorn has no call any more")
        wait_until(lambda: not server.open_connections, "the connection is gone")


def test_an_application_within_another_call_stays_open(site: Site) -> None:
    log: list[str] = []
    with live(Wrapping(site.app, log)) as server:
        with greeted(server):
            wait_until(lambda: connections_of(site.ipc_main), "the page has a link")
            assert log == ["enter"]
        wait_until(lambda: log == ["enter", "exit"], "the call has ended with its socket")


def test_a_call_in_a_task_of_a_middleware_stays_open(site: Site) -> None:
    ended: list[str] = []

    async def in_a_task(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.create_task(site.app(scope, receive, send))
        ended.append(scope["type"])

    with live(in_a_task) as server:
        with greeted(server):
            assert "websocket" not in ended
        wait_until(lambda: "websocket" in ended, "the call has ended with its socket")


def test_middleware_of_the_framework_does_not_keep_the_call(site: Site) -> None:
    async def dispatch(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    site.app.add_middleware(CORSMiddleware, allow_origins=["*"])
    site.app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    with live(site.app) as server, greeted(server) as opened:
        wait_until(lambda: not server.running_requests, "the call has ended")
        invoke(opened, 1, "echo", 1)
        assert answer(opened) == 1


def test_a_call_that_the_server_cancels_ends_its_socket(site: Site) -> None:
    calls: list[asyncio.Task[Any] | None] = []

    async def keeping(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            calls.append(asyncio.current_task())
        await site.app(scope, receive, send)

    with live(keeping) as server, greeted(server):
        (connection,) = connections_of(site.ipc_main)
        (call,) = calls
        assert call is not None
        server.call(call.cancel)
        wait_until(lambda: connection.transport is None, "the link has no socket")
        wait_until(lambda: not server.open_connections, "the connection is gone")


def test_a_call_that_is_cancelled_before_the_socket_is_accepted_leaves_nothing(site: Site) -> None:
    async def cancelling(scope: Scope, receive: Receive, send: Send) -> None:
        async def cancel(message: Any) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)

        await site.app(scope, receive, cancel if scope["type"] == "websocket" else send)

    with live(cancelling) as server:
        with pytest.raises(Exception, match=r"500|did not receive|connection closed"), socket(server):
            pass
        wait_until(lambda: not server.open_connections, "the connection is gone")
        assert connections_of(site.ipc_main) == []


# --- context variables ----------------------------------------------------------------------------------------------


def test_handlers_have_the_context_of_their_own_socket(site: Site) -> None:
    @site.ipc_main.handle("who")
    async def who(event: IpcMainInvokeEvent, name: str | None = None) -> list[str]:
        before = VISITOR.get()
        if name is not None:
            VISITOR.set(name)
            await asyncio.sleep(0)
        return [before, VISITOR.get()]

    visitors = iter(["ada", "grace"])

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            VISITOR.set(next(visitors))
        await site.app(scope, receive, send)

    with live(named) as server, ExitStack() as stack:
        ada, grace = pages(stack, server, 2)
        for number in (1, 3):
            invoke(ada, number, "who")
            assert answer(ada) == ["ada", "ada"]
            invoke(ada, number + 1, "who", "changed")
            assert answer(ada) == ["ada", "changed"]
            invoke(grace, (number + 1) // 2, "who")
            assert answer(grace) == ["grace", "grace"]


# --- before hello, and the end --------------------------------------------------------------------------------------


def test_silent_sockets_are_closed_in_time_without_a_task_for_each() -> None:
    site = Site(limits=Limits(hello_ms=1_000))
    with live(site.app) as server, ExitStack() as stack:
        pages(stack, server, 1)
        wait_until(lambda: not server.running_requests, "the call of the first socket has ended")
        before = tasks_of(server)
        silent = [stack.enter_context(socket(server)) for _ in range(10)]
        wait_until(lambda: not server.running_requests, "the calls of all sockets have ended")
        wait_until(lambda: tasks_of(server) == before, "there is no task of theirs")
        for opened in silent:
            code, reason = closing(opened)
            assert (code, reason) == (4408, "expected hello within 1000 ms of opening the socket, nothing came")


def test_silent_sockets_are_closed_when_the_hub_stops(site: Site) -> None:
    with live(site.app) as server, socket(server) as silent:
        wait_until(lambda: server.open_connections == 1, "the socket is open")
        hub = site.ipc_main._provider.hub
        assert hub is not None
        wait_until(lambda: hub.at_stop, "it has been accepted")
        server.run(hub.stop())
        assert closing(silent) == (1001, "the server ends")


def test_a_socket_that_ends_before_its_hello_leaves_nothing(site: Site, server: Live) -> None:
    def sessions() -> int:
        gc.collect()
        hub = site.ipc_main._provider.hub
        return sum(isinstance(each, DirectSession) and each._hub is hub for each in gc.get_objects())

    with socket(server):
        wait_until(lambda: server.call(sessions) == 1, "the socket is open")
    wait_until(lambda: not server.open_connections, "the connection is gone")

    wait_until(lambda: server.call(sessions) == 0, "its session is gone")


def test_frames_that_come_behind_hello_in_one_segment_are_received(server: Live, site: Site) -> None:
    from tests.support.client_frames import TEXT, frame

    with socket(server) as opened:
        frames = [hello(), '[1,0,["send","say",["at once"]]]', '[2,0,["send","say",["too"]]]']
        opened.socket.sendall(b"".join(frame(TEXT, each.encode()) for each in frames))
        wait_until(lambda: len(site.said) == 2, "both are dispatched")
    assert site.said == [["at once"], ["too"]]
