"""`{prefix}/ready` in every mode: what it says, and what it does not need."""

import asyncio
import time

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from tests.support.applications import application
from tests.support.several_workers import workers
from webipc import IpcMain
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError, Receiver
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.testing import Browser


async def test_process_that_takes_pages_is_ready_and_sets_no_cookie() -> None:
    app, _ = application()
    async with Browser(app) as browser:
        response = await browser.get("/ipc/ready")
        assert (response.status, response.text) == (200, "ready\n")
        assert "set-cookie" not in response.headers
        assert response.headers["cache-control"] == "no-store"
        assert browser.cookies == {}


async def test_nobody_is_asked_who_looks() -> None:
    def nobody() -> None:
        raise HTTPException(401)

    app, _ = application(authenticate=nobody)
    async with Browser(app) as browser:
        assert (await browser.get("/ipc/ready")).status == 200


async def test_it_is_below_the_prefix_and_no_other_method_reaches_it() -> None:
    app, ipc_main = FastAPI(), IpcMain()
    ipc_main.mount(app, prefix="/more")
    client = TestClient(app)
    assert client.get("/more/ready").status_code == 200
    assert client.head("/more/ready").status_code == 200
    assert client.post("/more/ready").status_code == 405


async def test_process_that_ends_is_not_ready_and_says_that_it_drains() -> None:
    app, ipc_main = application()
    async with Browser(app) as browser, browser.open():
        await ipc_main._provider.drain(0.1, asyncio.Event())
        response = await browser.get("/ipc/ready")
        assert (response.status, response.text) == (503, "draining\n")


async def test_worker_that_drains_is_not_ready_and_the_others_are() -> None:
    async with workers(2) as (first, second):
        await first.hub.drain(0.1, asyncio.Event())
        responses = [await worker.browser().get("/ipc/ready") for worker in (first, second)]
        assert [response.status for response in responses] == [503, 200]


class _Away(MemoryBus):
    is_away = True

    async def begin(self, receiver: Receiver) -> None:
        if self.is_away:
            raise BusError("cannot reach the others")
        await super().begin(receiver)

    @property
    def is_connected(self) -> bool:
        return not self.is_away


async def test_application_inside_another_joins_the_others_when_it_is_asked_and_is_not_ready_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, ipc_main = application()
    ipc_main._make_bus = lambda realm, worker, formats: _Away(Switchboard(time.monotonic), worker, formats)
    # Without its lifespan.
    browser = Browser(app)
    response = await browser.get("/ipc/ready")
    assert (response.status, response.text) == (503, "starting: the other processes cannot be reached\n")
    monkeypatch.setattr(_Away, "is_away", False)
    assert (await browser.get("/ipc/ready")).status == 200
    monkeypatch.setattr(_Away, "is_away", True)
    response = await browser.get("/ipc/ready")
    # Pages that are here need no other process.
    assert (response.status, response.text) == (200, "ready, but the other processes cannot be reached now\n")
    monkeypatch.setattr(_Away, "is_away", False)
    await ipc_main._provider.end()
