"""`<web-view>` and `sendToHost` in a real browser: guests of the same and of other origins, and ignored senders.

docs/electron-parity.md names Electron's titles beside these tests. The tests run scripts only in the host's page: a
script cannot access a guest of another origin.
"""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import Response
from fastapi.responses import HTMLResponse
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, evaluate
from tests.support.applications import Application
from tests.support.serving import Live, live
from webipc import IpcMainInvokeEvent

PAGES = Path(__file__).parent / "pages" / "web_view"

REMOVED = "The WebView must be attached to the DOM and the dom-ready event emitted before this method can be called."

# A guest without the client, whose announcement has an address that is none.
LIAR = """<!doctype html><title>a guest</title><script>
  const announcement = { webipc: 'guest', token: 1, url: 'javascript:parent.ran=1', origins: [] }
  parent.postMessage(announcement, '*', [new MessageChannel().port2])
</script>"""


class Site(Application):
    """An application that serves the pages, and can delay the scripts that they load."""

    def __init__(self) -> None:
        super().__init__(pages=PAGES)
        self.go_on = threading.Event()
        self.app.get("/slow")(lambda: self.go_on.wait(20))
        self.app.get("/late-script.js")(self._late_script)
        self.app.get("/liar")(lambda: HTMLResponse(LIAR))
        # The channels of the messages that reached the server.
        self.said: list[str] = []
        self.ipc_main.handle("id", self._id)
        for channel in ("pong", "loading", "channel"):
            self.ipc_main.on(channel, lambda event, *args, channel=channel: self.said.append(channel))

    def _late_script(self) -> Response:
        self.go_on.wait(20)
        script = "const { ipcRenderer } = webipc; ipcRenderer.on('ping', () => ipcRenderer.sendToHost('pong'))"
        return Response(script, media_type="text/javascript")

    def _id(self, event: IpcMainInvokeEvent) -> int:
        return event.sender.id


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def elsewhere() -> Iterator[Live]:
    """The same pages at another origin."""
    with live(Site().app) as served:
        yield served


@pytest.fixture(params=["own", "port", "host"])
def guest(request: pytest.FixtureRequest, server: Live, elsewhere: Live) -> str:
    """The address of a guest page of the host's own origin, of another port, and of another site."""
    if request.param == "own":
        return "guest.html"
    url = elsewhere.url if request.param == "port" else elsewhere.url.replace("127.0.0.1", "localhost")
    return guest_at(url, host=server.url)


def guest_at(url: str, *, host: str, **more: str) -> str:
    """Return the address of a guest page that lists a host."""
    query = "".join(f"&{name}={quote(value, safe='')}" for name, value in more.items())
    return f"{url}/guest.html?hosts={quote(host, safe='')}{query}"


def another(guest: str, word: str) -> str:
    """Return another address of the same page: a browser does not load a frame with the address of an ancestor."""
    return f"{guest}{'&' if '?' in guest else '?'}{word}"


def show(tab: WebDriver, server: Live, src: str, **attributes: str) -> None:
    """Load the host's page with a guest in it."""
    tab.get(f"{server.url}/host.html")
    evaluate(tab, "(async () => { while (!window.show) await new Promise((go) => setTimeout(go, 10)) })()")
    evaluate(tab, f"void show({src!r}, {attributes!r})")


def heard(tab: WebDriver, channel: str) -> list[Any]:
    """Wait for a message of the guest and return its arguments."""
    args: list[Any] = evaluate(tab, f"first({channel!r})")["args"]
    return args


def ask(tab: WebDriver, channel: str, *args: str) -> list[Any]:
    """Send to the guest and return the arguments of its answer on the same channel."""
    listed = "".join(f", {arg}" for arg in args)
    evaluate(tab, f"view.send({channel!r}{listed})")
    return heard(tab, channel)


def test_a_ping_to_the_guest_comes_back_as_an_event(tab: WebDriver, server: Live, site: Site, guest: str) -> None:
    show(tab, server, guest)
    evaluate(tab, "view.send('ping', 'boom!', [1])")
    assert heard(tab, "pong") == ["boom!", [1]]
    assert site.said == []


def test_send_to_frame_uses_the_frame_id_of_the_event(tab: WebDriver, server: Live, guest: str) -> None:
    show(tab, server, guest)
    evaluate(tab, "first('loading').then(({ frameId }) => view.sendToFrame(frameId, 'ping', 'boom!'))")
    assert heard(tab, "pong") == ["boom!"]


