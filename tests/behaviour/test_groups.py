"""Groups of tabs and documents, with pages of `webipc.testing`: who gets what over reloads, lost sockets and ends."""

import threading
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.logged import troubles
from tests.support.waiting import settled, until
from webipc import DestroyedError, DisposedError, Group, IpcMain, IpcMainInvokeEvent, Limits, WebFrameMain
from webipc.testing import Renderer


def frame_of(ipc_main: IpcMain, page: Renderer) -> WebFrameMain:
    """Return the document of a page, which may be in an iframe."""
    assert page.welcome is not None
    frame = ipc_main.from_frame_token(page.web_contents_id, page.welcome.frame_token)
    assert frame is not None
    return frame


async def heard(page: Renderer, channel: str = "news") -> list[list[Any]]:
    """Return what a page has received on a channel and not taken yet, after a call has come back."""
    await page.invoke("end")
    return [args for _, args in page._arrived.pop(channel, [])]


async def test_a_message_reaches_those_who_were_added_and_nobody_else(site: Site) -> None:
    _, ipc_main, page = site

    @ipc_main.handle("join")
    async def join(event: IpcMainInvokeEvent, name: str) -> int:
        room = ipc_main.group(f"lab:{name}")
        room.add(event.sender)
        room.add(event.sender)
        return len(room)

    async with page.open() as second, page.open() as third:
        assert await page.invoke("join", "a") == 1
        assert await second.invoke("join", "a") == 2
        assert await third.invoke("join", "b") == 1
        ipc_main.group("lab:a").send("news", {"rows": [1]})
        assert await heard(page) == await heard(second) == [[{"rows": [1]}]]
        assert await heard(third) == []


async def test_who_is_in_a_group(site: Site) -> None:
    _, ipc_main, page = site
    room = ipc_main.group("room")
    assert (len(room), list(room)) == (0, [])
    async with page.open() as second, second.open_frame() as frame:
        contents, document = contents_of(ipc_main, page), frame_of(ipc_main, frame)
        room.add(contents)
        room.add(document)
        assert list(room) == [contents, document]
        assert contents in room
        assert document in room
        assert contents_of(ipc_main, second) not in room
        assert "room" not in room
        assert repr(ipc_main.group("room")) == "<Group 'room', 2 in it>"
        for member in room:
            room.discard(member)
        room.discard(contents)
        assert len(room) == 0
        assert not room


async def test_a_tab_stays_over_a_reload_and_gets_what_comes_in_the_document_that_it_shows(site: Site) -> None:
    _, ipc_main, page = site
    room = ipc_main.group("room")
    room.add(contents_of(ipc_main, page))
    await page.reload()
    room.send("news", 1)
    assert await heard(page) == [[1]]


async def test_between_two_documents_a_tab_gets_nothing_and_no_line_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application()
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page, page.open() as other:
        room = ipc_main.group("room")
        room.add(contents_of(ipc_main, page))
        await page.close()
        await until(lambda: contents_of(ipc_main, page).main_frame is None)
        room.send("news", 1)
        assert contents_of(ipc_main, page) in room
        await page.connect()
        room.send("news", 2)
        assert await heard(page) == [[2]]
        assert await heard(other) == []
    assert troubles(caplog) == []


async def test_a_page_whose_socket_is_lost_gets_it_when_it_is_back(site: Site) -> None:
    _, ipc_main, page = site
    room = ipc_main.group("room")
    room.add(contents_of(ipc_main, page))
    await page.disconnect()
    room.send("news", 1)
    room.send("news", 2)
    await page.connect()
    assert await heard(page) == [[1], [2]]


async def test_a_tab_stays_over_a_reset_of_its_link(site: Site) -> None:
    _, ipc_main, page = site
    room = ipc_main.group("room")
    contents = contents_of(ipc_main, page)
    room.add(contents)
    assert contents.main_frame is not None
    page._connection._end_link("ended")
    await page.disconnect()
    await page.connect()
    assert contents_of(ipc_main, page) is contents
    room.send("news", 1)
    assert await heard(page) == [[1]]


