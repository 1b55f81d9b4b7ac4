"""A page in a hidden tab, whose timers the browser runs once a second: nothing is lost, and its link is kept.

The times of silence are shorter than what passes between two of its timers. A page that needs its timers to be taken
for alive, or to reconnect, would lose its socket again and again.
"""

from collections.abc import Iterator

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import browser, evaluate, new_tab
from tests.browser.site import Site, visit
from tests.support.network import Relay, relay
from tests.support.raw_sockets import connections_of
from tests.support.serving import live, wait_until
from webipc import Limits

# WebKitGTK's driver opens windows, behind which a page stays visible.
pytestmark = pytest.mark.engines("chromium", "firefox")

LIMITS = Limits(heartbeat_ms=100, silence_ms=800, probe_ms=500)
LATE = 800
"""A timer of 10 ms that comes after so many ms is throttled."""
TURNS = 4

# Each turn tells how late its timer was, and what had arrived by then.
TICK = """(() => {
  let before = performance.now()
  const tick = () => {
    const now = performance.now()
    ipcRenderer.send('say', [document.visibilityState, now - before - 10, arrived.length])
    before = now
    setTimeout(tick, 10)
  }
  setTimeout(tick, 10)
})()"""


@pytest.fixture(scope="module")
def tab(engine: str) -> Iterator[WebDriver]:
    """A browser that treats hidden tabs as it does for users."""
    with browser(engine, hides=True) as driver:
        yield driver


@pytest.fixture
def site() -> Site:
    return Site(limits=LIMITS)


@pytest.fixture
def network(site: Site) -> Iterator[Relay]:
    with live(site.app) as server, relay(server.port) as between:
        yield between


def late_turns(site: Site) -> list[int]:
    """Return what had arrived at each throttled turn of the hidden page."""
    return [arrived for state, late, arrived in site.said if state == "hidden" and late > LATE]


def wait_for_turns(site: Site, count: int) -> None:
    due = len(late_turns(site)) + count
    wait_until(lambda: len(late_turns(site)) >= due, f"{count} turns of the hidden page", 60)


def hide(tab: WebDriver, site: Site) -> None:
    """Show another tab in front of the page, and wait until the browser throttles the page."""
    evaluate(tab, TICK)
    new_tab(tab)
    wait_for_turns(site, 2)


def test_a_hidden_page_keeps_its_socket_and_gets_every_push_while_it_is_hidden(
    tab: WebDriver, network: Relay, site: Site
) -> None:
    identity = visit(tab, network.url)
    page = tab.current_window_handle
    hide(tab, site)
    (connection,) = connections_of(site.ipc_main)
    attempt = connection.link.attempt
    for number in range(TURNS):
        site.the_contents().send("count", number)
        wait_for_turns(site, 1)
    wait_until(lambda: late_turns(site)[-1] == TURNS, "the page has all of them and is hidden still")
    # Longer than the time of silence, without a push.
    wait_for_turns(site, 2)
    assert connections_of(site.ipc_main) == [connection]
    assert connection.link.attempt == attempt
    tab.close()
    tab.switch_to.window(page)
    assert tab.execute_script("return [connection.webContentsId, resets, arrived]") == [identity, [], [*range(TURNS)]]


def test_a_hidden_page_whose_network_is_cut_loses_nothing(tab: WebDriver, network: Relay, site: Site) -> None:
    visit(tab, network.url)
    page = tab.current_window_handle
    evaluate(tab, "void ipcRenderer.on('count', (event, number) => { ipcRenderer.send('number', number) })")
    hide(tab, site)
    (connection,) = connections_of(site.ipc_main)
    for number in range(TURNS):
        assert network.cut() > 0
        site.the_contents().send("count", number)
        wait_until(lambda number=number: site.numbers[-1:] == [number], "the push has come and is answered", 60)  # type: ignore[misc] # bound in the loop
    assert site.numbers == list(range(TURNS))
    assert connections_of(site.ipc_main) == [connection]
    assert {state for state, _, _ in site.said[-1:]} == {"hidden"}
    tab.close()
    tab.switch_to.window(page)
    assert tab.execute_script("return resets") == []
