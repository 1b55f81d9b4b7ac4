"""FastAPI's dependencies in handlers and listeners: what they see, in which order they run, and when they close."""

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Query, Request
from starlette.requests import HTTPConnection

from tests.support.applications import application
from tests.support.logged import troubles
from tests.support.port_listeners import PortListener
from tests.support.waiting import settled, until
from webipc import IpcError, IpcMain, IpcMainEvent, IpcMainInvokeEvent, MessageChannelMain, ResetError
from webipc.testing import InvokeError, Renderer, SyncError

HEADERS = {"X-Tenant": "blue", "Cookie": "session=secret"}

tenant_of_context: ContextVar[str] = ContextVar("tenant_of_context", default="none")


async def tenant(x_tenant: Annotated[str, Header()]) -> str:
    return x_tenant


Tenant = Annotated[str, Depends(tenant)]


def refusing(status: int, detail: str) -> Any:
    async def refuse() -> None:
        raise HTTPException(status, detail)

    return Depends(refuse)


async def test_a_handler_gets_what_fastapi_fills_in_beside_the_arguments_of_the_page() -> None:
    app, ipc_main = application()

    @ipc_main.handle("async")
    async def in_loop(
        event: IpcMainInvokeEvent,
        a: int,
        tenant: Tenant,
        request: Request,
        b: int = 2,
        session: str | None = Cookie(None),
        *rest: int,
    ) -> list[Any]:
        return [a, b, list(rest), tenant, session, request.method, request.url.path]

    @ipc_main.handle("def")
    def in_thread(
        event: IpcMainInvokeEvent, tenant: Tenant, a: int, connection: HTTPConnection, size: Annotated[int, Query()] = 7
    ) -> list[Any]:
        return [a, tenant, size, connection.cookies]

    async with Renderer(app, headers=HEADERS) as page:
        assert await page.invoke("async", 1) == [1, 2, [], "blue", "secret", "GET", "/ipc/socket"]
        assert await page.invoke("async", 1, 3, 4, 5) == [1, 3, [4, 5], "blue", "secret", "GET", "/ipc/socket"]
        assert await page.invoke("def", 1) == [1, "blue", 7, {"session": "secret"}]


@pytest.mark.parametrize("channel", ["send", "sync", "post"])
async def test_an_async_listener_gets_it_too_whatever_brought_the_message(channel: str) -> None:
    app, ipc_main = application()
    heard: list[Any] = []

    @ipc_main.on(channel)
    async def listen(event: IpcMainEvent, a: int, tenant: Tenant) -> None:
        heard.append((a, tenant))
        event.return_value = "heard"

    async with Renderer(app, headers=HEADERS) as page:
        if channel == "send":
            page.send(channel, 1)
        elif channel == "post":
            page.post_message(channel, 1)
        else:
            assert await page.send_sync(channel, 1) == "heard"
        await until(lambda: heard == [(1, "blue")])


async def test_one_argument_more_cannot_reach_a_dependency() -> None:
    app, ipc_main = application()

    @ipc_main.handle("wipe")
    async def wipe(event: IpcMainInvokeEvent, a: int, tenant: Tenant) -> str:
        return tenant

    async with Renderer(app, headers=HEADERS) as page:
        with pytest.raises(InvokeError, match=r"wipe takes 1 argument \(a\), 2 were given"):
            await page.invoke("wipe", 1, "red")
        assert await page.invoke("wipe", 1) == "blue"


async def test_dependencies_come_before_the_arguments_so_a_stranger_learns_nothing_of_those() -> None:
    app, ipc_main = application()

    async def refuse() -> None:
        raise HTTPException(403, "not you")

    @ipc_main.handle("async")
    async def in_loop(event: IpcMainInvokeEvent, a: int, _: Annotated[None, Depends(refuse)]) -> None: ...

    @ipc_main.handle("def")
    def in_thread(event: IpcMainInvokeEvent, a: int, _: Annotated[None, Depends(refuse)]) -> None: ...

    async with Renderer(app) as page:
        for channel in ("async", "def"):
            with pytest.raises(InvokeError, match="not you"):
                await page.invoke(channel, "no number", "one more")


