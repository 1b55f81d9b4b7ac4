"""What a home sees of a page that has come to another worker: the same as if it had come directly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.roaming import arrives_at, reconnects_at
from tests.support.several_workers import OneWorker, workers
from webipc import IpcMainEvent, IpcMainInvokeEvent
from webipc.testing import Browser


class Named(AuthenticationBackend):
    """Takes the user from a header."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        name = conn.session.get("name")
        return None if name is None else (AuthCredentials(["authenticated"]), SimpleUser(name))


class Stamping:
    """Adds a cookie and a header to each response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"set-cookie", b"seen=1"), (b"x-request-id", b"1")]
            await send(message)

        await self._app(scope, receive, stamped)


def named(connection: HTTPConnection) -> str:
    """Return what the middleware has made of an attach."""
    return f"{connection.session.get('name')}:{connection.user.display_name}"


def make_app() -> FastAPI:
    """Return an application with middleware, a login, and a lifespan that puts itself into the state."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"lab": "lab", "app": app}

    async def login(request: Request) -> None:
        request.session["name"] = "grace"

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(AuthenticationMiddleware, backend=Named())
    app.add_middleware(SessionMiddleware, secret_key="s" * 32)
    app.add_middleware(Stamping)
    app.add_middleware(GZipMiddleware, minimum_size=10)
    app.post("/login")(login)
    return app


def serve(worker: OneWorker, seen: list[Any]) -> None:
    """Note what a handler and a listener see."""

    def look(event: IpcMainInvokeEvent, name: Annotated[str, Depends(named)]) -> str:
        note(event)
        return name

    def note(event: IpcMainEvent | IpcMainInvokeEvent) -> None:
        connection, user = event.connection, event.user
        seen.append(
            {
                "headers": [connection.headers.get(name) for name in ("host", "origin", "x-y")],
                "cookies": set(connection.cookies),
                "session": dict(connection.session),
                "user": connection.user.display_name,
                "scopes": connection.auth.scopes,
                "client": connection.client,
                "path": connection.scope["path"].partition("/socket")[0],
                "root_path": connection.scope["root_path"],
                "who": None if user is None else user.id,
                "principal": event.sender.principal,
            }
        )

    async def ask(event: IpcMainEvent, name: Annotated[str, Depends(named)]) -> None:
        note(event)
        event.return_value = name * 10

    worker.ipc_main.handle("look", look)
    worker.ipc_main.on("ask", ask)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_handlers_see_what_they_would_see(scheme: str) -> None:
    seen: list[Any] = []
    async with workers(2, make_app) as (home, edge):
        serve(home, seen)
        browser = Browser(home.app, base_url=f"{scheme}://testserver", headers={"x-y": "ü"}, cookies={"user": "ada"})
        assert (await browser.post("/login")).status == 200
        async with browser.open() as page:
            for worker in (home, edge):
                await reconnects_at(page, worker)
                assert await page.invoke("look") == "grace:grace"
            for worker in (home, edge):
                arrives_at(page, worker)
                assert await page.send_sync("ask") == "grace:grace" * 10
        assert edge.shared.stats()["relays_ever"] == 1
        assert edge.shared.stats()["requests_handed_on"] == 1
    direct, relayed, direct_request, handed_on = seen
    assert relayed == direct
    assert handed_on == direct_request
    assert direct["session"] == {"name": "grace"}
    assert direct["who"] == "ada"
    assert direct["headers"][-1] == "ü"


async def test_state_of_a_relayed_socket_is_that_of_the_lifespan_at_home() -> None:
    async with workers(2, make_app) as (home, edge):
        home.ipc_main.handle("app", lambda event: event.connection.state.app is home.app)
        async with home.browser().open() as page:
            await reconnects_at(page, edge)
            assert await page.invoke("app")


async def test_what_middleware_adds_to_a_response_comes_from_the_edge_once() -> None:
    responses: list[list[bytes]] = []

    def watched(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    responses.append([name for name, _ in message["headers"]])
                await send(message)

            await app(scope, receive, noted)

        return call

    async with workers(2, make_app) as (home, edge):
        serve(home, [])
        browser = Browser(home.app, cookies={"user": "ada"})
        assert (await browser.post("/login")).status == 200
        async with browser.open() as page:
            page._connection.client.app = watched(edge.app)
            assert await page.send_sync("ask") == "grace:grace" * 10
        assert edge.shared.stats()["requests_handed_on"] == 1
    (names,) = responses
    assert len(names) == len(set(names))
    assert {b"set-cookie", b"x-request-id"} <= set(names)
    assert b"content-encoding" not in names


@pytest.mark.parametrize("root_path", ["", "/behind/a/proxy"])
async def test_application_that_is_mounted_into_another_gets_its_own_paths(root_path: str) -> None:
    seen: list[Any] = []

    def inside(app: ASGIApp) -> ASGIApp:
        outer = FastAPI()
        outer.mount("/sub", app)

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            # As a server says it that is told to.
            await outer({**scope, "root_path": root_path}, receive, send)

        return call

    async with workers(2) as (home, edge):

        def look(event: IpcMainInvokeEvent) -> None:
            scope = event.connection.scope
            seen.append((event.connection.url, event.connection.base_url, scope["root_path"], scope["path"]))

        home.ipc_main.handle("look", look)
        page = Browser(inside(home.app), prefix=f"{root_path}/sub/ipc").open()
        await page.connect()
        await page.invoke("look")
        await page.disconnect()
        page._connection.client.app = inside(edge.app)
        await page.connect()
        await page.invoke("look")
        await page.close()
        assert edge.shared.stats()["relays_ever"] == 1
    direct, relayed = seen
    assert relayed == direct
    assert direct[2:] == (f"{root_path}/sub/ipc", f"{root_path}/sub/ipc/socket")
