"""Sessions that live in their cookie alone, by Starlette's SessionMiddleware: how a logout ends them, who sees them."""

import asyncio

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from starlette.middleware.sessions import SessionMiddleware

from tests.support.connected import contents_of
from tests.support.logins import Stop, User
from tests.support.waiting import until
from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent
from webipc.testing import Browser, ClosedError, Renderer


class CookieLogins:
    """An application whose sessions live in their cookie alone, by Starlette's SessionMiddleware."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.app.add_middleware(SessionMiddleware, secret_key="of this test")
        self.ipc_main = IpcMain(authenticate=self.current_user)
        self.ipc_main.mount(self.app)
        self.app.post("/login/{name}")(self.login)
        self.app.post("/logout")(self.logout)
        # Stops what a logout does behind its response.
        self.behind = Stop()

    @staticmethod
    def current_user(request: Request) -> User:
        """Return the user of a session, as `authenticate`."""
        if "name" not in request.session:
            raise HTTPException(401, "not logged in")
        return User(request.session["name"])

    @staticmethod
    def login(request: Request, name: str) -> None:
        """Begin a session, as the route for a login."""
        request.session["name"] = name

    def logout(self, request: Request, tasks: BackgroundTasks) -> None:
        """End the session of one browser. Its pages are asked again when that has the response."""
        tasks.add_task(self._ask_again, self.current_user(request).id)
        request.session.clear()

    async def _ask_again(self, user: str) -> None:
        await self.behind.pass_by()
        await self.ipc_main.reauthenticate(user=user)


async def is_not_logged_in(page: Renderer) -> None:
    """Assert that a page is refused when it comes."""
    with pytest.raises(ClosedError) as refused:
        await page.connect()
    assert (refused.value.close_code, refused.value.reason) == (4401, "not logged in")


async def test_a_logout_behind_its_response_ends_the_pages_of_a_session_in_a_cookie_and_no_others() -> None:
    site = CookieLogins()
    async with Browser(site.app) as browser, Browser(site.app) as phone:
        page, kept = browser.open(), phone.open()
        await is_not_logged_in(page)
        for each in (browser, phone):
            await each.post("/login/ada")
        for opened in (page, kept):
            await opened.connect()
        contents = contents_of(site.ipc_main, kept)
        assert contents.user == contents_of(site.ipc_main, page).user == User("ada")
        await browser.post("/logout")
        await until(lambda: not page.connected and not kept.connected)
        contents.send("note", "kept meanwhile")
        await is_not_logged_in(page)
        await kept.connect()
        assert await kept.received("note") == ["kept meanwhile"]


async def test_until_it_is_asked_again_a_page_stays_whose_session_has_left_its_cookie() -> None:
    site = CookieLogins()
    async with Browser(site.app) as browser:
        await browser.post("/login/ada")
        page = browser.open()
        await page.connect()
        site.behind.set()
        logout = asyncio.create_task(browser.post("/logout"))
        await site.behind.reached()
        assert page.connected
        site.behind.clear()
        await logout
        await until(lambda: not page.connected)
        await is_not_logged_in(page)


@pytest.fixture
def renaming() -> CookieLogins:
    """Return an application whose channels `rename` and `rename-sync` write to the session, and return what it was."""
    site = CookieLogins()

    @site.ipc_main.handle("rename")
    def rename(event: IpcMainEvent | IpcMainInvokeEvent, name: str) -> str:
        before: str = event.connection.session["name"]
        event.connection.session["name"] = name
        return before

    @site.ipc_main.on("rename-sync")
    def rename_sync(event: IpcMainEvent, name: str) -> None:
        event.return_value = rename(event, name)

    return site


async def test_the_session_of_an_event_is_that_of_its_attach(renaming: CookieLogins) -> None:
    async with Browser(renaming.app) as browser:
        await browser.post("/login/ada")
        async with browser.open() as page:
            await browser.post("/login/bob")
            assert await page.invoke("rename", "eve") == "ada"
            await page.disconnect()
            with pytest.raises(ClosedError, match="another-user"):
                await page.connect()
            await page.connect()
            assert await page.invoke("rename", "eve") == "bob"


async def test_what_is_written_to_the_session_of_an_event_is_seen_by_no_other_message(renaming: CookieLogins) -> None:
    async with Browser(renaming.app) as browser:
        await browser.post("/login/ada")
        async with browser.open() as page:
            assert [await page.invoke("rename", "eve") for _ in range(2)] == ["ada", "ada"]


async def test_what_is_written_to_the_session_of_an_event_reaches_no_cookie(renaming: CookieLogins) -> None:
    async with Browser(renaming.app) as browser:
        await browser.post("/login/ada")
        async with browser.open() as page:
            assert [await page.send_sync("rename-sync", "eve") for _ in range(2)] == ["ada", "ada"]
            await page.disconnect()
            await page.connect()
            assert contents_of(renaming.ipc_main, page).user == User("ada")
