"""Electron's spec/api-web-frame-main-spec.ts: documents in iframes, their properties, and their lifetime."""

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import WEBKIT_NAME, evaluate
from tests.browser.framed import Site, click, quick, subtree
from tests.conformance.titles import electron
from tests.support.network import relay
from tests.support.serving import wait_until
from webipc import JSError, WebContents, WebFrameMain, undefined

CONTAINER = "frame-with-frame-container.html"
DISPOSED = "Render frame was disposed before WebFrameMain could be accessed"


@pytest.fixture
def web_frame(tab: WebDriver, site: Site) -> WebFrameMain:
    """The main frame of a page with two nested frames."""
    frame = site.visit(tab, CONTAINER, frames=3).main_frame
    assert frame is not None
    return frame


def urls(site: Site, *pages: str) -> list[str]:
    return [f"{site.url}/{page}" for page in pages]


def frame_urls(frame: WebFrameMain) -> list[str]:
    return [each.url for each in frame.frames_in_subtree]


@electron("webFrameMain module › WebFrame traversal APIs › can access top frame")
def test_can_access_top_frame(web_frame: WebFrameMain) -> None:
    assert web_frame.top is web_frame


@electron("webFrameMain module › WebFrame traversal APIs › has no parent on top frame")
def test_has_no_parent_on_top_frame(web_frame: WebFrameMain) -> None:
    assert web_frame.parent is None


@electron("webFrameMain module › WebFrame traversal APIs › can access immediate frame descendents")
def test_can_access_immediate_frame_descendents(web_frame: WebFrameMain) -> None:
    (subframe,) = web_frame.frames
    assert subframe is not web_frame
    assert subframe.parent is web_frame


@electron("webFrameMain module › WebFrame traversal APIs › can access deeply nested frames")
def test_can_access_deeply_nested_frames(web_frame: WebFrameMain) -> None:
    (subframe,) = web_frame.frames
    (nested,) = subframe.frames
    assert len({web_frame, subframe, nested}) == 3
    assert nested.parent is subframe
    assert nested.top is web_frame


@electron("webFrameMain module › WebFrame traversal APIs › can traverse all frames in root")
def test_can_traverse_all_frames_in_root(site: Site, web_frame: WebFrameMain) -> None:
    assert frame_urls(web_frame) == urls(site, CONTAINER, "frame-with-frame.html", "frame.html")


@electron("webFrameMain module › WebFrame traversal APIs › can traverse all frames in subtree")
def test_can_traverse_all_frames_in_subtree(site: Site, web_frame: WebFrameMain) -> None:
    assert frame_urls(web_frame.frames[0]) == urls(site, "frame-with-frame.html", "frame.html")


