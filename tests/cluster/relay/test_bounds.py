"""Relays hold a window of bytes in each direction, and a worker has at most so many of them."""

import asyncio
import contextlib
import time
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.types import Message

from tests.support.gates import Gate, through
from tests.support.raw_sockets import BEACON_TYPE, be_fast, beacon, connections_of
from tests.support.roaming import Wiretap, arrives_at, from_address, reconnects_at
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import until
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus_room import BUS_BYTES
from webipc.cluster.home.arriving import LEAST, MOST
from webipc.cluster.home.sockets import HomeSockets
from webipc.cluster.relayed import WINDOW, cost_of
from webipc.core import clone
from webipc.core.errors import ResetError
from webipc.core.frame import encode_body, encode_message
from webipc.testing import Browser
from webipc.testing.memory_socket import ClosedError

CHUNK = 16_384
COUNT = 100
LARGEST_FRAME = 65_536 + 4_096
"""A frame of several messages, and its head."""


def costs(wire: Wiretap, *kinds: str) -> int:
    """Return what the rows of all messages of these kinds count."""
    return sum(map(cost_of, wire.rows(*kinds)))


async def test_home_sends_no_more_than_a_window_to_a_network_that_takes_nothing() -> None:
    gate = Gate()
    async with workers(2) as (home, edge), home.browser().open() as page:
        heard: list[int] = []
        page.on("news", lambda event, n, text: heard.append(n))
        await page.disconnect()
        page._connection.client.app = gate.sending(edge.app)
        await page.connect()
        (connection,) = connections_of(home.ipc_main)
        be_fast(connection)
        gate.close()
        wire = Wiretap(home)
        for number in range(COUNT):
            home.tab(page).send("news", number, "x" * CHUNK)
            await asyncio.sleep(0)
        await quiet()
        transport = connection.transport
        assert transport is not None
        assert transport.blocked
        sent = costs(wire, "down")
        assert WINDOW < sent <= WINDOW + LARGEST_FRAME
        assert not heard
        gate.open()
        await until(lambda: len(heard) == COUNT)
        assert heard == list(range(COUNT))
        assert costs(wire, "down") > CHUNK * COUNT
        await until(lambda: not transport.blocked)


async def test_home_sends_nothing_while_too_much_for_the_edge_waits_in_the_bus_and_then_one_after_the_other() -> None:
    async with workers(2) as (home, edge), AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(home.browser().open()) for _ in range(4)]
        heard: list[int] = []
        for page in pages:
            page.on("news", lambda event, text: heard.append(len(text)))
            await page.disconnect()
            page._connection.client.app = edge.app
            await page.connect()
        await quiet()
        waiting = {edge.bus.worker: BUS_BYTES + 1}
        home.bus.__dict__["waiting"] = lambda worker: waiting.get(worker, 0)
        wire = Wiretap(home)
        for page in pages:
            home.tab(page).send("news", "x" * CHUNK)
        await quiet()
        assert wire.rows("down") == []
        # One that ends waits no longer.
        await pages[0].disconnect()
        await until(lambda: home.shared.stats()["relayed_here"] == len(pages) - 1)
        assert wire.rows("down") == []

        def room_for_one(worker: str) -> int:
            return BUS_BYTES + 1 if worker == edge.bus.worker and len(wire.rows("down")) % 2 else 0

        home.bus.__dict__["waiting"] = room_for_one
        await until(lambda: len(heard) == 1)
        await quiet()
        assert len(wire.rows("down")) == 1
        home.bus.__dict__["waiting"] = lambda worker: 0
        await until(lambda: heard == [CHUNK] * (len(pages) - 1))


