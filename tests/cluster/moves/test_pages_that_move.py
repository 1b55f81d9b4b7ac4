"""Pages with their sockets, requests and beacons while the worker of their tab ends: what arrives where, and once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.raw_sockets import BEACON_TYPE, beacon
from tests.support.roaming import arrives_at, reconnects_at
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import until
from webipc import IpcMainEvent, IpcMainInvokeEvent
from webipc.cluster.moves import parking
from webipc.core.frame import encode_control
from webipc.testing import Renderer

MOST_TRIES = 3


class Program:
    """The channels of one worker, and what ran there."""

    def __init__(self, worker: OneWorker, ran: list[str]) -> None:
        self.go_on = asyncio.Event()
        self._name = worker.bus.worker
        self._ran = ran
        worker.ipc_main.on("say", self._say)
        worker.ipc_main.on("ask", self._ask)
        worker.ipc_main.handle("long", self._long)
        worker.ipc_main.handle("where", self._where)

    def _say(self, event: IpcMainEvent, value: str) -> None:
        self._ran.append(value)

    def _ask(self, event: IpcMainEvent, value: str) -> None:
        self._ran.append(value)
        event.return_value = self._name

    async def _long(self, event: IpcMainInvokeEvent) -> str:
        self._ran.append("long")
        await self.go_on.wait()
        return self._name

    def _where(self, event: IpcMainInvokeEvent) -> str:
        return self._name


class Site:
    """Three workers of one program."""

    def __init__(self, made: list[OneWorker]) -> None:
        self.old, self.new, self.other = made
        # What ran, in order, anywhere.
        self.ran: list[str] = []
        self.programs = [Program(worker, self.ran) for worker in made]

    def drain(self, seconds: float = 20.0) -> asyncio.Task[None]:
        """Begin to end the first worker in good order."""
        return asyncio.ensure_future(self.old.hub.drain(seconds, asyncio.Event()))

    async def busy(self, page: Renderer) -> "tuple[asyncio.Task[Any], asyncio.Task[None]]":
        """Let a handler of a page run while its worker ends, until nothing new begins. Return both tasks."""
        call = asyncio.ensure_future(page.invoke("long"))
        await until(lambda: "long" in self.ran)
        draining = self.drain()
        (connection,) = self.old.hub.links
        await until(lambda: connection.last_calls is not None)
        return call, draining


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(parking, "BATCH_SECONDS", 0.01)
    monkeypatch.setattr(parking, "PATIENCE_SECONDS", 0.05)
    async with workers(3) as made:
        yield Site(made)


async def test_page_comes_back_behind_1012_and_goes_on_elsewhere(site: Site) -> None:
    async with site.old.browser().open() as page:
        contents_id = page.web_contents_id
        page.send("say", "before")
        await quiet()
        draining = site.drain()
        assert await page.closed() == 1012
        page.send("say", "meanwhile")
        await reconnects_at(page, site.new)
        await draining
        assert await page.invoke("where") == site.new.bus.worker
        assert page.web_contents_id == contents_id
        assert site.ran == ["before", "meanwhile"]


async def test_page_of_a_busy_tab_keeps_its_socket_until_the_answer_has_come(site: Site) -> None:
    async with site.old.browser().open() as page:
        call, draining = await site.busy(page)
        page.send("say", "behind")
        await quiet()
        assert page.connected
        assert site.ran == ["long"]
        site.programs[0].go_on.set()
        assert await call == site.old.bus.worker
        assert await page.closed() == 1012
        await reconnects_at(page, site.new)
        await draining
        await until(lambda: site.ran == ["long", "behind"])


def asks_again(page: Renderer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let a page ask again at once, as one in a browser does. Return what has one item for each request."""
    ask, tries = page._connection._ask, list[int]()

    async def asking(link: Any, call_id: int) -> Any:
        while len(tries) < MOST_TRIES:
            tries.append(call_id)
            if (answer := await ask(link, call_id)) is not None:
                return answer
        return None

    monkeypatch.setattr(page._connection, "_ask", asking)
    return tries


