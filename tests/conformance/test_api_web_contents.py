"""Electron's spec/api-web-contents-spec.ts, its tests of IPC and of identities. A web contents is a tab.

The same kind of tests in api-browser-window-spec.ts and chromium-spec.ts are here too.
"""

from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.browser.framed import Site, click, quick
from tests.conformance.titles import electron
from tests.support.serving import wait_until
from webipc import JSError, WebContents, WebFrameMain, undefined
from webipc.channels.ipc_main_impl import IpcMainImpl


@pytest.fixture
def contents(tab: WebDriver, site: Site) -> WebContents:
    return site.visit(tab, "frame.html")


def main_frame(contents: WebContents) -> WebFrameMain:
    assert contents.main_frame is not None
    return contents.main_frame


def open_tab(tab: WebDriver, site: Site) -> WebContents:
    tab.switch_to.new_window("tab")
    return site.visit(tab, "frame.html")


@electron("webContents module › getAllWebContents() › returns an array of web contents")
def test_get_all_web_contents_has_every_tab_and_every_worker(tab: WebDriver, site: Site, contents: WebContents) -> None:
    second = open_tab(tab, site)
    third = site.visit(tab, "workers.html")
    assert third is second
    evaluate(tab, "dedicated('worker')")
    worker = site.ipc_main.from_id(evaluate(tab, "asked('invoke', 'nobody').catch(() => asked('id'))"))
    every = site.ipc_main.get_all_web_contents()
    assert every == [contents, second, worker]
    assert len({each.id for each in every}) == 3


@electron("webContents module › webContents properties › has expected additional enumerable properties")
def test_a_web_contents_has_an_ipc_of_its_own(site: Site, contents: WebContents) -> None:
    assert type(contents.ipc) is IpcMainImpl
    assert contents.ipc is contents.ipc is not site.ipc_main


@electron("webContents module › fromId() › returns undefined for an unknown id")
def test_from_id_returns_none_for_an_unknown_id(site: Site, contents: WebContents) -> None:
    assert site.ipc_main.from_id(12345) is None
    assert site.ipc_main.from_id(contents.id) is contents


@electron("webContents module › fromFrame() › returns WebContents for mainFrame")
def test_from_frame_returns_the_web_contents_of_its_main_frame(site: Site, contents: WebContents) -> None:
    assert site.ipc_main.from_frame(main_frame(contents)) is contents


@quick
@electron("webContents module › fromFrame() › returns undefined for disposed frame")
def test_from_frame_returns_none_for_a_disposed_frame(tab: WebDriver, site: Site, contents: WebContents) -> None:
    frame = main_frame(contents)
    tab.get("about:blank")
    wait_until(frame.is_destroyed, "the document is gone")
    assert site.ipc_main.from_frame(frame) is None


@electron("webContents module › fromFrame() › throws when passing invalid argument")
def test_from_frame_raises_for_what_is_not_a_frame(site: Site) -> None:
    wrongs: list[Any] = [None, "frame", {}, 1]
    for wrong in wrongs:
        with pytest.raises(TypeError):
            site.ipc_main.from_frame(wrong)


@electron("webContents module › webContents.send(channel, args...) › throws an error when the channel is missing")
def test_send_raises_when_the_channel_is_missing(contents: WebContents) -> None:
    with pytest.raises(TypeError):
        contents.send()  # type: ignore[call-arg] # the missing argument is what is tested; Python refuses it
    with pytest.raises(TypeError, match="Missing required channel argument"):
        contents.send(None)  # type: ignore[arg-type] # as above


@electron(
    "webContents module › webContents.send(channel, args...) › "
    "does not block node async APIs when sent before document is ready"
)
def test_send_before_the_page_is_ready_does_no_harm(tab: WebDriver, site: Site) -> None:
    site.ipc_main.web_contents_created(lambda event, contents: contents.send("say", "early"))
    contents = site.visit(tab, "frame.html")
    contents.send("say", "later")
    evaluate(tab, "until(() => heard.at(-1)?.[0] === 'later')")
    assert evaluate(tab, "heard") == [["early"], ["later"]]


