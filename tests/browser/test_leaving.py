"""Documents that leave, visible or hidden: their last messages arrive, and the tab keeps its identity.

The order of events at the end of a document differs by engine: js-client/src/page/lifecycle.ts has the table.
"""

from collections.abc import Callable

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import WEBKIT_NAME, evaluate
from tests.browser.site import Site, visit
from tests.support.serving import Live, live, wait_until
from webipc import Limits, WebContents

MANY = 3_000

GO = """void (async () => {
  await until(() => document.hidden)
  %s
})()"""


def hidden_visit(tab: WebDriver, url: str, then: str) -> int:
    """Load a page that runs a statement when it is hidden, and hide it. Return its web contents id."""
    if tab.name == WEBKIT_NAME:
        # This driver opens tabs in the background.
        tab.switch_to.new_window("tab")
    identity = visit(tab, url)
    # Registered after the client's own listener.
    evaluate(tab, "void addEventListener('pagehide', () => ipcRenderer.send('say', 'goodbye'))")
    evaluate(tab, GO % then)
    if tab.name != WEBKIT_NAME:
        tab.switch_to.new_window("tab")
    return identity


@pytest.mark.parametrize("way", ["location.href = 'other.html'", "location.reload()"])
def test_a_message_sent_in_pagehide_of_a_hidden_page_arrives(
    tab: WebDriver, server: Live, site: Site, way: str
) -> None:
    hidden_visit(tab, server.url, way)
    wait_until(lambda: site.said == ["goodbye"], "the last message arrives")


@pytest.mark.parametrize("way", ["location.href = 'other.html'", "location.reload()"])
def test_the_next_document_of_a_hidden_tab_has_the_same_identity(
    tab: WebDriver, server: Live, site: Site, way: str
) -> None:
    before = hidden_visit(tab, server.url, way)
    frame = site.the_contents().main_frame
    wait_until(lambda: site.the_contents().main_frame not in {frame, None}, "the next document is there")
    assert site.the_contents().id == before
    assert site.destroyed == []


def close(tab: WebDriver) -> None:
    tab.close()
    tab.switch_to.window(tab.window_handles[0])


def load(tab: WebDriver) -> None:
    tab.get("about:blank")


# A driver that closes a tab skips `beforeunload`, in Chromium and WebKit.
@pytest.mark.parametrize(
    "event, leave",
    [
        ("beforeunload", load),
        ("beforeunload", WebDriver.refresh),
        ("pagehide", load),
        ("pagehide", WebDriver.refresh),
        ("pagehide", close),
    ],
)
def test_the_last_message_of_a_visible_page_arrives(
    tab: WebDriver, server: Live, site: Site, event: str, leave: Callable[[WebDriver], None]
) -> None:
    visit(tab, server.url)
    evaluate(tab, f"void addEventListener('{event}', () => ipcRenderer.send('say', 'goodbye'))")
    leave(tab)
    wait_until(lambda: site.said == ["goodbye"], "the last message arrives")


def test_what_a_leaving_page_could_not_send_is_counted(tab: WebDriver, engine: str) -> None:
    site, lost = Site(limits=Limits(goodbye_ms=1_000)), []

    @site.ipc_main.web_contents_created
    def created(event: object, contents: WebContents) -> None:
        contents.on("ipc-messages-lost", lambda event, details: lost.append(details["count"]))

    with live(site.app) as server:
        visit(tab, server.url)
        script = f"for (let n = 0; n < {MANY}; n++) ipcRenderer.send('number', n, 'x'.repeat(100))"
        evaluate(tab, f"void addEventListener('pagehide', () => {{ {script} }})")
        tab.refresh()
        wait_until(lambda: len(site.numbers) + sum(lost) == MANY, "each message has arrived or is counted")
    # One beacon holds 400 of them.
    assert len(site.numbers) > {"chromium": 800, "firefox": MANY - 1, "webkit": 400}[engine]
    assert site.numbers == list(range(len(site.numbers)))


@pytest.mark.engines("firefox")
def test_going_back_to_a_page_outside_the_cache_reloads_it_with_the_same_identity(
    tab: WebDriver, server: Live, site: Site
) -> None:
    before = visit(tab, server.url)
    evaluate(tab, "void (window.mark = 'the same document')")
    tab.get("about:blank")
    wait_until(lambda: site.the_contents().main_frame is None, "the server has received the bye of the document")
    tab.back()
    assert evaluate(tab, "window.opened") == before
    assert evaluate(tab, "window.mark") is None
    assert site.destroyed == []