def test_the_event_is_a_plain_event_with_own_properties(tab: WebDriver, server: Live, guest: str) -> None:
    show(tab, server, guest)
    evaluate(tab, "view.send('ping', 'arg1', 'arg2')")
    assert heard(tab, "pong") == ["arg1", "arg2"]
    facts = """(() => {
      const { constructor, bubbles, cancelable, isTrusted, type, target, args, frameId, channel } = lastEvent
      return [
        constructor === Event, bubbles, cancelable, type, target === view, Array.isArray(args), Array.isArray(frameId),
        channel, ['channel', 'args', 'frameId'].map((name) => Object.hasOwn(lastEvent, name)),
      ]
    })()"""
    assert evaluate(tab, facts) == [True, False, False, "ipc-message", True, True, True, "pong", [True] * 3]
    process, frame = evaluate(tab, "lastEvent.frameId")
    assert isinstance(process, int)
    assert isinstance(frame, int)


def test_a_guest_listener_gets_the_event_of_every_message(tab: WebDriver, server: Live) -> None:
    show(tab, server, "guest.html")
    assert ask(tab, "event") == [["sender", "ports"], True, []]


def test_every_value_arrives(tab: WebDriver, server: Live, guest: str) -> None:
    show(tab, server, guest)
    evaluate(tab, "view.send('values')")
    script = """first('values').then(({ args: [value, again, bytes] }) => [
      value === again, value.self === value, value.map.get(1n).getTime(), bytes.constructor.name, [...bytes],
    ])"""
    assert evaluate(tab, script) == [True, True, 5, "Uint8Array", [1, 2]]


def test_a_message_of_a_loading_page_arrives_before_it_has_loaded(tab: WebDriver, site: Site, server: Live) -> None:
    show(tab, server, "guest.html?slow")
    assert heard(tab, "loading") == ["interactive"]
    assert evaluate(tab, "events.includes('did-finish-load')") is False
    site.go_on.set()
    evaluate(tab, "until(() => events.includes('did-finish-load'))")


def test_messages_to_a_loading_page_wait_for_its_scripts(tab: WebDriver, server: Live, guest: str) -> None:
    show(tab, server, guest)
    # In the task that created the element.
    evaluate(tab, "void (view.remove(), show(view.src), [1, 2, 3].map((n) => view.send('ping', n)))")
    evaluate(tab, "until(() => of('pong').length === 3)")
    assert evaluate(tab, "of('pong').map(({ args }) => args[0])") == [1, 2, 3]


def test_messages_wait_for_the_last_script_of_the_page(tab: WebDriver, site: Site, server: Live) -> None:
    show(tab, server, "slow.html")
    assert heard(tab, "loading") == ["loading"]
    evaluate(tab, "view.send('ping')")
    # A message of the window takes the same path as a message of a port, and so arrives after it.
    evaluate(tab, "new Promise((go) => { onmessage = () => go(); postMessage('') })")
    site.go_on.set()
    assert heard(tab, "pong") == []


def test_messages_sent_while_the_guest_reloads_arrive(tab: WebDriver, server: Live, guest: str) -> None:
    show(tab, server, guest)
    heard(tab, "loading")
    evaluate(tab, "view.reload()")
    assert heard(tab, "onbeforeunload") == []
    assert heard(tab, "onpagehide") == []
    evaluate(tab, "until(() => of('loading').length === 2)")
    old, new = evaluate(tab, "of('loading').map(({ frameId }) => frameId)")
    assert old[0] == new[0]
    assert old[1] != new[1]
    evaluate(tab, f"view.sendToFrame({old}, 'ping', 'old')")
    evaluate(tab, f"view.sendToFrame({new}, 'ping', 'new')")
    assert heard(tab, "pong") == ["new"]


def test_a_guest_that_navigates_within_its_origin_stays_connected(tab: WebDriver, server: Live, guest: str) -> None:
    show(tab, server, guest)
    heard(tab, "loading")
    second = another(guest, "second")
    evaluate(tab, f"view.send('go', {second!r})")
    evaluate(tab, "until(() => of('loading').length === 2)")
    assert evaluate(tab, "view.getURL()").endswith("second")
    evaluate(tab, "view.send('ping', 'still there')")
    assert heard(tab, "pong") == ["still there"]