async def test_edge_reads_no_more_than_a_window_for_a_home_that_takes_nothing() -> None:
    gate = Gate()

    async with workers(2, through(gate.receiving)) as (home, edge):
        said: list[int] = []
        home.ipc_main.on("say", lambda event, n, text: said.append(n))
        async with home.browser().open() as page:
            page._connection.page.link.window = 1 << 30
            await reconnects_at(page, edge)
            wire = Wiretap(edge)
            gate.close()
            for number in range(COUNT):
                page.send("say", number, "x" * CHUNK)
            await quiet()
            sent = costs(wire, "up")
            # One frame is received behind the gate.
            assert WINDOW - LARGEST_FRAME < sent <= WINDOW + 2 * LARGEST_FRAME
            gate.open()
            await until(lambda: len(said) == COUNT)
            assert said == list(range(COUNT))
            assert edge.shared.stats()["relays"] == 1


async def test_socket_of_an_edge_that_minds_no_window_is_closed() -> None:
    gate = Gate()
    async with workers(2, through(gate.receiving)) as (home, edge), home.browser().open() as page:
        await reconnects_at(page, edge)
        gate.close()
        (relay,) = edge.shared._relays._relays.values()
        for _ in range(MOST // 1_000_000 + 1):
            edge.bus.post(home.shared.worker, "up", {"sid": relay.sid, "text": False}, [bytes(1_000_000)])
        await quiet()
        assert edge.shared.stats()["relays"] == 0
        assert await page._connection.closed_with() == 1012
        gate.open()


class Endless:
    """A body that never ends: it begins as a beacon does."""

    def __init__(self, first: bytes) -> None:
        self._first = first
        self.read = 0

    async def receive(self) -> Message:
        """Return the next piece, as ASGI's `receive`."""
        await asyncio.sleep(0)
        self.read += CHUNK
        body = self._first if self.read == CHUNK else b"\xff" * CHUNK
        return {"type": "http.request", "body": body, "more_body": True}


class Statuses:
    """The statuses of the responses to a request."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    async def send(self, message: Message) -> None:
        """Note a status, as ASGI's `send`."""
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])


async def test_body_is_read_no_faster_than_the_home_takes_it() -> None:
    gate = Gate()

    async with workers(2, through(gate.receiving)) as (home, edge), home.browser().open() as page:
        link = page._connection.page
        arrives_at(page, edge)
        wire = Wiretap(edge)
        gate.close()
        body, response = Endless(beacon(link=link.link_id, secret=link.secret)), Statuses()
        client = page._connection.client
        scope = {**client.scope("http", "/ipc/sync", {"content-type": BEACON_TYPE}), "method": "POST"}
        asking = asyncio.ensure_future(edge.app(scope, body.receive, response.send))
        await until(lambda: costs(wire, "request", "piece") > WINDOW)
        await quiet()
        assert costs(wire, "request", "piece") <= WINDOW + 2 * CHUNK
        assert body.read <= WINDOW + 3 * CHUNK
        gate.open()
        # It is no frame, so the home answers before the body has ended.
        await until(lambda: response.statuses)
        assert response.statuses == [413]
        asking.cancel()
        await asyncio.wait([asking])


async def test_worker_relays_no_more_pages_of_one_address_than_its_share() -> None:
    board = Switchboard(time.monotonic)
    home, edge = OneWorker(board), OneWorker(board, max_links=40)
    home.ipc_main.handle("echo", lambda event, value: value)
    async with contextlib.AsyncExitStack() as stack:
        for worker in (home, edge):
            await stack.enter_async_context(Browser(worker.app))
        pages = [await stack.enter_async_context(home.browser().open()) for _ in range(22)]
        for page in pages[:20]:
            await reconnects_at(page, edge)
        for page in pages[20:]:
            with pytest.raises(ClosedError) as caught:
                await reconnects_at(page, edge)
            assert caught.value.close_code == 4503
        assert edge.shared.stats()["relays"] == 20
        assert edge.shared.stats()["relays_refused"] == 2
        # Who comes from elsewhere has a share, and those that are here are not affected.
        await pages[20].disconnect()
        pages[20]._connection.client.app = from_address(edge.app, "192.0.2.7")
        await pages[20].connect()
        for page in pages[:21]:
            assert await page.invoke("echo", 1) == 1
        # What has ended makes room.
        await pages[0].disconnect()
        await reconnects_at(pages[21], edge)


