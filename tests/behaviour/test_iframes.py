"""Documents in iframes: which tab they belong to, which messages reach them, and when they end."""

import asyncio
import logging
import sys
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.waiting import settled, until
from webipc import CloseCode, IpcMain, IpcMainEvent, Limits, WebContents, WebFrameMain
from webipc.core.frame import encode_body, encode_control
from webipc.testing import ClosedError, InvokeError, Renderer
from webipc.testing.page_link import PageLink


def main_of(ipc_main: IpcMain, page: Renderer) -> WebFrameMain:
    frame = contents_of(ipc_main, page).main_frame
    assert frame is not None
    return frame


def frame_of(ipc_main: IpcMain, page: Renderer) -> WebFrameMain:
    """Return the server's `WebFrameMain` of a page."""
    assert page.welcome is not None
    frame = ipc_main.from_frame_token(page.web_contents_id, page.welcome.frame_token)
    assert frame is not None
    return frame


async def test_a_document_in_an_iframe_belongs_to_the_tab_of_its_parent(site: Site) -> None:
    _, ipc_main, page = site
    main = main_of(ipc_main, page)
    async with page.open_frame() as first, first.open_frame() as inner, page.open_frame() as second:
        assert {each.web_contents_id for each in (page, first, inner, second)} == {page.web_contents_id}
        assert len(ipc_main.get_all_web_contents()) == 1
        one, deep, two = (frame_of(ipc_main, each) for each in (first, inner, second))
        assert (one.parent, deep.parent, two.parent, main.parent) == (main, one, main, None)
        assert [each.top for each in (main, one, deep, two)] == [main] * 4
        assert (main.frames, one.frames, deep.frames) == ([one, two], [deep], [])
        assert main.frames_in_subtree == [main, one, deep, two]
        assert contents_of(ipc_main, page).main_frame is main
        assert len({each.routing_id for each in (main, one, deep, two)}) == 4
        assert len({each.frame_tree_node_id for each in (main, one, deep, two)}) == 4
        assert main.frame_tree_node_id == contents_of(ipc_main, page).frame_tree_node_id
    await until(lambda: main.frames == [])


async def test_messages_of_a_child_reach_its_own_ipc_and_that_of_the_tab_and_not_the_main_frames(site: Site) -> None:
    """Electron: receives ipcs from child frames."""
    _, ipc_main, page = site
    contents = contents_of(ipc_main, page)
    async with page.open_frame() as child:
        heard: list[str] = []
        frame = frame_of(ipc_main, child)
        contents.on("ipc-message", lambda *args: heard.append("ipc-message"))
        for name, ipc in (
            ("child", frame.ipc),
            ("main frame", main_of(ipc_main, page).ipc),
            ("contents", contents.ipc),
            ("ipcMain", ipc_main),
        ):
            ipc.on("hello", lambda event, name=name: heard.append(name))
        child.send("hello")
        await until(lambda: len(heard) == 4)
        assert heard == ["ipc-message", "child", "contents", "ipcMain"]
        heard.clear()
        page.send("hello")
        await until(lambda: len(heard) == 4)
        assert heard == ["ipc-message", "main frame", "contents", "ipcMain"]


async def test_a_handler_of_the_child_answers_only_the_child(site: Site) -> None:
    _, ipc_main, page = site
    async with page.open_frame() as child:
        frame_of(ipc_main, child).ipc.handle("who", lambda event: "child")
        assert await child.invoke("who") == "child"
        with pytest.raises(InvokeError, match="No handler registered for 'who'"):
            await page.invoke("who")


async def test_event_reply_reaches_the_child_and_sender_send_reaches_the_main_frame(site: Site) -> None:
    _, ipc_main, page = site

    @ipc_main.on("ask")
    def ask(event: IpcMainEvent) -> None:
        assert event.sender_frame is not None
        event.reply("reply", event.frame_id)
        event.sender.send("main", event.frame_id)
        event.sender_frame.send("frame", event.frame_id)

    async with page.open_frame() as child:
        routing_id = frame_of(ipc_main, child).routing_id
        child.send("ask")
        assert await child.received("reply") == [routing_id]
        assert await child.received("frame") == [routing_id]
        assert await page.received("main") == [routing_id]
        assert (set(child._arrived), set(page._arrived)) == ({"reply", "frame"}, {"main"})


