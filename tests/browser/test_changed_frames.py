"""Documents in iframes whose user is another one than that of the document around them, in real browsers: each tab and
all of its frames are of one user, whichever document comes first.
"""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.browser.browsers import evaluate
from tests.browser.framed import subtree
from tests.browser.shared_browser import SharedSite, contents_of, heard, log_in, show, show_as, who
from tests.support.network import Relay
from tests.support.serving import PATIENCE, Live, live, wait_until
from webipc import IpcMainEvent

# Of the main document: the driver may be in a frame.
ADD_FRAME = "void document.body.append(Object.assign(document.createElement('iframe'), { src: 'frame.html?below' }))"
FRAMES = "[frames[0], frames[0].frames[0]]"


@pytest.fixture
def site() -> SharedSite:
    return SharedSite()


@pytest.fixture(autouse=True)
def nobody_afterwards(tab: WebDriver) -> Iterator[None]:
    """Log out: the next test has the same browser, and cookies do not tell ports apart."""
    yield
    tab.switch_to.default_content()
    tab.delete_all_cookies()


def users_of(site: SharedSite) -> list[tuple[str, list[str]]]:
    """Return the user of each tab, with those of all its frames."""
    tabs = [contents for contents in site.ipc_main.get_all_web_contents() if contents.main_frame is not None]
    return sorted((contents.user.id, [frame.user.id for frame in subtree(contents)]) for contents in tabs)


def push(site: SharedSite) -> None:
    """Send to every frame that there is what is for its tab's user."""
    for contents in site.ipc_main.get_all_web_contents():
        for frame in subtree(contents):
            frame.send("say", f"for {contents.user.id}")


def test_an_iframe_that_loads_after_a_login_is_a_tab_of_its_own(tab: WebDriver, server: Live, site: SharedSite) -> None:
    show_as(tab, server.url, "ada")
    log_in(tab, "bob")
    evaluate(tab, ADD_FRAME)
    wait_until(lambda: users_of(site) == [("ada", ["ada"]), ("bob", ["bob"])], f"both are there: {users_of(site)}")
    push(site)
    assert heard(tab) == ["for ada"]
    tab.switch_to.frame(0)
    assert (heard(tab), who(tab)) == (["for bob"], "bob")
    tab.switch_to.default_content()
    # The document around it is of the first user until it attaches again.
    assert who(tab) == "ada"


class LoginInBetween:
    """Answers a synchronous request with the cookie of bob, and accepts no socket before that."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._answered = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", "user=bob; Path=/; HttpOnly")
            await send(message)

        if scope["type"] == "websocket":
            assert await asyncio.to_thread(self._answered.wait, PATIENCE)
        is_asking = scope["type"] == "http" and scope["path"] == "/ipc/sync"
        await self._app(scope, receive, send_with_cookie if is_asking else send)
        if is_asking:
            self._answered.set()


def test_iframes_whose_links_requests_have_made_are_refused_when_their_sockets_come_as_another_user(
    tab: WebDriver, site: SharedSite
) -> None:
    """An iframe that blocks first introduces those around it by requests of their own."""
    asked: list[Any] = []
    site.app.add_middleware(LoginInBetween)

    @site.ipc_main.on("who")
    def ask(event: IpcMainEvent, path: str) -> None:
        assert event.sender_frame is not None
        asked.append((event.user.id, event.sender_frame.parent is not None))
        event.sender.send("say", "for ada")
        event.return_value = event.sender.id

    with live(site.app) as server:
        tab.get(f"{server.url}/login")
        tab.add_cookie({"name": "user", "value": "ada"})
        tab.get(f"{server.url}/asking-container.html")
        wait_until(lambda: asked, "the iframe has asked")
        evaluate(tab, f"until(() => {FRAMES}.every(({{ connection }}) => connection.state === 'closed'))")
        assert evaluate(tab, f"{FRAMES}.map(({{ connection, heard }}) => [connection.code, heard])") == [[4401, []]] * 2
        # The handshake of the main document may be older than the login. Then it is still of the first user.
        evaluate(tab, "until(() => ['open', 'closed'].includes(connection.state))")
        evaluate(tab, f"[window, ...{FRAMES}].map(({{ connection }}) => connection.open())")
        evaluate(tab, f"until(() => [window, ...{FRAMES}].every(({{ connection }}) => connection.state === 'open'))")
        assert evaluate(tab, f"{FRAMES}.map(({{ heard }}) => heard)") == [[], []]
        assert who(tab) == "ada" or heard(tab) == []
        for name, frames in users_of(site):
            assert set(frames) == {name}
    assert asked == [("ada", True)]


@pytest.mark.parametrize("opened", ["window", "window, frames[0]"])
def test_an_iframe_follows_the_document_around_it_to_the_next_user(
    tab: WebDriver, network: Relay, site: SharedSite, opened: str
) -> None:
    show_as(tab, network.url, "ada")
    show(tab, f"{network.url}/frame-container.html")
    wait_until(lambda: ("ada", ["ada", "ada"]) in users_of(site), "both are there")
    contents = contents_of(site, tab)
    log_in(tab, "bob")
    network.down()
    evaluate(tab, "until(() => [window, frames[0]].every(({ connection }) => connection.state === 'resuming'))")
    push(site)
    network.up()
    closed = "[window, frames[0]].map(({ connection }) => [connection.state, connection.code])"
    evaluate(tab, "until(() => [window, frames[0]].every(({ connection }) => connection.state === 'closed'))")
    assert evaluate(tab, closed) == [["closed", 4401]] * 2
    evaluate(tab, f"[{opened}].map(({{ connection }}) => connection.open())")
    # The page that was shown first is still there: it is in the back/forward cache.
    wait_until(lambda: ("bob", ["bob", "bob"]) in users_of(site), "both are there")
    assert contents_of(site, tab) is not contents
    assert heard(tab) == []
    tab.switch_to.frame(0)
    assert heard(tab) == []
