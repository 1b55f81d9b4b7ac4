"""Electron's spec/api-utility-process-spec.ts, its tests of messages.

A Web Worker replaces the child process: it runs in parallel to the page, and exchanges messages with the main process
through a port of a `MessageChannelMain`, as a child process does through its `parentPort`.
"""

from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, evaluate
from tests.browser.framed import Site
from tests.conformance.titles import electron
from tests.support.serving import wait_until
from webipc import MessageChannelMain, MessagePortMain, WebContents


@pytest.fixture
def page(tab: WebDriver, site: Site) -> WebContents:
    return site.visit(tab, "workers.html")


@pytest.fixture
def child(tab: WebDriver, site: Site, page: WebContents) -> WebContents:
    """The worker, which answers each message of its port with `['heard', …]`."""
    evaluate(tab, "void dedicated('child')")
    *_, (event, _) = site.ran.wait(2)
    contents: WebContents = event.sender
    return contents


class Channel:
    """The main process's end of a channel with a worker or a page."""

    def __init__(self, site: Site, contents: WebContents, *early: Any) -> None:
        self._site = site
        self.heard: list[Any] = []
        self.port: MessagePortMain = site.call(lambda: self._open(contents, early))

    def _open(self, contents: WebContents, early: tuple[Any, ...]) -> MessagePortMain:
        channel = MessageChannelMain()
        for message in early:
            channel.port1.post_message(message)
        channel.port1.on("message", lambda event: self.heard.append(event.data))
        channel.port1.start()
        contents.post_message("port", None, [channel.port2])
        return channel.port1

    def post(self, message: Any) -> None:
        self._site.call(lambda: self.port.post_message(message))

    def wait(self, count: int) -> list[Any]:
        wait_until(lambda: len(self.heard) >= count, f"{count} messages")
        return self.heard


@electron("utilityProcess module › postMessage() API › establishes a default ipc channel with the child process")
def test_a_port_is_a_channel_with_a_worker(site: Site, child: WebContents) -> None:
    channel = Channel(site, child)
    channel.post("I will be echoed.")
    assert channel.wait(1) == [["heard", "I will be echoed."]]


@electron("utilityProcess module › postMessage() API › supports queuing messages on the receiving end")
def test_messages_posted_before_the_worker_listens_are_delivered_in_order(site: Site, child: WebContents) -> None:
    channel = Channel(site, child, "This message", " is", " queued")
    assert channel.wait(3) == [["heard", "This message"], ["heard", " is"], ["heard", " queued"]]


@electron("utilityProcess module › postMessage() API › handles the parent port trying to send an non-clonable object")
def test_a_message_that_a_worker_cannot_send_throws_there_and_the_channel_keeps_working(
    tab: WebDriver, site: Site, child: WebContents
) -> None:
    channel = Channel(site, child)
    with pytest.raises(PageError, match="An object could not be cloned"):
        evaluate(tab, "asked('clone')")
    channel.post("still here")
    assert channel.wait(1) == [["heard", "still here"]]


@electron("utilityProcess module › behavior › can establish communication channel with sandboxed renderer")
def test_a_channel_of_main_connects_a_page_with_a_worker(
    tab: WebDriver, site: Site, page: WebContents, child: WebContents
) -> None:
    evaluate(
        tab,
        """void ipcRenderer.on('port', (event) => {
          window.port = event.ports[0]
          port.onmessage = ({ data }) => heard.push(data)
          port.postMessage('from the page')
        })""",
    )

    def connect() -> None:
        channel = MessageChannelMain()
        child.post_message("port", None, [channel.port1])
        page.post_message("port", None, [channel.port2])

    site.call(connect)
    evaluate(tab, "until(() => heard.length === 1)")
    assert evaluate(tab, "heard") == [["heard", "from the page"]]
