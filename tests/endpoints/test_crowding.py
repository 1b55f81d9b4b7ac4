"""A page whose calls hold too much: what it sends waits, one frame a second is taken all the same, no other page waits.

The time is not scaled: a link is crowded by what is held, and these tests change that.
"""

import asyncio
import json
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.scripted_page import ScriptedPage
from tests.support.waiting import until
from webipc import Limits
from webipc.endpoints import room
from webipc.link.connection import Connection


class Site:
    """An application whose calls return when the test says so."""

    def __init__(self) -> None:
        self.app, self.ipc_main = application(limits=Limits(kept_bytes=400_000))
        self.begun = 0
        self.end = asyncio.Event()
        self.ipc_main.handle("wait", self.wait)
        self.ipc_main.handle("ask", lambda event: "answer")

    async def wait(self, event: object, value: Any) -> None:
        self.begun += 1
        await self.end.wait()

    async def page(self, name: str) -> tuple[ScriptedPage, Connection]:
        page = await ScriptedPage(self.app, link=name * 32).connect()
        hub = self.ipc_main._provider.hub
        assert hub is not None
        connection = hub._links.get(name * 32)
        assert connection is not None
        return page, connection


@pytest.fixture
async def site() -> Site:
    return Site()


def call(page: ScriptedPage, number: int, channel: str = "wait", *args: Any) -> None:
    page.socket.write(json.dumps([number, 0, ["invoke", 2 * number - 1, channel, list(args)]]))


async def crowded(site: Site) -> tuple[ScriptedPage, Connection]:
    """Return a page whose calls hold more than a quarter of what it may keep."""
    page, connection = await site.page("a")
    for number in (1, 2):
        call(page, number, "wait", "x" * 2_000)
    await until(lambda: site.begun == 2)
    assert connection.holdings.is_crowded
    return page, connection


async def test_a_crowded_page_is_read_again_when_its_calls_have_returned(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "CROWDED_SECONDS", 60.0)
    page, connection = await crowded(site)
    call(page, 3, "ask")
    other, _ = await site.page("c")
    call(other, 1, "ask")
    await until(lambda: "answer" in str(other.frames))
    assert connection.link.received == 2
    assert site.ipc_main.stats()["paused"] == 1
    site.end.set()
    await until(lambda: "answer" in str(page.frames))
    assert not connection.holdings.is_crowded
    assert site.ipc_main.stats()["paused"] == 0


async def test_one_frame_is_taken_after_a_while_all_the_same(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CROWDED_SECONDS", 0.1)
    page, _ = await crowded(site)
    call(page, 3, "ask")
    await until(lambda: "answer" in str(page.frames))
    assert site.begun == 2
    site.end.set()


async def test_a_crowded_page_that_goes_away_waits_no_longer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CROWDED_SECONDS", 60.0)
    page, connection = await crowded(site)
    call(page, 3, "ask")
    connection.reset("ended")
    await until(lambda: page.close is not None)
    assert connection.ended
    await until(lambda: connection.holdings.paused == 0)
    site.end.set()
    await until(lambda: not connection.holdings.waiting)
