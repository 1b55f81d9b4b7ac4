"""A page that is closed while it is blocked in sendSync: its link is kept no longer than that of any other page.

Uses a real uvicorn, and requests whose connection the test closes.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.applications import Application, application
from tests.support.raw_sockets import connections_of, greeted, hello
from tests.support.scripted_page import unaffected
from tests.support.serving import PATIENCE, Live, live, wait_until
from webipc import IpcMainEvent, Limits
from webipc.core.errors import UnansweredError
from webipc.core.frame import encode_body, encode_control
from webipc.link.calls.sync_calls import SyncCall
from webipc.testing import Renderer

# A page that is gone is dropped at once, and a call that still waits never within the time of a test.
SOON = {"grace_ms": 100, "unattached_grace_ms": 100, "goodbye_ms": 100, "sync_ms": 600_000}


class Site(Application):
    """An application that answers on the channel `echo`, and keeps the events of `keep`."""

    def __init__(self) -> None:
        super().__init__(limits=Limits(**SOON))
        self.kept: list[IpcMainEvent] = []
        self.ipc_main.on("keep", self.kept.append)
        self.ipc_main.on("echo", lambda event: setattr(event, "return_value", "echo"))

    def ids(self) -> list[int]:
        """Return the ids of all tabs."""
        return [contents.id for contents in self.ipc_main.get_all_web_contents()]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture(params=["httptools", "h11"])
def server(request: pytest.FixtureRequest, site: Site) -> Iterator[Live]:
    with live(site.app, http=request.param) as served:
        yield served


def ask(server: Live, link: str, channel: str, **fields: Any) -> socket.socket:
    """Send the request of a blocked page, without waiting for the response."""
    sync = f'[1,0,["sync",1,"{channel}",[]]]'
    body = encode_body([hello(link=link * 32, attempt=0, **fields), sync, encode_control(0, "await", 1)])
    head = (
        f"POST /ipc/sync HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {server.url}\r\n"
        f"Content-Type: application/vnd.webipc.v1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    opened = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    opened.sendall(head.encode() + body)
    return opened


def waits(server: Live, site: Site) -> int:
    """Return the number of requests that wait for an answer."""
    calls: list[SyncCall] = [call for each in connections_of(site.ipc_main) for call in each.syncs._calls.values()]
    return server.call(lambda: sum(call._asking for call in calls))


def test_a_blocked_page_that_closes_its_connection_is_given_up(site: Site, server: Live) -> None:
    with ask(server, "a", "keep"):
        wait_until(lambda: site.kept, "the listener has run")
    wait_until(lambda: site.ids() == [], "the tab is destroyed")
    site.kept.pop().return_value = "too late"


def test_a_blocked_page_whose_socket_and_request_both_end_is_given_up(site: Site, server: Live) -> None:
    with greeted(server, link="a" * 32), ask(server, "a", "keep"):
        wait_until(lambda: site.kept, "the listener has run")
    wait_until(lambda: site.ids() == [], "the tab is destroyed")


def test_a_page_that_asks_again_is_kept_as_long_as_it_waits(site: Site, server: Live) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(ask(server, "a", "keep"))
        wait_until(lambda: site.kept, "the listener has run")
        second = stack.enter_context(ask(server, "a", "keep"))
        wait_until(lambda: waits(server, site) == 2, "both requests wait")
        first.close()
        wait_until(lambda: waits(server, site) == 1, "the first request is gone")
        (blocked,) = site.ids()
        # A younger page that is not blocked is dropped meanwhile.
        with ask(server, "b", "echo") as other:
            assert b"200 OK" in other.recv(4096)
        wait_until(lambda: site.ids() == [blocked], "the younger page is dropped")
        site.kept.pop().return_value = "patient"
        second.settimeout(PATIENCE)
        answer = b""
        while b"patient" not in answer:
            piece = second.recv(4096)
            assert piece, answer
            answer += piece
    wait_until(lambda: site.ids() == [], "the tab is destroyed")


# --- middleware -----------------------------------------------------------------------------------------------------


class Middleware:
    """Reads the body first, as logging middleware does; replays it, and `message` at every later `receive`."""

    def __init__(self, app: ASGIApp, message: dict[str, Any]) -> None:
        self._app = app
        self._message = message

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        messages = [await receive()]

        async def replayed() -> Any:
            if messages:
                return messages.pop()
            if not self._message:
                raise RuntimeError("the body was read")
            return self._message

        await self._app(scope, replayed, send)


@pytest.mark.parametrize(
    "message", [{"type": "http.disconnect"}, {"type": "http.request", "body": b"", "more_body": False}, {}]
)
async def test_middleware_that_replaces_receive_does_not_cost_the_answer(message: dict[str, Any]) -> None:
    app, ipc_main = application()
    kept: list[IpcMainEvent] = []

    @ipc_main.on("later")
    async def later(event: IpcMainEvent) -> None:
        kept.append(event)
        async with Renderer(app) as other:
            other.send("answer")
            await other.invoke("end")

    ipc_main.on("answer", lambda event: setattr(kept.pop(), "return_value", "answer"))
    ipc_main.handle("end", lambda event: None)
    app.add_middleware(Middleware, message=message)
    async with Renderer(app) as page:
        assert await page.send_sync("later") == "answer"


async def test_the_answer_passes_middleware_of_starlette() -> None:
    app, ipc_main = application()
    ipc_main.on("echo", lambda event, value: setattr(event, "return_value", value))

    @app.middleware("http")
    async def through(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    async with Renderer(app) as page:
        assert await page.send_sync("echo", [1]) == [1]


@pytest.mark.parametrize(
    "status, content",
    [(503, {"code": 503, "reason": "no upstream"}), (401, {"code": 4401}), (200, {"code": 0, "data": {}}), (500, [])],
)
async def test_an_error_of_a_gateway_in_json_is_no_refusal(status: int, content: Any) -> None:
    app, _ = application()

    @app.middleware("http")
    async def gateway(request: Any, call_next: Any) -> Any:
        return JSONResponse(content, status) if request.url.path == "/ipc/sync" else await call_next(request)

    async with Renderer(app) as page:
        with unaffected(page), pytest.raises(UnansweredError):
            await page.send_sync("ask")
