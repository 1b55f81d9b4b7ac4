"""Ports in a real browser: real MessagePorts to Python, and through Python to another page."""

import asyncio
import contextlib
import gc
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import LISTEN, PageError, evaluate
from tests.browser.site import PAGES
from tests.browser.site import visit as visit_page
from tests.support.applications import Application
from tests.support.network import Relay, relay
from tests.support.serving import Live, live, wait_until
from webipc import (
    IpcMainEvent,
    IpcMainInvokeEvent,
    JSMap,
    Limits,
    MessageChannelMain,
    MessageEvent,
    MessagePortMain,
)
from webipc.ports.ends import End

HOOKS = """(() => {
  window.heard = []
  window.closes = 0
  window.listen = (port) => {
    window.port = port
    port.onmessage = (event) => { heard.push(event.data); window.lastEvent = event }
    port.addEventListener('close', () => { window.closes += 1 })
  }
  ipcRenderer.on('port', (event, message) => { window.message = message; listen(event.ports[0]) })
})()"""


class Site(Application):
    """An application that receives ports and sends some."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(pages=PAGES, **settings)
        self.ports: list[MessagePortMain] = []
        self.messages: list[Any] = []
        self.heard: list[Any] = []
        self.closes = 0
        self.ipc_main.on("port", self._port)
        self.ipc_main.on("forward", self._forward)
        self.ipc_main.handle("pause", self._pause)

    def _port(self, event: IpcMainEvent, message: Any) -> None:
        self.messages.append(message)
        for port in event.ports:
            self.listen(port)

    async def _pause(self, event: IpcMainInvokeEvent) -> None:
        await asyncio.sleep(0.005)

    def listen(self, port: MessagePortMain) -> None:
        self.ports.append(port)
        port.on("message", lambda event: self.heard.append(event.data))
        port.on("close", self._closed)
        port.start()

    def give(self, channel: str) -> None:
        """Send a port to the page, and listen to its other end."""
        ports = MessageChannelMain()
        self.the_contents().post_message(channel, None, [ports.port2])
        self.listen(ports.port1)

    def _closed(self) -> None:
        self.closes += 1

    def _forward(self, event: IpcMainEvent, message: Any) -> None:
        others = [contents for contents in self.ipc_main.get_all_web_contents() if contents is not event.sender]
        others[0].post_message("port", message, event.ports)


@pytest.fixture
def site() -> Site:
    return Site()


def visit(tab: WebDriver, url: str) -> None:
    """Load a page that listens to every port it receives."""
    visit_page(tab, url)
    evaluate(tab, HOOKS)


def test_a_page_and_python_exchange_messages_through_a_port(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    script = """(() => {
      const { port1, port2 } = new MessageChannel()
      listen(port1)
      port1.postMessage('said before it was sent')
      ipcRenderer.postMessage('port', { hello: 1 }, [port2])
      port1.postMessage({ map: new Map([[1, new Uint8Array([1, 2])]]) })
    })()"""
    evaluate(tab, script)
    wait_until(lambda: len(site.heard) == 2, "both arrive")
    assert site.messages == [{"hello": 1}]
    assert site.heard == ["said before it was sent", {"map": JSMap([(1, b"\x01\x02")])}]
    site.ports[0].post_message({"answer": [1, 2.5]})
    evaluate(tab, "until(() => heard.length === 1)")
    assert evaluate(tab, "heard") == [{"answer": [1, 2.5]}]


TOO_MUCH = {
    "deep": ("Array(600).fill().reduce((inner) => [inner], 0)", "depth"),
    "large": ("'x'.repeat(3000)", "message_bytes"),
}
"""Values that no message may have here, and the limit that each exceeds."""


@pytest.fixture(params=list(TOO_MUCH.values()), ids=list(TOO_MUCH))
def too_much(request: pytest.FixtureRequest) -> tuple[str, str]:
    value, limit = request.param
    return value, limit


def test_what_a_port_of_the_page_itself_cannot_carry_is_null_with_a_line_in_the_console_and_the_port_stays(
    tab: WebDriver, too_much: tuple[str, str]
) -> None:
    value, limit = too_much
    site = Site(limits=Limits(message_bytes=2000))
    with live(site.app) as server:
        visit(tab, server.url)
        evaluate(tab, LISTEN)
        evaluate(
            tab,
            f"""(() => {{
              const {{ port1, port2 }} = new MessageChannel()
              listen(port1)
              ipcRenderer.postMessage('port', null, [port2])
              port1.postMessage({value})
              port1.postMessage('next')
            }})()""",
        )
        wait_until(lambda: len(site.heard) == 2, "both arrive")
        assert site.heard == [None, "next"]
        assert [line for line in evaluate(tab, LISTEN) if f"{limit}: at most" in line] != []
        site.ports[0].post_message("still open")
        evaluate(tab, "until(() => heard.length === 1)")
        assert site.closes == 0


def test_what_a_port_that_the_page_was_given_cannot_carry_throws_at_the_call_and_the_port_stays(
    tab: WebDriver, too_much: tuple[str, str]
) -> None:
    value, limit = too_much
    site = Site(limits=Limits(message_bytes=2000))
    with live(site.app) as server:
        visit(tab, server.url)
        server.call(lambda: site.give("port"))
        evaluate(tab, "until(() => window.port)")
        with pytest.raises(PageError, match=f"LimitError: {limit}: at most"):
            evaluate(tab, f"(async () => {{ port.postMessage({value}) }})()")
        with pytest.raises(PageError, match="DataCloneError"):
            evaluate(tab, "(async () => { port.postMessage(() => 0) })()")
        evaluate(tab, "(() => { port.postMessage('next') })()")
        wait_until(lambda: site.heard, "the next one arrives")
        assert site.heard == ["next"]
        assert site.closes == 0


def test_a_port_created_by_another_frame_can_be_transferred(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    script = """(() => {
      const frame = document.createElement('iframe')
      document.body.append(frame)
      const { port1, port2 } = new frame.contentWindow.MessageChannel()
      listen(port1)
      ipcRenderer.postMessage('port', 'of a frame', [port2])
      port1.postMessage('there')
      const error = (value) => {
        try { ipcRenderer.postMessage('port', 0, [value]) } catch ({ message }) { return message }
      }
      return [new frame.contentWindow.ArrayBuffer(1), { [Symbol.toStringTag]: 'MessagePort' }].map(error)
    })()"""
    assert evaluate(tab, script) == ["Invalid value for transfer"] * 2
    wait_until(lambda: site.heard == ["there"], "its message arrives")
    site.ports[0].post_message("and back")
    evaluate(tab, "until(() => heard.length === 1)")
    assert (evaluate(tab, "heard"), site.messages) == (["and back"], ["of a frame"])


def test_a_port_that_was_transferred_cannot_be_used(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    script = """(() => {
      const { port1, port2 } = new MessageChannel()
      ipcRenderer.postMessage('port', 1, [port2])
      port2.postMessage('into nothing')
      port1.postMessage('real')
      const error = (action) => { try { action() } catch ({ name, message }) { return `${name}: ${message}` } }
      return [
        error(() => ipcRenderer.postMessage('port', 2, [port2])),
        error(() => ipcRenderer.postMessage('port', 2, [port1, port1])),
        error(() => ipcRenderer.postMessage('port', 2, [new ArrayBuffer(1)])),
        error(() => ipcRenderer.postMessage('port', 2, null)),
        error(() => ipcRenderer.postMessage('port', port1, [port1])),
        error(() => ipcRenderer.postMessage('port', () => 1, [port1])),
        error(() => ipcRenderer.postMessage(5)),
      ]
    })()"""
    refused = "TypeError: Invalid value for transfer"
    *errors, clone_port, clone_function, channel = evaluate(tab, script)
    assert errors == [refused] * 4
    assert "An object could not be cloned. message: " in clone_port
    assert "An object could not be cloned. message: a function" in clone_function
    assert channel == "TypeError: Error processing argument at index 0, conversion failure from 5"
    wait_until(lambda: site.heard, "the message of the other end arrives")
    assert (site.heard, site.messages) == (["real"], [1])


def test_python_sends_a_port_to_a_page(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)

    def give() -> MessagePortMain:
        channel = MessageChannelMain()
        channel.port1.post_message("said before it was sent")
        site.the_contents().post_message("port", {"n": 1}, [channel.port2])
        site.listen(channel.port1)
        return channel.port1

    port = server.call(give)
    evaluate(tab, "until(() => heard.length === 1)")
    assert evaluate(tab, "[message, heard, port instanceof MessagePort]") == [
        {"n": 1},
        ["said before it was sent"],
        True,
    ]
    evaluate(tab, "port.postMessage(new Date(5))")
    wait_until(lambda: site.heard, "the page answers")
    assert site.heard[0].timestamp() == 0.005
    port.post_message("last words")
    port.close()
    evaluate(tab, "until(() => window.closes === 1)")
    assert evaluate(tab, "heard") == ["said before it was sent", "last words"]


def test_a_port_that_the_page_closes_emits_close_after_its_last_message(
    tab: WebDriver, server: Live, site: Site
) -> None:
    visit(tab, server.url)

    server.call(lambda: site.give("port"))
    evaluate(tab, "until(() => window.port !== undefined)")
    evaluate(tab, "(() => { for (let i = 0; i < 10; i++) port.postMessage(i); port.close() })()")
    wait_until(lambda: site.closes == 1, "Python receives the close")
    assert site.heard == list(range(10))


def test_ports_can_be_sent_through_ports(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    inner: list[MessagePortMain] = []
    site.ipc_main.on("outer", lambda event, _: nest(event.ports[0]))

    def nest(port: MessagePortMain) -> None:
        @port.on("message")
        def came(event: MessageEvent) -> None:
            inner.extend(event.ports)
            site.listen(event.ports[0])

        port.start()
        site.ports.append(port)

    script = """(() => {
      const outer = new MessageChannel()
      const { port1, port2 } = new MessageChannel()
      port1.postMessage('matryoshka')
      outer.port2.postMessage('see', [port2])
      ipcRenderer.postMessage('outer', null, [outer.port1])
      window.held = [outer, port1]
      listen(port1)
    })()"""
    evaluate(tab, script)
    wait_until(lambda: site.heard, "the inner message arrives")
    assert site.heard == ["matryoshka"]
    inner[0].post_message("back")
    evaluate(tab, "until(() => heard.length === 1)")
    assert evaluate(tab, "heard") == ["back"]


def test_a_port_is_forwarded_from_page_to_page_without_decoding(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    first = tab.current_window_handle
    tab.switch_to.new_window("tab")
    second = tab.current_window_handle
    visit(tab, server.url)
    tab.switch_to.window(first)
    script = """(() => {
      const { port1, port2 } = new MessageChannel()
      listen(port1)
      port1.postMessage('early')
      ipcRenderer.postMessage('forward', 'for you', [port2])
      const value = { when: new Date(7), bytes: new Uint8Array([1, 2, 3]) }
      value.self = value
      port1.postMessage(value)
    })()"""
    evaluate(tab, script)
    tab.switch_to.window(second)
    evaluate(tab, "until(() => heard.length === 2)")
    script = """(() => {
      const [, { when, bytes, self }] = heard
      return [message, heard[0], when.getTime(), [...bytes], self === heard[1]]
    })()"""
    assert evaluate(tab, script) == ["for you", "early", 7, [1, 2, 3], True]
    evaluate(tab, "port.postMessage('back')")
    tab.switch_to.window(first)
    evaluate(tab, "until(() => heard.length === 1)")
    assert evaluate(tab, "heard") == ["back"]
    tab.switch_to.window(second)
    evaluate(tab, "connection.close()")


def test_the_other_end_closes_when_the_page_has_gone(tab: WebDriver) -> None:
    site = Site(limits=Limits(grace_ms=200))
    with live(site.app) as server:
        visit(tab, server.url)
        script = "const c = new MessageChannel(); window.c = c; ipcRenderer.postMessage('port', 1, [c.port2])"
        evaluate(tab, f"(() => {{ {script} }})()")
        wait_until(lambda: site.ports, "the port is there")
        tab.get("about:blank")
        wait_until(lambda: site.closes == 1, "Python receives the close after the page has gone")


def test_a_port_posted_to_a_window_keeps_working_and_ends_with_the_page(tab: WebDriver) -> None:
    # This is how a preload script passes a port to the page's own scripts.
    hand_on = """(() => {
      ipcRenderer.on('hand on', ({ ports }) => { window.postMessage('port', '*', ports) })
      addEventListener('message', ({ data, ports }) => { if (data === 'port') listen(ports[0]) })
    })()"""
    site = Site(limits=Limits(grace_ms=200))
    with live(site.app) as server:
        visit(tab, server.url)
        evaluate(tab, hand_on)
        site.give("hand on")
        site.ports[0].post_message("to the page")
        evaluate(tab, "until(() => heard.length === 1)")
        evaluate(tab, "port.postMessage('to Python')")
        wait_until(lambda: site.heard == ["to Python"], "it arrives")
        site.ports[0].post_message("again")
        evaluate(tab, "until(() => heard.length === 2)")
        assert site.closes == 0
        tab.get("about:blank")
        wait_until(lambda: site.closes == 1, "Python receives the close after the page has gone")


def test_a_port_sent_to_a_channel_without_listeners_is_closed(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    give_back = "ipcRenderer.on('back', (event) => listen(event.ports[0]))"
    evaluate(tab, f"void {give_back}")

    server.call(lambda: site.give("back"))
    evaluate(tab, "until(() => window.port !== undefined)")
    # No listener receives it, so it is collected and its other end emits `close`.
    evaluate(tab, "ipcRenderer.postMessage('no listener here', null, [port])")

    def collected() -> bool:
        gc.collect()
        return site.closes == 1

    wait_until(collected, "the other end is closed")


def test_a_message_that_python_cannot_decode_arrives_as_none(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    script = """(() => {
      const { port1, port2 } = new MessageChannel()
      listen(port1)
      ipcRenderer.postMessage('port', 1, [port2])
      port1.postMessage(new Blob(['x']))
      port1.postMessage('next')
    })()"""
    evaluate(tab, script)
    wait_until(lambda: len(site.heard) == 2, "both arrive")
    assert site.heard == [None, "next"]


# No timer: browsers run the timers of a hidden tab once a second.
TALK = """(async () => {
  for (let index = 0; index < 10000; index++) {
    port.postMessage(index)
    if (index % 100 === 0) await ipcRenderer.invoke('pause')
  }
})()"""


@contextlib.contextmanager
def cut_at_random(*networks: Relay) -> Iterator[None]:
    """Cut connections repeatedly until the block ends."""
    stop = threading.Event()

    def cut() -> None:
        while not stop.wait(random.uniform(0.02, 0.15)):
            random.choice(networks).cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        yield
    finally:
        stop.set()
        cutter.join()


def wait_for_numbers(tab: WebDriver, count: int) -> None:
    end = time.monotonic() + 120
    while evaluate(tab, "heard.length") < count:
        assert time.monotonic() < end, evaluate(tab, "[heard.length, connection.state]")


# Some seconds of a processor, which a machine that is busy gives in minutes.
@pytest.mark.timeout(300)
def test_ten_thousand_messages_each_way_through_a_relayed_port_while_both_sockets_are_cut(
    tab: WebDriver, server: Live, site: Site, network: Relay
) -> None:
    with relay(server.port) as other:
        visit(tab, network.url)
        first = tab.current_window_handle
        tab.switch_to.new_window("tab")
        second = tab.current_window_handle
        visit(tab, other.url)
        with cut_at_random(network, other):
            tab.switch_to.window(first)
            forward = "listen(c.port1); ipcRenderer.postMessage('forward', 'go', [c.port2])"
            evaluate(tab, f"(() => {{ const c = new MessageChannel(); {forward} }})()")
            evaluate(tab, f"void {TALK}")
            tab.switch_to.window(second)
            evaluate(tab, "until(() => window.port !== undefined)")
            evaluate(tab, f"void {TALK}")
            wait_for_numbers(tab, 10000)
            tab.switch_to.window(first)
            wait_for_numbers(tab, 10000)
        for handle in (second, first):
            tab.switch_to.window(handle)
            assert evaluate(tab, "heard.every((value, index) => value === index)")
            assert evaluate(tab, "[heard.length, resets]") == [10000, []]


def test_a_thousand_ports_opened_and_closed_leave_nothing_in_memory(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    gc.collect()
    # Objects of earlier tests, whose fixtures are still referenced.
    known = {id(each) for each in gc.get_objects() if isinstance(each, End)}
    site.ipc_main.on("close it", lambda event, _: event.ports[0].close())
    script = """(async () => {
      for (let index = 0; index < 1000; index++) {
        const { port1, port2 } = new MessageChannel()
        ipcRenderer.postMessage('close it', null, [port2])
        port1.close()
      }
      await ipcRenderer.invoke('unhandled').catch(() => undefined)
    })()"""
    evaluate(tab, script)
    (connection,) = site.ipc_main._provider.hub._links  # type: ignore[union-attr] # a private field

    def collected() -> bool:
        gc.collect()
        ends = [each for each in gc.get_objects() if isinstance(each, End) and id(each) not in known]
        return not ends and len(connection.ports) == 0

    wait_until(collected, "the server has forgotten them")
    assert evaluate(tab, "connection.ports.size") == 0


def test_a_wrong_call_is_an_error_of_its_own(tab: WebDriver, server: Live) -> None:
    visit(tab, server.url)
    with pytest.raises(PageError, match="Invalid value for transfer"):
        evaluate(tab, "ipcRenderer.postMessage('port', 1, 'ports')")
