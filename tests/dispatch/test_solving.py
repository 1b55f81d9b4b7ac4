"""`def` dependencies run in FastAPI's threads: a page has a share of them, and gives it back whatever happens."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import Depends, HTTPException

from tests.support.applications import application
from tests.support.waiting import settled, until
from webipc import IpcMainEvent, IpcMainInvokeEvent
from webipc.budget.threads import BORROWED_THREADS, FairThreads
from webipc.testing import InvokeError, Renderer

CALLS = 3 * BORROWED_THREADS
SHARE = BORROWED_THREADS // 2


class Site:
    """An application whose dependency keeps its thread until it is told to go on, and a page."""

    def __init__(self) -> None:
        self.app, self.ipc_main = application()
        self.page = Renderer(self.app)
        self.go_on = threading.Event()
        self.started = 0
        self.fails = False
        self.heard: list[int] = []
        self._lock = threading.Lock()
        site = self

        @self.app.get("/route")
        def route() -> str:
            return "answered"

        @self.ipc_main.handle("async")
        async def in_loop(event: IpcMainInvokeEvent, n: int, _: str = Depends(site.session)) -> int:
            return n

        @self.ipc_main.handle("def")
        def in_thread(event: IpcMainInvokeEvent, n: int, _: str = Depends(site.session)) -> int:
            return n

        @self.ipc_main.on("listener")
        async def listen(event: IpcMainEvent, n: int, _: str = Depends(site.session)) -> None:
            site.heard.append(n)

    def session(self) -> Iterator[str]:
        with self._lock:
            self.started += 1
        self.go_on.wait(20)
        if self.fails:
            raise HTTPException(503, "no session")
        yield "session"

    @property
    def threads(self) -> FairThreads:
        hub = self.ipc_main._provider.hub
        assert hub is not None
        return hub._around.borrowed_threads

    def calls(self, channel: str) -> "list[asyncio.Future[Any]]":
        return [asyncio.ensure_future(self.page.invoke(channel, n)) for n in range(CALLS)]


@pytest.fixture
async def flooded() -> AsyncIterator[Site]:
    site = Site()
    async with site.page:
        yield site
        site.go_on.set()
        await until(lambda: not site.threads.running)


@pytest.mark.parametrize("channel", ["async", "def"])
async def test_a_page_with_many_calls_leaves_threads_for_the_routes(flooded: Site, channel: str) -> None:
    calls = flooded.calls(channel)
    await until(lambda: flooded.started == SHARE and flooded.threads.waiting == CALLS - SHARE)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(flooded.app), base_url="http://testserver") as client:
        assert (await client.get("/route")).json() == "answered"
    assert flooded.started == SHARE
    flooded.go_on.set()
    assert await asyncio.gather(*calls) == list(range(CALLS))


async def test_so_it_is_with_listeners(flooded: Site) -> None:
    for n in range(CALLS):
        flooded.page.send("listener", n)
    await until(lambda: flooded.started == SHARE and flooded.threads.waiting == CALLS - SHARE)
    flooded.go_on.set()
    await until(lambda: sorted(flooded.heard) == list(range(CALLS)))


async def test_a_dependency_that_fails_gives_its_thread_back(flooded: Site) -> None:
    flooded.fails = True
    flooded.go_on.set()
    for answer in await asyncio.gather(*flooded.calls("async"), return_exceptions=True):
        assert isinstance(answer, InvokeError)
        assert answer.code == "503"
    assert flooded.threads.running == 0


async def test_calls_that_wait_for_a_thread_end_with_their_link(flooded: Site) -> None:
    calls = flooded.calls("async")
    await until(lambda: flooded.threads.waiting == CALLS - SHARE)
    await flooded.page.close()
    await until(lambda: not flooded.threads.waiting)
    flooded.go_on.set()
    await asyncio.gather(*calls, return_exceptions=True)
    await settled()
    assert flooded.started == SHARE


async def test_calls_that_wait_for_a_thread_end_with_the_server_and_give_nothing_back_twice() -> None:
    site = Site()
    async with site.page:
        calls = site.calls("async")
        await until(lambda: site.threads.waiting == CALLS - SHARE)
        threads = site.threads
        site.go_on.set()
    await asyncio.gather(*calls, return_exceptions=True)
    assert (threads.running, threads.waiting) == (0, 0)
