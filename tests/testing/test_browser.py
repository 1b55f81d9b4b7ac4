"""The browser of `webipc.testing`: requests, cookies as a browser keeps them, and pages that have them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent
from webipc.testing import Browser, ClosedError, Renderer


def set_routes(app: FastAPI) -> None:
    @app.post("/login")
    async def login(request: Request, response: Response) -> dict[str, str]:
        name = (await request.json())["name"]
        if name == "nobody":
            raise HTTPException(401, "unknown name")
        response.set_cookie("session", f"{name}'s", httponly=True)
        return {"hello": name}

    @app.post("/logout")
    async def logout(response: Response) -> None:
        response.delete_cookie("session")

    @app.get("/set")
    async def set_cookie(response: Response, cookie: str) -> None:
        response.headers["set-cookie"] = cookie

    @app.get("/cookies")
    @app.get("/deep/cookies")
    async def cookies(request: Request) -> dict[str, str]:
        return own(request.cookies)

    @app.api_route("/echo", methods=["POST", "PUT", "DELETE"])
    async def echo(request: Request) -> list[str]:
        body = (await request.body()).decode()
        return [request.method, request.headers.get("content-type", ""), body, str(request.url)]


def set_channels(ipc_main: IpcMain) -> None:
    async def cookies(event: IpcMainInvokeEvent) -> dict[str, str]:
        return own(event.connection.cookies)

    async def address(event: IpcMainInvokeEvent) -> list[str]:
        return [str(event.connection.url), event.connection.headers["origin"], event.connection.headers["host"]]

    async def token(event: IpcMainInvokeEvent) -> str | None:
        return event.connection.headers.get("authorization")

    def sync(event: IpcMainEvent) -> None:
        event.return_value = [own(event.connection.cookies), event.connection.headers.get("authorization")]

    ipc_main.handle("cookies", cookies)
    ipc_main.handle("address", address)
    ipc_main.handle("token", token)
    ipc_main.on("sync", sync)


def own(cookies: dict[str, str]) -> dict[str, str]:
    """Return the cookies that are not webipc's."""
    return {name: value for name, value in cookies.items() if "webipc" not in name}


@pytest.fixture
def app() -> FastAPI:
    """An application whose routes set cookies, and whose channels tell which ones came."""
    app, ipc_main = FastAPI(), IpcMain()
    ipc_main.mount(app)
    set_routes(app)
    set_channels(ipc_main)
    return app


# --- requests -------------------------------------------------------------------------------------------------------


async def test_a_request_returns_what_the_application_answers(app: FastAPI) -> None:
    browser = Browser(app)
    response = await browser.post("/login", json={"name": "ada"})
    assert (response.status, response.json(), response.text) == (200, {"hello": "ada"}, '{"hello":"ada"}')
    assert response.headers["content-type"] == "application/json"
    assert (await browser.post("/login", json={"name": "nobody"})).status == 401
    assert (await browser.get("/nothing")).status == 404


async def test_the_body_of_a_request_is_json_a_form_or_bytes(app: FastAPI) -> None:
    browser = Browser(app)

    async def echo(method: str = "POST", path: str = "/echo", **body: Any) -> list[str]:
        answer: list[str] = (await browser.request(method, path, **body)).json()
        return answer

    url = "http://testserver/echo"
    assert await echo() == ["POST", "", "", url]
    assert await echo(json=None) == ["POST", "application/json", "null", url]
    form = "application/x-www-form-urlencoded"
    assert await echo(data={"name": "ada", "q": "a&b"}) == ["POST", form, "name=ada&q=a%26b", url]
    assert await echo(content=b"x") == ["POST", "application/octet-stream", "x", url]
    assert await echo(content=b"x", headers={"Content-Type": "text/plain"}) == ["POST", "text/plain", "x", url]
    assert await echo("PUT", "/echo?page=2") == ["PUT", "", "", f"{url}?page=2"]
    with pytest.raises(TypeError, match="one of json=, data= and content="):
        await browser.post("/echo", json={}, data={})
    with pytest.raises(ValueError, match="begins with a slash, such as '/login'; got 'echo'"):
        await browser.get("echo")


async def test_a_redirect_is_returned_and_its_cookie_is_kept(app: FastAPI) -> None:
    @app.post("/enter")
    async def enter() -> RedirectResponse:
        redirect = RedirectResponse("/", 303)
        redirect.set_cookie("session", "ada")
        return redirect

    browser = Browser(app)
    response = await browser.post("/enter", data={"name": "ada"})
    assert (response.status, response.headers["location"]) == (303, "/")
    assert browser.cookies == {"session": "ada"}


async def test_background_tasks_have_ended_and_errors_of_the_application_are_raised(app: FastAPI) -> None:
    done: list[str] = []

    @app.post("/later")
    async def later(tasks: BackgroundTasks) -> None:
        tasks.add_task(done.append, "task")

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("the application's own")

    browser = Browser(app)
    await browser.post("/later")
    assert done == ["task"]
    with pytest.raises(ZeroDivisionError, match="the application's own"):
        await browser.get("/broken")