@electron(
    "webContents module › clone() › node integration and ipc message work in both original and cloned WebContents"
)
def test_messages_of_a_duplicated_tab_and_of_its_original_are_received(
    tab: WebDriver, site: Site, contents: WebContents
) -> None:
    click(tab, "window.open(location.href)")
    (original, _), (duplicate, _) = site.ran.wait(2)
    assert original.sender is contents
    assert duplicate.sender is not contents
    assert duplicate.sender_frame.url == original.sender_frame.url
    pongs = site.once("preload-pong")
    for event in (original, duplicate):
        event.sender.send("preload-ping")
    assert {event.sender for event, _ in pongs.wait(2)} == {original.sender, duplicate.sender}


@quick
@electron("webContents module › clone() › cloned WebContents has independent lifecycle from original")
def test_a_duplicated_tab_lives_independently_of_its_original(
    tab: WebDriver, site: Site, contents: WebContents
) -> None:
    handle = tab.current_window_handle
    click(tab, "window.open(location.href)")
    _, (duplicate, _) = site.ran.wait(2)
    (other,) = set(tab.window_handles) - {handle}
    tab.switch_to.window(other)
    tab.close()
    tab.switch_to.window(handle)
    wait_until(lambda: site.destroyed == [duplicate.sender.id], "the duplicate is destroyed")
    assert not contents.is_destroyed()
    pongs = site.once("preload-pong")
    contents.send("preload-ping")
    ((event, _),) = pongs.wait()
    assert event.sender is contents


CALLS = {
    "send": "ipcRenderer.send('end it')",
    "sendSync": "ipcRenderer.sendSync('end it')",
    "invoke": "void ipcRenderer.invoke('end it').catch(() => undefined)",
    "postMessage": "ipcRenderer.postMessage('end it', null)",
    "sendSync and send": "(ipcRenderer.sendSync('end it'), ipcRenderer.send('end it'))",
    "many": "(() => { for (let n = 0; n < 10; n++) ipcRenderer.send('end it') })()",
}


