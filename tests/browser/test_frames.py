"""Documents in iframes are frames of their tab, in any order of connection, after reloads, resets and restarts."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from selenium.webdriver.remote.webdriver import WebDriver
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.browser.browsers import evaluate
from tests.browser.framed import Site, serving, subtree
from tests.support.network import relay
from tests.support.serving import PATIENCE, live, wait_until
from webipc import IpcMainEvent, WebFrameMain


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as served:
        yield served


def shape(frame: WebFrameMain | None) -> list[object]:
    """The name of each frame with those below it."""
    assert frame is not None
    return [frame.name, *(shape(child) for child in frame.frames)]


def test_a_frame_that_connects_before_its_parent_waits_for_it(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "late-container.html", frames=2)
    assert shape(contents.main_frame) == ["", ["frame"]]
    assert site.ipc_main.get_all_web_contents() == [contents]


class SocketsAfter:
    """Accepts no socket before an event is set, so that a document sends while its parent has no socket."""

    def __init__(self, app: ASGIApp, event: threading.Event) -> None:
        self._app = app
        self._event = event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            assert await asyncio.to_thread(self._event.wait, PATIENCE)
        await self._app(scope, receive, send)


def test_a_frame_whose_first_call_is_send_sync_belongs_to_its_tab(tab: WebDriver) -> None:
    site = Site()
    asked: list[WebFrameMain | None] = []
    heard = threading.Event()
    site.app.add_middleware(SocketsAfter, event=heard)

    @site.ipc_main.on("who")
    def who(event: IpcMainEvent, path: str) -> None:
        asked.append(event.sender_frame)
        event.return_value = event.sender.id
        heard.set()

    with live(site.app) as site.server:
        contents = site.visit(tab, "asking-container.html", frames=3)
        assert shape(contents.main_frame) == ["", ["outer", ["inner"]]]
        assert evaluate(tab, "frames[0].frames[0].answer") == contents.id
        assert asked == subtree(contents)[2:]
        assert site.ipc_main.get_all_web_contents() == [contents]
        tab.get("about:blank")


def test_a_frame_in_a_page_without_the_client_is_a_tab_of_its_own(tab: WebDriver, site: Site) -> None:
    tab.get(f"{site.url}/plain-container.html")
    site.ran.wait(2)
    (contents,) = site.ipc_main.get_all_web_contents()
    assert shape(site.wait_for_frames(contents, 2)) == ["outer", ["inner"]]


def test_a_reload_of_the_page_makes_new_frames_of_the_same_web_contents(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame-with-frame-container.html", frames=3)
    before = subtree(contents)
    tab.refresh()
    wait_until(lambda: len(subtree(contents)) == 3 and not set(before) & set(subtree(contents)), "all are new")
    assert shape(contents.main_frame) == ["", ["outer", ["inner"]]]
    assert (site.created, site.destroyed) == ([contents], [])
    wait_until(lambda: all(frame.is_destroyed() for frame in before), "the old ones are gone")


def test_a_removed_frame_is_destroyed(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame-with-frame-container.html", frames=3)
    main, outer, inner = subtree(contents)
    going = {(frame.routing_id, "pagehide") for frame in (outer, inner)}
    unloads = site.once("preload-unload")
    evaluate(tab, "document.querySelector('iframe').remove()")
    wait_until(lambda: outer.is_destroyed() and inner.is_destroyed(), "both are gone")
    assert subtree(contents) == [main]
    assert {(event.frame_id, name) for event, name, _ in unloads.all} == going


def test_a_frame_that_navigates_is_a_new_frame_in_the_same_place(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame-container.html", frames=2)
    main, before = subtree(contents)
    token = before.frame_token
    evaluate(tab, "void (document.querySelector('iframe').src = 'frame-with-frame.html')")
    wait_until(before.is_destroyed, "the old document is gone")
    site.wait_for_frames(contents, 3)
    assert shape(main) == ["", ["frame", ["inner"]]]
    assert main.frames[0].frame_token != token


def test_a_page_has_its_frames_again_after_going_back(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame-with-frame-container.html", frames=3)
    site.visit(tab, "frame.html")
    tab.back()
    # Firefox reloads the page; the others restore it from the back/forward cache.
    site.wait_for_frames(contents, 3)
    assert shape(contents.main_frame) == ["", ["outer", ["inner"]]]
    for depth in range(3):
        if depth:
            tab.switch_to.frame(0)
        assert evaluate(tab, "ipcRenderer.sendSync('unhandled')") == {"error": "reply was never sent"}
    assert site.ipc_main.get_all_web_contents() == [contents]


def test_a_frame_of_another_origin_is_a_tab_of_its_own(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame.html")
    evaluate(tab, f"(() => {{ document.body.innerHTML = '<iframe src={site.other_url}/frame-container.html>' }})()")
    site.ran.wait(3)
    (other,) = set(site.ipc_main.get_all_web_contents()) - {contents}
    assert shape(site.wait_for_frames(other, 2)) == ["", ["frame"]]
    assert {frame.origin for frame in subtree(other)} == {site.other_url}
    assert subtree(contents) == [contents.main_frame]


def test_frames_stay_in_their_tab_over_lost_sockets(tab: WebDriver, site: Site) -> None:
    with relay(site.server.port) as network:
        tab.get(f"{network.url}/frame-with-frame-container.html")
        contents = site.ran.wait(3)[0][0].sender
        before = subtree(contents)
        for _ in range(3):
            network.cut()
            tab.switch_to.default_content()
            for depth in range(3):
                if depth:
                    tab.switch_to.frame(0)
                assert evaluate(tab, "ipcRenderer.sendSync('unhandled')") == {"error": "reply was never sent"}
        assert subtree(contents) == before
        evaluate(tab, "connection.close()")


def test_after_a_reset_every_frame_is_in_its_place_again(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame-with-frame-container.html", frames=3)
    before = subtree(contents)
    hub = site.ipc_main._provider.hub
    assert hub is not None

    def reset() -> None:
        # The innermost first, so that it may be the first to reconnect.
        for connection in list(reversed(list(hub._links))):
            connection.reset("ended")

    site.call(reset)
    wait_until(lambda: len(subtree(contents)) == 3 and not set(before) & set(subtree(contents)), "all are there again")
    assert shape(contents.main_frame) == ["", ["outer", ["inner"]]]
    assert site.ipc_main.get_all_web_contents() == [contents]


def test_a_frame_follows_its_parent_to_a_new_link(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame-with-frame-container.html", frames=3)
    main, outer, _ = subtree(contents)
    hub = site.ipc_main._provider.hub
    assert hub is not None

    def reset() -> None:
        (connection,) = (each for each in hub._links if each.document.frame is outer)
        connection.reset("ended")

    site.call(reset)
    wait_until(lambda: len(subtree(contents)) == 3 and outer not in subtree(contents), "all are there again")
    assert shape(main) == ["", ["outer", ["inner"]]]
    assert site.ipc_main.get_all_web_contents() == [contents]


def test_frames_are_one_tab_again_after_a_server_restart(tab: WebDriver) -> None:
    with serving() as site, relay(site.server.port) as network:
        tab.get(f"{network.url}/frame-with-frame-container.html")
        site.ran.wait(3)
        network.down()
        with serving() as restarted:
            network.target(restarted.server.port)
            evaluate(tab, "until(() => connection.state === 'resuming')")
            network.up()
            wait_until(restarted.ipc_main.get_all_web_contents, "the tab is there")
            (contents,) = restarted.ipc_main.get_all_web_contents()
            assert shape(restarted.wait_for_frames(contents, 3)) == ["", ["outer", ["inner"]]]
            assert restarted.ipc_main.get_all_web_contents() == [contents]
