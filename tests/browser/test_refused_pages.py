"""Pages whose user is refused, and what they do about it: log in and `connection.open()`, with cookies, with a bearer
token, behind a proxy, with iframes, and without a reload.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Cookie, Header, HTTPException, Response
from fastapi.responses import HTMLResponse
from selenium.webdriver.remote.webdriver import WebDriver
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.browser.browsers import PageError, evaluate, new_tab
from tests.browser.site import Site
from tests.support.network import Relay, relay
from tests.support.serving import Live, live, wait_until
from webipc import IpcMainEvent, IpcMainInvokeEvent

PAGE = """<!doctype html><meta charset="utf-8">{meta}<title>webipc test page</title>
<script type="module" src="/page.js"></script>{body}"""
MANUAL = '<meta name="webipc-connect" content="manual">'
FRAME = '<iframe src="/index.html" name="frame"></iframe>'

WORKER = """
import { ipcRenderer } from '/ipc/client.js'
ipcRenderer.connection.token = 'worker.token'
ipcRenderer.invoke('who').then(postMessage, (error) => postMessage(String(error)))
"""


def current_user(
    user: Annotated[str | None, Cookie()] = None, authorization: Annotated[str | None, Header()] = None
) -> str:
    """Return who the cookie, else the bearer token, names."""
    name = user or (authorization or "").removeprefix("Bearer ")
    if not name:
        raise HTTPException(401, "please log in")
    return name


class Members(Site):
    """The pages of these tests, for users who have logged in."""

    def __init__(self) -> None:
        super().__init__(authenticate=current_user)
        self.app.post("/login/{name}")(self.login)
        self.app.post("/logout")(self.logout)
        self.app.get("/framing.html")(lambda: HTMLResponse(PAGE.format(meta="", body=FRAME)))
        self.app.get("/manual.html")(lambda: HTMLResponse(PAGE.format(meta=MANUAL, body="")))
        self.app.get("/manual-framing.html")(lambda: HTMLResponse(PAGE.format(meta=MANUAL, body=FRAME)))
        self.app.get("/token-worker.js")(lambda: Response(WORKER, media_type="text/javascript"))
        self.ipc_main.handle("who", self.who)
        self.ipc_main.on("who", self.tell)
        # Each message `n`, with the user for whom it ran.
        self.heard: list[tuple[str, int]] = []
        self.ipc_main.on("n", lambda event, number: self.heard.append((event.user, number)))

    async def login(self, name: str, response: Response) -> None:
        response.set_cookie("user", name, httponly=True)

    async def logout(self, response: Response) -> None:
        response.delete_cookie("user")

    async def who(self, event: IpcMainInvokeEvent) -> str:
        return str(event.user)

    def tell(self, event: IpcMainEvent) -> None:
        event.return_value = event.user


@pytest.fixture
def site() -> Members:
    return Members()


@pytest.fixture(autouse=True)
def nobody_afterwards(tab: WebDriver) -> Iterator[None]:
    """Log out: the next test has the same browser, and cookies do not tell ports apart."""
    yield
    tab.delete_all_cookies()


CLOSED = "until(() => connection.state === 'closed').then(() => [connection.code, connection.reason])"
OPEN = "until(() => connection.state === 'open').then(() => connection.webContentsId)"
WHO = "ipcRenderer.invoke('who')"


def log_in(tab: WebDriver, name: str) -> None:
    assert evaluate(tab, f"fetch('/login/{name}', {{ method: 'POST' }}).then(({{ ok }}) => ok)")


def open_again(tab: WebDriver) -> None:
    evaluate(tab, "void connection.open()")


def test_a_refused_page_opens_after_a_login_without_a_reload(tab: WebDriver, server: Live, site: Members) -> None:
    tab.get(f"{server.url}/manual.html")
    evaluate(tab, "void (window.loaded = 'once', ipcRenderer.send('n', 1), connection.open())")
    assert evaluate(tab, CLOSED) == [4401, "please log in"]
    with pytest.raises(PageError, match=r"UnauthorizedError.*please log in.*connection\.open\(\)"):
        evaluate(tab, WHO)
    with pytest.raises(PageError, match="UnauthorizedError"):
        evaluate(tab, "(async () => ipcRenderer.sendSync('who'))()")
    log_in(tab, "ada")
    open_again(tab)
    evaluate(tab, "void ipcRenderer.send('n', 2)")
    assert evaluate(tab, WHO) == "ada"
    assert evaluate(tab, "ipcRenderer.sendSync('who')") == "ada"
    assert evaluate(tab, "[loaded, states.join(' ')]") == ["once", "closed connecting open"]
    assert site.heard == [("ada", 2)], "what was said before the login does not run after it"


def test_a_page_refused_again_and_again_makes_one_connection_for_each_open(tab: WebDriver, server: Live) -> None:
    tab.get(server.url)
    for _ in range(3):
        assert evaluate(tab, CLOSED) == [4401, "please log in"]
        open_again(tab)
    assert evaluate(tab, CLOSED) == [4401, "please log in"]
    assert evaluate(tab, "states.join(' ')") == " connecting ".join(["closed"] * 4)


def test_another_user_in_a_second_tab_closes_the_first(
    tab: WebDriver, server: Live, network: Relay, site: Members
) -> None:
    tab.get(f"{network.url}/index.html")
    log_in(tab, "ada")
    evaluate(tab, CLOSED)
    open_again(tab)
    first_id = evaluate(tab, OPEN)
    first = tab.current_window_handle
    new_tab(tab)
    tab.get(f"{network.url}/index.html")
    log_in(tab, "bob")
    tab.switch_to.window(first)
    evaluate(tab, "void (window.lost = ipcRenderer.invoke('wait', 'x').catch(({ reason, code }) => [reason, code]))")
    wait_until(lambda: site.waits == 1, "the call runs")
    network.cut()
    assert evaluate(tab, CLOSED) == [4401, "another-user"]
    assert evaluate(tab, "lost") == ["another-user", "unknown-outcome"]
    open_again(tab)
    assert evaluate(tab, WHO) == "bob"
    assert evaluate(tab, "connection.webContentsId") != first_id
    site.go_on.set()


def test_send_sync_as_another_user_closes_the_page(tab: WebDriver, server: Live) -> None:
    tab.get(server.url)
    log_in(tab, "ada")
    evaluate(tab, CLOSED)
    open_again(tab)
    evaluate(tab, OPEN)
    log_in(tab, "bob")
    with pytest.raises(PageError, match=r"ResetError.*another-user"):
        evaluate(tab, "(async () => ipcRenderer.sendSync('who'))()")
    assert evaluate(tab, CLOSED) == [4401, "another-user"]
    open_again(tab)
    assert evaluate(tab, WHO) == "bob"


def test_asked_again_the_page_resumes_and_after_a_logout_it_is_closed(
    tab: WebDriver, server: Live, site: Members
) -> None:
    tab.get(f"{server.url}/framing.html")
    log_in(tab, "ada")
    evaluate(tab, CLOSED)
    open_again(tab)
    evaluate(tab, OPEN)
    evaluate(tab, "void (states.length = 0, window.answer = ipcRenderer.invoke('wait', 'mine'))")
    wait_until(lambda: site.waits == 1, "the call runs")
    reauthenticate(server, site, "ada")
    evaluate(tab, "until(() => states.includes('resuming') && connection.state === 'open')")
    site.go_on.set()
    assert evaluate(tab, "answer") == "mine"
    assert evaluate(tab, "resets.length") == 0
    evaluate(tab, "fetch('/logout', { method: 'POST' }).then(({ ok }) => ok)")
    reauthenticate(server, site, "ada")
    assert evaluate(tab, CLOSED) == [4401, "please log in"]


def reauthenticate(server: Live, site: Members, user: str) -> None:
    """Ask every page of this user who it is."""
    server.run(site.ipc_main.reauthenticate(user=user))


def test_a_page_that_connects_by_hand_sends_nothing_before(tab: WebDriver, server: Live, site: Members) -> None:
    tab.get(f"{server.url}/manual.html")
    evaluate(tab, "void (ipcRenderer.send('n', 1), window.answer = ipcRenderer.invoke('who'))")
    with pytest.raises(PageError, match=r"connection\.open\(\) first"):
        evaluate(tab, "(async () => ipcRenderer.sendSync('who'))()")
    requested = "performance.getEntriesByType('resource').filter(({ name }) => /sync|beacon|socket/.test(name)).length"
    assert evaluate(tab, f"[connection.state, states.length, {requested}]") == ["connecting", 0, 0]
    evaluate(tab, "void (connection.token = 'ada.token', connection.open())")
    assert evaluate(tab, "answer") == "ada.token"
    assert site.heard == [("ada.token", 1)]
    assert evaluate(tab, "ipcRenderer.sendSync('who')") == "ada.token"
    assert (
        evaluate(tab, "performance.getEntriesByType('resource').filter(({ name }) => /token/.test(name)).length") == 0
    )


def test_a_worker_sets_its_token_in_the_script_that_imports_the_client(tab: WebDriver, server: Live) -> None:
    tab.get(server.url)
    asked = """new Promise((resolve) => {
      const worker = new Worker('/token-worker.js', { type: 'module' })
      worker.onmessage = ({ data }) => resolve(data)
    })"""
    assert evaluate(tab, asked) == "worker.token"


def test_the_frames_of_a_refused_page_follow_it(tab: WebDriver, server: Live, site: Members) -> None:
    tab.get(f"{server.url}/framing.html")
    assert evaluate(tab, CLOSED) == [4401, "please log in"]
    evaluate(tab, "until(() => frames[0].connection?.state === 'closed')")
    log_in(tab, "ada")
    open_again(tab)
    evaluate(tab, "until(() => frames[0].connection.state === 'open')")
    assert evaluate(tab, "frames[0].states.join(' ')") == "closed connecting open"
    assert evaluate(tab, "connection.webContentsId === frames[0].connection.webContentsId")
    frame = site.the_contents().main_frame
    assert frame is not None
    assert [child.name for child in frame.frames] == ["frame"]


def test_a_frame_waits_for_a_page_that_connects_by_hand(tab: WebDriver, server: Live, site: Members) -> None:
    tab.get(f"{server.url}/manual-framing.html")
    log_in(tab, "ada")
    evaluate(tab, "until(() => frames[0].ipcRenderer !== undefined)")
    evaluate(tab, "void (window.answer = frames[0].ipcRenderer.invoke('who'))")
    assert evaluate(tab, "frames[0].connection.state") == "connecting"
    assert site.ipc_main.get_all_web_contents() == []
    open_again(tab)
    assert evaluate(tab, "answer") == "ada"
    assert evaluate(tab, "connection.webContentsId === frames[0].connection.webContentsId")


def test_a_refused_page_that_the_browser_shows_again_can_be_opened(tab: WebDriver, server: Live) -> None:
    tab.get(server.url)
    assert evaluate(tab, CLOSED) == [4401, "please log in"]
    tab.get(f"{server.url}/other.html")
    tab.back()
    assert evaluate(tab, CLOSED) == [4401, "please log in"]
    log_in(tab, "ada")
    open_again(tab)
    assert evaluate(tab, WHO) == "ada"


class LoginProxy:
    """Stands in front of a server. While it is armed it refuses every request to `/ipc`, as a proxy without a login."""

    def __init__(self, app: ASGIApp, state: dict[str, Any]) -> None:
        """`state` has `status`, with which it answers; None lets everything through."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = self._state["status"]
        if status is None or not scope.get("path", "").startswith("/ipc"):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        else:
            self._state["asked"] += 1
            headers = {"Location": "http://login.invalid/"} if status == 302 else {}
            await Response(status_code=status, headers=headers)(scope, receive, send)


@pytest.mark.parametrize("status", [302, 401])
def test_a_proxy_that_wants_a_login_is_a_refusal(tab: WebDriver, site: Members, status: int) -> None:
    state: dict[str, Any] = {"status": None, "asked": 0}
    site.app.add_middleware(LoginProxy, state=state)
    with live(site.app) as server, relay(server.port) as network:
        tab.get(f"{network.url}/manual.html")
        evaluate(tab, "void (connection.token = 'ada', connection.open())")
        evaluate(tab, OPEN)
        state["status"] = status
        network.cut()
        assert evaluate(tab, CLOSED) == [4401, "a proxy wants a login"]
        assert state["asked"] == 1
        state["status"] = None
        open_again(tab)
        assert evaluate(tab, WHO) == "ada"
        tab.get("about:blank")