@pytest.mark.parametrize("at, requests", [("old", 1), ("new", 2)])
async def test_sync_request_of_a_busy_tab_waits_and_runs_once_where_that_goes_on(
    site: Site, at: str, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the old worker it is handed on; at another one, the page asks a second time."""
    async with site.old.browser().open() as page:
        tries = asks_again(page, monkeypatch)
        call, draining = await site.busy(page)
        arrives_at(page, getattr(site, at))
        asks = asyncio.ensure_future(page.send_sync("ask", "synchronous"))
        await quiet()
        assert not asks.done()
        site.programs[0].go_on.set()
        answer = await asks
        assert answer in (site.new.bus.worker, site.other.bus.worker)
        assert site.ran == ["long", "synchronous"]
        assert len(tries) == requests
        await draining
        await reconnects_at(page, site.new)
        assert await call == site.old.bus.worker


async def test_sync_call_that_runs_is_answered_before_its_tab_leaves(site: Site) -> None:
    kept: list[IpcMainEvent] = []
    site.old.ipc_main.on("keep", kept.append)
    async with site.old.browser().open() as page:
        asks = asyncio.ensure_future(page.send_sync("keep"))
        await until(lambda: kept)
        draining = site.drain()
        await quiet()
        kept.pop().return_value = "answered"
        assert await asks == "answered"
        await draining


async def test_sync_call_beyond_the_time_is_told_that_nothing_was_sent(site: Site) -> None:
    kept: list[IpcMainEvent] = []
    site.old.ipc_main.on("keep", kept.append)
    async with site.old.browser().open() as page:
        asks = asyncio.ensure_future(page.send_sync("keep"))
        await until(lambda: kept)
        await site.drain(0.1)
        assert await asks == {"error": "reply was never sent"}


def beacon_of(page: Renderer, *frames: str, last: int) -> bytes:
    link = page._connection.page
    return beacon(*frames, encode_control(0, "bye", last), link=link.link_id, secret=link.secret)


@pytest.mark.parametrize("at", ["old", "new"])
async def test_last_words_of_a_busy_tab_run_where_that_goes_on(site: Site, at: str) -> None:
    page = site.old.browser().open()
    await page.connect()
    call, draining = await site.busy(page)
    call.cancel()
    worker = getattr(site, at)
    arrives_at(page, worker)
    body = beacon_of(page, '[2,0,["send","say",["last words"]]]', last=2)
    client = page._connection.client
    posted = asyncio.ensure_future(client.request("POST", "/ipc/beacon", {"content-type": BEACON_TYPE}, body))
    await quiet()
    assert site.ran == ["long"]
    site.programs[0].go_on.set()
    assert (await posted).status == 204
    await draining
    assert site.ran == ["long", "last words"]


async def test_socket_that_is_lost_while_its_tab_is_busy_is_let_in_again_and_gets_the_answer(site: Site) -> None:
    async with site.old.browser().open() as page:
        call, draining = await site.busy(page)
        await reconnects_at(page, site.new)
        site.programs[0].go_on.set()
        assert await call == site.old.bus.worker
        assert await page.closed() == 1012
        await draining


async def test_relayed_sockets_are_closed_when_their_edge_ends_and_come_again_elsewhere(site: Site) -> None:
    async with site.new.browser().open() as page:
        await reconnects_at(page, site.old)
        assert site.old.shared.stats()["relays"] == 1
        await site.drain()
        assert await page.closed() == 1012
        await reconnects_at(page, site.other)
        assert await page.invoke("where") == site.new.bus.worker


async def test_new_page_at_a_worker_that_ends_comes_elsewhere(site: Site) -> None:
    async with site.old.browser().open() as page:
        _, draining = await site.busy(page)
        fresh = site.old.browser().open()
        connecting = asyncio.ensure_future(fresh.connect())
        with pytest.raises(Exception, match="1001"):
            await connecting
        arrives_at(fresh, site.new)
        await fresh.connect()
        assert await fresh.invoke("where") == site.new.bus.worker
        await fresh.close()
        site.programs[0].go_on.set()
        await draining
