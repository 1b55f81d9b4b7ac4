"""The link in real browsers and a real uvicorn: resume, reload, restart, back/forward cache, tabs, other origins."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, console, evaluate, new_tab
from tests.browser.site import PAGES, Site, visit
from tests.support.network import Relay
from tests.support.serving import Live, free_port, live, spawned, wait_until
from webipc import IpcMain, Limits


def test_a_page_calls_python_and_receives_messages(tab: WebDriver, server: Live, site: Site) -> None:
    # The console may hold messages from the pages of earlier tests.
    console(tab)
    visit(tab, server.url)
    said = console(tab)
    assert evaluate(tab, "ipcRenderer.invoke('echo', 'hello')") == "hello"
    site.the_contents().send("count", 7)
    evaluate(tab, "until(() => arrived.length === 1)")
    assert evaluate(tab, "arrived") == [7]
    said += console(tab)
    assert [line for line in said if "SEVERE" in line and "favicon" not in line] == []


def test_values_survive_a_round_trip(tab: WebDriver, server: Live) -> None:
    visit(tab, server.url)
    script = """(async () => {
      const cyclic = { when: new Date(5), map: new Map([[{ k: 1 }, new Set([1n, undefined])]]), nan: NaN, zero: -0 }
      cyclic.self = cyclic
      const bytes = new Uint8Array([1, 2, 3])
      const back = await ipcRenderer.invoke('echo', { cyclic, bytes, floats: new Float64Array([0.5]), re: /a+/gi })
      const [[key, set]] = back.cyclic.map
      return [
        back.cyclic.self === back.cyclic, back.cyclic.when.getTime() === 5, key.k === 1,
        set.has(1n), set.has(undefined),
        Number.isNaN(back.cyclic.nan), Object.is(back.cyclic.zero, -0), back.bytes.constructor.name === 'Uint8Array',
        [...back.bytes].join() === '1,2,3', back.floats[0] === 0.5, String(back.re) === '/a+/gi',
      ]
    })()"""
    assert evaluate(tab, script) == [True] * 11


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 262147, 3145729])
def test_payloads_of_every_size_survive_a_round_trip(tab: WebDriver, server: Live, size: int) -> None:
    visit(tab, server.url)
    script = f"""(async () => {{
      const bytes = Uint8Array.from({{ length: {size} }}, (_, index) => index % 251)
      const text = 'é'.repeat({size} / 2)
      const back = await ipcRenderer.invoke('echo', {{ bytes, text }})
      return back.text === text && back.bytes.length === {size} && back.bytes.every((byte, i) => byte === i % 251)
    }})()"""
    assert evaluate(tab, script)


def test_a_value_that_cannot_be_cloned_is_reported_with_its_path(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    bad = {
        "{ user: { save() {} } }": "args[0].user.save: a function",
        "document.location": "args[0]: a Location",
        "document.body": "args[0]: a HTMLBodyElement",
        "[1, Symbol('s')]": "args[0][1]: a symbol",
        "new Blob([])": "args[0]: a Blob",
        "Promise.resolve()": "args[0]: a Promise",
        "new MessageChannel().port1": "args[0]: a MessagePort",
        "new DOMRect()": "args[0]: a DOMRect",
        "window": "args[0]: a Window",
        "new Event('x')": "args[0]: an Event",
        "[new DOMException('no', 'AbortError')]": "args[0][0]: a DOMException",
        "AbortSignal.abort().reason": "args[0]: a DOMException",
        "new ImageData(1, 1)": "args[0]: an ImageData",
        "new Proxy(new Date(), {})": "args[0]: a Proxy of a Date",
    }
    for value, what in bad.items():
        with pytest.raises(PageError, match=r"An object could not be cloned\. ") as caught:
            evaluate(tab, f"(async () => ipcRenderer.send('say', {value}))()")
        assert caught.value.error.endswith(what), value
    evaluate(tab, "ipcRenderer.send('say', new Proxy({ reactive: [1] }, {}))")
    wait_until(lambda: site.said, "the one that can be cloned arrives")
    assert site.said == [{"reactive": [1]}]


def test_a_reload_during_an_invoke_keeps_the_web_contents_and_drops_the_answer(
    tab: WebDriver, server: Live, site: Site
) -> None:
    before = visit(tab, server.url)
    evaluate(tab, "void ipcRenderer.invoke('wait', 'old').then((value) => results.push(value))")
    wait_until(lambda: site.waits == 1, "the handler runs")
    tab.refresh()
    assert evaluate(tab, "window.opened") == before
    answer = "ipcRenderer.invoke('wait', 'new')"
    threading.Timer(0.1, site.go_on.set).start()
    assert evaluate(tab, answer) == "new"
    assert evaluate(tab, "results") == []
    assert (site.waits, site.destroyed) == (2, [])


def test_another_page_in_the_same_tab_keeps_its_web_contents(tab: WebDriver, server: Live, site: Site) -> None:
    before = visit(tab, server.url)
    assert visit(tab, f"{server.url}/other.html") == before
    site.the_contents().send("count", 1)
    evaluate(tab, "until(() => arrived.length === 1)")
    assert site.destroyed == []


def test_a_closed_tab_is_destroyed(tab: WebDriver, site: Site) -> None:
    site.ipc_main._limits = Limits(goodbye_ms=100)
    with live(site.app) as server:
        gone = visit(tab, server.url)
        new_tab(tab)
        stays = visit(tab, server.url)
        assert gone != stays
        tab.close()
        tab.switch_to.window(tab.window_handles[-1])
        wait_until(lambda: stays in site.destroyed, "the closed tab is destroyed")
        assert site.the_contents().id == gone
        tab.get("about:blank")


def test_a_message_sent_in_pagehide_arrives(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    evaluate(tab, "void addEventListener('pagehide', () => ipcRenderer.send('say', 'goodbye'))")
    tab.get("about:blank")
    wait_until(lambda: site.said == ["goodbye"], "the last message arrives")


# Firefox caches no page with an open WebSocket: test_leaving.py tests what it does instead.
@pytest.mark.engines("chromium", "webkit")
def test_a_page_resumes_from_the_back_forward_cache(tab: WebDriver, server: Live, site: Site) -> None:
    before = visit(tab, server.url)
    evaluate(tab, "void (window.mark = 'the same document')")
    contents = site.the_contents()
    tab.get("about:blank")
    frame = contents.main_frame
    assert frame is not None
    wait_until(lambda: not frame._document.is_attached, "the socket is closed when the page is hidden")
    frame.send("count", 42)
    tab.back()
    assert evaluate(tab, "window.mark") == "the same document"
    evaluate(tab, "until(() => connection.state === 'open' && arrived.length === 1)")
    assert evaluate(tab, "[connection.webContentsId, arrived, resets.length]") == [before, [42], 0]
    assert evaluate(tab, "ipcRenderer.invoke('echo', 'here again')") == "here again"


def test_several_tabs_that_open_at_once_are_different_web_contents(
    browser: WebDriver, server: Live, site: Site
) -> None:
    first = browser.current_window_handle
    handles = [new_tab(browser) for _ in range(5)]
    try:
        for handle in handles:
            browser.switch_to.window(handle)
            browser.execute_script("setTimeout(() => { location.href = arguments[0] }, 50)", server.url)
        # Not asked in the tabs: a script that runs while its document gives way to the next one fails in Firefox.
        wait_until(lambda: len(site.ipc_main.get_all_web_contents()) == 5, "every tab has connected")
        identities = set()
        for handle in handles:
            browser.switch_to.window(handle)
            identities.add(evaluate(browser, "window.opened"))
        assert len(identities) == len(site.ipc_main.get_all_web_contents()) == 5
        site.ipc_main.broadcast("count", 5)
        for handle in handles:
            browser.switch_to.window(handle)
            evaluate(browser, "until(() => arrived.length === 1)")
    finally:
        for handle in handles:
            browser.switch_to.window(handle)
            browser.close()
        browser.switch_to.window(first)


def test_a_duplicated_tab_gets_an_identity_of_its_own(tab: WebDriver, server: Live, site: Site) -> None:
    original = visit(tab, server.url)
    # `window.open` with an opener copies sessionStorage, which is what duplicating a tab does. Without a click it is
    # a popup, which WebKit blocks.
    evaluate(tab, "void document.body.append(Object.assign(document.createElement('button'), { innerText: 'open' }))")
    evaluate(tab, "void document.body.addEventListener('click', () => window.open(location.href))")
    tab.find_element(By.TAG_NAME, "button").click()
    wait_until(lambda: len(site.ipc_main.get_all_web_contents()) == 2, "the duplicate is a tab of its own")
    tab.switch_to.window(tab.window_handles[-1])
    assert evaluate(tab, "window.opened") != original


def test_5000_messages_each_way_arrive_once_in_order_over_50_cuts_of_the_socket(
    tab: WebDriver, network: Relay, server: Live, site: Site
) -> None:
    visit(tab, network.url)
    evaluate(tab, "ipcRenderer.send('start counting', 5000)")
    evaluate(
        tab,
        """void (async () => {
          for (let number = 0; number < 5000; number += 1) {
            ipcRenderer.send('number', number)
            if (number % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
          }
        })()""",
    )
    cuts = 0
    while cuts < 50:
        # A cut counts only if it closed a connection, so the next one waits until the page has reconnected.
        cuts += wait_until(network.cut, "a connection to cut")
    evaluate(tab, "until(() => arrived.length >= 5000)")
    wait_until(lambda: len(site.numbers) >= 5000, "all numbers arrive")
    assert evaluate(tab, "arrived.every((number, index) => number === index) && arrived.length") == 5000
    assert site.numbers == list(range(5000))
    assert evaluate(tab, "resets.length") == 0
    assert network.connections > 25


def test_an_invoke_is_answered_over_the_next_socket(tab: WebDriver, network: Relay, site: Site) -> None:
    visit(tab, network.url)
    evaluate(tab, "void ipcRenderer.invoke('wait', 'answer').then((value) => results.push(value))")
    wait_until(lambda: site.waits == 1, "the handler runs")
    network.down()
    evaluate(tab, "until(() => connection.state === 'resuming')")
    evaluate(tab, "void ipcRenderer.invoke('echo', 'sent while away').then((value) => results.push(value))")
    site.go_on.set()
    network.up()
    evaluate(tab, "until(() => results.length === 2)")
    assert sorted(evaluate(tab, "results")) == ["answer", "sent while away"]
    assert site.waits == 1


def test_calls_are_rejected_after_the_server_was_killed_and_restarted(tab: WebDriver, tmp_path: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text(
        "import asyncio, pathlib\n"
        "from fastapi import FastAPI\n"
        "from webipc import IpcMain\n"
        "app = FastAPI()\n"
        "ipc_main = IpcMain()\n"
        f"ipc_main.mount(app, pages={str(PAGES)!r})\n"
        "@ipc_main.handle('wait')\n"
        "async def wait(event):\n"
        "    pathlib.Path('calls').open('a').write('x')\n"
        "    await asyncio.sleep(60)\n"
        "ipc_main.handle('echo', lambda event, value: value)\n",
        encoding="utf-8",
    )
    calls = Path("calls")
    with spawned(program) as server:
        visit(tab, server.url)
        fill = "results.push({ code: error.code, message: error.message })"
        evaluate(tab, f"void ipcRenderer.invoke('wait').catch((error) => {fill})")
        assert evaluate(tab, "ipcRenderer.invoke('echo', 1)") == 1
        server.kill()
        evaluate(tab, "until(() => connection.state === 'resuming')")
        evaluate(tab, f"void ipcRenderer.invoke('echo', 2).catch((error) => {fill})")
        server.start()
        evaluate(tab, "until(() => resets.length === 1 && results.length === 2)")
        event = evaluate(tab, "resets[0]")
        assert (event["reason"], event["notSent"], event["unknownOutcome"]) == ("another-process", 1, 1)
        codes = [result["code"] for result in evaluate(tab, "results")]
        assert sorted(codes) == ["not-sent", "unknown-outcome"]
        assert evaluate(tab, "ipcRenderer.invoke('echo', 3)") == 3
        assert evaluate(tab, "connection.state") == "open"
    calls.unlink(missing_ok=True)


def test_messages_sent_in_a_reset_listener_belong_to_the_new_link(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    evaluate(tab, "void connection.on('reset', () => ipcRenderer.send('say', 'after the reset'))")
    hub = site.ipc_main._provider.hub
    assert hub is not None
    (connection,) = hub._links
    server.call(lambda: connection.reset("ended"))
    wait_until(lambda: site.said == ["after the reset"], "the message arrives on the new link")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[[str], FastAPI]:
    """Make an application on a second origin whose page uses the client of the first."""

    def make(url: str) -> FastAPI:
        pages = tmp_path / "elsewhere"
        pages.mkdir()
        (pages / "page.js").write_text(
            (PAGES / "page.js").read_text(encoding="utf-8").replace("'/ipc/client.js'", f"'{url}/ipc/client.js'"),
            encoding="utf-8",
        )
        policy = f"default-src 'self' {url} {url.replace('http', 'ws')}"
        page = (PAGES / "index.html").read_text(encoding="utf-8").replace("default-src 'self'", policy)
        (pages / "index.html").write_text(page, encoding="utf-8")
        app = FastAPI()
        IpcMain().mount(app, prefix="/unused", pages=pages)
        return app

    return make


def test_a_page_on_a_listed_origin_can_use_everything(tab: WebDriver, elsewhere: Callable[[str], FastAPI]) -> None:
    port = free_port()
    site = Site(origins=[f"http://127.0.0.1:{port}"])
    with live(site.app) as server, live(elsewhere(server.url), port=port) as second:
        visit(tab, f"http://127.0.0.1:{port}")
        assert second.port
        assert evaluate(tab, "ipcRenderer.invoke('echo', 'from elsewhere')") == "from elsewhere"
        evaluate(tab, "void addEventListener('pagehide', () => ipcRenderer.send('say', 'goodbye'))")
        tab.get("about:blank")
        wait_until(lambda: site.said == ["goodbye"], "the last message arrives")


def test_a_page_on_an_unlisted_origin_is_refused_and_does_not_retry(
    tab: WebDriver, elsewhere: Callable[[str], FastAPI], site: Site
) -> None:
    with live(site.app) as server, live(elsewhere(server.url)) as second:
        # The server does not serve the script to this origin; a page that has its own copy is refused at the socket.
        tab.get(second.url.replace(str(second.port), str(second.port)))
        assert tab.execute_script("return typeof window.ipcRenderer") == "undefined"
        tab.get(f"{second.url}/unused/client.js")
        script = f"""
          const meta = document.createElement('meta')
          meta.name = 'webipc'
          meta.content = '{server.url}/ipc'
          document.head.append(meta)
        """
        tab.get(second.url)
        tab.execute_script(script)
        refused = f"""(async () => {{
          const {{ ipcRenderer: {{ connection }} }} = await import('{second.url}/unused/client.js')
          while (connection.state !== 'closed') await new Promise((resolve) => setTimeout(resolve, 10))
          return [connection.code, connection.reason]
        }})()"""
        code, reason = evaluate(tab, refused)
        assert code == 4403
        assert "origin" in reason
        assert site.ipc_main.get_all_web_contents() == []


def test_a_socket_of_another_version_is_closed_with_both_versions_in_the_reason(tab: WebDriver, server: Live) -> None:
    visit(tab, server.url)
    script = """new Promise((resolve) => {
      const socket = new WebSocket(`ws://${location.host}/ipc/socket`, 'webipc.v0')
      socket.onclose = (event) => resolve([event.code, event.reason])
    })"""
    code, reason = evaluate(tab, script)
    assert code == 4406
    assert "webipc.v1" in reason
    assert "webipc.v0" in reason


def test_close_sends_bye_and_releases_everything(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    evaluate(tab, "void (ipcRenderer.send('say', 'last words'), connection.close())")
    wait_until(lambda: site.said == ["last words"], "what was sent before arrives")
    with pytest.raises(PageError, match="IPC method called after context was released"):
        evaluate(tab, "(async () => ipcRenderer.send('say', 'too late'))()")
    with pytest.raises(PageError, match="IPC method called after context was released"):
        evaluate(tab, "ipcRenderer.invoke('echo', 'too late')")
    wait_until(lambda: site.the_contents().main_frame is None, "the document is gone at the server")
