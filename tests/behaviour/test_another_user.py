"""Everything that is kept, runs, is open or was joined for one user never reaches the next one of the same page."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.applications import Application
from tests.support.connected import contents_of
from tests.support.users import Users
from tests.support.waiting import settled, until
from webipc import IpcMainEvent, MessageChannelMain, MessagePortMain, ResetError, WebContents
from webipc.core.frame import encode_body, encode_control
from webipc.testing import Browser, ClosedError, Renderer
from webipc.testing.connection import CONTENT_TYPE


@pytest.fixture
async def users() -> Users:
    return Users()


@pytest.fixture
async def browser(users: Users) -> AsyncIterator[Browser]:
    async with Browser(users.app) as opened:
        yield opened


class Everything:
    """All that the application has for one page of a user."""

    def __init__(self, users: Users, page: Renderer) -> None:
        self._users = users
        self._page = page
        self._go_on = asyncio.Event()
        self._ports: list[MessagePortMain] = []
        self.call: asyncio.Task[Any] | None = None
        # Who ran what.
        self.ran: list[tuple[str, str]] = []
        ipc_main = users.ipc_main
        ipc_main.handle("slow", self._slow)
        ipc_main.on("later", self._later)
        ipc_main.on("port", lambda event, message: self._ports.append(event.ports[0]))
        ipc_main.handle("join", lambda event: ipc_main.group("lab").add(event.sender))

    async def begin(self) -> WebContents:
        """Let a call and a listener run, a port be open, a group have the tab, and a push be kept."""
        page = self._page
        await page.invoke("join")
        page.post_message("port", None, [MessageChannelMain().port2])
        page.send("later")
        self.call = asyncio.create_task(page.invoke("slow"))
        await until(lambda: self._ports and len(self.ran) == 2)
        contents = contents_of(self._users.ipc_main, page)
        await page.disconnect()
        contents.send("note", "kept")
        return contents

    async def go_on(self, contents: WebContents, beside: Renderer) -> None:
        """Let it all reach the page, with pushes of each kind; `beside` is another tab of the same user."""
        ipc_main = self._users.ipc_main
        self._go_on.set()
        if not contents.is_destroyed():
            contents.send("note", "pushed")
        ipc_main.group("lab").send("note", "to the group")
        ipc_main.to(user="ada").send("note", "to the user")
        self._ports[0].post_message("through the port")
        beside.send_to(contents.id, "note", "from a tab")
        await until(lambda: len(self.ran) == 4)
        await settled()

    async def _slow(self, event: Any) -> str:
        self.ran.append((event.user.id, "begins"))
        await self._go_on.wait()
        self.ran.append((event.user.id, "ends"))
        if not event.sender.is_destroyed():
            event.sender.send("note", "by the sender")
        return "an answer"

    async def _later(self, event: Any) -> None:
        self.ran.append((event.user.id, "begins"))
        await self._go_on.wait()
        self.ran.append((event.user.id, "ends"))
        event.reply("note", "a reply")


async def is_refused(page: Renderer) -> None:
    """Assert that the page's link is over, for any user who comes."""
    with pytest.raises(ClosedError) as caught:
        await page.connect()
    assert (caught.value.close_code, caught.value.reason) == (4401, "another-user")


async def by_socket(users: Users, page: Renderer) -> Renderer:
    page.send("say", "bob's")
    await is_refused(page)
    await page.connect()
    return page


async def by_request(users: Users, page: Renderer) -> Renderer:
    with pytest.raises(ResetError) as caught:
        await page.send_sync("ask", "bob's")
    assert caught.value.reason == "another-user"
    await page.connect()
    return page


async def by_beacon(users: Users, page: Renderer) -> Renderer:
    page.send("say", "bob's")
    connection = page._connection
    link = connection.page
    hello = encode_control(link.link.received, "hello", link.hello(0, connection._claims()))
    answer = await connection.client.post("/ipc/beacon", CONTENT_TYPE, encode_body([hello, *link.link.backlog()]))
    assert (answer.status, answer.body) == (204, b"")
    await is_refused(page)
    await page.connect()
    return page


