"""When a port of a page gets `close`: after its last message, and not before it was started.

In real browsers, because they run microtasks after every listener, and Node does not.
"""

import json

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.browser.site import Site, visit
from tests.support.serving import Live, wait_until
from webipc import MessageChannelMain, MessagePortMain

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