async def test_handlers_of_a_tab_and_of_a_frame_have_dependencies_as_well() -> None:
    app, ipc_main = application()

    async def whoami(event: IpcMainInvokeEvent, tenant: Tenant) -> str:
        return tenant

    async with Renderer(app, headers=HEADERS) as page:
        contents = ipc_main.from_id(page.web_contents_id)
        assert contents is not None
        contents.ipc.handle("tab", whoami)
        assert contents.main_frame is not None
        contents.main_frame.ipc.handle("frame", whoami)
        assert [await page.invoke("tab"), await page.invoke("frame")] == ["blue", "blue"]


async def test_async_dependencies_keep_the_order_of_arrival() -> None:
    app, ipc_main = application()
    ran: list[int] = []

    async def connect() -> AsyncIterator[str]:
        yield "connection"

    @ipc_main.handle("add")
    async def add(event: IpcMainInvokeEvent, n: int, db: Annotated[str, Depends(connect)]) -> None:
        ran.append(n)

    @ipc_main.on("add")
    async def listen(event: IpcMainEvent, n: int, db: Annotated[str, Depends(connect)]) -> None:
        ran.append(n)

    async with Renderer(app) as page:
        calls = []
        for n in range(0, 20, 2):
            calls.append(asyncio.ensure_future(page.invoke("add", n)))
            await asyncio.sleep(0)
            page.send("add", n + 1)
        await asyncio.gather(*calls)
        await until(lambda: len(ran) == 20)
    assert ran == list(range(20))


async def test_two_calls_of_a_page_at_once_do_not_share_their_state() -> None:
    app, ipc_main = application()
    met = asyncio.Barrier(2)

    async def note(request: Request) -> list[str]:
        request.state.seen = [*getattr(request.state, "seen", []), "noted"]
        await met.wait()
        return list(request.state.seen)

    @ipc_main.handle("look")
    async def look(event: IpcMainInvokeEvent, seen: Annotated[list[str], Depends(note)]) -> list[str]:
        return seen

    async with Renderer(app) as page:
        for _ in range(2):
            both: list[Any] = list(await asyncio.gather(page.invoke("look"), page.invoke("look")))
            assert both == [["noted"], ["noted"]]


async def test_what_an_async_dependency_sets_in_the_context_is_visible_in_the_handler() -> None:
    app, ipc_main = application()

    async def enter(x_tenant: Annotated[str, Header()]) -> None:
        tenant_of_context.set(x_tenant)

    @ipc_main.handle("async")
    async def in_loop(event: IpcMainInvokeEvent, _: Annotated[None, Depends(enter)]) -> str:
        return tenant_of_context.get()

    @ipc_main.handle("def")
    def in_thread(event: IpcMainInvokeEvent, _: Annotated[None, Depends(enter)]) -> str:
        return tenant_of_context.get()

    async with Renderer(app, headers=HEADERS) as page:
        assert [await page.invoke("async"), await page.invoke("def")] == ["blue", "blue"]
    assert tenant_of_context.get() == "none"


async def test_overrides_of_the_application_count_at_every_depth() -> None:
    app, ipc_main = application()

    async def greeting(tenant: Tenant) -> str:
        return f"hello {tenant}"

    @ipc_main.handle("greet")
    async def greet(event: IpcMainInvokeEvent, text: Annotated[str, Depends(greeting)]) -> str:
        return text

    async with Renderer(app, headers=HEADERS) as page:
        assert await page.invoke("greet") == "hello blue"
        app.dependency_overrides[tenant] = lambda: "red"
        assert await page.invoke("greet") == "hello red"
        app.dependency_overrides.clear()
        assert await page.invoke("greet") == "hello blue"


# --- dependencies with yield ---------------------------------------------------------------------------------------


