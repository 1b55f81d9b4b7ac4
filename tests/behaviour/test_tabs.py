"""The lifetime of tabs, documents and links: reload, close, timeout, too many kept messages, a full server."""

import asyncio
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.connected import contents_of
from tests.support.waiting import PATIENCE, until
from webipc import (
    DestroyedError,
    IpcMainInvokeEvent,
    Limits,
)
from webipc.core.errors import ResetError
from webipc.testing import ClosedError, Renderer


async def test_a_reload_keeps_the_web_contents_and_fires_no_destroyed() -> None:
    app, ipc_main = application()
    destroyed: list[int] = []

    @ipc_main.web_contents_created
    def created(event: Any, contents: Any) -> None:
        contents.on("destroyed", lambda event: destroyed.append(event.sender.id))

    async with Renderer(app) as page:
        before = page.web_contents_id
        contents = ipc_main.from_id(before)
        assert contents is not None
        old_frame = contents.main_frame
        await page.reload()
        assert page.web_contents_id == before
        assert ipc_main.get_all_web_contents() == [contents]
        assert contents.main_frame is not old_frame
        assert old_frame is not None
        assert old_frame.is_destroyed()
        contents.send("hello")
        assert await page.received("hello") == []
    assert destroyed == []


async def test_the_sender_frame_is_none_after_the_document_has_gone(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    kept: list[IpcMainInvokeEvent] = []

    @ipc_main.handle("keep")
    async def keep(event: IpcMainInvokeEvent) -> str:
        kept.append(event)
        assert event.sender_frame is not None
        return event.sender_frame.frame_token

    async with Renderer(app) as page:
        assert page.welcome is not None
        assert await page.invoke("keep") == page.welcome.frame_token
        await page.reload()
        assert kept[0].sender_frame is None
        assert "Frame property was accessed after it navigated or was destroyed." in caplog.text


async def test_a_tab_that_does_not_come_back_is_destroyed() -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=20))
    gone = asyncio.Event()

    @ipc_main.web_contents_created
    def created(event: Any, contents: Any) -> None:
        contents.on("destroyed", lambda event: gone.set())

    async with Renderer(app) as stays, Renderer(app) as leaves:
        assert stays.web_contents_id != leaves.web_contents_id
        contents = contents_of(ipc_main, leaves)
        await leaves.close()
        await asyncio.wait_for(gone.wait(), PATIENCE)
        assert ipc_main.from_id(leaves.web_contents_id) is None
        assert contents.is_destroyed()
        with pytest.raises(DestroyedError, match="Object has been destroyed"):
            contents.send("hello")


async def test_a_page_that_does_not_come_back_in_time_is_reset() -> None:
    app, ipc_main = application(limits=Limits(grace_ms=20, goodbye_ms=20))
    async with Renderer(app) as page:
        await page.disconnect()
        await until(lambda: not ipc_main.get_all_web_contents())
        with pytest.raises(ResetError, match=r"ended|unknown-link"):
            await page.connect()
        await page.connect()
        assert page.connected


async def test_a_page_that_exceeds_kept_messages_is_reset_and_other_pages_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application(limits=Limits(kept_messages=10))
    async with Renderer(app) as away, Renderer(app) as here:
        contents = ipc_main.from_id(away.web_contents_id)
        other = ipc_main.from_id(here.web_contents_id)
        assert contents is not None
        assert other is not None
        await away.disconnect()
        for number in range(12):
            contents.send("count", number)
        other.send("hello")
        assert await here.received("hello") == []
        with pytest.raises(ResetError):
            await away.connect()
    assert "reset" in caplog.text


async def test_a_full_server_drops_the_longest_disconnected_link_and_then_refuses() -> None:
    app, _ = application(max_links=2)
    async with Renderer(app) as one, Renderer(app) as two:
        await one.disconnect()
        async with Renderer(app) as three:
            assert three.connected
            with pytest.raises(ClosedError) as caught:
                async with Renderer(app):
                    pass
            assert caught.value.close_code == 4503
            assert two.connected
        with pytest.raises(ResetError):
            await one.connect()


async def test_closed_links_leave_nothing_in_memory() -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=10, grace_ms=10))
    async with Renderer(app):
        for _ in range(20):
            async with Renderer(app):
                pass
        hub = ipc_main._provider.hub
        assert hub is not None
        links, tabs = hub._links, hub.tabs

        def held() -> list[int]:
            return [len(each) for each in (tabs.all(), links._by_id, links._ended, tabs._empty, tabs._by_token)]

        await until(lambda: held() == [1, 1, 0, 0, 1])