def test_a_host_that_the_guest_does_not_list_receives_nothing(tab: WebDriver, server: Live, elsewhere: Live) -> None:
    show(tab, server, guest_at(elsewhere.url, host="https://host.example"))
    evaluate(tab, "void view.send('ping').catch((error) => { window.failed = error.code })")
    evaluate(tab, "until(() => events.includes('did-finish-load'))")
    assert evaluate(tab, "heard") == []
    assert evaluate(tab, "(view.remove(), until(() => window.failed).then(() => failed))") == "destroyed"


def test_messages_of_a_guest_that_navigated_to_another_origin_are_ignored(
    tab: WebDriver, server: Live, elsewhere: Live
) -> None:
    other = guest_at(elsewhere.url, host=server.url)
    show(tab, server, "guest.html")
    heard(tab, "loading")
    evaluate(tab, f"view.send('go', {other!r})")
    evaluate(tab, "until(() => events.filter((name) => name === 'did-finish-load').length === 2)")
    evaluate(tab, "void view.send('ping')")
    evaluate(tab, "until(() => warnings.length > 0)")
    text = f"webipc: a <web-view> ignores messages of {elsewhere.url}; add it to allow-origins"
    assert evaluate(tab, "warnings") == [text]
    assert evaluate(tab, "of('loading').length") == 1
    # Messages that wait are delivered to the next guest.
    evaluate(tab, "void (view.src = 'guest.html?back')")
    evaluate(tab, "first('pong')")
    assert evaluate(tab, "of('loading').length") == 2


def test_messages_of_an_allowed_origin_are_delivered(tab: WebDriver, server: Live, elsewhere: Live) -> None:
    allowed = {"allow-origins": f"https://b.example {elsewhere.url}"}
    show(tab, server, "guest.html", **allowed)
    heard(tab, "loading")
    evaluate(tab, f"view.send('go', {guest_at(elsewhere.url, host=server.url)!r})")
    evaluate(tab, "until(() => of('loading').length === 2)")
    evaluate(tab, "view.send('ping', 'elsewhere')")
    assert heard(tab, "pong") == ["elsewhere"]


def test_messages_of_another_window_are_ignored(tab: WebDriver, server: Live) -> None:
    show(tab, server, "guest.html")
    heard(tab, "loading")
    evaluate(
        tab,
        """(() => {
      const frame = document.createElement('iframe')
      frame.src = 'guest.html'
      document.body.append(frame)
      const { port1, port2 } = new MessageChannel()
      port1.postMessage({ channel: 'mine', args: [] })
      window.postMessage({ webipc: 'guest', token: 1, url: '', origins: [] }, location.origin, [port2])
      window.both = () => frame.contentWindow.ipcRenderer
    })()""",
    )
    evaluate(tab, "until(() => both())")
    assert ask(tab, "event")
    assert evaluate(tab, "heard.map(({ channel }) => channel)") == ["loading", "event"]


def test_a_removed_element_receives_and_sends_nothing(tab: WebDriver, server: Live, guest: str) -> None:
    show(tab, server, guest)
    heard(tab, "loading")
    evaluate(tab, "view.remove()")
    for call in ("view.send('ping')", "view.sendToFrame([1, 1], 'ping')", "(async () => view.getWebContentsId())()"):
        with pytest.raises(PageError) as caught:
            evaluate(tab, call)
        assert caught.value.error == f"Error: {REMOVED}"
    # The last messages of the first guest are in transit; those of a second guest would arrive after them.
    evaluate(tab, "void (heard.length = 0, show(view.src))")
    heard(tab, "loading")
    assert evaluate(tab, "heard.map(({ channel }) => channel)") == ["loading"]


def test_an_element_that_is_inserted_again_loads_a_new_guest(tab: WebDriver, server: Live) -> None:
    show(tab, server, "guest.html")
    before = evaluate(tab, "first('loading')")["frameId"]
    evaluate(tab, "void (heard.length = 0, view.remove(), document.body.append(view))")
    assert evaluate(tab, "first('loading')")["frameId"] != before
    evaluate(tab, f"view.sendToFrame({before}, 'ping', 'dropped')")
    evaluate(tab, "view.send('ping', 'again')")
    assert heard(tab, "pong") == ["again"]


