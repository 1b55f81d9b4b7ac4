"""Groups and `to(user=...)` in real browsers, with real cookies: over reloads and lost sockets, for one user alone."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import Cookie, Response
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate, new_tab
from tests.browser.site import Site, visit
from tests.support.network import Relay
from tests.support.serving import Live
from webipc import IpcMainInvokeEvent


class User:
    """Who a cookie names."""

    def __init__(self, name: str) -> None:
        self.id = name


def current_user(user: Annotated[str | None, Cookie()] = None) -> User | None:
    return None if user is None else User(user)


class Sharing(Site):
    """The pages of these tests, with a group `room` and a route that logs in."""

    def __init__(self) -> None:
        super().__init__(authenticate=current_user)
        self.app.post("/login/{name}")(self.login)
        self.ipc_main.handle("join", self.join)
        self.room = self.ipc_main.group("room")

    async def login(self, name: str, response: Response) -> None:
        response.set_cookie("user", name, httponly=True)

    async def join(self, event: IpcMainInvokeEvent) -> str | None:
        self.room.add(event.sender)
        return None if event.user is None else str(event.user.id)


@pytest.fixture
def site() -> Sharing:
    return Sharing()


@pytest.fixture(autouse=True)
def nobody_afterwards(tab: WebDriver) -> Iterator[None]:
    """Log out: the next test has the same browser, and cookies do not tell ports apart."""
    yield
    tab.delete_all_cookies()


JOIN = "ipcRenderer.invoke('join')"
# After a call has come back, all that was sent before it has arrived.
HEARD = "ipcRenderer.invoke('echo', 0).then(() => arrived.splice(0))"


def log_in(tab: WebDriver, name: str) -> None:
    assert evaluate(tab, f"fetch('/login/{name}', {{ method: 'POST' }}).then(({{ ok }}) => ok)")


def join_as(tab: WebDriver, url: str, name: str) -> None:
    """Load the page as this user, and add its tab to the group."""
    visit(tab, url)
    log_in(tab, name)
    visit(tab, url)
    assert evaluate(tab, JOIN) == name


def lose_network(tab: WebDriver, network: Relay) -> None:
    network.down()
    evaluate(tab, "until(() => connection.state === 'resuming')")


def test_a_group_reaches_its_tabs_over_a_reload_and_no_other(tab: WebDriver, server: Live, site: Sharing) -> None:
    first = visit(tab, server.url)
    evaluate(tab, JOIN)
    window = tab.current_window_handle
    new_tab(tab)
    visit(tab, server.url)
    site.room.send("count", 1)
    assert evaluate(tab, HEARD) == []
    evaluate(tab, JOIN)
    site.room.send("count", 2, exclude=site.ipc_main.from_id(first))
    assert evaluate(tab, HEARD) == [2]
    tab.switch_to.window(window)
    assert evaluate(tab, HEARD) == [1]
    assert visit(tab, server.url) == first
    site.room.send("count", 3)
    assert evaluate(tab, HEARD) == [3]


def test_a_page_whose_network_has_failed_gets_what_its_group_and_its_user_got(
    tab: WebDriver, network: Relay, site: Sharing
) -> None:
    join_as(tab, network.url, "ada")
    lose_network(tab, network)
    site.room.send("count", 1)
    site.ipc_main.to(user="ada").send("count", 2)
    network.up()
    assert evaluate(tab, HEARD) == [1, 2]


def test_another_user_of_the_same_tab_gets_nothing_that_was_for_the_first(
    tab: WebDriver, network: Relay, site: Sharing
) -> None:
    join_as(tab, network.url, "ada")
    log_in(tab, "bob")
    lose_network(tab, network)
    site.room.send("count", 1)
    site.ipc_main.to(user="ada").send("count", 2)
    network.up()
    evaluate(tab, "until(() => connection.state === 'closed')")
    assert evaluate(tab, "[connection.code, arrived]") == [4401, []]
    evaluate(tab, "connection.open(), until(() => connection.state === 'open')")
    site.room.send("count", 3)
    site.ipc_main.to(user="ada").send("count", 4)
    site.ipc_main.to(user="bob").send("count", 5)
    assert evaluate(tab, HEARD) == [5]
    assert evaluate(tab, JOIN) == "bob"
    site.room.send("count", 6)
    assert evaluate(tab, HEARD) == [6]


def test_a_page_that_is_loaded_again_as_another_user_is_in_no_group(
    tab: WebDriver, server: Live, site: Sharing
) -> None:
    join_as(tab, server.url, "ada")
    log_in(tab, "bob")
    visit(tab, server.url)
    site.room.send("count", 1)
    site.ipc_main.to(user="ada").send("count", 2)
    site.ipc_main.to(user="bob").send("count", 3)
    assert evaluate(tab, HEARD) == [3]
