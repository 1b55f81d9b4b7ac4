"""Users who change in one real browser, with its cookies, directly and behind nginx: nothing that was kept, runs, is
open or was joined for one of them reaches the next.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, evaluate
from tests.browser.proxies import Proxy, nginx
from tests.browser.shared_browser import NOTES, Everything, SharedSite, contents_of, heard, log_in, show, show_as, who
from tests.support.network import Relay, relay
from tests.support.serving import Live, free_port, wait_until
from tools.install_proxies import ProxyMissingError

CLOSED = "until(() => connection.state === 'closed').then(() => [connection.code, connection.reason])"
OPEN = "connection.open(), until(() => connection.state === 'open')"
LAST_WORDS = "void addEventListener('pagehide', () => ipcRenderer.send('say', 'goodbye'))"
ANOTHER_USER = [4401, "another-user"]


@pytest.fixture
def site() -> SharedSite:
    return SharedSite()


@pytest.fixture
def everything(site: SharedSite, server: Live) -> Everything:
    return Everything(site, server)


@contextlib.contextmanager
def behind_nginx(folder: Path, server: Live) -> Iterator[int]:
    try:
        proxy = Proxy(nginx(folder, port := free_port(), server.port), port, folder / "nginx.log")
    except ProxyMissingError as missing:
        pytest.fail(f"{missing} (or: make browser)", pytrace=False)
    proxy.start()
    try:
        yield proxy.port
    finally:
        proxy.stop()


@pytest.fixture(params=["direct", "nginx"])
def network(request: pytest.FixtureRequest, tmp_path: Path, server: Live) -> Iterator[Relay]:
    """A network between the browser and the server, with or without a proxy in front of the server."""
    with contextlib.ExitStack() as stack:
        port = server.port
        if request.param == "nginx":
            port = stack.enter_context(behind_nginx(tmp_path, server))
        yield stack.enter_context(relay(port))


@pytest.fixture(autouse=True)
def nobody_afterwards(tab: WebDriver) -> Iterator[None]:
    """Log out: the next test has the same browser, and cookies do not tell ports apart."""
    yield
    tab.switch_to.default_content()
    tab.delete_all_cookies()


def lose(tab: WebDriver, network: Relay) -> None:
    network.down()
    evaluate(tab, "until(() => connection.state === 'resuming')")


def is_refused_then_opens(tab: WebDriver) -> None:
    assert evaluate(tab, CLOSED) == ANOTHER_USER
    assert evaluate(tab, "outcome") == "another-user"
    evaluate(tab, OPEN)


# --- the ways of the next user to the page of the first ---------------------------------------------------------------


def by_socket(tab: WebDriver, network: Relay, everything: Everything, site: SharedSite) -> None:
    contents = contents_of(site, tab)
    log_in(tab, "bob")
    lose(tab, network)
    contents.send("say", "kept")
    evaluate(tab, "void ipcRenderer.send('say', 'not sent yet')")
    network.up()
    is_refused_then_opens(tab)


def by_send_sync(tab: WebDriver, network: Relay, everything: Everything, site: SharedSite) -> None:
    log_in(tab, "bob")
    with pytest.raises(PageError, match="another-user"):
        evaluate(tab, "ipcRenderer.sendSync('ask', 'not sent yet')")
    is_refused_then_opens(tab)


def by_reload(tab: WebDriver, network: Relay, everything: Everything, site: SharedSite) -> None:
    log_in(tab, "bob")
    evaluate(tab, LAST_WORDS)
    evaluate(tab, "void (window.mark = 'the first document')")
    tab.refresh()
    wait_until(lambda: evaluate(tab, "window.mark") is None, "the next document is there")
    evaluate(tab, "window.opened")


def by_link(tab: WebDriver, network: Relay, everything: Everything, site: SharedSite) -> None:
    # Its last words are posted with the cookies from after the login.
    evaluate(tab, LAST_WORDS)
    show_as(tab, network.url, "bob")


def by_logout(tab: WebDriver, network: Relay, everything: Everything, site: SharedSite) -> None:
    evaluate(tab, LAST_WORDS)
    show(tab, f"{network.url}/as-nobody", at=f"{network.url}/frame.html")


def by_duplicate(tab: WebDriver, network: Relay, everything: Everything, site: SharedSite) -> None:
    log_in(tab, "bob")
    # As duplicating a tab, this copies the sessionStorage. Without a click it is a popup, which WebKit blocks.
    evaluate(tab, "void document.body.append(Object.assign(document.createElement('button'), { innerText: 'open' }))")
    evaluate(tab, "void document.body.addEventListener('click', () => window.open(location.href))")
    before = set(tab.window_handles)
    tab.find_element(By.TAG_NAME, "button").click()
    wait_until(lambda: set(tab.window_handles) - before, "the duplicate is there")
    tab.switch_to.window((set(tab.window_handles) - before).pop())
    wait_until(lambda: tab.current_url == f"{network.url}/frame.html?ada", "it shows the page")
    evaluate(tab, "window.opened")


WAYS: dict[str, Callable[[WebDriver, Relay, Everything, SharedSite], None]] = {
    "socket": by_socket,
    "sendSync": by_send_sync,
    "reload": by_reload,
    "link": by_link,
    "logout": by_logout,
    "duplicate": by_duplicate,
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_one_user_reaches_the_next(
    tab: WebDriver, network: Relay, site: SharedSite, everything: Everything, way: str
) -> None:
    show_as(tab, network.url, "ada")
    contents = everything.begin(tab)
    WAYS[way](tab, network, everything, site)
    second = None if way == "logout" else "bob"
    assert who(tab) == second
    assert contents_of(site, tab) is not contents
    everything.end(contents)
    assert heard(tab) == []
    assert who(tab) == second
    assert {ran for ran in everything.ran if ran[0] != "ada"} == set()
    # Last words may come by the socket, which is hers, and never with the cookies of the next user.
    assert set(site.heard) <= {("ada", "ada", "goodbye")}


def test_all_of_it_reaches_the_first_user_over_a_lost_socket(
    tab: WebDriver, network: Relay, site: SharedSite, everything: Everything
) -> None:
    """Also where the session has got another cookie meanwhile."""
    site.instead["rotated"] = lambda: site.user("ada")
    show_as(tab, network.url, "ada")
    contents = everything.begin(tab)
    log_in(tab, "rotated")
    lose(tab, network)
    contents.send("say", "kept")
    evaluate(tab, "void ipcRenderer.send('say', 'not sent yet')")
    everything.end(contents)
    network.up()
    assert evaluate(tab, "outcome") == "an answer"
    assert who(tab) == "ada"
    evaluate(tab, f"until(() => heard.length === {len(NOTES)})")
    assert set(heard(tab)) == NOTES
    assert site.heard == [("ada", "rotated", "not sent yet")]
    assert contents_of(site, tab) is contents


def test_a_page_from_the_back_forward_cache_gets_nothing_as_the_next_user(
    tab: WebDriver, engine: str, network: Relay, site: SharedSite, everything: Everything
) -> None:
    show_as(tab, network.url, "ada")
    contents = everything.begin(tab)
    evaluate(tab, "void (window.mark = 'the first document')")
    show_as(tab, network.url, "bob")
    assert contents_of(site, tab) is not contents
    everything.end(contents)
    assert heard(tab) == []
    tab.back()
    # Firefox caches no page with an open socket: it loads another document.
    is_restored = engine != "firefox"
    wait_until(lambda: evaluate(tab, "window.mark") == ("the first document" if is_restored else None), "it is back")
    if is_restored:
        assert evaluate(tab, CLOSED) == ANOTHER_USER
        assert evaluate(tab, "heard") == []
        evaluate(tab, OPEN)
    assert who(tab) == "bob"
    assert contents_of(site, tab) is not contents
    site.ipc_main.to(user="ada").send("say", "to the user")
    assert heard(tab) == []