async def by_reload(users: Users, page: Renderer) -> Renderer:
    await page.reload()
    return page


async def by_a_duplicate(users: Users, page: Renderer) -> Renderer:
    other = page.open()
    other._connection.tab.token = page._connection.tab.token
    await other.connect()
    return other


WAYS: dict[str, Callable[[Users, Renderer], Awaitable[Renderer]]] = {
    "socket": by_socket,
    "request": by_request,
    "beacon": by_beacon,
    "reload": by_reload,
    "duplicate": by_a_duplicate,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("second", ["bob", None])
async def test_what_is_there_for_one_user_never_reaches_the_next(
    users: Users, browser: Browser, way: str, second: str | None
) -> None:
    created: list[Any] = []
    users.ipc_main.web_contents_created(lambda event, contents: created.append(contents.user and contents.user.id))
    await browser.post("/login/ada")
    async with browser.open() as beside, browser.open() as page:
        everything = Everything(users, page)
        contents = await everything.begin()
        await browser.post("/logout" if second is None else f"/login/{second}")
        notes: list[Any] = []
        newcomer = await WAYS[way](users, page)
        newcomer.on("note", lambda event, text: notes.append(text))
        assert await newcomer.invoke("me") == second
        await everything.go_on(contents, beside)
        assert await newcomer.invoke("me") == second
        assert (notes, newcomer._arrived.pop("note", [])) == ([], [])
        assert users.heard == [], "and what the next one has sent on the first one's link never runs"
        assert everything.ran == [("ada", "begins")] * 2 + [("ada", "ends")] * 2
        assert (newcomer.web_contents_id == contents.id, created) == (False, ["ada", "ada", second])
        assert everything.call is not None
        if way == "duplicate":
            everything.call.cancel()
            await newcomer.close()
        else:
            with pytest.raises(ResetError):
                await everything.call


async def test_the_next_user_has_pushes_of_his_own(users: Users, browser: Browser) -> None:
    await browser.post("/login/ada")
    async with browser.open() as page:
        await browser.post("/login/bob")
        await page.disconnect()
        await is_refused(page)
        await page.connect()
        users.ipc_main.to(user="bob").send("note", "bob's")
        assert await page.received("note") == ["bob's"]


async def test_the_same_user_gets_everything_though_the_cookie_has_changed(users: Users, browser: Browser) -> None:
    """A session whose id is replaced, as many frameworks do every few minutes."""
    users.instead["rotated"] = lambda: users.user("ada")
    await browser.post("/login/ada")
    async with browser.open() as page:
        contents = contents_of(users.ipc_main, page)
        await page.disconnect()
        contents.send("note", "kept")
        await browser.post("/login/rotated")
        await page.connect()
        assert await page.received("note") == ["kept"]
        page.send("say", "again")
        await until(lambda: users.heard)
        assert users.heard == [("ada", "rotated", "again")]
        await page.reload()
        assert page.web_contents_id == contents.id


async def test_an_iframe_follows_its_page_to_the_next_user(users: Users, browser: Browser) -> None:
    await browser.post("/login/ada")
    async with browser.open() as page, page.open_frame() as frame:
        assert frame.web_contents_id == page.web_contents_id
        await browser.post("/login/bob")
        await page.disconnect()
        await is_refused(page)
        assert await frame.closed() == 4401
        await page.connect()
        await frame.connect()
        assert await frame.invoke("me") == "bob"
        assert frame.web_contents_id == page.web_contents_id
        contents = contents_of(users.ipc_main, page)
        assert contents.main_frame is not None
        assert [child.user.id for child in contents.main_frame.frames] == ["bob"]


async def test_an_iframe_that_comes_as_another_user_is_a_tab_of_its_own(users: Users, browser: Browser) -> None:
    await browser.post("/login/ada")
    async with browser.open() as page:
        await browser.post("/login/bob")
        async with page.open_frame() as frame:
            assert frame.web_contents_id != page.web_contents_id
            contents = contents_of(users.ipc_main, page)
            assert contents.main_frame is not None
            assert (contents.main_frame.frames, contents.user.id) == ([], "ada")
            contents_of(users.ipc_main, frame).send("note", "bob's")
            assert await frame.received("note") == ["bob's"]


async def test_a_login_opens_a_new_link_and_nothing_from_before_runs_after_it(users: Users, browser: Browser) -> None:
    async with browser.open() as page:
        assert await page.invoke("me") is None
        await page.disconnect()
        page.send("say", "before the login")
        await browser.post("/login/ada")
        await is_refused(page)
        await page.connect()
        assert await page.invoke("me") == "ada"
    assert users.heard == []


async def test_the_token_of_a_page_is_shown_to_its_handlers_as_a_header(users: Users, browser: Browser) -> None:
    seen: list[Any] = []
    users.ipc_main.on("look", lambda event: seen.append(event.connection.headers.get("authorization")))

    @users.ipc_main.on("look-sync")
    def look(event: IpcMainEvent) -> None:
        event.return_value = event.connection.headers["authorization"]

    async with browser.open(token="first") as page:
        page.send("look")
        await until(lambda: seen)
        await page.disconnect()
        page.token = "second"
        assert await page.send_sync("look-sync") == "Bearer second"
        page.token = "third"
        await page.connect()
        page.send("look")
        await until(lambda: len(seen) == 2)
    assert seen == ["Bearer first", "Bearer third"]


class Person(BaseUser):
    """A user of Starlette's AuthenticationMiddleware."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def identity(self) -> str:
        return self._name


class ByCookie(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        name = conn.cookies.get("user")
        return None if name is None else (AuthCredentials(), Person(name))


async def test_users_of_starlettes_middleware_are_told_apart_without_a_setting() -> None:
    made = Application()
    made.app.add_middleware(AuthenticationMiddleware, backend=ByCookie())
    heard: list[Any] = []
    made.ipc_main.on("say", lambda event, text: heard.append((event.user.identity, event.connection.user, text)))
    made.ipc_main.handle("me", lambda event: event.user.is_authenticated and event.user.identity)
    async with Renderer(made.app) as page:
        assert await page.invoke("me") is False
        contents = made.the_contents()
        page._connection.client.keep_cookies([(b"set-cookie", b"user=ada")])
        await page.disconnect()
        page.send("say", "before the login")
        await is_refused(page)
        await page.connect()
        assert await page.invoke("me") == "ada"
        assert page.web_contents_id != contents.id
        page.send("say", "as ada")
        await until(lambda: heard)
        [(name, user, text)] = heard
        assert (name, user.identity, text) == ("ada", "ada", "as ada")
        await page.disconnect()
        await page.connect()
        assert await page.invoke("me") == "ada", "another object of the same user resumes"


async def test_nobodies_of_starlettes_middleware_are_one_identity() -> None:
    made = Application()
    made.app.add_middleware(AuthenticationMiddleware, backend=ByCookie())
    made.ipc_main.handle("me", lambda event: event.user.is_authenticated)
    async with Renderer(made.app) as page:
        await page.disconnect()
        await page.connect()
        assert await page.invoke("me") is False


async def test_what_a_middleware_has_put_into_the_scope_is_seen_by_handlers() -> None:
    made = Application()

    class Sessions:
        """As SessionMiddleware of Starlette, without a signature."""

        def __init__(self, app: ASGIApp) -> None:
            self._app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            scope["session"] = {"path": scope.get("path")}
            await self._app(scope, receive, send)

    made.app.add_middleware(Sessions)
    made.ipc_main.handle("path", lambda event: event.connection.session["path"])
    made.ipc_main.on("sync", lambda event: setattr(event, "return_value", event.connection.session["path"]))
    async with Renderer(made.app) as page:
        assert await page.invoke("path") == "/ipc/socket"
        await page.disconnect()
        assert await page.send_sync("sync") == "/ipc/sync"
