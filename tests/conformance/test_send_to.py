"""`sendTo` of Electron 27's spec/api-ipc-renderer-spec.ts: from page to page, by the id of the web contents."""

from typing import Any, NamedTuple

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.browser.framed import Site
from tests.conformance.titles import electron
from tests.support.serving import wait_until
from webipc import WebContents, WebFrameMain

# Records every message on these channels, with the fields of its event.
LISTEN = """(() => {
  window.came = []
  for (const channel of ['ping', 'pong', 'ping-æøåü', 'pong-æøåü']) {
    ipcRenderer.on(channel, (event, ...args) => {
      const { senderId, senderIsMainFrame, ports } = event
      came.push([channel, senderId, senderIsMainFrame ?? 'absent', ports.length, ...args])
      if (channel.startsWith('ping')) event.sender.sendTo(senderId, channel.replace('ping', 'pong'), ...args)
    })
  }
})()"""


class Two(NamedTuple):
    """Two tabs of one browser, with the first in front."""

    tab: WebDriver
    first: WebContents
    second: WebContents
    handles: list[str]

    def show_first(self) -> None:
        self.tab.switch_to.window(self.handles[0])

    def show_second(self) -> None:
        self.tab.switch_to.window(self.handles[1])


@pytest.fixture
def two(tab: WebDriver, site: Site) -> Two:
    first = site.visit(tab, "frame-container.html", frames=2)
    evaluate(tab, LISTEN)
    handle = tab.current_window_handle
    tab.switch_to.new_window("tab")
    second = site.visit(tab, "frame.html")
    evaluate(tab, LISTEN)
    shown = Two(tab, first, second, [handle, tab.current_window_handle])
    shown.show_first()
    return shown


def came(tab: WebDriver, count: int = 1) -> Any:
    """Wait until the page has received this number of messages, and return them."""
    evaluate(tab, f"until(() => came.length === {count})")
    return evaluate(tab, "came")


@electron("ipcRenderer module › sendTo() › sends message to WebContents")
def test_sends_message_to_web_contents(tab: WebDriver, two: Two) -> None:
    _, first, second, _ = two
    evaluate(tab, f"ipcRenderer.sendTo({second.id}, 'ping', 'boom', new Map([[1, 2]]).size)")
    assert came(tab) == [["pong", second.id, True, 0, "boom", 1]]
    two.show_second()
    assert came(tab) == [["ping", first.id, True, 0, "boom", 1]]


@electron("ipcRenderer module › sendTo() › sends message from a child frame to WebContents")
def test_sends_message_from_a_child_frame(tab: WebDriver, two: Two) -> None:
    _, first, second, _ = two
    tab.switch_to.frame(0)
    evaluate(tab, LISTEN)
    evaluate(tab, f"ipcRenderer.sendTo({second.id}, 'ping', 'from below')")
    two.show_second()
    assert came(tab) == [["ping", first.id, False, 0, "from below"]]
    two.show_first()
    # The answer goes to the main frame: a child frame has no id for `sendTo`.
    assert came(tab) == [["pong", second.id, True, 0, "from below"]]
    tab.switch_to.frame(0)
    assert evaluate(tab, "came") == []


@electron("ipcRenderer module › sendTo() › sends message on channel with non-ASCII characters to WebContents")
def test_sends_message_on_channel_with_non_ascii_characters(tab: WebDriver, two: Two) -> None:
    _, first, second, _ = two
    evaluate(tab, f"ipcRenderer.sendTo({second.id}, 'ping-æøåü', 'æøåü')")
    assert came(tab) == [["pong-æøåü", second.id, True, 0, "æøåü"]]
    two.show_second()
    assert came(tab) == [["ping-æøåü", first.id, True, 0, "æøåü"]]


@electron("What main sends has the senderId 0, and an unknown id is dropped silently")
def test_main_has_the_sender_id_0_and_messages_to_an_unknown_id_are_dropped(tab: WebDriver, two: Two) -> None:
    _, first, second, _ = two
    for unknown in (0, -1, second.id + 1, 2**53 - 1):
        assert evaluate(tab, f"ipcRenderer.sendTo({unknown}, 'ping')") is None
    evaluate(tab, f"ipcRenderer.sendTo({second.id}, 'ping', 'known')")
    assert came(tab) == [["pong", second.id, True, 0, "known"]]
    first.send("pong", "main")
    assert came(tab, 2)[1] == ["pong", 0, "absent", 0, "main"]


def refuse(sender: WebFrameMain, target: WebContents) -> bool:
    return sender.parent is not None


@pytest.mark.parametrize("settings", [{"may_send_to": refuse}], ids=["policy"])
@electron("The application decides which web contents a frame may send to")
def test_may_send_to_decides_which_tabs_are_reached(tab: WebDriver, two: Two) -> None:
    second = two.second
    evaluate(tab, f"ipcRenderer.sendTo({second.id}, 'ping', 'from the main frame')")
    tab.switch_to.frame(0)
    evaluate(tab, f"ipcRenderer.sendTo({second.id}, 'ping', 'from a child')")
    two.show_second()
    assert [message[-1] for message in came(tab)] == ["from a child"]


@electron("Without a policy a frame reaches only the tabs of its own browser")
def test_the_tab_of_another_browser_is_not_reached(tab: WebDriver, site: Site, two: Two) -> None:
    _, first, second, _ = two
    # For the browser this is another host, which has not set a cookie yet.
    tab.get(f"{site.other_url}/frame.html")
    evaluate(tab, LISTEN)
    other = site.ipc_main.from_id(evaluate(tab, "window.opened"))
    assert other is not None
    assert first.principal == second.principal != other.principal
    evaluate(tab, f"ipcRenderer.sendTo({second.id}, 'ping', 'from elsewhere')")
    pongs = site.once("preload-pong")
    evaluate(tab, "ipcRenderer.send('preload-pong', 'behind it')")
    pongs.wait()
    two.show_second()
    second.send("pong", "main")
    wait_until(lambda: came(tab) == [["pong", 0, "absent", 0, "main"]], "nothing came before it")
