"""Electron's spec/api-service-worker-main-spec.ts, with the workers of a page. Each worker is a client of its own.

A worker is a web contents with one document, and its `ipc` is that of the contents. The `ipc` of a service worker ends
with the worker, because the server does not know its scope.
"""

from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, evaluate
from tests.browser.framed import Site, quick
from tests.conformance.titles import electron
from tests.support.serving import wait_until
from webipc import JSMap, MessagePortMain, WebContents

# The function of the page that starts each kind.
KINDS = ["dedicated", "shared"]
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def page(tab: WebDriver, site: Site) -> WebContents:
    return site.visit(tab, "workers.html")


def start(tab: WebDriver, site: Site, kind: str) -> WebContents:
    """Start a worker of the page in front, and return its web contents."""
    count = len(site.ran.all)
    evaluate(tab, f"void {kind}('name')")
    *_, (event, name) = site.ran.wait(count + 1)
    assert name == "name"
    contents: WebContents = event.sender
    return contents


def ask(tab: WebDriver, *task: Any) -> Any:
    """Send a request to the worker and return its answer."""
    return evaluate(tab, f"asked(...{list(task)!r})")


@each_kind
@electron("ServiceWorkerMain module › ipc › on(channel) › can receive a message during startup")
def test_a_message_during_the_start_of_a_worker_is_received(
    tab: WebDriver, site: Site, page: WebContents, kind: str
) -> None:
    heard: list[tuple[WebContents, str]] = []

    @site.ipc_main.web_contents_created
    def created(_: Any, contents: WebContents) -> None:
        contents.ipc.on("preload-ran", lambda event, name: heard.append((event.sender, name)))

    contents = start(tab, site, kind)
    assert heard == [(contents, "name")]


@each_kind
@electron("ServiceWorkerMain module › ipc › on(channel) › receives a message")
def test_the_ipc_of_a_worker_receives_only_its_messages(
    tab: WebDriver, site: Site, page: WebContents, kind: str
) -> None:
    contents = start(tab, site, kind)
    ours, pages = site.once("ping", contents.ipc), site.once("ping", page.ipc)
    ask(tab, "send", "ping", "from the worker")
    evaluate(tab, "ipcRenderer.send('ping', 'from the page')")
    ((event, message),) = ours.wait()
    assert (event.sender, message) == (contents, "from the worker")
    ((event, message),) = pages.wait()
    assert (event.sender, message) == (page, "from the page")


@each_kind
@electron("ServiceWorkerMain module › ipc › on(channel) › does not receive message on ipcMain")
def test_ipc_main_receives_what_a_worker_sends_after_the_ipc_of_the_worker(
    tab: WebDriver, site: Site, page: WebContents, kind: str
) -> None:
    contents = start(tab, site, kind)
    heard: list[tuple[str, WebContents]] = []
    site.ipc_main.on("ping", lambda event: heard.append(("ipc_main", event.sender)))
    contents.ipc.on("ping", lambda event: heard.append(("ipc", event.sender)))
    page.ipc.on("ping", lambda event: heard.append(("the page's ipc", event.sender)))
    ask(tab, "send", "ping")
    wait_until(lambda: len(heard) == 2, "both receive it")
    assert heard == [("ipc", contents), ("ipc_main", contents)]


@each_kind
@electron("ServiceWorkerMain module › ipc › handle(channel) › receives and responds to message")
def test_the_ipc_of_a_worker_answers_it(tab: WebDriver, site: Site, page: WebContents, kind: str) -> None:
    contents = start(tab, site, kind)
    contents.ipc.handle("ping", lambda event: "pong")
    assert ask(tab, "invoke", "ping") == "pong"
    with pytest.raises(PageError, match="No handler registered for 'ping'"):
        evaluate(tab, "ipcRenderer.invoke('ping')")


@electron("ServiceWorkerMain module › ipc › handle(channel) › works after restarting worker")
def test_a_handler_that_is_registered_for_each_new_contents_is_there_after_a_restart(
    tab: WebDriver, site: Site, page: WebContents
) -> None:
    @site.ipc_main.web_contents_created
    def created(_: Any, contents: WebContents) -> None:
        contents.ipc.handle("ping", lambda event: "pong")

    first = start(tab, site, "dedicated")
    assert ask(tab, "invoke", "ping") == "pong"
    evaluate(tab, "worker.terminate()")
    second = start(tab, site, "dedicated")
    assert ask(tab, "invoke", "ping") == "pong"
    assert second is not first


