"""A page that runs no script: what it has sent before arrives meanwhile, as in Electron, and it keeps its link.

A dialog, a long computation, a breakpoint, and a tab that the browser has frozen are the same to the server: frames are
not answered. Browsers answer pings; Chromium only while less than some 100 kB wait that the page has not read.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import pytest
from fastapi import Response
from selenium.webdriver.chromium.webdriver import ChromiumDriver
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.expected_conditions import alert_is_present
from selenium.webdriver.support.wait import WebDriverWait
from websockets.sync.client import connect

from tests.browser.browsers import evaluate
from tests.browser.site import Site, visit
from tests.support.raw_sockets import connections_of
from tests.support.serving import PATIENCE, Live, live, wait_until
from webipc import Limits

# In a timer, because a driver waits for the end of its own script.
ALERT = """
setTimeout(() => {
  ipcRenderer.send('say', 'before')
  alert('blocked')
  ipcRenderer.send('say', 'after')
})
"""

# A request per turn of the loop asks the server what it has; a page without one could not tell.
BUSY = """
(() => {
  ipcRenderer.send('say', 'before')
  for (let turn = 0; turn < 200; turn++) {
    const request = new XMLHttpRequest()
    request.open('GET', '/said', false)
    request.send()
    if (request.responseText === 'before') return turn
    for (const end = Date.now() + 10; Date.now() < end;);
  }
  return 'never'
})()
"""


def test_a_message_arrives_while_the_dialog_behind_it_is_open(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    tab.execute_script(ALERT)
    WebDriverWait(tab, PATIENCE).until(alert_is_present())
    wait_until(lambda: site.said == ["before"], "the message before the dialog")
    tab.switch_to.alert.accept()
    wait_until(lambda: site.said == ["before", "after"], "the message behind the dialog")


def test_a_message_arrives_while_the_script_that_has_sent_it_runs(tab: WebDriver, server: Live, site: Site) -> None:
    @site.app.get("/said")
    def said() -> Response:
        return Response(" ".join(map(str, site.said)))

    visit(tab, server.url)
    turns: Any = evaluate(tab, BUSY)
    assert isinstance(turns, int)


# --- a page that is blocked for longer than the time of silence -------------------------------------------------------

SILENCE = 1.2
LIMITS = Limits(heartbeat_ms=100, silence_ms=int(1000 * SILENCE), probe_ms=500, grace_ms=600, goodbye_ms=600)
LITTLE, MUCH = 10, 50_000
"""The sizes of 40 pushes: with the second one, Chromium answers no pings any more."""
PUSHES = 40

# When the server lets it begin, until the server says that it is over: neither is left to a clock.
COMPUTE = """void fetch('/begin').then(() => {
  for (let isOver = false; !isOver;) {
    const request = new XMLHttpRequest()
    request.open('GET', '/is-over', false)
    request.send()
    isOver = request.responseText === 'true'
    for (const end = Date.now() + 50; Date.now() < end;);
  }
})"""


class Computation:
    """What a page that computes asks the server."""

    def __init__(self) -> None:
        self.may_begin = threading.Event()
        self.has_begun = False
        self.is_over = False

    def begin(self) -> None:
        assert self.may_begin.wait(PATIENCE)

    def ask(self) -> bool:
        self.has_begun = True
        return self.is_over


@contextmanager
def dialog(tab: WebDriver, site: Site, script: str) -> Iterator[None]:
    """Open a dialog; accept it afterwards."""
    tab.execute_script(f"setTimeout(() => {script})")
    WebDriverWait(tab, PATIENCE).until(alert_is_present())
    yield
    tab.switch_to.alert.accept()


@contextmanager
def computation(tab: WebDriver, site: Site) -> Iterator[None]:
    """Let the page compute. The driver has its answer before: it would wait for the page."""
    computes = Computation()
    site.app.get("/begin")(computes.begin)
    site.app.get("/is-over")(computes.ask)
    tab.execute_script(COMPUTE)
    computes.may_begin.set()
    wait_until(lambda: computes.has_begun, "the page computes")
    yield
    computes.is_over = True


@contextmanager
def breakpoint_(tab: ChromiumDriver, site: Site) -> Iterator[None]:
    """Let a debugger hold the page. It has a connection of its own: the driver waits for a page that is held."""
    address = tab.capabilities["goog:chromeOptions"]["debuggerAddress"]
    with urlopen(f"http://{address}/json") as listed:
        (page,) = [each for each in json.load(listed) if each["url"] == tab.current_url]
    with connect(page["webSocketDebuggerUrl"]) as debugger:
        debugger.send(json.dumps({"id": 0, "method": "Debugger.enable"}))
        stop = {"expression": "setTimeout(() => { debugger })"}
        debugger.send(json.dumps({"id": 1, "method": "Runtime.evaluate", "params": stop}))
        while json.loads(debugger.recv(PATIENCE)).get("method") != "Debugger.paused":
            pass
        yield
        debugger.send(json.dumps({"id": 2, "method": "Debugger.resume"}))
        while json.loads(debugger.recv(PATIENCE)).get("id") != 2:
            pass


@contextmanager
def frozen(tab: ChromiumDriver, site: Site) -> Iterator[None]:
    """Freeze the page, as a browser does with tabs that are hidden for long."""
    tab.execute_cdp_cmd("Page.setWebLifecycleState", {"state": "frozen"})
    yield
    tab.execute_cdp_cmd("Page.setWebLifecycleState", {"state": "active"})


def keeps_its_link_and_gets_every_push(tab: WebDriver, blocked: Callable[[Site], Any], size: int) -> None:
    site = Site(limits=LIMITS)
    with live(site.app) as server:
        identity = visit(tab, server.url)
        (connection,) = connections_of(site.ipc_main)
        (contents,) = site.ipc_main.get_all_web_contents()
        with blocked(site):
            for number in range(PUSHES):
                contents.send("count", number, "x" * size)
                time.sleep(3 * SILENCE / PUSHES)
            assert connections_of(site.ipc_main) == [connection]
            assert connection.transport is not None
            # It has read none of them.
            assert connection.link.kept_count == PUSHES
        evaluate(tab, f"until(() => arrived.length >= {PUSHES})")
        assert tab.execute_script("return arrived") == list(range(PUSHES))
        assert tab.execute_script("return [connection.webContentsId, resets]") == [identity, []]
        assert connections_of(site.ipc_main) == [connection]


@pytest.mark.parametrize("script, size", [("alert('blocked')", MUCH), ("confirm('blocked')", LITTLE)])
def test_a_page_in_a_dialog_keeps_its_link_and_gets_every_push(tab: WebDriver, script: str, size: int) -> None:
    keeps_its_link_and_gets_every_push(tab, lambda site: dialog(tab, site, script), size)


def test_a_page_that_computes_keeps_its_link_and_gets_every_push(tab: WebDriver) -> None:
    keeps_its_link_and_gets_every_push(tab, lambda site: computation(tab, site), MUCH)


@pytest.mark.engines("chromium")
def test_a_page_at_a_breakpoint_keeps_its_link_and_gets_every_push(tab: ChromiumDriver) -> None:
    keeps_its_link_and_gets_every_push(tab, lambda site: breakpoint_(tab, site), MUCH)


@pytest.mark.engines("chromium")
@pytest.mark.parametrize("size", [LITTLE, MUCH])
def test_a_page_that_the_browser_has_frozen_keeps_its_link_and_gets_every_push(tab: ChromiumDriver, size: int) -> None:
    keeps_its_link_and_gets_every_push(tab, lambda site: frozen(tab, site), size)
