"""Commands that a page can allow its server: run code, reload and close. By default none is allowed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from fastapi.responses import HTMLResponse
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, evaluate
from tests.browser.site import visit
from tests.support.applications import Application
from tests.support.serving import Live, wait_until
from webipc import IpcMainEvent, IpcMainInvokeEvent, JSError, JSMap, Limits, ResetError

PAGE = """<!doctype html>
<title>allows %s</title>
<script type="module">
  import { ipcRenderer } from '/ipc/client.js'
  import { allow } from '/ipc/commands.js'
  Object.assign(window, { ipcRenderer, allow })
  allow(%s)
  window.opened = new Promise((resolve) => {
    const look = () => { if (ipcRenderer.connection.state === 'open') resolve(ipcRenderer.connection.webContentsId) }
    ipcRenderer.connection.on('state', look)
    look()
  })
</script>
"""


class Site(Application):
    """An application with a page that allows everything, and one that allows nothing."""

    def __init__(self) -> None:
        super().__init__(limits=Limits(sync_ms=400))
        everything = "'executeJavaScript', 'reload', 'close'"
        self.app.get("/all", response_class=HTMLResponse)(lambda: PAGE % ("all", everything))
        self.app.get("/none", response_class=HTMLResponse)(lambda: PAGE % ("none", ""))


@pytest.fixture
def site() -> Site:
    return Site()


def run(server: Live, coroutine: Coroutine[Any, Any, Any]) -> Any:
    return server.run(coroutine)


def test_code_runs_in_a_page_that_allows_it(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, f"{server.url}/all")
    contents = site.the_contents()
    assert run(server, contents.execute_javascript("document.title")) == "allows all"
    assert run(server, contents.execute_javascript("Promise.resolve(new Map([[1, 2]]))")) == JSMap([(1, 2)])
    with pytest.raises(JSError, match="boom") as caught:
        run(server, contents.execute_javascript("throw new RangeError('boom')"))
    assert caught.value.name == "RangeError"
    with pytest.raises(JSError, match="no error"):
        run(server, contents.execute_javascript("Promise.reject('no error')"))
    with pytest.raises(JSError, match="An object could not be cloned"):
        run(server, contents.execute_javascript("document.body"))


@pytest.mark.parametrize(
    "code, told",
    [
        ("throw Object.create(null)", "Error"),
        ("throw { toString() { throw new Error('again') } }", "Error"),
        ("'x'.repeat(40_000_000)", "message_bytes: at most"),
        ("throw 'x'.repeat(40_000_000)", "Error"),
        ("throw new DOMException('no such thing', 'NotFoundError')", "NotFoundError: no such thing"),
    ],
)
def test_a_result_or_error_that_cannot_be_sent_rejects(
    tab: WebDriver, server: Live, site: Site, code: str, told: str
) -> None:
    visit(tab, f"{server.url}/all")
    with pytest.raises(JSError, match=told):
        run(server, site.the_contents().execute_javascript(code))


def test_a_handler_may_wait_for_code_of_the_page_that_has_called_it(tab: WebDriver, server: Live, site: Site) -> None:
    site.ipc_main.handle("name", lambda event: "the server")

    @site.ipc_main.handle("ask")
    async def ask(event: IpcMainInvokeEvent, code: str) -> Any:
        return await event.sender.execute_javascript(code)

    visit(tab, f"{server.url}/all")
    assert evaluate(tab, "ipcRenderer.invoke('ask', 'document.title')") == "allows all"
    # Each of the two waits for the other.
    assert evaluate(tab, "ipcRenderer.invoke('ask', \"ipcRenderer.invoke('name')\")") == "the server"


def test_a_page_that_is_blocked_runs_no_code_so_the_call_that_waits_for_it_ends_and_the_code_runs_then(
    tab: WebDriver, server: Live, site: Site
) -> None:
    titles: list[str] = []

    @site.ipc_main.on("ask")
    async def ask(event: IpcMainEvent) -> None:
        titles.append(await event.sender.execute_javascript("document.title"))
        event.return_value = titles[-1]

    visit(tab, f"{server.url}/all")
    with pytest.raises(PageError, match=r"no listener for 'ask' has set event\.return_value within 400 ms"):
        evaluate(tab, "(async () => { document.title = 'after'; ipcRenderer.sendSync('ask') })()")
    wait_until(lambda: titles == ["after"], "the code runs when the page is free")
    assert evaluate(tab, "ipcRenderer.connection.state") == "open"


def test_a_page_allows_no_command_by_default(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, f"{server.url}/none")
    contents = site.the_contents()
    for command in (contents.execute_javascript("1"), contents.reload(), contents.close()):
        with pytest.raises(JSError, match="the page does not allow 'webipc:"):
            run(server, command)
    assert evaluate(tab, "ipcRenderer.connection.state") == "open"


def test_allow_refuses_an_unknown_command(tab: WebDriver, server: Live) -> None:
    visit(tab, f"{server.url}/none")
    script = "(() => { try { allow('relaod') } catch ({ message }) { return message } })()"
    assert evaluate(tab, script) == "expected one of executeJavaScript, reload, close; got relaod"


def test_reload_loads_a_new_document_of_the_same_web_contents(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, f"{server.url}/all")
    evaluate(tab, "window.marked = 1")
    before = site.the_contents().id
    run(server, site.the_contents().reload())
    wait_until(
        lambda: tab.execute_script("return window.marked !== 1 && window.opened !== undefined"), "a new document"
    )
    evaluate(tab, "window.opened")
    assert site.the_contents().id == before


def test_close_destroys_the_web_contents_at_once(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, f"{server.url}/all")
    contents = site.the_contents()
    destroyed: list[int] = []
    contents.on("destroyed", lambda event: destroyed.append(event.sender.id))
    run(server, contents.close())
    wait_until(lambda: destroyed == [contents.id], "it is destroyed")
    assert contents.is_destroyed()


# WebKitGTK's driver does not let a script open a window.
@pytest.mark.engines("chromium", "firefox")
def test_close_closes_a_tab_that_a_script_has_opened(tab: WebDriver, server: Live, site: Site) -> None:
    tab.get("about:blank")
    known = set(tab.window_handles)
    tab.execute_script("window.open(arguments[0], '_blank')", f"{server.url}/all")
    wait_until(lambda: len(site.ipc_main.get_all_web_contents()) == 1, "the page is connected")
    run(server, site.the_contents().close())
    wait_until(lambda: set(tab.window_handles) == known, "the tab is gone")


def test_execute_javascript_rejects_when_the_link_of_the_page_ends(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, f"{server.url}/all")
    contents = site.the_contents()

    async def call() -> None:
        calling = asyncio.create_task(contents.execute_javascript("new Promise(() => undefined)"))
        await asyncio.sleep(0)
        frame = contents.main_frame
        assert frame is not None
        site.ipc_main._provider.hub.end(frame._document.outlet.connection, "ended")  # type: ignore[union-attr] # as when the page leaves
        await calling

    with pytest.raises(ResetError):
        run(server, call())
