"""The hub of an application, from its start to its end: there is one, also while it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from webipc import IpcMain
from webipc.core.errors import CloseCode
from webipc.core.frame import encode_body, encode_control
from webipc.testing import ClosedError, Renderer
from webipc.testing.client import Response

TYPE = "application/vnd.webipc.v1"


class SlowToStop:
    """An application with a call that holds up the end of the server until it is let go."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.ipc_main = IpcMain()
        self.ipc_main.mount(self.app)
        self.began = asyncio.Event()
        self.is_cancelled = asyncio.Event()
        self.let_go = asyncio.Event()
        self.ipc_main.handle("slow", self.slow)

    async def slow(self, event: Any) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.is_cancelled.set()
            await self.let_go.wait()
            raise

    @asynccontextmanager
    async def stopping(self) -> AsyncIterator[Renderer]:
        """Be in the middle of the end of the server; give a page that has begun the call."""
        page = Renderer(self.app)
        async with page:
            call = asyncio.ensure_future(page.invoke("slow"))
            await self.began.wait()
            end = asyncio.create_task(self.ipc_main._provider.end())
            await self.is_cancelled.wait()
            yield page
            self.let_go.set()
            await end
        await asyncio.wait([call])
        call.exception()


async def ask(page: Renderer, path: str) -> Response:
    """Make the first request of a new document."""
    hello = {
        "link": "c" * 32,
        "secret": "d" * 32,
        "attempt": 0,
        "received": 0,
        "first": 1,
        "fresh": True,
        "features": [],
    }
    sync = '[1,0,["sync",1,"version",[]]]'
    last = encode_control(0, "await", 1) if path.endswith("sync") else encode_control(0, "bye", 1)
    body = encode_body([encode_control(0, "hello", hello), sync, last])
    return await page._connection.client.post(path, TYPE, body)


@pytest.mark.parametrize("path", ["/ipc/sync", "/ipc/beacon"])
async def test_a_request_during_a_slow_stop_is_answered_503_by_the_hub_that_ends(path: str) -> None:
    site = SlowToStop()
    async with site.stopping() as page:
        hub = site.ipc_main._provider.hub
        assert hub is not None
        answer = await ask(page, path)
        assert (answer.status, answer.body) == (503, b"the server ends\n")
        assert site.ipc_main._provider.hub is hub
        assert hub.tabs.all() == [hub.tabs.from_id(1)]
    assert site.ipc_main._provider.hub is None


async def test_a_socket_during_a_slow_stop_is_closed_with_1001_so_that_the_page_comes_back() -> None:
    site = SlowToStop()
    async with site.stopping():
        other = Renderer(site.app)
        with pytest.raises(ClosedError) as closed:
            await other._connection.connect()
        assert closed.value.close_code == CloseCode.GOING_AWAY


async def test_what_is_asked_of_ipc_main_during_a_slow_stop_makes_no_second_hub() -> None:
    site = SlowToStop()
    async with site.stopping():
        hub = site.ipc_main._provider.hub
        site.ipc_main.broadcast("news", 1)
        assert [contents.id for contents in site.ipc_main.get_all_web_contents()] == [1]
        assert site.ipc_main._provider.here() is hub


async def test_an_application_that_has_ended_may_start_again() -> None:
    site = SlowToStop()
    site.ipc_main.handle("version", lambda event: "1.0")
    async with site.stopping():
        pass
    async with Renderer(site.app) as page:
        assert await page.invoke("version") == "1.0"


async def test_a_stop_that_fails_leaves_no_hub_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    site = SlowToStop()
    async with Renderer(site.app):
        hub = site.ipc_main._provider.hub
        assert hub is not None

        async def fail() -> None:
            raise OSError("no")

        with monkeypatch.context() as patched:
            patched.setattr(hub.flusher, "stop", fail)
            with pytest.raises(OSError, match="no"):
                await site.ipc_main._provider.end()
        assert site.ipc_main._provider.hub is None
