"""An application with a login, tested as docs/testing.md says: sessions, refusals, bearer tokens, overrides."""

from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Cookie, Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel

from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent
from webipc.core.errors import ResetError
from webipc.testing import Browser, ClosedError, InvokeError, Renderer


class User(BaseModel):
    id: str


SESSIONS: dict[str, str] = {}


async def current_user(session: Annotated[str | None, Cookie()] = None) -> User:
    """The application's own dependency, for its routes as well."""
    if session is None or session not in SESSIONS:
        raise HTTPException(401, "log in")
    return User(id=SESSIONS[session])


class Site:
    """An application that lets in who has a session."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.ipc_main = IpcMain(authenticate=current_user)
        self.ipc_main.mount(self.app)
        self.app.post("/login")(self.login)
        self.app.post("/logout")(self.logout)
        self.ipc_main.handle("whoami", self.whoami)
        self.ipc_main.handle("dependency", self.dependency)
        self.ipc_main.on("whoami", self.answer)

    async def login(self, request: Request, response: Response) -> None:
        name = (await request.json())["name"]
        SESSIONS[f"session of {name}"] = name
        response.set_cookie("session", f"session of {name}", httponly=True)

    async def logout(
        self, response: Response, tasks: BackgroundTasks, user: Annotated[User, Depends(current_user)]
    ) -> None:
        SESSIONS.clear()
        response.delete_cookie("session")

    async def whoami(self, event: IpcMainInvokeEvent) -> str:
        return str(event.user.id)

    async def dependency(self, event: IpcMainInvokeEvent, user: Annotated[User, Depends(current_user)]) -> str:
        return user.id

    def answer(self, event: IpcMainEvent) -> None:
        event.return_value = event.user.id


@pytest.fixture
def site() -> Site:
    SESSIONS.clear()
    return Site()


async def test_a_page_is_let_in_after_a_login_and_not_before(site: Site) -> None:
    async with Browser(site.app) as browser:
        page = browser.open()
        refused = page._connection.page.link_id
        with pytest.raises(ClosedError) as closed:
            await page.connect()
        assert (closed.value.close_code, closed.value.reason) == (4401, "log in")
        assert not page.connected
        await browser.post("/login", json={"name": "ada"})
        await page.connect()
        assert page._connection.page.link_id != refused
        assert await page.invoke("whoami") == await page.invoke("dependency") == await page.send_sync("whoami") == "ada"
        await page.close()


async def test_two_people_are_two_browsers(site: Site) -> None:
    async with Browser(site.app) as ada, Browser(site.app) as bob:
        await ada.post("/login", json={"name": "ada"})
        await bob.post("/login", json={"name": "bob"})
        async with ada.open() as hers, bob.open() as his, hers.open_frame() as frame:
            assert [await page.invoke("whoami") for page in (hers, his, frame)] == ["ada", "bob", "ada"]


async def test_a_page_of_a_session_that_has_ended_is_refused_when_it_comes_back(site: Site) -> None:
    async with Browser(site.app) as browser:
        await browser.post("/login", json={"name": "ada"})
        async with browser.open() as page:
            link = page._connection.page.link_id
            assert (await browser.post("/logout")).status == 200
            assert await page.invoke("whoami") == "ada"
            await page.disconnect()
            with pytest.raises(ClosedError) as closed:
                await page.connect()
            assert closed.value.close_code == 4401
            with pytest.raises(ResetError):
                await page.send_sync("whoami")
            await browser.post("/login", json={"name": "ada"})
            await page.connect()
            assert page._connection.page.link_id != link
            assert await page.invoke("whoami") == "ada"


async def test_a_page_that_is_asked_again_resumes_when_the_test_connects_it(site: Site) -> None:
    SESSIONS["s"] = "ada"
    async with Renderer(site.app, cookies={"session": "s"}) as page:
        link = page._connection.page.link_id
        await site.ipc_main.reauthenticate(user="ada")
        assert await page.closed() == 4411
        assert not page.connected
        site.ipc_main.to(user="ada").send("note", "kept")
        await page.connect()
        assert page._connection.page.link_id == link
        assert await page.received("note") == ["kept"]


async def test_a_page_is_closed_with_4401_when_its_session_has_ended_before_it_is_asked_again(site: Site) -> None:
    SESSIONS["s"] = "ada"
    async with Renderer(site.app, cookies={"session": "s"}) as page:
        SESSIONS.clear()
        await site.ipc_main.reauthenticate(user="ada")
        with pytest.raises(ClosedError) as closed:
            await page.connect()
        assert closed.value.close_code == await page.closed() == 4401


async def test_another_user_in_the_same_browser_gets_a_new_link_and_a_new_tab(site: Site) -> None:
    async with Browser(site.app) as browser:
        await browser.post("/login", json={"name": "ada"})
        async with browser.open() as page:
            hers = page.web_contents_id
            await browser.post("/login", json={"name": "bob"})
            await page.disconnect()
            with pytest.raises(ClosedError) as closed:
                await page.connect()
            assert (closed.value.close_code, closed.value.reason) == (4401, "another-user")
            await page.connect()
            assert await page.invoke("whoami") == "bob"
            assert page.web_contents_id != hers


async def test_dependency_overrides_count_at_the_attach_and_in_handlers(site: Site) -> None:
    site.app.dependency_overrides[current_user] = lambda: User(id="eve")
    async with Renderer(site.app) as page:
        assert await page.invoke("whoami") == await page.invoke("dependency") == await page.send_sync("whoami") == "eve"
    site.app.dependency_overrides = {}
    with pytest.raises(ClosedError):
        await Renderer(site.app).connect()


async def test_cookies_and_headers_of_the_beginning_log_in_as_well(site: Site) -> None:
    SESSIONS["s"] = "ada"
    for page in (Renderer(site.app, cookies={"session": "s"}), Renderer(site.app, headers={"cookie": "session=s"})):
        async with page:
            assert await page.invoke("whoami") == "ada"


async def test_a_bearer_token_logs_in(site: Site) -> None:
    scheme = OAuth2PasswordBearer(tokenUrl="token")

    async def by_token(token: Annotated[str, Depends(scheme)]) -> User:
        if token != "right":
            raise HTTPException(401, "wrong token")
        return User(id="ada")

    app, ipc_main = FastAPI(), IpcMain(authenticate=by_token)
    ipc_main.mount(app)

    async def header(event: Any) -> Any:
        return event.connection.headers.get("authorization")

    def sync(event: IpcMainEvent) -> None:
        event.return_value = event.connection.headers.get("authorization")

    ipc_main.handle("header", header)
    ipc_main.on("header", sync)
    async with Browser(app) as browser:
        page = browser.open(token="wrong")
        with pytest.raises(ClosedError) as closed:
            await page.connect()
        assert (closed.value.close_code, closed.value.reason) == (4401, "wrong token")
        page.token = "right"
        await page.connect()
        assert await page.invoke("header") == await page.send_sync("header") == "Bearer right"
        frame = page.open_frame(token="right")
        await frame.connect()
        assert await frame.invoke("header") == "Bearer right"
        with pytest.raises(ClosedError):
            await page.open().connect()
        await page.close()


async def test_what_authorize_refuses_is_an_error_with_its_code(site: Site) -> None:
    app = FastAPI()
    ipc_main = IpcMain(authenticate=current_user, authorize=lambda event, channel: event.user.id == "ada")
    ipc_main.mount(app)
    ipc_main.handle("secret", lambda event: "for ada")
    SESSIONS["a"], SESSIONS["b"] = "ada", "bob"
    async with Renderer(app, cookies={"session": "a"}) as hers, Renderer(app, cookies={"session": "b"}) as his:
        assert await hers.invoke("secret") == "for ada"
        with pytest.raises(InvokeError) as refused:
            await his.invoke("secret")
        assert refused.value.code == "forbidden"


async def test_of_two_ends_of_an_application_the_one_that_was_mounted_first_is_the_default() -> None:
    app = FastAPI()
    for prefix, name in (("/staff", "ada"), ("/guests", "bob")):
        ipc_main = IpcMain(authenticate=lambda name=name: str(name))
        ipc_main.handle("me", lambda event: event.user)
        ipc_main.mount(app, prefix=prefix)
    async with Renderer(app) as staff, Renderer(app, prefix="/guests") as guest:
        assert [await staff.invoke("me"), await guest.invoke("me")] == ["ada", "bob"]