@electron("webFrameMain module › WebFrame traversal APIs › cross-origin › can access cross-origin frames")
def test_can_access_cross_origin_frames(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame.html")
    embed(tab, f"{site.other_url}/frame.html")
    (_, (event, url)) = site.ran.wait(2)
    assert url == f"{site.other_url}/frame.html"
    assert event.sender_frame is event.sender_frame.top is event.sender.main_frame
    assert event.sender is not contents
    assert site.ipc_main.get_all_web_contents() == [contents, event.sender]


@electron("webFrameMain module › WebFrame.url › should report correct address for each subframe")
def test_should_report_correct_address_for_each_subframe(site: Site, web_frame: WebFrameMain) -> None:
    assert web_frame.url == f"{site.url}/{CONTAINER}"
    assert web_frame.frames[0].url == f"{site.url}/frame-with-frame.html"
    assert web_frame.frames[0].frames[0].url == f"{site.url}/frame.html"


@electron("webFrameMain module › WebFrame.origin › should be http:// for an http frame")
def test_should_be_http_for_an_http_frame(site: Site, web_frame: WebFrameMain) -> None:
    assert [frame.origin for frame in web_frame.frames_in_subtree] == [site.url] * 3


# A window at about:blank, whose opener writes its content.
OPEN_BLANK = """
  const child = window.open('')
  const script = child.document.createElement('script')
  script.src = '/ipc/client.global.js'
  script.onload = () => child.webipc.ipcRenderer.send('preload-ran', child.location.href)
  child.document.head.append(script)
"""


@electron("webFrameMain module › WebFrame.origin › should show parent origin when child page is about:blank")
def test_should_show_parent_origin_when_child_page_is_about_blank(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame.html")
    click(tab, OPEN_BLANK)
    (_, (event, url)) = site.ran.wait(2)
    assert url == "about:blank"
    assert event.sender is not contents
    assert event.sender_frame.origin == site.url


@electron(
    "webFrameMain module › WebFrame.origin › "
    "should show parent frame's origin when about:blank child window opened through cross-origin subframe"
)
def test_should_show_parent_frames_origin_when_opened_through_cross_origin_subframe(tab: WebDriver, site: Site) -> None:
    site.visit(tab, "frame.html")
    embed(tab, f"{site.other_url}/frame.html")
    site.ran.wait(2)
    tab.switch_to.frame(0)
    click(tab, OPEN_BLANK)
    (_, (child, _), (event, url)) = site.ran.wait(3)
    assert url == "about:blank"
    assert event.sender_frame.origin == child.sender_frame.origin == site.other_url


@electron("webFrameMain module › WebFrame.origin › should be null for a fresh WebContents")
def test_a_new_web_contents_has_its_first_document_and_the_origin_of_that_document(tab: WebDriver, site: Site) -> None:
    fresh: list[str | None] = []

    @site.ipc_main.web_contents_created
    def created(_: object, contents: WebContents) -> None:
        fresh.append(contents.main_frame.origin if contents.main_frame else None)

    site.visit(tab, "frame.html")
    assert fresh == [site.url]


@electron("webFrameMain module › WebFrame.visibilityState › should match window state")
def test_visibility_state_is_that_of_the_window(tab: WebDriver, site: Site) -> None:
    told: list[str] = []
    site.ipc_main.on("visibility", lambda event, state: told.append(state))
    tell = "ipcRenderer.send('visibility', document.visibilityState)"
    if tab.name == WEBKIT_NAME:
        # This driver cannot hide a tab, but opens new tabs in the background.
        tab.switch_to.new_window("tab")
        site.visit(tab, "frame.html")
        evaluate(tab, f"void {tell}")
        wait_until(lambda: told == ["hidden"], "the server receives the state")
        return
    site.visit(tab, "frame.html")
    evaluate(tab, f"void (() => {{ {tell}; document.addEventListener('visibilitychange', () => {tell}) }})()")
    wait_until(lambda: told == ["visible"], "the server receives the state")
    tab.switch_to.new_window("tab")
    wait_until(lambda: told == ["visible", "hidden"], "the server receives the state")


@electron("webFrameMain module › WebFrame IDs › has properties for various identifiers")
def test_has_properties_for_various_identifiers(web_frame: WebFrameMain) -> None:
    for frame in web_frame.frames_in_subtree:
        assert type(frame.url) is str
        assert type(frame.frame_tree_node_id) is int
        assert type(frame.name) is str
        assert type(frame.process_id) is int
        assert type(frame.routing_id) is int
        assert type(frame.frame_token) is str


@pytest.fixture
def allowing(tab: WebDriver, site: Site) -> WebFrameMain:
    """Like `web_frame`, with documents that allow their server to run code."""
    frame = site.visit(tab, f"allowing/{CONTAINER}", frames=3).main_frame
    assert frame is not None
    return frame


@electron("webFrameMain module › WebFrame.executeJavaScript › can inject code into any subframe")
def test_execute_javascript_can_inject_code_into_any_subframe(site: Site, allowing: WebFrameMain) -> None:
    for frame in allowing.frames_in_subtree:
        assert site.run(frame.execute_javascript("location.href")) == frame.url


@electron("webFrameMain module › WebFrame.executeJavaScript › can resolve promise")
def test_execute_javascript_can_resolve_promise(site: Site, allowing: WebFrameMain) -> None:
    code = "new Promise((resolve) => { setTimeout(() => resolve(42), 20) })"
    assert site.run(allowing.execute_javascript(code)) == 42


@electron("webFrameMain module › WebFrame.executeJavaScript › can reject with error")
def test_execute_javascript_can_reject_with_error(site: Site, allowing: WebFrameMain) -> None:
    with pytest.raises(JSError, match="error!"):
        site.run(allowing.execute_javascript("new Promise((r, e) => { setTimeout(() => e('error!'), 20) })"))
    for name in ("Error", "ReferenceError", "EvalError", "RangeError", "SyntaxError", "TypeError", "URIError"):
        with pytest.raises(JSError, match="Wamp-wamp") as caught:
            site.run(allowing.execute_javascript(f"Promise.reject(new {name}('Wamp-wamp'))"))
        assert caught.value.name == name


@electron("webFrameMain module › WebFrame.executeJavaScript › can reject when script execution fails")
def test_execute_javascript_can_reject_when_script_execution_fails(site: Site, allowing: WebFrameMain) -> None:
    with pytest.raises(JSError) as caught:
        site.run(allowing.execute_javascript("console.log(test)"))
    assert caught.value.name == "ReferenceError"


@electron("webFrameMain module › WebFrame.reload › reloads a frame")
def test_reload_reloads_the_main_frame_of_a_web_contents(site: Site, allowing: WebFrameMain) -> None:
    contents = allowing.web_contents
    site.run(allowing.execute_javascript("window.TEMP = 1"))
    site.run(contents.reload())
    main = site.wait_until_other(contents, allowing, frames=3)
    assert site.run(main.execute_javascript("window.TEMP")) is undefined


@electron("webFrameMain module › WebFrame.send › works")
def test_send_works(site: Site, web_frame: WebFrameMain) -> None:
    pongs = site.once("preload-pong")
    web_frame.send("preload-ping")
    ((event, url),) = pongs.wait()
    assert url == web_frame.url
    assert event.sender_frame.frame_token == web_frame.frame_token


@quick
@electron("webFrameMain module › RenderFrame lifespan › throws upon accessing properties when disposed")
def test_throws_upon_accessing_properties_when_disposed(tab: WebDriver, web_frame: WebFrameMain) -> None:
    assert web_frame.url.endswith(CONTAINER)
    tab.get("about:blank")
    wait_until(web_frame.is_destroyed, "the document is gone")
    with pytest.raises(TypeError, match=DISPOSED):
        _ = web_frame.url


@electron("webFrameMain module › RenderFrame lifespan › persists through cross-origin navigation")
def test_the_web_contents_persists_through_cross_origin_navigation_and_back(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame.html")
    main_frame = contents.main_frame
    assert main_frame is not None
    tree_node_id = main_frame.frame_tree_node_id
    tab.get(f"{site.other_url}/frame.html")
    site.ran.wait(2)
    assert site.visit(tab, "frame-container.html", frames=2) is contents
    assert site.destroyed == []
    assert contents.main_frame is not main_frame
    assert contents.main_frame is not None
    assert contents.main_frame.url == f"{site.url}/frame-container.html"
    assert contents.main_frame.ipc is main_frame.ipc
    assert contents.main_frame.frame_tree_node_id == tree_node_id


@quick
@pytest.mark.engines("chromium")
@pytest.mark.parametrize("origin", ["url", "other_url"])
@electron(
    "webFrameMain module › RenderFrame lifespan › recovers from renderer crash on same-origin",
    "webFrameMain module › RenderFrame lifespan › recovers from renderer crash on cross-origin",
)
def test_a_tab_that_has_crashed_recovers_as_a_new_web_contents(tab: WebDriver, site: Site, origin: str) -> None:
    # Another site, so in another process: it does not crash too, and can navigate the crashed tab.
    tab.get(f"{site.other_url}/frame.html")
    handle = tab.current_window_handle
    evaluate(tab, "window.opened")
    click(tab, f"window.child = window.open('{site.url}/frame-container.html')")
    crashed = site.ran.wait(3)[1][0].sender
    main_frame = crashed.main_frame
    (child,) = set(tab.window_handles) - {handle}
    tab.switch_to.window(child)
    with pytest.raises(WebDriverException, match="tab crashed"):
        tab.get("chrome://crash")
    tab.switch_to.window(handle)
    wait_until(lambda: site.destroyed == [crashed.id], "the crashed tab is destroyed")
    assert main_frame.is_destroyed()
    page = f"{getattr(site, origin)}/frame.html"
    evaluate(tab, f"void (child.location = '{page}')")
    event, url = site.ran.wait(4)[-1]
    assert url == page
    assert event.sender is not crashed
    pongs = site.once("preload-pong")
    event.reply("preload-ping")
    pongs.wait()
    evaluate(tab, "child.close()")
    wait_until(lambda: tab.window_handles == [handle], "the window is closed")


@quick
@electron(
    "webFrameMain module › RenderFrame lifespan › returns null upon accessing senderFrame after cross-origin navigation"
)
def test_returns_none_upon_accessing_sender_frame_after_cross_origin_navigation(tab: WebDriver, site: Site) -> None:
    site.visit(tab, "frame.html")
    ((event, _),) = site.ran.wait()
    assert event.sender_frame is not None
    tab.get(f"{site.other_url}/frame.html")
    wait_until(lambda: event.sender_frame is None, "the frame is gone")


@quick
@electron("webFrameMain module › RenderFrame lifespan › is detached when unload handler sends IPC")
def test_the_sender_frame_exists_when_a_pagehide_handler_sends_ipc(tab: WebDriver, site: Site) -> None:
    contents = site.visit(tab, "frame-container.html", frames=2)
    main, child = subtree(contents)
    there = {frame.url: (frame, frame.process_id) for frame in (main, child)}
    seen: dict[str, tuple[WebFrameMain | None, int]] = {}
    site.ipc_main.on("preload-unload", lambda event, _, url: seen.update({url: (event.sender_frame, event.process_id)}))
    unloads = site.once("preload-unload")
    tab.get(f"{site.other_url}/frame.html")
    wait_until(lambda: {name for _, name, _ in unloads.all} >= {"pagehide"}, "the page sends that it leaves")
    wait_until(lambda: len(seen) == 2, "both frames have sent it")
    assert seen == there
    wait_until(lambda: main.detached and child.detached, "both are gone")


@quick
@electron("webFrameMain module › RenderFrame lifespan › disposes detached frame after cross-origin navigation")
def test_disposes_detached_frame_after_cross_origin_navigation(tab: WebDriver, site: Site) -> None:
    site.visit(tab, "frame.html")
    unloads = site.once("preload-unload")
    frames: list[WebFrameMain] = []
    site.ipc_main.on("preload-unload", lambda event, *args: frames.append(event.sender_frame))
    tab.get(f"{site.other_url}/frame.html")
    unloads.wait()
    wait_until(frames[0].is_destroyed, "it is disposed")
    with pytest.raises(TypeError, match=DISPOSED):
        _ = frames[0].url


@electron("webFrameMain module › webFrameMain.fromId › returns undefined for unknown IDs")
def test_from_id_returns_none_for_unknown_ids(site: Site, web_frame: WebFrameMain) -> None:
    assert site.ipc_main.from_frame_id(0, 0) is None
    assert site.ipc_main.from_frame_id(web_frame.process_id, 0) is None


@electron("webFrameMain module › webFrameMain.fromId › can find each frame from navigation events")
def test_from_id_can_find_each_frame_from_navigation_events(site: Site, web_frame: WebFrameMain) -> None:
    for event, url in site.ran.wait(3):
        frame = site.ipc_main.from_frame_id(event.process_id, event.frame_id)
        assert frame is not None
        assert frame is event.sender_frame
        assert frame.process_id == event.process_id
        assert frame.routing_id == event.frame_id
        assert frame.top is web_frame
        assert frame.url == url


@electron("webFrameMain module › webFrameMain.fromFrameToken › returns null for unknown IDs")
def test_from_frame_token_returns_none_for_unknown_ids(site: Site, web_frame: WebFrameMain) -> None:
    assert site.ipc_main.from_frame_token(0, "") is None
    assert site.ipc_main.from_frame_token(web_frame.process_id, "") is None


@electron("webFrameMain module › webFrameMain.fromFrameToken › can find existing frame")
def test_from_frame_token_can_find_existing_frame(site: Site, web_frame: WebFrameMain) -> None:
    for frame in web_frame.frames_in_subtree:
        assert site.ipc_main.from_frame_token(frame.process_id, frame.frame_token) is frame


def created_frames(site: Site) -> list[WebFrameMain]:
    """Return a list to which every `frame-created` appends its frame."""
    frames: list[WebFrameMain] = []

    @site.ipc_main.web_contents_created
    def created(_: object, contents: WebContents) -> None:
        contents.on("frame-created", lambda event, details: frames.append(details["frame"]))

    return frames


@electron('webFrameMain module › "frame-created" event › emits when the main frame is created')
def test_frame_created_is_emitted_when_the_main_frame_is_created(tab: WebDriver, site: Site) -> None:
    frames = created_frames(site)
    contents = site.visit(tab, "frame.html")
    assert frames == [contents.main_frame]


@electron('webFrameMain module › "frame-created" event › emits when nested frames are created')
def test_frame_created_is_emitted_when_nested_frames_are_created(tab: WebDriver, site: Site) -> None:
    frames = created_frames(site)
    contents = site.visit(tab, "frame-container.html", frames=2)
    assert frames == subtree(contents)
    assert [frame.url for frame in frames] == urls(site, "frame-container.html", "frame.html")


@electron('webFrameMain module › "frame-created" event › is not emitted upon cross-origin navigation')
def test_frame_created_is_not_emitted_when_a_frame_reconnects(tab: WebDriver, site: Site) -> None:
    frames = created_frames(site)
    with relay(site.server.port) as network:
        tab.get(f"{network.url}/frame-container.html")
        site.ran.wait(2)
        network.cut()
        pongs = site.once("preload-pong")
        for frame in list(frames):
            frame.send("preload-ping")
        pongs.wait(2)
        assert len(frames) == 2
        evaluate(tab, "connection.close()")


@electron('webFrameMain module › "dom-ready" event › emits for top-level frame')
def test_a_top_level_frame_emits_dom_ready(tab: WebDriver, site: Site) -> None:
    ready = site.once("dom-ready")
    contents = site.visit(tab, "frame.html")
    ((event,),) = ready.wait()
    assert event.sender_frame is contents.main_frame


@electron('webFrameMain module › "dom-ready" event › emits for sub frame')
def test_a_sub_frame_emits_dom_ready(tab: WebDriver, site: Site) -> None:
    ready = site.once("dom-ready")
    contents = site.visit(tab, "frame-container.html", frames=2)
    assert {event.sender_frame for (event,) in ready.wait(2)} == set(subtree(contents))


def embed(tab: WebDriver, url: str) -> None:
    """Insert an iframe into the page."""
    evaluate(tab, f"document.body.append(Object.assign(document.createElement('iframe'), {{ src: '{url}' }}))")