async def test_send_to_frame_returns_whether_the_tab_has_the_document(site: Site) -> None:
    _, ipc_main, page = site
    contents = contents_of(ipc_main, page)
    async with page.open_frame() as child, page.open() as other:
        frame = frame_of(ipc_main, child)
        assert contents.send_to_frame(frame.routing_id, "one", 1)
        assert contents.send_to_frame([frame.process_id, frame.routing_id], "two", 2)
        assert contents.send_to_frame((page.web_contents_id, main_of(ipc_main, page).routing_id), "three", 3)
        assert [await child.received("one"), await child.received("two")] == [[1], [2]]
        assert await page.received("three") == [3]
        elsewhere = main_of(ipc_main, other)
        for unknown in (elsewhere.routing_id, [elsewhere.process_id, elsewhere.routing_id], 9999, [9999, 1]):
            # The channel is not checked either: there is no document to send to.
            assert not contents.send_to_frame(unknown, None)  # type: ignore[arg-type] # on purpose
        wrong: Any
        for wrong in (None, "1", [1], [1, 2, 3], True, [True, 1], {}):
            text = r"^Missing required frame argument \(must be number or \[processId, frameId\]\)$"
            with pytest.raises(TypeError, match=text):
                contents.send_to_frame(wrong, "x")


async def test_documents_are_found_by_their_ids_and_tabs_by_their_documents(site: Site) -> None:
    """Electron: fromId() and fromFrame() of webContents, fromId and fromFrameToken of webFrameMain."""
    _, ipc_main, page = site
    contents, main = contents_of(ipc_main, page), main_of(ipc_main, page)
    child = page.open_frame()
    await child.connect()
    frame = frame_of(ipc_main, child)
    for each in (main, frame):
        assert ipc_main.from_frame_id(each.process_id, each.routing_id) is each
        assert ipc_main.from_frame_token(each.process_id, each.frame_token) is each
        assert ipc_main.from_frame(each) is contents
    assert ipc_main.from_frame_id(main.process_id, 9999) is None
    assert ipc_main.from_frame_id(9999, main.routing_id) is None
    assert ipc_main.from_frame_token(main.process_id, "garbage") is None
    pair = frame.process_id, frame.routing_id
    await child.close()
    await until(frame.is_destroyed)
    assert ipc_main.from_frame(frame) is None
    assert ipc_main.from_frame_id(*pair) is None
    wrong: Any
    for wrong in ({}, None, contents):
        with pytest.raises(TypeError):
            ipc_main.from_frame(wrong)


async def test_frame_created_is_emitted_for_the_first_document_of_a_tab_and_for_each_iframe() -> None:
    """Electron: emits when a main frame is created, and a child frame; not on a navigation."""
    app, ipc_main = application()
    created: list[tuple[str, Any]] = []
    messages: list[int] = []
    ipc_main.on("first words", lambda event: messages.append(len(created)))

    @ipc_main.web_contents_created
    def new_tab(event: Any, contents: WebContents) -> None:
        contents.on("frame-created", lambda event, details: created.append(("frame", details["frame"])))
        created.append(("tab", contents))

    async with Renderer(app) as page:
        main = main_of(ipc_main, page)
        child = page.open_frame()
        child.send("first words")
        await child.connect()
        frame = frame_of(ipc_main, child)
        await until(lambda: messages)
        assert created == [("tab", main.web_contents), ("frame", main), ("frame", frame)]
        assert messages == [3]
        await page.reload()
        page.send("first words")
        await until(lambda: len(messages) == 2)
        assert len(created) == 3


async def test_a_child_that_connects_before_its_parent_waits_for_it(site: Site) -> None:
    app, ipc_main, _ = site
    page = Renderer(app)
    child = page.open_frame()
    waiting = asyncio.create_task(child.connect())
    await settled()
    assert not waiting.done()
    await page.connect()
    await waiting
    assert child.web_contents_id == page.web_contents_id
    assert frame_of(ipc_main, child).parent is main_of(ipc_main, page)
    await page.close()


async def test_a_child_whose_parent_never_connects_is_a_tab_of_its_own(site: Site) -> None:
    app, ipc_main, _ = site
    child = Renderer(app).open_frame()
    await child.connect()
    assert frame_of(ipc_main, child) is main_of(ipc_main, child)
    await child.close()


async def test_a_document_whose_parent_has_ended_is_refused_with_try_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webipc.hub.births.OVERLAP_SECONDS", 3600)
    app, _, _ = site
    page = Renderer(app)
    await page.connect()
    child = page.open_frame()
    page._frames.clear()
    await page.close()
    with pytest.raises(ClosedError, match="has ended") as caught:
        await child.connect()
    assert caught.value.close_code == CloseCode.TRY_LATER