async def test_a_tab_that_is_destroyed_is_in_no_group() -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=20))
    found: list[bool] = []
    async with Renderer(app) as page:
        room = ipc_main.group("room")
        contents = contents_of(ipc_main, page)
        room.add(contents)
        contents.on("destroyed", lambda event: found.append(event.sender in room))
        await page.close()
        await until(contents.is_destroyed)
        assert len(room) == 0
        assert found == [False]
        with pytest.raises(DestroyedError):
            room.add(contents)
        room.discard(contents)


async def test_a_document_leaves_when_it_ends(site: Site) -> None:
    _, ipc_main, page = site
    room = ipc_main.group("room")
    document = frame_of(ipc_main, page)
    room.add(document)
    room.send("news", 1)
    assert await heard(page) == [[1]]
    await page.reload()
    await until(lambda: document not in room)
    room.send("news", 2)
    assert await heard(page) == []
    await until(document.is_destroyed)
    with pytest.raises(DisposedError):
        room.add(document)


async def test_a_document_stays_while_its_socket_is_lost(site: Site) -> None:
    _, ipc_main, page = site
    room = ipc_main.group("room")
    room.add(frame_of(ipc_main, page))
    await page.disconnect()
    room.send("news", 1)
    await page.connect()
    assert await heard(page) == [[1]]


async def test_a_document_whose_last_messages_run_is_not_added() -> None:
    app, ipc_main = application()
    room = ipc_main.group("room")
    failed: list[BaseException] = []

    @ipc_main.on("join")
    def join(event: Any) -> None:
        assert event.sender_frame.detached
        try:
            room.add(event.sender_frame)
        except BaseException as error:
            failed.append(error)
            raise
        failed.append(KeyError("none"))

    async with Renderer(app) as page:
        page.send("join")
        frame = frame_of(ipc_main, page)
        frame._document.detach()
        await until(lambda: failed)
        assert isinstance(failed[0], KeyError)
        assert len(room) == 0


async def test_a_document_in_an_iframe_is_a_member_of_its_own(site: Site) -> None:
    _, ipc_main, page = site
    room = ipc_main.group("room")
    async with page.open_frame() as frame:
        document = frame_of(ipc_main, frame)
        room.add(document)
        room.send("news", 1)
        assert await heard(frame) == [[1]]
        assert await heard(page) == []
    await until(lambda: len(room) == 0)
    assert document not in room


async def test_a_tab_gets_it_in_its_main_document_alone(site: Site) -> None:
    _, ipc_main, page = site
    async with page.open_frame() as frame:
        ipc_main.group("room").add(contents_of(ipc_main, page))
        ipc_main.group("room").send("news", 1)
        assert await heard(page) == [[1]]
        assert await heard(frame) == []


async def test_a_document_whose_tab_is_in_the_group_too_gets_it_once(site: Site) -> None:
    _, ipc_main, page = site
    room = ipc_main.group("room")
    room.add(contents_of(ipc_main, page))
    room.add(frame_of(ipc_main, page))
    assert len(room) == 2
    room.send("news", 1)
    assert await heard(page) == [[1]]


async def test_who_is_excluded_gets_nothing(site: Site) -> None:
    _, ipc_main, page = site
    room = ipc_main.group("room")
    async with page.open() as second, page.open() as third, page.open_frame() as frame:
        for each in (page, second, third):
            room.add(contents_of(ipc_main, each))
        room.add(frame_of(ipc_main, frame))

        async def those_who_hear() -> list[bool]:
            return [bool(await heard(each)) for each in (page, frame, second, third)]

        room.send("news", exclude=contents_of(ipc_main, page))
        assert await those_who_hear() == [False, False, True, True]
        room.send("news", exclude=frame_of(ipc_main, frame))
        assert await those_who_hear() == [True, False, True, True]
        room.send("news", exclude=frame_of(ipc_main, page))
        assert await those_who_hear() == [False, True, True, True]
        room.send("news", exclude=[contents_of(ipc_main, second), frame_of(ipc_main, frame)])
        assert await those_who_hear() == [True, False, False, True]
        room.send("news", exclude=(contents_of(ipc_main, each) for each in (second, third)))
        assert await those_who_hear() == [True, True, False, False]
        room.send("news", exclude=room)
        assert await those_who_hear() == [False, False, False, False]
        room.send("news", exclude=[])
        assert await those_who_hear() == [True, True, True, True]