def test_the_web_contents_id_is_that_of_the_server(tab: WebDriver, server: Live, guest: str) -> None:
    tab.get(f"{server.url}/host.html")
    evaluate(tab, "(async () => { while (!window.show) await new Promise((go) => setTimeout(go, 10)) })()")
    early = f"(async () => {{ show({guest!r}); return view.getWebContentsId() }})()"
    with pytest.raises(PageError) as caught:
        evaluate(tab, early)
    assert caught.value.error == f"Error: {REMOVED}"
    evaluate(tab, "until(() => events.includes('dom-ready'))")
    evaluate(tab, "view.send('identify')")
    assert [evaluate(tab, "view.getWebContentsId()")] == heard(tab, "identity")
    assert evaluate(tab, "view.getURL()").endswith(guest)


def test_a_frame_in_the_guest_has_a_frame_id_of_its_own(tab: WebDriver, server: Live, guest: str) -> None:
    show(tab, server, guest)
    main = evaluate(tab, "first('loading')")["frameId"]
    inner = another(guest, "nested")
    evaluate(tab, f"void (heard.length = 0, view.send('nest', {inner!r}))")
    nested = evaluate(tab, "first('loading')")["frameId"]
    assert main[0] == nested[0]
    assert main[1] != nested[1]
    evaluate(tab, f"view.sendToFrame({nested}, 'ping', 'nested')")
    assert evaluate(tab, "first('pong')") == {"channel": "pong", "args": ["nested"], "frameId": nested}
    # A frame within that frame.
    deeper = another(guest, "innermost")
    evaluate(tab, f"void (heard.length = 0, view.sendToFrame({nested}, 'nest', {deeper!r}))")
    innermost = evaluate(tab, "first('loading')")["frameId"]
    evaluate(tab, f"view.sendToFrame({innermost}, 'ping', 'innermost')")
    assert evaluate(tab, "first('pong')") == {"channel": "pong", "args": ["innermost"], "frameId": innermost}
    # `send` still reaches the main frame, and a frame that has gone receives nothing.
    evaluate(tab, "void (heard.length = 0, view.send('drop'))")
    assert evaluate(tab, "first('onpagehide')")["frameId"] in (nested, innermost)
    evaluate(tab, f"view.sendToFrame({nested}, 'ping', 'gone')")
    evaluate(tab, "view.send('ping', 'main')")
    assert evaluate(tab, "first('pong')") == {"channel": "pong", "args": ["main"], "frameId": main}


def test_messages_of_a_frame_of_another_origin_in_the_guest_are_delivered_if_it_is_allowed(
    tab: WebDriver, server: Live, elsewhere: Live
) -> None:
    nested = guest_at(elsewhere.url, host=server.url)
    for allowed in ("", elsewhere.url):
        show(tab, server, "guest.html", **{"allow-origins": allowed})
        heard(tab, "loading")
        evaluate(tab, f"view.send('nest', {nested!r})")
        if allowed:
            evaluate(tab, "until(() => of('loading').length === 2)")
            frame = evaluate(tab, "of('loading')[1]")["frameId"]
            evaluate(tab, f"view.sendToFrame({frame}, 'ping', 'from another origin')")
            assert heard(tab, "pong") == ["from another origin"]
        else:
            evaluate(tab, "until(() => warnings.length > 0)")
            assert elsewhere.url in evaluate(tab, "warnings")[0]
            assert evaluate(tab, "of('loading').length") == 1


def test_messages_that_a_frame_sent_before_the_guest_loaded_its_client_are_delivered(
    tab: WebDriver, server: Live
) -> None:
    show(tab, server, "late.html")
    assert heard(tab, "loading") == ["interactive"]
    frame = evaluate(tab, "of('loading')[0]")["frameId"]
    evaluate(tab, f"view.sendToFrame({frame}, 'ping', 'late')")
    assert heard(tab, "pong") == ["late"]
    assert evaluate(tab, "of('loading').length") == 1


def test_messages_of_a_web_view_in_a_guest_do_not_reach_the_outer_host(tab: WebDriver, server: Live) -> None:
    show(tab, server, "guest.html?inner=guest.html")
    assert heard(tab, "inner loading") == ["interactive"]
    evaluate(tab, "view.send('send inner', 'ping', 'boom!')")
    assert heard(tab, "inner pong") == ["boom!"]
    assert evaluate(tab, "[of('loading').length, of('pong').length]") == [1, 0]


