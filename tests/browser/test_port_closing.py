"""When a port of a page gets `close`: after its last message, and not before it was started.

In real browsers, because they run microtasks after every listener, and Node does not.
"""

import json

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate, new_tab
from tests.browser.site import Site, visit
from tests.support.serving import Live, wait_until
from webipc import MessageChannelMain, MessagePortMain, WebContents
from webipc.core.errors import CloseCode

HOOKS = """(async () => {
  // By an element, because Firefox runs this script itself in a sandbox, whose globals would be patched instead.
  if (%s) await new Promise((loaded) => {
    const script = document.createElement('script')
    document.head.append(Object.assign(script, { src: '/ipc/electron.global.js', onload: loaded }))
  })
  window.heard = []
  window.native = 'onclose' in MessagePort.prototype
  window.note = (word) => { heard.push(word) }
  ipcRenderer.on('port', ({ ports: [port] }) => { window.port = port })
})()"""


@pytest.fixture(params=[False, True], ids=["client", "electron"])
def page(tab: WebDriver, server: Live, request: pytest.FixtureRequest) -> WebDriver:
    visit(tab, server.url)
    evaluate(tab, HOOKS % json.dumps(request.param))
    return tab


def given(page: WebDriver, server: Live, site: Site) -> MessagePortMain:
    """Send a port to the page. Return its other end."""

    def give() -> MessagePortMain:
        channel = MessageChannelMain()
        site.the_contents().post_message("port", None, [channel.port2])
        return channel.port1

    port = server.call(give)
    evaluate(page, "until(() => window.port !== undefined)")
    return port


def say_and_close(server: Live, port: MessagePortMain, count: int) -> None:
    def run() -> None:
        for number in range(count):
            port.post_message(number)
        port.close()

    server.call(run)


@pytest.mark.parametrize("way", ["onmessage", "listeners"])
def test_close_comes_after_the_last_message(page: WebDriver, server: Live, site: Site, way: str) -> None:
    port = given(page, server, site)
    evaluate(
        page,
        {
            "onmessage": """(() => {
              port.addEventListener('close', () => note('close'))
              port.onmessage = ({ data }) => note(data)
            })()""",
            "listeners": """(() => {
              port.addEventListener('message', () => { queueMicrotask(() => undefined) })
              port.addEventListener('message', ({ data }) => note(data))
              port.onclose = () => note('close')
              port.start()
            })()""",
        }[way],
    )
    say_and_close(server, port, 3)
    evaluate(page, "until(() => heard.includes('close'))")
    assert evaluate(page, "heard") == [0, 1, 2, "close"]


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("way", ["port.onmessage = ({ data }) => note(data)", "port.start()"])
def test_a_close_waits_until_the_port_is_started(
    page: WebDriver, server: Live, site: Site, way: str, count: int
) -> None:
    port = given(page, server, site)
    say_and_close(server, port, count)
    # Sent behind the close.
    evaluate(page, "ipcRenderer.invoke('echo', 1)")
    evaluate(page, "new Promise((done) => setTimeout(done, 20))")
    evaluate(page, "(() => { port.onclose = () => note('close') })()")
    assert evaluate(page, "heard") == []
    evaluate(page, f"(() => {{ port.addEventListener('message', () => note('message')); {way} }})()")
    evaluate(page, "until(() => heard.includes('close'))")
    heard = evaluate(page, "heard")
    assert heard[-1] == "close"
    assert heard.count("message") == count
    assert heard.count("close") == 1


def test_a_port_that_the_page_closes_gets_no_close_itself(page: WebDriver, server: Live, site: Site) -> None:
    port = given(page, server, site)
    closes: list[str] = []
    port.on("close", lambda: closes.append("close"))
    server.call(port.start)
    evaluate(
        page,
        """(() => {
          port.onmessage = ({ data }) => note(data)
          port.onclose = () => note('close')
          port.addEventListener('close', () => note('close'))
          port.close()
          port.close()
        })()""",
    )
    wait_until(lambda: closes == ["close"], "Python receives the close")
    evaluate(page, "ipcRenderer.invoke('echo', 1)")
    evaluate(page, "new Promise((done) => setTimeout(done, 20))")
    assert evaluate(page, "heard") == []
    assert closes == ["close"]


def contents_of(site: Site, identity: int) -> WebContents:
    (contents,) = [each for each in site.ipc_main.get_all_web_contents() if each.id == identity]
    return contents


def reset(site: Site, contents: WebContents) -> None:
    """End the link of a page as the server does when it keeps too much for it."""
    hub = site.ipc_main._provider.hub
    assert hub is not None
    for connection in hub._links:
        if connection.document.tab.id == contents.id:
            connection.reset("overflow", CloseCode.OVERFLOW)


@pytest.mark.parametrize("is_far", [True, False], ids=["the-other-page", "this-page"])
def test_a_port_that_is_relayed_to_another_page_gets_close_when_either_link_is_reset(
    page: WebDriver, server: Live, site: Site, is_far: bool
) -> None:
    here = contents_of(site, evaluate(page, "window.opened"))
    first = page.current_window_handle
    new_tab(page)
    there = contents_of(site, visit(page, server.url))
    evaluate(
        page,
        """void ipcRenderer.on('port', ({ ports: [port] }) => {
          window.heard = []
          port.addEventListener('close', () => heard.push('close'))
          port.onmessage = ({ data }) => heard.push(data)
          port.postMessage('from there')
        })""",
    )

    def relay() -> None:
        channel = MessageChannelMain()
        here.post_message("port", None, [channel.port1])
        there.post_message("port", None, [channel.port2])

    server.call(relay)
    second = page.current_window_handle
    page.switch_to.window(first)
    evaluate(page, "until(() => window.port !== undefined)")
    evaluate(
        page,
        """void (() => {
          port.onclose = () => note('close')
          port.onmessage = ({ data }) => note(data)
          port.postMessage('from here')
        })()""",
    )
    evaluate(page, "until(() => heard.includes('from there'))")
    server.call(lambda: reset(site, there if is_far else here))
    evaluate(page, "until(() => heard.includes('close'))")
    # It is closed: nothing that is posted now comes back, and there is no second event.
    evaluate(page, "void port.postMessage('too late')")
    evaluate(page, "ipcRenderer.invoke('echo', 1)")
    assert evaluate(page, "heard") == ["from there", "close"]
    page.switch_to.window(second)
    evaluate(page, "until(() => heard.includes('close'))")
    assert evaluate(page, "heard") == ["from here", "close"]


def test_a_port_that_the_page_gives_back_closes_for_python_when_its_new_owner_is_reset(
    page: WebDriver, server: Live, site: Site
) -> None:
    here = evaluate(page, "window.opened")
    first = page.current_window_handle
    python_end = given(page, server, site)
    closes: list[str] = []
    python_end.on("close", lambda: closes.append("close"))
    server.call(python_end.start)
    new_tab(page)
    there = contents_of(site, visit(page, server.url))
    evaluate(page, "void ipcRenderer.on('port', ({ ports: [port] }) => { window.port = port; port.start() })")
    second = page.current_window_handle
    site.ipc_main.on("relay", lambda event, message: there.post_message("port", None, list(event.ports)))
    page.switch_to.window(first)
    assert contents_of(site, here).id != there.id
    evaluate(page, "void ipcRenderer.postMessage('relay', null, [port])")
    page.switch_to.window(second)
    evaluate(page, "until(() => window.port !== undefined)")
    server.call(lambda: reset(site, there))
    wait_until(lambda: closes == ["close"], "Python receives the close through both pages")