class Database:
    """Sessions with `yield`, and what happened to them."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.commit_fails = False
        self.closing: asyncio.Event | None = None

    async def session(self) -> AsyncIterator[str]:
        self.steps.append("open")
        try:
            yield "session"
            if self.closing is not None:
                await self.closing.wait()
            self.commit()
        except BaseException as error:
            self.steps.append(f"rollback: {type(error).__name__}")
            raise
        finally:
            self.steps.append("close")

    def commit(self) -> None:
        if self.commit_fails:
            raise HTTPException(409, "the commit has failed")
        self.steps.append("commit")

    def plain_session(self) -> Iterator[str]:
        self.steps.append("open")
        try:
            yield "session"
            self.commit()
        except BaseException as error:
            self.steps.append(f"rollback: {type(error).__name__}")
            raise
        finally:
            self.steps.append("close")


class Connected:
    """An application with handlers that use a session."""

    def __init__(self) -> None:
        self.app, self.ipc_main = application()
        self.database = Database()
        database = self.database

        @self.ipc_main.handle("async")
        async def in_loop(event: IpcMainInvokeEvent, what: Any, db: str = Depends(database.session)) -> Any:
            return self.work(what)

        @self.ipc_main.handle("def")
        def in_thread(event: IpcMainInvokeEvent, what: Any, db: str = Depends(database.plain_session)) -> Any:
            return self.work(what)

        @self.ipc_main.handle("lambda")
        def coroutine(event: IpcMainInvokeEvent, what: Any, db: str = Depends(database.session)) -> Any:
            return self.later(what)

        @self.ipc_main.on("listener")
        async def listen(event: IpcMainEvent, what: Any, db: str = Depends(database.session)) -> None:
            event.return_value = self.work(what)

    def work(self, what: Any) -> Any:
        self.database.steps.append("work")
        if what == "raise":
            raise IpcError("of the handler")
        return object() if what == "unsendable" else what

    async def later(self, what: Any) -> Any:
        await asyncio.sleep(0)
        return self.work(what)


@pytest.fixture
def connected() -> Connected:
    return Connected()


@pytest.mark.parametrize("channel", ["async", "def", "lambda"])
async def test_a_session_is_closed_before_the_answer_is_sent(connected: Connected, channel: str) -> None:
    async with Renderer(connected.app) as page:
        assert await page.invoke(channel, 1) == 1
        assert connected.database.steps == ["open", "work", "commit", "close"]


async def test_no_answer_is_sent_while_a_session_is_closing(connected: Connected) -> None:
    connected.database.closing = asyncio.Event()
    async with Renderer(connected.app) as page:
        call = asyncio.ensure_future(page.invoke("async", 1))
        await until(lambda: "work" in connected.database.steps)
        # What is asked behind it is answered before it.
        connected.ipc_main.handle("ping", lambda event: "pong")
        assert await page.invoke("ping") == "pong"
        assert not call.done()
        connected.database.closing.set()
        assert await call == 1


@pytest.mark.parametrize("channel", ["async", "def", "lambda"])
async def test_a_commit_that_fails_is_the_error_of_the_caller(connected: Connected, channel: str) -> None:
    connected.database.commit_fails = True
    async with Renderer(connected.app) as page:
        with pytest.raises(InvokeError, match="the commit has failed") as caught:
            await page.invoke(channel, 1)
    assert caught.value.code == "409"
    assert connected.database.steps == ["open", "work", "rollback: HTTPException", "close"]


@pytest.mark.parametrize("channel", ["async", "def", "lambda"])
async def test_a_session_sees_what_the_handler_raises(connected: Connected, channel: str) -> None:
    async with Renderer(connected.app) as page:
        with pytest.raises(InvokeError, match="of the handler"):
            await page.invoke(channel, "raise")
    assert connected.database.steps == ["open", "work", "rollback: IpcError", "close"]


@pytest.mark.parametrize("channel", ["async", "def", "lambda"])
async def test_a_session_sees_that_the_answer_cannot_be_sent(connected: Connected, channel: str) -> None:
    async with Renderer(connected.app) as page:
        with pytest.raises(InvokeError, match="could not be cloned"):
            await page.invoke(channel, "unsendable")
    assert connected.database.steps == ["open", "work", "rollback: CloneError", "close"]


async def test_the_answer_of_send_sync_is_held_back_until_the_session_is_closed(connected: Connected) -> None:
    connected.database.closing = asyncio.Event()
    async with Renderer(connected.app) as page:
        call = asyncio.ensure_future(page.send_sync("listener", 1))
        await until(lambda: "work" in connected.database.steps)
        await settled()
        assert not call.done()
        connected.database.closing.set()
        assert await call == 1
    assert connected.database.steps == ["open", "work", "commit", "close"]


async def test_an_answer_of_send_sync_from_another_thread_is_held_back_too() -> None:
    app, ipc_main = application()
    database = Database()
    database.closing = asyncio.Event()

    @ipc_main.on("ask")
    async def listen(event: IpcMainEvent, db: str = Depends(database.session)) -> None:
        await asyncio.to_thread(setattr, event, "return_value", 1)
        database.steps.append("work")

    async with Renderer(app) as page:
        call = asyncio.ensure_future(page.send_sync("ask"))
        await until(lambda: "work" in database.steps)
        await settled()
        assert not call.done()
        database.closing.set()
        assert await call == 1


async def test_a_commit_that_fails_is_the_error_of_send_sync(connected: Connected) -> None:
    connected.database.commit_fails = True
    async with Renderer(connected.app) as page:
        with pytest.raises(SyncError, match="the commit has failed") as caught:
            await page.send_sync("listener", 1)
    assert caught.value.code == "409"


async def test_a_send_sync_whose_listener_is_refused_gets_the_reason() -> None:
    app, ipc_main = application()

    @ipc_main.on("ask")
    async def listen(event: IpcMainEvent, _: None = refusing(403, "not you")) -> None:
        event.return_value = 1

    async with Renderer(app) as page:
        with pytest.raises(SyncError, match="not you") as caught:
            await page.send_sync("ask")
    assert caught.value.code == "forbidden"


async def test_a_send_sync_that_one_listener_refuses_and_another_answers_has_the_answer() -> None:
    app, ipc_main = application()

    @ipc_main.on("ask")
    async def refuses(event: IpcMainEvent, _: None = refusing(403, "not you")) -> None: ...

    async def answer(event: IpcMainEvent) -> None:
        await settled()
        event.return_value = 2

    # A listener that raises at once stops those behind it, as in Electron.
    ipc_main.prepend_listener("ask", answer)
    async with Renderer(app) as page:
        assert await page.send_sync("ask") == 2


@pytest.mark.parametrize("what", ["nothing", "raise"])
async def test_a_send_sync_whose_listener_gives_no_answer_is_not_left_waiting(what: str) -> None:
    app, ipc_main = application()
    database = Database()

    @ipc_main.on("ask")
    async def listen(
        event: IpcMainEvent,
        request: Request,
        db: str = Depends(database.session),
        _: str = Depends(database.plain_session),
    ) -> None:
        await settled()
        if what == "raise":
            raise LookupError

    async with Renderer(app) as page:
        gc.disable()
        try:
            assert await page.send_sync("ask") == {"error": "reply was never sent"}
        finally:
            gc.enable()


async def test_a_session_sees_that_the_arguments_do_not_fit(connected: Connected) -> None:
    async with Renderer(connected.app) as page:
        with pytest.raises(InvokeError, match="what is missing"):
            await page.invoke("async")
    assert connected.database.steps == ["open", "rollback: ArgumentError", "close"]


async def test_a_session_of_a_handler_that_waits_sees_the_end_of_the_server() -> None:
    app, ipc_main = application()
    database = Database()
    begun = asyncio.Event()

    @ipc_main.handle("wait")
    async def wait(event: IpcMainInvokeEvent, db: Annotated[str, Depends(database.session)]) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with Renderer(app) as page:
        call = asyncio.ensure_future(page.invoke("wait"))
        await begun.wait()
    with pytest.raises(ResetError):
        await call
    assert database.steps == ["open", "rollback: CancelledError", "close"]


async def test_a_session_is_not_closed_while_a_thread_uses_it_even_when_the_server_ends() -> None:
    app, ipc_main = application()
    database = Database()
    begun, go_on = threading.Event(), threading.Event()

    @ipc_main.handle("work")
    def work(event: IpcMainInvokeEvent, db: Annotated[str, Depends(database.session)]) -> None:
        begun.set()
        go_on.wait(20)
        database.steps.append("work")

    async with Renderer(app) as page:
        call = asyncio.ensure_future(page.invoke("work"))
        await until(begun.is_set)
    with pytest.raises(ResetError):
        await call
    assert database.steps == ["open"]
    go_on.set()
    await until(lambda: "close" in database.steps)
    assert database.steps == ["open", "work", "rollback: CancelledError", "close"]


async def test_ports_of_a_message_that_is_refused_are_closed() -> None:
    app, ipc_main = application()

    @ipc_main.on("port")
    async def listen(event: IpcMainEvent, _: Any, __: None = refusing(403, "not you")) -> None: ...

    async with Renderer(app) as page:
        channel = MessageChannelMain()
        mine = PortListener(channel.port1)
        page.post_message("port", None, [channel.port2])
        await until(lambda: mine.received == ["close"])


async def test_many_sessions_at_once_are_closed_once_each(connected: Connected) -> None:
    async with Renderer(connected.app) as page:
        channels = ["async", "def", "lambda"] * 20
        assert await asyncio.gather(*[page.invoke(each, n) for n, each in enumerate(channels)]) == list(range(60))
    steps = connected.database.steps
    assert [steps.count(step) for step in ("open", "work", "commit", "close")] == [60, 60, 60, 60]


async def test_a_dependency_that_swallows_the_error_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()

    async def swallow() -> AsyncIterator[None]:
        try:
            yield
        except LookupError:
            return

    @ipc_main.handle("fail")
    async def fail(event: IpcMainInvokeEvent, _: Annotated[None, Depends(swallow)]) -> None:
        raise LookupError

    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("fail")
    assert caught.value.code == "internal"
    assert "end its `except` block with `raise`" in caplog.text


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status, code", [(401, "unauthorized"), (403, "forbidden"), (404, "404"), (503, "503")])
async def test_an_http_exception_of_a_dependency_is_an_answer_and_no_fault_of_the_program(
    status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, ipc_main = application(debug=False)

    async def inner(_: Annotated[None, refusing(status, "a detail")]) -> None: ...

    async def handler(event: IpcMainInvokeEvent, _: Annotated[None, Depends(inner)]) -> None: ...

    ipc_main.handle("whoami", handler)
    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="a detail") as caught:
            await page.invoke("whoami")
    assert caught.value.code == code
    assert troubles(caplog) == []


async def test_a_listener_that_a_dependency_refuses_is_one_line_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application()
    caplog.set_level(logging.INFO, "webipc")
    heard: list[int] = []

    @ipc_main.on("note")
    async def note(event: IpcMainEvent, n: int, _: None = refusing(403, "not you")) -> None:
        heard.append(n)

    async with Renderer(app) as page:
        page.send("note", 1)
        await until(lambda: "A listener for 'note' was refused: 403: not you" in caplog.text)
    assert heard == []
    assert troubles(caplog) == []
    assert "Traceback" not in caplog.text


async def test_a_header_that_does_not_fit_is_an_error_without_its_value() -> None:
    app, ipc_main = application()

    @ipc_main.handle("size")
    async def size(event: IpcMainInvokeEvent, session: Annotated[int, Cookie()]) -> int:
        return session

    async with Renderer(app, headers={"Cookie": "session=canary"}) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("size")
    assert caught.value.code == "422"
    assert "canary" not in repr((str(caught.value), caught.value.data, caught.value.detail))


def test_a_handler_in_a_module_with_postponed_annotations_has_dependencies() -> None:
    names: dict[str, Any] = {"app": FastAPI(), "ipc_main": IpcMain(), "tenant": tenant}
    source = """
from __future__ import annotations
from typing import Annotated
from fastapi import Depends, Header
from webipc import IpcMainInvokeEvent

async def greeting(tenant: Annotated[str, Depends(tenant)], x_tenant: Annotated[str, Header()]) -> str:
    return f"hello {tenant}"

@ipc_main.handle("greet")
async def greet(event: IpcMainInvokeEvent, text: Annotated[str, Depends(greeting)], a: int) -> str:
    return text * a
"""
    exec(source, names)
    names["ipc_main"].mount(names["app"])

    async def run() -> None:
        async with Renderer(names["app"], headers=HEADERS) as page:
            assert await page.invoke("greet", 2) == "hello bluehello blue"

    asyncio.run(run())