@each_kind
@electron("A worker is a web contents of its own, with one frame and no parent")
def test_a_worker_has_an_identity_of_its_own(tab: WebDriver, site: Site, page: WebContents, kind: str) -> None:
    contents = start(tab, site, kind)
    assert contents is not page
    assert ask(tab, "id") == contents.id
    frame = contents.main_frame
    assert frame is not None
    assert (frame.parent, frame.frames, frame.origin) == (None, [], site.url)
    assert (frame.url, frame.name) == (f"{site.url}/worker.js", "name")
    assert contents.principal == page.principal


@each_kind
@electron("sendSync blocks a worker, and not the page that has started it")
def test_send_sync_blocks_a_worker_and_not_its_page(tab: WebDriver, site: Site, page: WebContents, kind: str) -> None:
    start(tab, site, kind)
    waiting: list[Any] = []
    numbers: list[int] = []
    site.ipc_main.on("wait", waiting.append)
    site.ipc_main.on("number", lambda event, number: numbers.append(number))
    evaluate(tab, "void (window.answer = asked('sendSync', 'wait'))")
    wait_until(lambda: waiting, "the worker waits")
    evaluate(tab, "ipcRenderer.send('number', 1)")
    wait_until(lambda: numbers == [1], "the page goes on")

    def answer() -> None:
        waiting.pop().return_value = JSMap([(1, b"\xef\xbb\xbf")])

    site.call(answer)
    assert evaluate(tab, "answer.then((map) => [...map.get(1)])") == [0xEF, 0xBB, 0xBF]


@each_kind
@electron("A worker gets a port, and gives one")
def test_ports_can_be_sent_to_a_worker_and_from_it(tab: WebDriver, site: Site, page: WebContents, kind: str) -> None:
    start(tab, site, kind)
    ports: list[MessagePortMain] = []
    heard: list[Any] = []
    said = site.once("port said")

    @site.ipc_main.on("a port")
    def came(event: Any, message: Any) -> None:
        (port,) = event.ports
        ports.append(port)
        port.on("message", lambda event: heard.append(event.data))
        port.start()
        port.post_message({"back": message})

    ask(tab, "post", "a port", "with words")
    ((_, message),) = said.wait()
    assert message == {"back": "with words"}
    wait_until(lambda: heard == ["through the port"], "the port leads both ways")


@each_kind
@electron("A page and its worker reach each other with sendTo")
def test_a_worker_and_its_page_send_to_each_other(tab: WebDriver, site: Site, page: WebContents, kind: str) -> None:
    contents = start(tab, site, kind)
    ask(tab, "sendTo", page.id, "say", "from the worker")
    evaluate(tab, "until(() => heard.length === 1)")
    assert evaluate(tab, "heard") == [["from the worker"]]
    pongs = site.once("preload-pong")
    evaluate(tab, f"ipcRenderer.sendTo({contents.id}, 'preload-ping')")
    ((event, name),) = pongs.wait()
    assert (event.sender, name) == (contents, "name")


@quick
@electron("A worker that is ended is destroyed, and its page is not")
def test_a_terminated_worker_is_destroyed(tab: WebDriver, site: Site, page: WebContents) -> None:
    contents = start(tab, site, "dedicated")
    evaluate(tab, "worker.terminate()")
    wait_until(lambda: site.destroyed == [contents.id], "the worker is destroyed")
    assert not page.is_destroyed()


@electron("One shared worker is one web contents, however many tabs use it")
def test_a_shared_worker_is_one_contents_for_all_tabs(tab: WebDriver, site: Site, page: WebContents) -> None:
    contents = start(tab, site, "shared")
    handle = tab.current_window_handle
    tab.switch_to.new_window("tab")
    site.visit(tab, "workers.html")
    evaluate(tab, "void shared('name')")
    assert ask(tab, "id") == contents.id
    tab.close()
    tab.switch_to.window(handle)
    assert ask(tab, "id") == contents.id
    site.ipc_main.handle("echo", lambda event, value: [event.sender.id, value])
    assert ask(tab, "invoke", "echo", 1) == [contents.id, 1]


@electron("A service worker is a web contents of its own as well, which cannot block")
def test_a_service_worker_is_a_client(tab: WebDriver, site: Site, page: WebContents) -> None:
    site.ipc_main.handle("echo", lambda event, value: [event.sender.id, value])
    evaluate(tab, "register()")
    *_, (event, _) = site.ran.wait(2)
    contents = event.sender
    assert contents is not page
    assert contents.main_frame.url == f"{site.url}/worker.js"
    assert ask(tab, "id") == contents.id
    assert ask(tab, "invoke", "echo", 1) == [contents.id, 1]
    with pytest.raises(PageError, match="was not answered"):
        ask(tab, "sendSync", "echo", 1)
    evaluate(tab, "registration.unregister()")
