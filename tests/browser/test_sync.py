"""sendSync in a real browser: order, values, without a socket, without an answer, with a lost answer."""

import asyncio
from typing import Any

import pytest
from fastapi import Response
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, evaluate
from tests.browser.site import PAGES, visit
from tests.support.applications import Application
from tests.support.network import Relay
from tests.support.serving import Live, live, wait_until
from webipc import IpcMainEvent, Limits
from webipc.pages.assets import client_file

EARLY = """
;(() => {
  const { ipcRenderer } = window.webipc
  ipcRenderer.send('number', 1)
  const first = [ipcRenderer.connection.state, ipcRenderer.sendSync('echo', 'first')]
  ipcRenderer.send('number', 2)
  window.early = [first, [ipcRenderer.connection.state, ipcRenderer.sendSync('echo', 'second')]]
})()
"""


class Site(Application):
    """An application that answers `sendSync`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(pages=PAGES, **settings)
        self.heard: list[Any] = []
        self.kept: list[IpcMainEvent] = []
        ipc_main = self.ipc_main
        ipc_main.on("number", lambda event, number: self.heard.append(number))
        ipc_main.handle("number", lambda event, number: self.heard.append(number))
        ipc_main.on("number-sync", self._number)
        ipc_main.on("echo", self._echo)
        ipc_main.on("later", self._later)
        ipc_main.on("silent", lambda event: None)
        ipc_main.on("raises", self._raises)
        ipc_main.on("keep", self._keep)

        async def number(event: Any, number: int) -> None:
            self.heard.append(number)

        ipc_main.handle("number-invoke", number)
        # One script, so one task: the socket cannot have opened when its last line runs.
        client = client_file("client.global.js").read_text(encoding="utf-8")
        self.app.get("/early-bundle.js")(lambda: Response(client + EARLY, media_type="text/javascript"))

    def _number(self, event: IpcMainEvent, number: int) -> None:
        self.heard.append(number)
        event.return_value = None

    def _echo(self, event: IpcMainEvent, value: Any) -> None:
        event.reply("pushed", "while blocked")
        event.return_value = value
        event.return_value = "too late"

    def _keep(self, event: IpcMainEvent) -> None:
        self.kept.append(event)

    async def _later(self, event: IpcMainEvent) -> None:
        await asyncio.sleep(0.01)
        event.return_value = "later"

    def _raises(self, event: IpcMainEvent) -> None:
        raise ValueError("no answer")


@pytest.fixture
def site() -> Site:
    return Site()


def test_send_sync_returns_what_the_first_listener_has_set(tab: WebDriver, server: Live) -> None:
    visit(tab, server.url)
    assert evaluate(tab, "ipcRenderer.sendSync('echo', 'hello')") == "hello"
    assert evaluate(tab, "ipcRenderer.sendSync('later')") == "later"


def test_messages_that_arrive_during_a_call_are_dispatched_after_it(tab: WebDriver, server: Live) -> None:
    visit(tab, server.url)
    script = """(async () => {
      const order = []
      ipcRenderer.on('pushed', () => order.push('pushed'))
      for (let index = 0; index < 5; index++) order.push(ipcRenderer.sendSync('echo', index))
      await until(() => order.length === 10)
      return order
    })()"""
    assert evaluate(tab, script) == [0, 1, 2, 3, 4, *["pushed"] * 5]


def test_no_listener_runs_during_a_call_that_another_listener_makes_after_an_await(
    tab: WebDriver, server: Live, site: Site
) -> None:
    visit(tab, server.url)
    site.ipc_main.on("burst", lambda event: [event.reply("burst", number) for number in range(4)])
    script = """(async () => {
      const log = []
      ipcRenderer.on('burst', async (event, number) => {
        log.push(number)
        await null
        log.push(ipcRenderer.sendSync('later'))
        await null
        log.push('done')
      })
      ipcRenderer.send('burst')
      await until(() => log.length === 12)
      return log
    })()"""
    assert evaluate(tab, script) == [word for number in range(4) for word in (number, "later", "done")]


def test_no_listener_runs_during_a_call_in_which_a_port_listener_calls_too(
    tab: WebDriver, server: Live, site: Site
) -> None:
    """Firefox delivers messages of ports while `sendSync` blocks, so a port listener can make a call within another."""
    visit(tab, server.url)

    @site.ipc_main.on("pushes")
    async def pushes(event: IpcMainEvent) -> None:
        await asyncio.sleep(0.2)
        event.reply("pushed")
        await asyncio.sleep(0.2)
        event.return_value = "outer"

    script = """(async () => {
      const log = []
      const { port1, port2 } = new MessageChannel()
      port2.onmessage = () => log.push(ipcRenderer.sendSync('echo', 'inner'))
      ipcRenderer.on('pushed', () => log.push(blocked ? 'too early' : 'pushed'))
      port1.postMessage(null)
      let blocked = true
      log.push(ipcRenderer.sendSync('pushes'))
      blocked = false
      await until(() => log.length === 4)
      return log.sort()
    })()"""
    assert evaluate(tab, script) == ["inner", "outer", "pushed", "pushed"]


@pytest.mark.parametrize("caller, other", [("child", "window"), ("window", "child")])
def test_no_listener_of_a_parent_or_child_document_runs_during_a_call(
    tab: WebDriver, server: Live, site: Site, caller: str, other: str
) -> None:
    visit(tab, server.url)

    @site.ipc_main.on("pushes")
    async def pushes(event: IpcMainEvent) -> None:
        await asyncio.sleep(0.2)
        contents = site.the_contents()
        for frame in contents.main_frame.frames_in_subtree:  # type: ignore[union-attr] # the page is connected
            frame.send("pushed")
        await asyncio.sleep(0.2)
        event.return_value = "answer"

    script = f"""(async () => {{
      const log = []
      const frame = Object.assign(document.createElement('iframe'), {{ src: 'other.html' }})
      document.body.append(frame)
      await new Promise((loaded) => {{ frame.onload = loaded }})
      const child = frame.contentWindow
      await child.opened
      for (const each of [child, window]) each.ipcRenderer.on('pushed', () => log.push('pushed'))
      log.push({caller}.ipcRenderer.sendSync('pushes'))
      await until(() => log.length === 3)
      return [log, await {other}.ipcRenderer.invoke('number-invoke', 1)]
    }})()"""
    assert evaluate(tab, script) == [["answer", "pushed", "pushed"], None]


def test_a_thousand_mixed_calls_of_one_task_arrive_in_order(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    script = """(() => {
      for (let index = 0; index < 1000; index++) {
        const dice = Math.random()
        if (dice < 0.3) ipcRenderer.sendSync('number-sync', index)
        else if (dice < 0.6) ipcRenderer.send('number', index)
        else void ipcRenderer.invoke('number-invoke', index)
      }
      return ipcRenderer.sendSync('echo', 'end')
    })()"""
    assert evaluate(tab, script) == "end"
    assert site.heard == list(range(1000))


def test_values_of_three_megabytes_survive_a_round_trip_after_what_the_socket_has_queued(
    tab: WebDriver, server: Live, site: Site
) -> None:
    visit(tab, server.url)
    script = """(() => {
      const bytes = Uint8Array.from({ length: 3145729 }, (_, index) => index % 251)
      for (let index = 0; index < 100; index++) ipcRenderer.send('number', index)
      ipcRenderer.send('number', bytes)
      const back = ipcRenderer.sendSync('echo', { bytes, text: 'é'.repeat(1000000), map: new Map([[1, undefined]]) })
      return back.bytes.length === bytes.length && back.bytes.every((byte, index) => byte === index % 251)
        && back.text.length === 1000000 && back.map.has(1) && back.map.get(1) === undefined
    })()"""
    assert evaluate(tab, script) is True
    assert site.heard[:100] == list(range(100))
    assert len(site.heard[100]) == 3145729


def test_send_sync_works_before_the_socket_has_opened_and_the_page_is_one_tab(
    tab: WebDriver, server: Live, site: Site
) -> None:
    tab.get(f"{server.url}/early.html")
    assert evaluate(tab, "window.early") == [["connecting", "first"], ["connecting", "second"]]
    assert evaluate(tab, "window.opened") == site.ipc_main.get_all_web_contents()[0].id
    assert len(site.ipc_main.get_all_web_contents()) == 1
    assert site.heard == [1, 2]


def test_send_sync_works_while_the_socket_is_down(tab: WebDriver, network: Relay, site: Site) -> None:
    visit(tab, network.url)
    for index in range(10):
        network.cut()
        script = f"(() => {{ ipcRenderer.send('number', {index}); return ipcRenderer.sendSync('echo', {index}) }})()"
        assert evaluate(tab, script) == index
    wait_until(lambda: len(site.heard) == 10, "all have arrived")
    assert site.heard == list(range(10))


def test_a_call_without_an_answer_does_not_freeze_the_page(
    tab: WebDriver, server: Live, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    visit(tab, server.url)
    never = {"error": "reply was never sent"}
    assert evaluate(tab, "ipcRenderer.sendSync('silent')") == never
    assert evaluate(tab, "ipcRenderer.sendSync('raises')") == never
    assert evaluate(tab, "ipcRenderer.sendSync('no listener')") == never
    contents = site.the_contents()
    warning = f"WebContents #{contents.id} called ipcRenderer.sendSync() with 'no listener' channel without listeners."
    assert warning in caplog.messages


def test_the_server_limits_the_wait_and_drops_a_later_answer(tab: WebDriver) -> None:
    site = Site(limits=Limits(sync_ms=200))
    with live(site.app) as server:
        visit(tab, server.url)
        with pytest.raises(PageError, match=r"no listener for 'keep' has set event\.return_value within 200 ms"):
            evaluate(tab, "ipcRenderer.sendSync('keep')")
        (event,) = site.kept
        event.return_value = "late"
        assert evaluate(tab, "ipcRenderer.sendSync('echo', 'next')") == "next"


def test_a_call_to_an_unreachable_server_throws_and_sent_messages_arrive_later(
    tab: WebDriver, network: Relay, site: Site
) -> None:
    visit(tab, network.url)
    network.down()
    script = """(() => {
      try {
        return ipcRenderer.sendSync('number-sync', 7)
      } catch ({ name, code, message }) {
        return [name, code, message]
      }
    })()"""
    name, code, message = evaluate(tab, script)
    assert (name, code) == ("UnansweredError", "unknown-outcome")
    assert "it may have run" in message
    evaluate(tab, "ipcRenderer.send('number', 8)")
    network.up()
    assert evaluate(tab, "ipcRenderer.invoke('number', 9)") is None
    assert site.heard == [8, 9]


def test_wrong_arguments_throw_at_once(tab: WebDriver, server: Live) -> None:
    visit(tab, server.url)
    with pytest.raises(PageError, match="Error processing argument at index 1, conversion failure from undefined"):
        evaluate(tab, "ipcRenderer.sendSync()")
    with pytest.raises(PageError, match=r"An object could not be cloned\. args\[0\]: a function"):
        evaluate(tab, "ipcRenderer.sendSync('echo', () => 1)")
    assert evaluate(tab, "ipcRenderer.sendSync('echo', 1)") == 1


def test_a_call_in_beforeunload_is_answered_or_throws_at_once_depending_on_the_engine(
    tab: WebDriver, server: Live, site: Site, engine: str
) -> None:
    """Chromium and WebKit forbid synchronous requests there."""
    visit(tab, server.url)
    evaluate(
        tab,
        """void addEventListener('beforeunload', () => {
          try {
            ipcRenderer.send('number', ipcRenderer.sendSync('later'))
          } catch (error) {
            ipcRenderer.send('number', error.name)
          }
        })""",
    )
    tab.get("about:blank")
    wait_until(lambda: site.heard, "the result of the call arrives")
    assert site.heard == ["later" if engine == "firefox" else "UnansweredError"]