async def test_a_document_of_another_origin_is_never_a_child() -> None:
    app, ipc_main = application(origins=["https://other.example"])
    async with Renderer(app) as page:
        claims = Renderer(app, origin="https://other.example")
        claims._connection.parent = page._connection
        await claims.connect()
        assert claims.web_contents_id != page.web_contents_id
        frame = frame_of(ipc_main, claims)
        assert (frame.parent, frame.origin, main_of(ipc_main, page).frames) == (None, "https://other.example", [])
        await claims.close()


async def test_a_tab_continues_after_a_child_has_ended(site: Site) -> None:
    _, ipc_main, page = site
    async with page.open_frame() as child:
        frame = frame_of(ipc_main, child)
        routing_id = frame.routing_id
        child.send("unhandled")
    await until(frame.is_destroyed)
    assert (frame.detached, main_of(ipc_main, page).frames) == (True, [])
    await page.invoke("end")
    frame.send("into nothing")
    assert not contents_of(ipc_main, page).send_to_frame(routing_id, "x")


async def test_a_child_whose_bye_is_lost_ends_with_the_tab_of_its_parent() -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=50))
    async with Renderer(app):
        page = Renderer(app)
        await page.connect()
        contents = contents_of(ipc_main, page)
        child = page.open_frame()
        await child.connect()
        frame = frame_of(ipc_main, child)
        await child.disconnect()
        await page.close()
        await until(contents.is_destroyed)
        await until(frame.is_destroyed)
        assert len(ipc_main.get_all_web_contents()) == 1


async def test_a_child_that_reconnects_does_not_keep_a_tab_without_a_main_document() -> None:
    # Longer than a busy machine takes to connect the child again.
    app, ipc_main = application(limits=Limits(goodbye_ms=1_000))
    async with Renderer(app):
        page = Renderer(app)
        await page.connect()
        contents = contents_of(ipc_main, page)
        child = page.open_frame()
        page._frames.clear()
        await child.connect()
        await page.close()
        await child.disconnect()
        await child.connect()
        await until(contents.is_destroyed)
        await until(lambda: not child.connected)


async def test_a_reload_of_the_parent_ends_its_children_and_keeps_the_tab(site: Site) -> None:
    _, ipc_main, page = site
    contents = contents_of(ipc_main, page)
    child = page.open_frame()
    await child.connect()
    frame = frame_of(ipc_main, child)
    await page.reload()
    await until(frame.is_destroyed)
    assert contents_of(ipc_main, page) is contents
    assert main_of(ipc_main, page).frames == []
    async with page.open_frame() as again:
        assert frame_of(ipc_main, again).parent is main_of(ipc_main, page)


async def test_a_child_resumes_as_the_same_frame(site: Site) -> None:
    _, ipc_main, page = site
    async with page.open_frame() as child:
        frame = frame_of(ipc_main, child)
        await child.disconnect()
        frame.send("while away", 1)
        await child.connect()
        assert await child.received("while away") == [1]
        assert frame_of(ipc_main, child) is frame
        assert main_of(ipc_main, page).frames == [frame]
        assert contents_of(ipc_main, page).main_frame is main_of(ipc_main, page)


async def test_a_beacon_can_be_the_first_request_of_a_child(site: Site) -> None:
    _, ipc_main, page = site
    heard: list[tuple[int, bool]] = []
    ipc_main.on("bye", lambda event: heard.append((event.sender.id, event.sender_frame.parent is None)))
    child = page.open_frame()
    link = child._connection.page
    child.send("bye")
    hello = encode_control(0, "hello", link.hello(0, {"parent": page._connection.page.link_id}))
    body = encode_body([hello, *link.link.backlog(), encode_control(0, "bye", 1)])
    answer = await child._connection.client.post("/ipc/beacon", "application/vnd.webipc.v1", body)
    assert answer.status == 204
    await until(lambda: heard)
    assert heard == [(page.web_contents_id, False)]
    assert contents_of(ipc_main, page).main_frame is not None


async def test_nested_documents_end_together_at_any_depth(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application(limits=Limits(unattached_grace_ms=600_000), max_unattached_links=10_000)
    depth = sys.getrecursionlimit() + 100
    async with Renderer(app) as page:
        main = main_of(ipc_main, page)
        browser, parent = page._connection.client, page._connection.page.link_id
        for _ in range(depth):
            child = PageLink(Limits(), lambda: None)
            body = encode_body([encode_control(0, "hello", child.hello(0, {"parent": parent}))])
            assert (await browser.post("/ipc/beacon", "application/vnd.webipc.v1", body)).status == 204
            parent = child.link_id
        below = main.frames_in_subtree
        assert len(below) == depth + 1
        assert page._connection._socket is not None
        page._connection._socket.write("not a frame")
        await until(lambda: all(frame.is_destroyed() for frame in below))
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