async def test_what_is_no_member_and_no_name_is_refused_by_a_sentence(site: Site) -> None:
    _, ipc_main, page = site
    for name, text in [(7, "got int"), (None, "got NoneType"), (b"room", "got bytes")]:
        with pytest.raises(TypeError, match=f"expected the name of a group as a text, such as 'lab:7'; {text}"):
            ipc_main.group(name)  # type: ignore[arg-type] # that is the point
    with pytest.raises(ValueError, match="1 to 256 characters; got 0"):
        ipc_main.group("")
    with pytest.raises(ValueError, match="1 to 256 characters; got 1,000"):
        ipc_main.group("x" * 1_000)
    room = ipc_main.group("x" * 256)
    for member in ("ada", 7, page, ipc_main, [contents_of(ipc_main, page)]):
        for method in (room.add, room.discard):
            with pytest.raises(TypeError, match=f"a WebContents or a WebFrameMain; got {type(member).__name__}"):
                method(member)  # type: ignore[arg-type] # that is the point
        assert member not in room
    with pytest.raises(TypeError, match="sender_frame is None once its document is gone"):
        room.add(None)  # type: ignore[arg-type] # that is the point
    for exclude in (7, [7], "ada"):
        with pytest.raises(TypeError, match="a WebContents or a WebFrameMain"):
            room.send("news", exclude=exclude)  # type: ignore[arg-type] # that is the point
    with pytest.raises(TypeError, match="Missing required channel argument"):
        room.send(None)  # type: ignore[arg-type] # that is the point


async def test_without_a_running_application_a_group_is_empty_and_nothing_happens() -> None:
    app, ipc_main = application()
    room = ipc_main.group("room")
    room.send("news")
    assert (len(room), list(room), "ada" in room) == (0, [], False)
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        room.add(contents)
        assert len(room) == 1
    room.add(contents)
    room.discard(contents)
    room.send("news", exclude=contents)
    assert len(room) == 0
    async with Renderer(app) as page:
        ipc_main.group("room").add(contents_of(ipc_main, page))
        with pytest.raises(ValueError, match="is not of this IpcMain, or of an application that has ended"):
            room.add(contents)
        assert len(room) == 1


async def test_one_group_by_two_handles_and_in_two_applications(site: Site) -> None:
    _, ipc_main, page = site
    other_app, other = application()
    other.handle("end", lambda event: None)
    async with Renderer(other_app) as stranger:
        one, same = ipc_main.group("room"), ipc_main.group("room")
        one.add(contents_of(ipc_main, page))
        other.group("room").add(contents_of(other, stranger))
        same.send("news", 1)
        assert await heard(page) == [[1]]
        assert await heard(stranger) == []


async def test_def_handlers_and_threads_use_groups_as_they_are(site: Site) -> None:
    _, ipc_main, page = site

    @ipc_main.handle("join")
    def join(event: IpcMainInvokeEvent) -> bool:
        assert threading.current_thread() is not threading.main_thread()
        room = ipc_main.group("room")
        room.add(event.sender)
        room.send("news", "in")
        room.discard(event.sender)
        room.send("news", "out")
        return True

    assert await page.invoke("join")
    assert await heard(page) == [["in"]]
    assert len(ipc_main.group("room")) == 0


async def test_a_group_that_was_emptied_can_be_joined_again(site: Site) -> None:
    _, ipc_main, page = site
    room: Group = ipc_main.group("room")
    contents = contents_of(ipc_main, page)
    for number in range(3):
        room.add(contents)
        room.send("news", number)
        room.discard(contents)
        room.send("news", "nobody")
    await settled()
    assert await heard(page) == [[0], [1], [2]]
