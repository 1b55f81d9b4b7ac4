"""The event of a `sendSync` that only a reference cycle holds: its page is let go without waiting for `sync_ms`.

Python's own collector is off here, as it is between two collections of a process with few new objects.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.waiting import PATIENCE, settled, until
from webipc import IpcMain, IpcMainEvent, Limits
from webipc.dispatch import cycles
from webipc.testing import Renderer, SyncError

NEVER = {"error": "reply was never sent"}


class Holder:
    """An object that the event of a call leads to, and that leads to itself."""

    def __init__(self, event: IpcMainEvent) -> None:
        self.event = event
        self.self = self


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The generations that were asked for, in their order."""
    asked: list[int] = []
    collect = gc.collect

    def counted(generation: int = 2) -> int:
        asked.append(generation)
        return collect(generation)

    monkeypatch.setattr(gc, "collect", counted)
    return asked


def hold(event: IpcMainEvent) -> None:
    Holder(event)


def hold_an_error(event: IpcMainEvent) -> None:
    """An exception whose traceback has the frame that holds it."""
    try:
        int("no number")
    except ValueError as caught:
        error = caught
    assert error.args


async def hold_at_once(event: IpcMainEvent) -> None:
    Holder(event)


async def hold_later(event: IpcMainEvent) -> None:
    await asyncio.sleep(0)
    Holder(event)


async def hold_and_fail_later(event: IpcMainEvent) -> None:
    await hold_later(event)
    raise ValueError


LISTENERS = [hold, hold_an_error, hold_at_once, hold_later, hold_and_fail_later]


@pytest.mark.parametrize("listener", LISTENERS)
async def test_the_page_is_let_go_by_a_young_collection(
    site: Site, collections: list[int], listener: Callable[[IpcMainEvent], Any]
) -> None:
    _, ipc_main, page = site
    ipc_main.on("ask", listener)
    async with asyncio.timeout(PATIENCE):
        assert await page.send_sync("ask") == NEVER
    assert collections == [1]


@pytest.mark.parametrize("place", ["tab", "frame", "ipc-message-sync"])
async def test_wherever_the_listener_was_registered(site: Site, place: str) -> None:
    _, ipc_main, page = site
    contents = contents_of(ipc_main, page)
    if place == "tab":
        contents.ipc.on("ask", hold)
    elif place == "frame":
        assert contents.main_frame is not None
        contents.main_frame.ipc.on("ask", hold)
    else:
        contents.on("ipc-message-sync", lambda event, channel: hold(event))
    async with asyncio.timeout(PATIENCE):
        assert await page.send_sync("ask") == NEVER


async def test_it_waits_for_the_last_listener(site: Site, collections: list[int]) -> None:
    _, ipc_main, page = site
    go_on = asyncio.Event()

    @ipc_main.on("ask")
    async def answers_late(event: IpcMainEvent) -> None:
        await go_on.wait()
        event.return_value = "late"

    ipc_main.on("ask", hold)
    asked = asyncio.create_task(page.send_sync("ask"))
    await settled()
    assert collections == []
    go_on.set()
    assert await asked == "late"
    await settled()
    # There is an answer.
    assert collections == []


async def test_an_event_that_is_kept_for_later_is_not_lost(site: Site, collections: list[int]) -> None:
    _, ipc_main, page = site
    kept: list[IpcMainEvent] = []
    ipc_main.on("ask", kept.append)
    asked = asyncio.create_task(page.send_sync("ask"))
    await until(lambda: collections)
    kept.pop().return_value = 5
    assert await asked == 5
    assert collections == [1]


async def test_calls_of_one_turn_share_a_collection_and_answered_ones_need_none(collections: list[int]) -> None:
    loop = asyncio.get_running_loop()
    finder = cycles.Cycles(loop, debug=True)
    for is_open in (True, True, False):
        finder.returned(Call(is_open=is_open))  # type: ignore[arg-type]  # all that it asks of a call
    await settled()
    assert collections[:1] == [1]
    assert collections.count(1) == 1


class Call:
    def __init__(self, *, is_open: bool) -> None:
        self.is_open = is_open


def old(ipc_main: IpcMain) -> None:
    """Register a listener whose cycle is so old that a young collection does not look at it."""

    @ipc_main.on("ask")
    def hold_for_long(event: IpcMainEvent) -> None:
        holder = Holder(event)
        for _ in range(2):
            gc.collect(1)
        assert holder.event is event


@pytest.fixture
async def in_debug() -> AsyncIterator[Site]:
    app, ipc_main = application(debug=True)
    async with Renderer(app) as page:
        yield app, ipc_main, page


async def test_in_debug_a_full_collection_follows_but_not_often(
    in_debug: Site, collections: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ipc_main, page = in_debug
    monkeypatch.setattr(cycles, "FULL_SECONDS", 0.2)
    old(ipc_main)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            assert await page.send_sync("ask") == NEVER
    assert collections.count(2) == 3
    # Two of them had to wait.
    assert loop.time() - began >= 0.4


async def test_in_production_an_old_cycle_waits_for_the_limit(collections: list[int]) -> None:
    app, ipc_main = application(debug=False, limits=Limits(sync_ms=50))
    old(ipc_main)
    async with Renderer(app) as page:
        with pytest.raises(SyncError, match="no listener for 'ask' has set"):
            await page.send_sync("ask")
    assert 2 not in collections