async def test_worker_hands_on_no_more_requests_of_one_address_than_its_share() -> None:
    async with workers(2, max_links=40) as (home, edge), home.browser().open() as page:
        kept: list[Any] = []
        home.ipc_main.on("keep", kept.append)
        arrives_at(page, edge)
        connection = page._connection
        connection.page.link.post(encode_message(["sync", 1, "keep"], clone.encode([])))
        body = encode_body(connection.page.body(1, {}))
        asking = [asyncio.create_task(connection.client.post("/ipc/sync", BEACON_TYPE, body)) for _ in range(60)]
        await until(lambda: sum(task.done() for task in asking) == 40)
        assert {task.result().status for task in asking if task.done()} == {503}
        assert edge.shared.stats()["requests_waiting"] == 20
        await until(lambda: kept)
        kept[0].return_value = "late"
        assert sorted([(await task).status for task in asking]) == [200] * 20 + [503] * 40
        assert edge.shared.stats()["requests_waiting"] == 0
        assert len(kept) == 1


async def test_what_waits_at_a_home_for_all_sockets_of_an_address_is_bounded() -> None:
    gate = Gate()
    async with workers(2, through(gate.receiving), memory=64 << 20) as (home, edge):
        said: Counter[int] = Counter()
        home.ipc_main.on("say", lambda event, n, text: said.update([n]))
        async with contextlib.AsyncExitStack() as stack:
            pages = [await stack.enter_async_context(home.browser().open()) for _ in range(20)]
            for page in pages:
                page._connection.page.link.window = 1 << 30
                await reconnects_at(page, edge)
            gate.close()
            for number, page in enumerate(pages):
                for _ in range(14):
                    page.send("say", number, "x" * CHUNK)
            await quiet()
            waiting = home.shared._parts
            (sockets,) = [part for part in waiting if isinstance(part, HomeSockets)]
            assert LEAST <= sockets._waiting.held <= (64 << 20) // 16
            closed = [page for page in pages if not page.connected]
            assert closed
            gate.open()
            for page in closed:
                await page.connect()
            # Nothing is lost, and nothing is counted any more.
            await until(lambda: said == Counter(dict.fromkeys(range(20), 14)))
            await until(lambda: not sockets._waiting.held)


# --- what a page claims


async def test_foreign_link_with_a_wrong_secret_is_refused_at_any_worker() -> None:
    async with workers(2) as (home, edge), home.browser().open() as victim, edge.browser().open() as thief:
        home.ipc_main.handle("echo", lambda event, value: value)
        link = victim._connection.page.link_id
        for worker in (edge, home):
            await thief.disconnect()
            arrives_at(thief, worker)
            stolen = thief._connection.page
            stolen.link_id, stolen.attempt = link, 1_000
            with pytest.raises(ClosedError) as caught:
                await thief.connect()
            assert caught.value.close_code == 4403
        assert victim.connected
        assert await victim.invoke("echo", 1) == 1
        assert edge.shared.stats()["relays"] == 0


@pytest.mark.parametrize("claim", ["process", "token", "parent"])
async def test_claims_of_a_page_choose_among_workers_and_nothing_more(claim: str) -> None:
    async with workers(2) as (home, edge), home.browser("ada").open() as victim:
        browser = edge.browser("eve")
        for value in ("f" * 32, "../x", "0" * 16, "", home.bus.worker, victim.welcome and victim.welcome.token):
            thief = browser.open()
            thief._connection.__dict__["_claims"] = {claim: value}.copy
            try:
                await thief.connect()
            except (ClosedError, ResetError):
                continue
            assert thief.web_contents_id != victim.web_contents_id
            await thief.close()
        assert victim.connected
        await quiet()
        assert edge.shared.stats()["relays"] == 0