@quick
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@electron(
    "webContents module › destroy() › should not crash when invoked synchronously inside did-start-loading handler",
    "webContents module › destroy() › should not crash when invoked synchronously inside dom-ready handler",
    "webContents module › destroy() › should not crash when invoked synchronously inside did-stop-loading handler",
    "webContents module › destroy() › should not crash when invoked synchronously inside did-finish-load handler",
    "webContents module › destroy() › should not crash when invoked synchronously inside did-frame-finish-load handler",
    "webContents module › destroy() › should not crash when invoked synchronously inside did-fail-load handler",
)
def test_the_end_of_a_link_inside_a_listener_does_no_harm(
    tab: WebDriver, site: Site, contents: WebContents, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    frame = main_frame(contents)

    def end(event: Any, *args: Any) -> None:
        hub = site.ipc_main._provider.hub
        assert hub is not None
        for connection in list(hub._links):
            connection.reset("ended")

    async def handle(event: Any) -> None:
        end(event)

    site.ipc_main.on("end it", end)
    site.ipc_main.handle("end it", handle)
    evaluate(tab, f"(() => {{ try {{ {call} }} catch {{}} }})()")
    wait_until(frame.is_destroyed, "the document is gone")
    assert [record for record in caplog.records if record.exc_info] == []
    # The page opens a new link by itself, and the server keeps working.
    wait_until(lambda: len(site.ran.all) == 1 and site.ipc_main.get_all_web_contents(), "the page is back")
    assert evaluate(tab, "until(() => connection.state === 'open').then(() => connection.state)") == "open"


@electron("webContents module › ipc-message event › emits when the renderer process sends an asynchronous message")
def test_ipc_message_is_emitted_for_an_asynchronous_message(tab: WebDriver, site: Site, contents: WebContents) -> None:
    messages = site.once("ipc-message", contents)
    evaluate(tab, "ipcRenderer.send('message', 'Hello World!')")
    ((event, channel, message),) = messages.wait()
    assert (channel, message) == ("message", "Hello World!")
    assert event.sender is contents


@electron("webContents module › ipc-message-sync event › emits when the renderer process sends a synchronous message")
def test_ipc_message_sync_is_emitted_for_a_synchronous_message(
    tab: WebDriver, site: Site, contents: WebContents
) -> None:
    heard: list[tuple[str, str]] = []

    @contents.on("ipc-message-sync")
    def answer(event: Any, channel: str, message: str) -> None:
        heard.append((channel, message))
        event.return_value = "foobar"

    assert evaluate(tab, "ipcRenderer.sendSync('message', 'Hello World!')") == "foobar"
    assert heard == [("message", "Hello World!")]


@quick
@electron(
    "webContents module › close() method › closes when close() is called",
    "webContents module › close() method › closes when close() is called after loading a page",
)
def test_close_destroys_the_web_contents_of_a_page_that_allows_it(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "allowing/frame.html")
    destroyed = site.once("destroyed", contents)
    site.run(contents.close())
    ((event,),) = destroyed.wait()
    assert event.sender is contents
    assert contents.is_destroyed()
    assert site.ipc_main.from_id(contents.id) is None


@electron(
    "webContents module › webContents.executeJavaScript › resolves the returned promise with the result",
    "webContents module › webContents.executeJavaScript › "
    "resolves the returned promise with the result if the code returns an asynchronous promise",
)
def test_execute_javascript_returns_the_result(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "allowing/frame.html")
    assert site.run(contents.execute_javascript("'hello, world'")) == "hello, world"
    slow = "new Promise((resolve) => { setTimeout(() => resolve('hello, world'), 20) })"
    assert site.run(contents.execute_javascript(slow)) == "hello, world"
    assert site.run(contents.execute_javascript("undefined")) is undefined


@electron(
    "webContents module › webContents.executeJavaScript › rejects the returned promise if an async error is thrown",
    "webContents module › webContents.executeJavaScript › "
    "rejects the returned promise with an error if an Error.prototype is thrown",
)
def test_execute_javascript_raises_what_the_page_throws(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "allowing/frame.html")
    with pytest.raises(JSError, match="error!"):
        site.run(contents.execute_javascript("new Promise((resolve, reject) => { reject('error!') })"))
    for name in ("Error", "ReferenceError", "EvalError", "RangeError", "SyntaxError", "TypeError", "URIError"):
        with pytest.raises(JSError, match="Wamp-wamp") as caught:
            site.run(contents.execute_javascript(f"Promise.reject(new {name}('Wamp-wamp'))"))
        assert caught.value.name == name


@electron('BrowserWindow module › "sandbox" option › should set ipc event sender correctly')
def test_a_window_and_its_opener_are_different_senders(tab: WebDriver, site: Site, contents: WebContents) -> None:
    click(tab, "window.child = window.open('frame-container.html')")
    _, (child, _), (grandchild, _) = site.ran.wait(3)
    assert child.sender is grandchild.sender is not contents
    assert child.sender_frame is child.sender.main_frame
    assert child.sender_frame.parent is None
    answers = site.once("answer")
    for sender, name in ((contents, "parent"), (child.sender, "child")):
        sender.send("say", f"verified, {name}")
    evaluate(tab, "until(() => heard.length && child.heard.length)")
    evaluate(tab, "(ipcRenderer.send('answer', heard), child.ipcRenderer.send('answer', child.heard))")
    said = {event.sender: heard for event, heard in answers.wait(2)}
    assert said == {contents: [["verified, parent"]], child.sender: [["verified, child"]]}


# Members of Node's emitter that neither Node's nor Electron's documentation names: a domain, and counters with an
# underscore.
EMITTER = [
    *("addListener", "emit", "eventNames", "getMaxListeners", "listenerCount", "listeners", "off", "on", "once"),
    *("prependListener", "prependOnceListener", "rawListeners", "removeAllListeners", "removeListener"),
    "setMaxListeners",
]


@electron('BrowserWindow module › "sandbox" option › exposes full EventEmitter object to preload script')
def test_ipc_renderer_is_a_full_event_emitter(tab: WebDriver, contents: WebContents) -> None:
    script = """(() => {
      const names = new Set()
      for (let it = ipcRenderer; it && it !== Object.prototype; it = Object.getPrototypeOf(it)) {
        for (const name of Object.getOwnPropertyNames(it)) if (typeof it[name] === 'function') names.add(name)
      }
      return [...names]
    })()"""
    assert set(evaluate(tab, script)) >= set(EMITTER)


@electron("chromium features › Promise › resolves correctly in Electron calls")
def test_statements_after_an_invoke_run_before_the_promise_jobs_that_it_queues(
    tab: WebDriver, site: Site, contents: WebContents
) -> None:
    site.ipc_main.handle("ping", lambda event: None)
    script = """new Promise((resolve, reject) => {
      class YElement extends HTMLElement {}
      customElements.define('y-element', YElement)
      ipcRenderer.invoke('ping').then(() => {
        let called = false
        Promise.resolve().then(() => called ? resolve('in order') : reject(new Error('wrong sequence')))
        document.createElement('y-element')
        called = true
      }, reject)
    })"""
    assert evaluate(tab, script) == "in order"