# --- cookies --------------------------------------------------------------------------------------------------------


async def test_a_cookie_that_a_route_sets_is_sent_by_requests_and_pages(app: FastAPI) -> None:
    async with Browser(app) as browser:
        await browser.post("/login", json={"name": "ada"})
        assert browser.cookies == {"session": "ada's"}
        assert (await browser.get("/cookies")).json() == {"session": "ada's"}
        async with browser.open() as page:
            assert await page.invoke("cookies") == {"session": "ada's"}
            assert await page.send_sync("sync") == [{"session": "ada's"}, None]
            async with page.open() as other, page.open_frame() as frame:
                assert await other.invoke("cookies") == await frame.invoke("cookies") == {"session": "ada's"}


async def test_a_page_sends_the_cookies_of_the_moment_when_it_connects(app: FastAPI) -> None:
    async with Browser(app) as browser, browser.open() as page:
        await browser.post("/login", json={"name": "ada"})
        assert await page.invoke("cookies") == {}
        assert await page.send_sync("sync") == [{"session": "ada's"}, None]
        await page.disconnect()
        await page.connect()
        assert await page.invoke("cookies") == {"session": "ada's"}


async def test_a_cookie_that_is_deleted_is_gone(app: FastAPI) -> None:
    browser = Browser(app, cookies={"session": "of the beginning", "theme": "dark"})
    assert (await browser.get("/cookies")).json() == {"session": "of the beginning", "theme": "dark"}
    await browser.post("/logout")
    assert (await browser.get("/cookies")).json() == browser.cookies == {"theme": "dark"}


@pytest.mark.parametrize(
    "again", ["session=; Max-Age=0; Path=/", "session=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"]
)
async def test_a_cookie_whose_time_is_over_is_gone(app: FastAPI, again: str) -> None:
    browser = Browser(app)
    await browser.get("/set?cookie=session=1; Max-Age=60; Path=/".replace(" ", "%20").replace(";", "%3B"))
    assert browser.cookies == {"session": "1"}
    await browser.get("/set?cookie=" + again.replace(" ", "%20").replace(";", "%3B"))
    assert browser.cookies == {}


async def test_a_cookie_is_sent_below_its_path_only(app: FastAPI) -> None:
    browser = Browser(app)
    await browser.get("/set?cookie=deep=1%3B%20Path=/deep")
    await browser.get("/set?cookie=all=1%3B%20Path=/")
    assert (await browser.get("/cookies")).json() == {"all": "1"}
    assert (await browser.get("/deep/cookies")).json() == {"all": "1", "deep": "1"}


async def test_a_secure_cookie_is_sent_on_https_only(app: FastAPI) -> None:
    for base_url, expected in [("http://testserver", {}), ("https://app.example", {"session": "1"})]:
        async with Browser(app, base_url=base_url) as browser, browser.open() as page:
            await browser.get("/set?cookie=session=1%3B%20Secure%3B%20Path=/")
            assert (await browser.get("/cookies")).json() == expected
            await page.disconnect()
            await page.connect()
            assert await page.invoke("cookies") == expected


async def test_the_last_value_of_a_cookie_counts(app: FastAPI) -> None:
    browser = Browser(app)
    for name in ("ada", "eve"):
        await browser.post("/login", json={"name": name})
    assert browser.cookies == {"session": "eve's"}


async def test_two_browsers_share_nothing(app: FastAPI) -> None:
    async with Browser(app) as ada, Browser(app) as eve:
        await ada.post("/login", json={"name": "ada"})
        await eve.post("/login", json={"name": "eve"})
        async with ada.open() as hers, eve.open() as others, Renderer(app, cookies={"session": "bob"}) as third:
            cookies = [(await page.invoke("cookies"))["session"] for page in (hers, others, third)]
    assert cookies == ["ada's", "eve's", "bob"]


async def test_cookies_of_a_header_are_those_of_the_beginning(app: FastAPI) -> None:
    async with Renderer(app, headers={"Cookie": "a=1; b=x=y; broken"}, cookies={"c": "3"}) as page:
        assert await page.invoke("cookies") == {"a": "1", "b": "x=y", "c": "3"}


# --- pages ----------------------------------------------------------------------------------------------------------


async def test_the_pages_of_a_browser_know_each_other_and_those_of_another_do_not(app: FastAPI) -> None:
    async with Browser(app) as browser, browser.open() as one, browser.open() as two:
        one.send_to(two.web_contents_id, "hello", 1)
        assert await two.received("hello") == [1]
        async with Browser(app).open() as stranger:
            stranger.send_to(one.web_contents_id, "hello", 2)
            await stranger.invoke("cookies")
            one.send_to(one.web_contents_id, "hello", 3)
            assert await one.received("hello") == [3]


