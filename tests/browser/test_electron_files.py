"""Preload scripts and renderers that were written for Electron, unchanged, in each module format, in real browsers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, console, evaluate
from tests.support.applications import Application
from tests.support.serving import live, wait_until
from webipc import IpcMainEvent, IpcMainInvokeEvent, MessageChannelMain, MessagePortMain

HERE = Path(__file__).parent / "electron"


class Shop(Application):
    """The main process of the application whose pages and preload scripts are in `electron/`."""

    def __init__(self, *preload: str, **settings: Any) -> None:
        super().__init__(pages=HERE / "pages", preload=[HERE / "preload" / name for name in preload], **settings)
        self.stock = {"tea": 5}
        self.heard: list[Any] = []
        self.ipc_main.handle("shop:count", self._count)
        self.ipc_main.on("shop:buy", self._buy)
        self.ipc_main.on("shop:stock", self._stock)
        self.ipc_main.on("port", self._port)

    async def _count(self, event: IpcMainInvokeEvent, name: str) -> int:
        return self.stock[name]

    def _buy(self, event: IpcMainEvent, name: str, amount: int) -> None:
        self.stock[name] -= amount
        event.reply("shop:price", name, 7)

    def _stock(self, event: IpcMainEvent) -> None:
        event.return_value = self.stock

    def _port(self, event: IpcMainEvent, message: Any) -> None:
        (port,) = event.ports
        port.on("message", lambda event: self.heard.append(event.data))
        port.on("close", lambda: self.heard.append("close"))
        port.start()


def text(tab: WebDriver, selector: str) -> str:
    found: str = tab.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)
    return found


def until(tab: WebDriver, expression: str) -> None:
    wait_until(lambda: tab.execute_script(f"return Boolean({expression})"), expression)


def test_a_renderer_and_a_preload_script_written_for_electron_run_unchanged(tab: WebDriver) -> None:
    with live(Shop("forge.js").app) as server:
        tab.get(server.url)
        wait_until(lambda: text(tab, "#count") == "tea: 3", "the handler's answer is shown")
        wait_until(lambda: text(tab, "#price") == "tea: 7", "the reply is shown")
        assert all(text(tab, f"#{name}-version").count(".") >= 2 for name in ("chrome", "node", "electron"))
        assert evaluate(tab, "shop.stock()") == {"tea": 3}
        assert evaluate(tab, "loadedBeforeThePage") is True
        assert evaluate(tab, "errors") == []


def test_exposed_objects_are_frozen_and_names_of_the_script_do_not_leak(tab: WebDriver) -> None:
    with live(Shop("forge.js", "vite.js").app) as server:
        tab.get(server.url)
        state = evaluate(
            tab,
            """(() => {
              const { shop, electron } = window
              const tried = [Reflect.set(window, 'shop', 1), Reflect.deleteProperty(window, 'shop')]
              const frozen = [shop, electron, electron.ipcRenderer, electron.process.versions].every(Object.isFrozen)
              const own = ['require', 'process', 'module', 'exports', 'Buffer', 'global', 'setImmediate']
              const leaked = [...own, 'webipcPreload'].filter((name) => name in window)
              return { tried, frozen, same: window.shop === shop, leaked }
            })()""",
        )
        assert state == {"tried": [False, False], "frozen": True, "same": True, "leaked": []}


def test_a_function_passed_through_the_context_bridge_removes_its_listener(tab: WebDriver) -> None:
    with live(Shop("vite.js").app) as server:
        tab.get(server.url)
        evaluate(tab, "(() => { window.prices = []; window.hear = (event, name, price) => prices.push(price) })()")
        evaluate(tab, "void (window.stop = electron.ipcRenderer.on('shop:price', hear))")
        evaluate(tab, "electron.ipcRenderer.send('shop:buy', 'tea', 1)")
        until(tab, "prices.length === 1")
        evaluate(tab, "stop()")
        evaluate(tab, "electron.ipcRenderer.send('shop:buy', 'tea', 1)")
        assert evaluate(tab, "electron.ipcRenderer.invoke('shop:count', 'tea')") == 3
        assert evaluate(tab, "prices") == [7]


def test_a_bundled_toolkit_has_process_and_gets_an_error_for_what_a_browser_lacks(tab: WebDriver) -> None:
    with live(Shop("vite.js").app) as server:
        tab.get(server.url)
        told = evaluate(
            tab, "[electron.process.platform, electron.process.env, Object.keys(electron.process.versions)]"
        )
        assert told[:2] == ["linux", {}]
        assert {"chrome", "electron", "node"} <= set(told[2])
        with pytest.raises(
            PageError, match=r"NotInBrowserError: electron's webFrame\.insertCSS is not available in a browser"
        ):
            evaluate(tab, "electron.webFrame.insertCSS('p { color: red }')")


def test_a_webpack_bundle_has_its_path_buffer_and_set_immediate(tab: WebDriver) -> None:
    with live(Shop("webpack.js").app) as server:
        tab.get(server.url)
        expected = [["/webpack.js", "/"], "d2VicGFjaw==", "object"]
        assert evaluate(tab, "(async () => [packed.place, packed.encoded, await packed.later()])()") == expected


@pytest.mark.engines("chromium")
def test_a_script_that_throws_is_reported_and_does_not_stop_the_next(tab: WebDriver) -> None:
    with live(Shop("throws.js", "forge.js").app) as server:
        tab.get_log("browser")  # type: ignore[attr-defined] # Chromium's driver has it
        tab.get(server.url)
        wait_until(lambda: text(tab, "#count") == "tea: 3", "the second script has run")
        assert evaluate(tab, "[window.before, window.after]") == [1, None]
        said = " ".join(entry["message"] for entry in tab.get_log("browser"))  # type: ignore[attr-defined] # as above
        assert "Unable to load preload script: throws.js" in said
        assert "module not found: fs" in said


def test_after_a_script_that_throws_the_next_one_runs_in_every_engine(tab: WebDriver) -> None:
    with live(Shop("throws.js", "forge.js").app) as server:
        tab.get(server.url)
        wait_until(lambda: text(tab, "#count") == "tea: 3", "the second script has run")
        assert evaluate(tab, "[window.before, window.after]") == [1, None]


def test_a_syntax_error_in_one_script_stops_no_other(tab: WebDriver) -> None:
    with live(Shop("broken.js", "forge.js", "broken.js", "vite.js").app) as server:
        tab.get(server.url)
        wait_until(lambda: text(tab, "#count") == "tea: 3", "the second script has run, and the page's behind it")
        assert evaluate(tab, "[typeof electron.ipcRenderer.on, window.before, loadedBeforeThePage]") == [
            "function",
            None,
            True,
        ]
        assert evaluate(tab, "errors") == []
        assert evaluate(tab, "'webipcPreload' in window") is False
        assert evaluate(tab, "electron.ipcRenderer.invoke('shop:count', 'tea')") == 3


@pytest.mark.engines("chromium")
def test_a_syntax_error_is_reported_with_the_name_of_its_file_and_the_line_in_it(tab: WebDriver) -> None:
    with live(Shop("forge.js", "broken.js").app) as server:
        console(tab)
        tab.get(server.url)
        wait_until(lambda: text(tab, "#count") == "tea: 3", "the other script has run")
        said = [line for line in console(tab) if "favicon" not in line]
        assert len(said) == 2, said
        assert re.search(r"preload\.js\?part=1 3:\d+ .*SyntaxError", said[0])
        assert "Unable to load preload script: broken.js" in said[1]


NONCE = "<meta http-equiv=Content-Security-Policy content=\"script-src 'nonce-YQ==' 'strict-dynamic'\">"
TRUSTED = "<meta http-equiv=Content-Security-Policy content=\"require-trusted-types-for 'script'\">"
PLAIN = "<script src='/ipc/preload.js?v=1'></script><script src=/page.js></script>"
FORMS = {
    "with a nonce": NONCE + PLAIN.replace("<script", "<script nonce='YQ=='"),
    "with trusted types": TRUSTED + PLAIN,
    "with a query": PLAIN,
    "as the only script of a table": f"<table>{PLAIN}</table>",
    "in a document of XML": "<script src='/ipc/preload.js'></script>",
    "deferred": "<script defer src=/ipc/preload.js></script>",
    "as a module": "<script type=module src=/ipc/preload.js></script>",
    "by a script": "<script>document.head.append(Object.assign(document.createElement('script'), "
    "{ src: '/ipc/preload.js' }))</script>",
}


@pytest.mark.parametrize("form", FORMS)
def test_several_scripts_run_in_their_order_however_the_page_loads_them(
    tab: WebDriver, tmp_path: Path, form: str
) -> None:
    for name in ("first", "second"):
        (tmp_path / f"{name}.js").write_text(f"(window.ran ??= []).push('{name}')")
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "page.js").write_text("window.ran.push('page')")
    is_xml = "XML" in form
    if is_xml:
        html = "<html xmlns='http://www.w3.org/1999/xhtml'><head>{}</head><body/></html>"
    else:
        html = "<!doctype html><meta charset=utf-8><title>a page</title>{}<body>"
    page = "page.xhtml" if is_xml else "index.html"
    (pages / page).write_text(html.format(FORMS[form]))
    app = Application(pages=pages, preload=[tmp_path / "first.js", tmp_path / "second.js"]).app
    with live(app) as server:
        tab.get(f"{server.url}/{page}")
        expected = ["first", "second", *(["page"] if "page.js" in FORMS[form] else [])]
        until(tab, f"window.ran?.length === {len(expected)} && !('webipcPreload' in window)")
        assert evaluate(tab, "ran") == expected


def test_an_existing_key_of_the_window_is_refused_own_or_inherited(tab: WebDriver) -> None:
    with live(Shop("forge.js", "conflict.js").app) as server:
        tab.get(server.url)
        why = "Error: Cannot bind an API on top of an existing property on the window object"
        assert evaluate(tab, "refused") == [f"shop: {why}", f"location: {why}", f"toString: {why}"]
        assert evaluate(tab, "[fine, typeof shop.buy]") == ["fine", "function"]


def test_a_preload_script_may_use_the_keys_that_it_exposes_for_globals_of_its_own(tab: WebDriver, engine: str) -> None:
    with live(Shop("measuring.js", "forge.js", additional_arguments=["--level=7", "--é'\"</script>"]).app) as server:
        tab.get(server.url)
        wait_until(lambda: text(tab, "#count") == "tea: 3", "the next script has run, and the page's behind it")
        assert evaluate(tab, "[__log.level, early.level]") == ["info", "info"]
        assert evaluate(tab, "__log.argv") == ["--level=7", "--é'\"</script>"]
        for change in ("() => { 'use strict'; __log = 1 }", "() => { 'use strict'; delete window.early }"):
            with pytest.raises(PageError, match="TypeError"):
                evaluate(tab, f"({change})()")
        version = evaluate(tab, "chrome_version")
        assert (version == "0.0.0") is (engine != "chromium")


def test_modules_find_electron_by_an_import_map(tab: WebDriver) -> None:
    with live(Shop().app) as server:
        tab.get(f"{server.url}/module.html")
        until(tab, "window.count")
        assert evaluate(tab, "count") == 5
        assert evaluate(tab, "[seen.isOne, seen.webFrame]") == [True, "object"]
        with pytest.raises(PageError, match="NotInBrowserError"):
            evaluate(tab, "seen.use()")


def test_classic_scripts_require_electron_under_a_strict_policy(tab: WebDriver) -> None:
    with live(Shop().app) as server:
        tab.get(f"{server.url}/classic.html")
        assert evaluate(tab, "count") == 5
        assert evaluate(tab, "host") == ["a.example"] * 2
        with pytest.raises(PageError, match="Error: module not found: fs"):
            evaluate(tab, "require('fs')")


def test_a_preload_script_and_a_module_share_one_link(tab: WebDriver) -> None:
    shop = Shop("forge.js")
    with live(shop.app) as server:
        tab.get(server.url)
        wait_until(lambda: text(tab, "#count") == "tea: 3", "the page is connected")
        evaluate(tab, "import('/ipc/electron.js').then(({ ipcRenderer }) => ipcRenderer.send('shop:buy', 'tea', 1))")
        wait_until(lambda: shop.stock["tea"] == 2, "the module's message arrives")
        assert len(shop.ipc_main.get_all_web_contents()) == 1


CLOSING = """(async () => {
  const heard = []
  const listen = (port, name) => {
    port.onmessage = ({ data, ports }) => heard.push(`${name} ${data}`) && ports.forEach((each) => listen(each, data))
    port.onclose = () => heard.push(`${name} close`)
  }
  const channels = [1, 2, 3].map(() => new MessageChannel())
  listen(channels[0].port2, 'plain')
  const taken = structuredClone({ ports: [channels[1].port2] }, { transfer: [channels[1].port2] }).ports[0]
  listen(taken, 'cloned')
  channels[0].port1.postMessage('sent', [channels[2].port2])
  for (const [index, { port1 }] of channels.entries()) {
    for (let number = 0; number < 3; number += 1) port1.postMessage(number)
    port1.close()
  }
  while (heard.filter((line) => line.endsWith('close')).length < 3) await new Promise((go) => setTimeout(go, 5))
  return heard
})()"""


def test_a_message_channel_of_the_page_emits_close_after_its_messages(tab: WebDriver) -> None:
    with live(Shop().app) as server:
        tab.get(f"{server.url}/classic.html")
        heard = evaluate(tab, CLOSING)
        for name, first in (("plain", ["sent"]), ("cloned", []), ("sent", [])):
            expected = [f"{name} {word}" for word in [*first, 0, 1, 2, "close"]]
            assert [line for line in heard if line.startswith(f"{name} ")] == expected, json.dumps(heard)


def test_a_message_channel_of_the_page_emits_close_in_python(tab: WebDriver) -> None:
    shop = Shop("vite.js")
    with live(shop.app) as server:
        tab.get(server.url)
        evaluate(
            tab,
            """(() => {
              const { port1, port2 } = new MessageChannel()
              electron.ipcRenderer.postMessage('port', null, [port2])
              for (let number = 0; number < 3; number += 1) port1.postMessage(number)
              port1.close()
            })()""",
        )
        wait_until(lambda: shop.heard[-1:] == ["close"], "Python receives the close")
        assert shop.heard == [0, 1, 2, "close"]


def test_both_ends_of_a_port_from_python_emit_close_once(tab: WebDriver) -> None:
    shop = Shop("vite.js")
    given: list[MessagePortMain] = []

    @shop.ipc_main.on("give me ports")
    def give(event: IpcMainEvent) -> None:
        for _ in range(2):
            channel = MessageChannelMain()
            channel.port1.on("close", lambda: shop.heard.append("close"))
            channel.port1.start()
            given.append(channel.port1)
            event.sender.post_message("port", None, [channel.port2])

    with live(shop.app) as server:
        tab.get(server.url)
        evaluate(
            tab,
            """(() => {
              window.heard = []
              electron.ipcRenderer.on('port', (event) => {
                const [port] = event.ports
                const number = heard.push([]) - 1
                port.onmessage = ({ data }) => heard[number].push(data)
                port.onclose = () => heard[number].push('close')
                ;(window.ports ??= []).push(port)
              })
              electron.ipcRenderer.send('give me ports')
            })()""",
        )
        until(tab, "window.ports?.length === 2")
        server.call(lambda: given[0].post_message("last"))
        server.call(given[0].close)
        evaluate(tab, "(() => { ports[1].postMessage('last'); ports[1].close() })()")
        until(tab, "heard[0].includes('close')")
        wait_until(lambda: len(shop.heard) == 2, "Python receives the close of both ends")
        assert evaluate(tab, "electron.ipcRenderer.invoke('shop:count', 'tea')") == 5
        assert evaluate(tab, "heard") == [["last", "close"], []]
        assert shop.heard == ["close", "close"]