def test_a_message_to_the_host_that_cannot_be_cloned_throws_at_the_call(tab: WebDriver, server: Live) -> None:
    show(tab, server, "guest.html")
    assert ask(tab, "refusals") == [
        [
            "TypeError: Error processing argument at index 0, conversion failure from undefined",
            "TypeError: Error processing argument at index 0, conversion failure from 5",
            "CloneError: An object could not be cloned. args[1].user.save: a function",
        ],
        {"reactive": [1]},
    ]
    assert evaluate(tab, "of('say')") == []


def test_a_message_to_the_guest_that_cannot_be_sent_rejects(tab: WebDriver, server: Live) -> None:
    show(tab, server, "guest.html")
    frame = evaluate(tab, "first('loading')")["frameId"]
    refused = {
        "view.send()": "TypeError: Missing required channel argument",
        f"view.sendToFrame({frame}, 5)": "TypeError: Missing required channel argument",
        "view.sendToFrame(undefined, 'ping')": "Error: Missing required frame argument (must be number or "
        "[processId, frameId])",
        "view.send('ping', [() => {}])": "CloneError: An object could not be cloned. args[0][0]: a function",
        "view.send('c'.repeat(4097))": "LimitError: channel_length: at most 4096 allowed, 4097 found",
    }
    for call, text in refused.items():
        with pytest.raises(PageError) as caught:
            evaluate(tab, call)
        assert caught.value.error == text
    evaluate(tab, "view.send('ping', new Proxy([1], {}))")
    assert heard(tab, "pong") == [[1]]


def test_a_guest_whose_link_is_closed_still_exchanges_messages_with_its_host(tab: WebDriver, server: Live) -> None:
    show(tab, server, "guest.html")
    evaluate(tab, "view.send('close')")
    assert heard(tab, "closed") == []


def test_send_to_host_in_a_page_without_a_host_does_nothing(tab: WebDriver, server: Live, site: Site) -> None:
    tab.get(f"{server.url}/guest.html")
    evaluate(tab, "(async () => { while (!window.ipcRenderer) await new Promise((go) => setTimeout(go, 10)) })()")
    assert evaluate(tab, "ipcRenderer.sendToHost('channel', 'arg1')") is None
    # A message that had reached the server would have arrived before this answer.
    assert evaluate(tab, "ipcRenderer.invoke('id')") > 0
    assert site.said == []


def test_the_element_works_under_a_strict_content_security_policy(tab: WebDriver, server: Live) -> None:
    show(tab, server, "guest.html", name="shown", allow="fullscreen", sandbox="allow-scripts allow-same-origin")
    heard(tab, "loading")
    frame = "view.shadowRoot.querySelector('iframe')"
    assert evaluate(tab, f"[{frame}.name, {frame}.allow, {frame}.sandbox.value, getComputedStyle(view).display]") == [
        "shown",
        "fullscreen",
        "allow-scripts allow-same-origin",
        "inline-flex",
    ]
    assert evaluate(tab, f"getComputedStyle({frame}).borderTopWidth") == "0px"
    # The frame of the element is not in `window.frames` of the page.
    assert evaluate(tab, "window.length") == 0
    assert evaluate(tab, "faults") == []


@pytest.mark.parametrize(
    "address",
    ["javascript:parent.ran = 1", " JavaScript:parent.ran=1", "java\nscript:parent.ran=1", "\x01javascript:1"],
)
def test_an_address_that_is_code_is_not_run(tab: WebDriver, server: Live, address: str) -> None:
    tab.get(f"{server.url}/host.html")
    evaluate(tab, f"show({json.dumps(address)})")
    evaluate(tab, f"(() => {{ view.src = 'about:blank'; view.src = {json.dumps(address)} }})()")
    assert evaluate(tab, "warnings") == ["webipc: a <web-view> does not run javascript: addresses"] * 2
    evaluate(tab, "view.src = 'guest.html'")
    evaluate(tab, "until(() => events.includes('dom-ready'))")
    assert evaluate(tab, "[window.ran, faults]") == [None, []]


def test_a_guest_that_names_code_as_its_address_is_not_reloaded_into_it(
    tab: WebDriver, server: Live, elsewhere: Live
) -> None:
    tab.get(f"{server.url}/host.html")
    evaluate(tab, f"show('{elsewhere.url}/liar')")
    evaluate(tab, "until(() => view.getURL() === 'javascript:parent.ran=1')")
    evaluate(tab, "view.reload()")
    assert evaluate(tab, "warnings") == ["webipc: a <web-view> does not run javascript: addresses"]
    assert evaluate(tab, "[window.ran, faults]") == [None, []]