async def test_the_browser_starts_the_application_once_and_stops_it() -> None:
    happened: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        happened.append("start")
        yield
        happened.append("stop")

    app, ipc_main = FastAPI(lifespan=lifespan), IpcMain()
    ipc_main.mount(app)
    ipc_main.handle("end", lambda event: happened.append("call"))
    async with Browser(app) as browser:
        async with browser.open() as page, browser.open():
            await page.invoke("end")
        happened.append("pages closed")
    assert happened == ["start", "call", "pages closed", "stop"]
    async with Browser(app).open() as page:
        await page.invoke("end")
    assert happened[4:] == ["start", "call", "stop"]


async def test_the_address_is_that_of_the_browser(app: FastAPI) -> None:
    async with Browser(app, base_url="https://app.example:8443").open() as page:
        url = "wss://app.example:8443/ipc/socket"
        assert await page.invoke("address") == [url, "https://app.example:8443", "app.example:8443"]
    with pytest.raises(ClosedError) as closed:
        await Browser(app, base_url="https://app.example", origin="https://evil.example").open().connect()
    assert closed.value.close_code == 4403
    for wrong in ("testserver", "ftp://testserver", "http://testserver/path", "http://", ""):
        with pytest.raises(ValueError, match="expected a base_url such as"):
            Browser(app, base_url=wrong)
        with pytest.raises(ValueError, match="expected a base_url such as"):
            Renderer(app, base_url=wrong)


# --- tokens ---------------------------------------------------------------------------------------------------------


async def test_a_token_is_what_the_application_finds_as_a_bearer_token(app: FastAPI) -> None:
    async with Renderer(app, token="abc.def-1~+/==") as page:
        assert await page.invoke("token") == "Bearer abc.def-1~+/=="
        page.token = "next"
        assert await page.invoke("token") == "Bearer abc.def-1~+/=="
        assert await page.send_sync("sync") == [{}, "Bearer next"]
        await page.disconnect()
        await page.connect()
        assert await page.invoke("token") == "Bearer next"
        page.token = None
        assert await page.send_sync("sync") == [{}, None]
        async with page.open() as other, page.open(token="other") as third, page.open_frame(token="frame") as frame:
            tokens = [await each.invoke("token") for each in (other, third, frame)]
    assert tokens == [None, "Bearer other", "Bearer frame"]


@pytest.mark.parametrize("wrong", ["", "secret b", "secret\nb", "secret ä", "=secret", "x" * 8_193])
async def test_what_is_no_token_is_refused_and_not_shown(app: FastAPI, wrong: str) -> None:
    longest = "x" * 8_192
    page = Renderer(app, token=longest)
    for use in (
        lambda: Renderer(app, token=wrong),
        lambda: Browser(app).open(token=wrong),
        lambda: setattr(page, "token", wrong),
    ):
        with pytest.raises(ValueError, match="expected a bearer token: letters, digits") as refused:
            use()
        assert "secret" not in str(refused.value)
        assert "xxx" not in str(refused.value)
    assert page.token == longest


# --- links ----------------------------------------------------------------------------------------------------------


class Gate:
    """Refuses pages as long as it is closed, with the code that a test sets."""

    def __init__(self) -> None:
        self.code: int | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket" and self.code is not None:
            await receive()
            await send({"type": "websocket.accept", "subprotocol": "webipc.v1"})
            await send({"type": "websocket.close", "code": self.code, "reason": "the gate is closed"})
            return
        await self.app(scope, receive, send)

    app: Any


async def test_after_a_refusal_a_page_connects_with_a_new_link(app: FastAPI) -> None:
    gate = Gate()
    gate.app = app
    async with Browser(app):
        page = Renderer(gate, prefix="/ipc")
        gate.code = 4401
        first = page._connection.page.link_id
        with pytest.raises(ClosedError) as closed:
            await page.connect()
        assert (closed.value.close_code, closed.value.reason) == (4401, "the gate is closed")
        assert await page.closed() == 4401
        gate.code = None
        await page.connect()
        assert page._connection.page.link_id != first
        assert await page.invoke("cookies") == {}
        await page.close()


async def test_after_it_was_closed_a_page_connects_with_a_new_link_in_its_tab(app: FastAPI) -> None:
    async with Browser(app) as browser, browser.open() as page:
        first, tab = page._connection.page.link_id, page.web_contents_id
        await page.close()
        assert not page.connected
        await page.connect()
        assert page._connection.page.link_id != first
        assert page.web_contents_id == tab
        assert await page.invoke("cookies") == {}


async def test_a_page_waits_for_the_close_code_of_the_server(app: FastAPI) -> None:
    async with Browser(app) as browser:
        page = browser.open()
        await page.connect()
        waiting = asyncio.ensure_future(page.closed())
        await page.invoke("cookies")
        assert not waiting.done()
        with pytest.raises(TimeoutError):
            await page.closed(within=0.01)
    assert await waiting == 1001
    assert await page.closed() == 1001
