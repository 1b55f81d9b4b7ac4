"""Sessions that end while a page sends, blocks or leaves, and two tabs of one browser, in real browsers."""

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from fastapi import HTTPException
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, evaluate, new_tab
from tests.browser.shared_browser import SharedSite, contents_of, heard, show_as, who
from tests.support.network import Relay, relay
from tests.support.serving import Live, wait_until
from webipc import IpcMainEvent, IpcMainInvokeEvent

SIZE = 4_000_000
UPLOAD = f"void (window.outcome = ipcRenderer.invoke('length', 'x'.repeat({SIZE})).catch(({{ reason }}) => reason))"
CLOSED = "until(() => connection.state === 'closed').then(() => [connection.code, connection.reason])"


class EndingSite(SharedSite):
    """An application in which the session of ada can end."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.lengths: list[int] = []
        self.ipc_main.handle("length", self._length)
        self.ipc_main.on("end-session", self._end_during)

    def end_session(self) -> None:
        """Let her cookie count no more. Nothing is told to anybody."""
        self.instead["ada"] = self._refuse

    def _refuse(self) -> NoReturn:
        raise HTTPException(401, "the session has ended")

    def _length(self, event: IpcMainInvokeEvent, text: str) -> int:
        self.lengths.append(len(text))
        return len(text)

    async def _end_during(self, event: IpcMainEvent) -> None:
        self.end_session()
        await self.ipc_main.reauthenticate(user=event.user.id)
        event.return_value = f"for {event.user.id}"


@pytest.fixture
def site() -> EndingSite:
    return EndingSite()


@pytest.fixture(autouse=True)
def nobody_afterwards(tab: WebDriver) -> Iterator[None]:
    """Log out: the next test has the same browser, and cookies do not tell ports apart."""
    yield
    tab.delete_all_cookies()


@pytest.fixture
def slow_network(server: Live) -> Iterator[Relay]:
    """A network on which an upload takes a while."""
    with relay(server.port, up_rate=2_000_000) as between:
        yield between


def received(site: EndingSite) -> int:
    """Return how many messages and parts have come on the only link."""
    (connection,) = site.hub._links
    return connection.link.received


@pytest.mark.parametrize("has_ended", [False, True])
def test_an_upload_that_is_asked_about_goes_on_as_long_as_the_session_holds(
    tab: WebDriver, slow_network: Relay, server: Live, site: EndingSite, *, has_ended: bool
) -> None:
    show_as(tab, slow_network.url, "ada")
    evaluate(tab, "ipcRenderer.invoke('me')")
    before = server.call(lambda: received(site))
    evaluate(tab, UPLOAD)
    wait_until(lambda: server.call(lambda: received(site)) > before, "a part of it has come")
    assert site.lengths == []
    if has_ended:
        site.end_session()
    server.run(site.ipc_main.reauthenticate(user="ada"))
    if has_ended:
        assert evaluate(tab, CLOSED) == [4401, "the session has ended"]
        assert evaluate(tab, "outcome") == "unauthorized"
        assert site.lengths == []
    else:
        assert evaluate(tab, "outcome") == SIZE
        assert (site.lengths, site.asked[-2:]) == ([SIZE], ["ada", "ada"])


def test_a_send_sync_during_which_the_session_ends_is_answered_and_the_next_one_is_not(
    tab: WebDriver, server: Live, site: EndingSite
) -> None:
    show_as(tab, server.url, "ada")
    # In one task: between two, its socket may tell the page that it is refused.
    with pytest.raises(PageError, match="unauthorized"):
        evaluate(tab, "(window.first = ipcRenderer.sendSync('end-session'), ipcRenderer.sendSync('ask', 'behind it'))")
    assert evaluate(tab, "window.first") == "for ada"
    assert evaluate(tab, CLOSED) == [4401, "the session has ended"]
    assert site.heard == []


def test_a_page_whose_session_has_ended_is_refused_when_it_resumes(
    tab: WebDriver, network: Relay, site: EndingSite
) -> None:
    show_as(tab, network.url, "ada")
    contents = contents_of(site, tab)
    network.down()
    evaluate(tab, "until(() => connection.state === 'resuming')")
    site.end_session()
    contents.send("say", "kept")
    evaluate(tab, "void ipcRenderer.send('say', 'not sent yet')")
    network.up()
    assert evaluate(tab, CLOSED) == [4401, "the session has ended"]
    assert (evaluate(tab, "heard"), site.heard) == ([], [])


def test_a_page_whose_session_has_ended_leaves_its_tab_empty(tab: WebDriver, server: Live, site: EndingSite) -> None:
    """Its beacons are asked about and not let in, and their `bye` is obeyed."""
    show_as(tab, server.url, "ada")
    contents = contents_of(site, tab)
    evaluate(tab, "void addEventListener('pagehide', () => ipcRenderer.send('say', 'goodbye'))")
    site.end_session()
    # Other than with a page that is left, a browser does not keep it for going back.
    tab.refresh()
    wait_until(lambda: contents.is_destroyed() or contents.main_frame is None, "its document is gone")
    # The socket may have brought it: that was let in before.
    assert site.heard in ([], [("ada", "ada", "goodbye")])


def test_of_two_tabs_the_one_that_logs_in_as_another_user_leaves_the_other_as_it_is_until_it_comes_again(
    tab: WebDriver, network: Relay, server: Live, site: EndingSite
) -> None:
    show_as(tab, network.url, "ada")
    first, contents = tab.current_window_handle, contents_of(site, tab)
    new_tab(tab)
    show_as(tab, server.url, "bob")
    second = tab.current_window_handle
    assert (who(tab), contents_of(site, tab) is contents) == ("bob", False)
    # The same browser, and not the same user: it is not reached.
    evaluate(tab, f"void ipcRenderer.sendTo({contents.id}, 'say', 'from bob')")
    for name in ("ada", "bob"):
        site.ipc_main.to(user=name).send("say", f"for {name}")
    assert heard(tab) == ["for bob"]
    tab.switch_to.window(first)
    assert (who(tab), heard(tab)) == ("ada", ["for ada"])
    network.cut()
    assert evaluate(tab, CLOSED) == [4401, "another-user"]
    tab.switch_to.window(second)
    assert (who(tab), heard(tab)) == ("bob", [])
