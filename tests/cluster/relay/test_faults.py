"""Workers that die, and messages of the bus that are lost, while they relay: pages resume, or are told."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.types import Message

from tests.support.raw_sockets import BEACON_TYPE, beacon
from tests.support.roaming import arrives_at, reconnects_at
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import until
from webipc import IpcMainEvent
from webipc.cluster.bus.directory import key_of
from webipc.core import clone
from webipc.core.errors import ResetError
from webipc.core.frame import encode_body, encode_message
from webipc.core.limits import Limits
from webipc.testing import Renderer


def serve(worker: OneWorker, kept: list[IpcMainEvent]) -> None:
    """Give a worker a call that is answered, one that never is, and a `sendSync` that the test answers."""

    async def never(event: Any) -> None:
        await asyncio.get_running_loop().create_future()

    worker.ipc_main.handle("echo", lambda event, value: value)
    worker.ipc_main.handle("never", never)
    worker.ipc_main.on("keep", kept.append)


@pytest.fixture
def kept() -> list[IpcMainEvent]:
    """The events of `sendSync` that wait for an answer."""
    return []


@pytest.fixture
async def three(kept: list[IpcMainEvent]) -> AsyncIterator[list[OneWorker]]:
    async with workers(3) as made:
        for worker in made:
            serve(worker, kept)
        yield made


async def closed_with(page: Renderer) -> int:
    """Wait until the socket of a page was closed by the server; return the close code."""
    return await page._connection.closed_with()


# --- the home dies


async def test_home_that_dies_resets_the_pages_that_are_relayed_to_it(three: list[OneWorker]) -> None:
    home, edge, other = three
    async with home.browser().open() as page, other.browser().open() as bystander:
        await reconnects_at(page, edge)
        link = page._connection.page.link_id
        call = asyncio.create_task(page.invoke("never"))
        await quiet()
        home.die()
        with pytest.raises(ResetError) as caught:
            await call
        assert (caught.value.reason, caught.value.code) == ("owner-lost", "unknown-outcome")
        assert await closed_with(page) == 4410
        assert page._connection.page.link_id != link
        # It goes on with a new link where it comes next.
        await page.connect()
        assert await page.invoke("echo", 1) == 1
        assert bystander.connected
        assert await bystander.invoke("echo", 2) == 2
    assert edge.shared.stats()["relays"] == 0


async def test_home_that_dies_resets_the_page_of_a_waiting_request(
    three: list[OneWorker], kept: list[IpcMainEvent]
) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        arrives_at(page, edge)
        call = asyncio.create_task(page.send_sync("keep"))
        await until(lambda: kept)
        home.die()
        with pytest.raises(ResetError) as caught:
            await call
        assert caught.value.reason == "owner-lost"
    assert edge.shared.stats()["requests_waiting"] == 0


async def test_page_whose_tab_was_parked_before_its_home_ended_is_not_reset(
    three: list[OneWorker], kept: list[IpcMainEvent]
) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        await reconnects_at(page, edge)
        link = page._connection.page.link_id
        arrives_at(page, edge)
        await home.bus.directory.park(page.web_contents_id, b"", [key_of(link)], 60)
        home.die()
        assert await closed_with(page) == 1012
        assert page._connection.page.link_id == link


async def test_beacon_for_a_home_that_has_died_is_dropped(three: list[OneWorker]) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        link = page._connection.page
        home.die()
        await quiet()
        arrives_at(page, edge)
        body = beacon(link=link.link_id, secret=link.secret)
        response = await page._connection.client.post("/ipc/beacon", BEACON_TYPE, body)
        assert response.status == 204


# --- the edge dies


async def test_edge_that_dies_is_a_lost_socket(three: list[OneWorker]) -> None:
    home, edge, other = three
    said: list[int] = []
    home.ipc_main.on("say", lambda event, n: said.append(n))
    async with home.browser().open() as page:
        heard: list[int] = []
        page.on("news", lambda event, n: heard.append(n))
        await reconnects_at(page, edge)
        tab = home.tab(page)
        edge.die()
        for number in range(50):
            page.send("say", number)
            tab.send("news", number)
        await quiet()
        assert home.shared.stats()["relayed_here"] == 0
        assert home.hub.links.counts()["away"] == 1
        await reconnects_at(page, other)
        await until(lambda: len(said) == len(heard) == 50)
    assert said == heard == list(range(50))


async def test_edge_that_dies_has_left_the_call_that_its_page_waits_for(
    three: list[OneWorker], kept: list[IpcMainEvent]
) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        arrives_at(page, edge)
        call = asyncio.create_task(page.send_sync("keep"))
        # The socket of the page may bring the call before the request does.
        await until(lambda: kept and home.shared.stats()["requests_here"])
        (connection,) = home.hub.links
        sync = connection.syncs.get(1)
        # The socket may have been faster than the request.
        await until(lambda: sync._asking)
        edge.die()
        await until(lambda: not sync.blocks)
        kept[0].return_value = "late"
        call.cancel()
        # Where the dead edge was quick enough to answer, that is nobody's concern.
        await asyncio.gather(call, return_exceptions=True)


async def test_edge_that_ends_closes_its_relayed_sockets_with_1001() -> None:
    async with workers(2) as (home, edge), home.browser().open() as page:
        await reconnects_at(page, edge)
        await edge.ipc_main._provider.end()
        assert await closed_with(page) == 1001
        await quiet()
        assert home.shared.stats()["relayed_here"] == 0
        arrives_at(page, home)
        await page.connect()


# --- the bus loses something


@pytest.mark.parametrize("side", ["edge", "home"])
async def test_gap_closes_the_relayed_sockets_and_nothing_is_lost(three: list[OneWorker], side: str) -> None:
    home, edge, other = three
    said: list[int] = []
    home.ipc_main.on("say", lambda event, n: said.append(n))
    async with home.browser().open() as page, home.browser().open() as elsewhere:
        heard: list[int] = []
        page.on("news", lambda event, n: heard.append(n))
        await reconnects_at(page, edge)
        await reconnects_at(elsewhere, other)
        losing = edge if side == "edge" else home
        lost = Losing(losing)
        for number in range(50):
            page.send("say", number)
            home.tab(page).send("news", number)
        await quiet()
        lost.tell()
        assert await closed_with(page) == 1012
        await quiet()
        assert home.shared.stats()["relayed_here"] == (1 if side == "edge" else 0)
        await page.connect()
        await until(lambda: len(said) == len(heard) == 50)
    assert said == heard == list(range(50))
    assert lost.count > 0


@pytest.mark.parametrize("side", ["edge", "home"])
async def test_worker_that_was_taken_for_dead_gives_up_its_relays(three: list[OneWorker], side: str) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        await reconnects_at(page, edge)
        link = page._connection.page.link_id
        (edge if side == "edge" else home).shared.lapsed()
        assert await closed_with(page) == 1012
        await quiet()
        assert edge.shared.stats()["relays"] == home.shared.stats()["relayed_here"] == 0
        await page.connect()
        assert await page.invoke("echo", 1) == 1
        assert page._connection.page.link_id == link


@pytest.mark.parametrize("side", ["edge", "home"])
async def test_gap_fails_a_request_and_the_page_asks_again(
    three: list[OneWorker], kept: list[IpcMainEvent], side: str
) -> None:
    home, edge, _ = three
    runs: list[int] = []

    def run(event: IpcMainEvent) -> None:
        runs.append(len(runs))
        event.return_value = "once"

    home.ipc_main.on("run", run)
    async with home.browser().open() as page:
        connection = page._connection
        arrives_at(page, edge)
        connection.page.link.post(encode_message(["sync", 1, "run"], clone.encode([])))
        body = encode_body(connection.page.body(1, {}))
        lost = Losing(edge if side == "edge" else home)
        asking = asyncio.create_task(connection.client.post("/ipc/sync", BEACON_TYPE, body))
        await until(lambda: lost.count)
        lost.tell()
        assert (await asking).status == 503
        assert (await connection.client.post("/ipc/sync", BEACON_TYPE, body)).status == 200
    assert len(runs) == 1


async def test_home_gives_up_half_a_body_of_which_a_piece_may_be_lost() -> None:
    # Not because its time is over.
    slow = Limits(body_ms=600_000, body_silence_ms=600_000)
    async with workers(2, limits=slow) as (home, edge), home.browser().open() as page:
        link = page._connection.page
        arrives_at(page, edge)
        body = beacon('[1,0,["send",1,"say",["%s"]]]' % ("x" * 100_000), link=link.link_id, secret=link.secret)
        pieces = [body[:70_000], body[70_000:80_000]]

        async def receive() -> Message:
            if not pieces:
                await asyncio.get_running_loop().create_future()
            return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

        async def send(message: Message) -> None:
            """Take the response."""

        scope = page._connection.client.scope("http", "/ipc/sync", {"content-type": BEACON_TYPE})
        asking = asyncio.ensure_future(edge.app({**scope, "method": "POST"}, receive, send))
        await until(lambda: home.shared.stats()["requests_here"] == 1)
        await quiet()
        assert home.shared.stats()["requests_here"] == 1
        # The edge hears nothing of it, so it does not say that it has given up.
        lost = Losing(edge)
        home.shared.gap()
        # The application may be asked who it is from, in a thread, before it reads on.
        await until(lambda: not home.shared.stats()["requests_here"])
        lost.tell()
        asking.cancel()
        await asyncio.wait([asking])


class Losing:
    """Loses all that is said to a worker, until it is told."""

    def __init__(self, worker: OneWorker) -> None:
        self._shared = worker.shared
        self.count = 0
        worker.shared.__dict__["received"] = self._lose

    def _lose(self, said: Any) -> None:
        self.count += 1

    def tell(self) -> None:
        """Let what comes from now on arrive, and tell the worker that something is lost."""
        del self._shared.__dict__["received"]
        self._shared.gap()


# --- what is wrong


async def test_messages_about_sockets_of_nobody_change_nothing(three: list[OneWorker]) -> None:
    home, edge, other = three
    async with home.browser().open() as page:
        await reconnects_at(page, edge)
        for worker in (home, edge):
            for kind, head in (
                ("up", {"sid": 99, "text": True}),
                ("piece", {"sid": 99, "more": True}),
                ("down", {"sid": 1, "text": True}),
                ("shut", {"sid": 1, "code": 1000, "reason": ""}),
                ("gone", {"sid": 1, "code": 1000}),
                ("took", {"sid": 1, "count": 1}),
                ("used", {"sid": 1, "count": 1}),
                ("left", {"sid": 1}),
                ("reply", {"sid": 1, "status": 200, "headers": []}),
            ):
                # From a worker that does not relay this socket.
                other.bus.post(worker.bus.worker, kind, head, [b"[1,0]"])
        await quiet()
        assert await page.invoke("echo", 1) == 1
        assert page.connected


@pytest.mark.parametrize(
    "kind, head",
    [
        ("open", {"sid": 1}),
        ("open", {"sid": "1", "text": True, "principal": "", "shown": True, "scope": {}}),
        ("request", {"sid": 1, "more": False, "principal": "", "shown": True, "scope": {"path": 5}}),
        ("took", {"sid": 1, "count": -1}),
        ("reply", {"sid": 1, "status": 7, "headers": []}),
        ("reply", {"sid": 1, "status": 200, "headers": [["only"]]}),
        ("open", None),
        ("up", None),
        ("down", None),
        ("request", None),
    ],
)
async def test_wrong_messages_are_dropped_and_counted(three: list[OneWorker], kind: str, head: Any) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        await reconnects_at(page, edge)
        whole: dict[str, Any] = {"sid": 1, "text": True, "status": 200, "headers": [], "principal": "", "shown": True}
        whole["more"] = False
        whole["scope"] = {"path": "/", "root_path": "", "scheme": "ws", "headers": []}
        # Without a head that is wrong it is the row that is missing.
        sender, target = (edge, home) if kind in ("open", "up", "request", "took") else (home, edge)
        before = sum(target.shared.stats()["dropped"].values())
        sender.bus.post(target.bus.worker, kind, whole if head is None else head, [])
        await quiet()
        assert sum(target.shared.stats()["dropped"].values()) == before + 1
        assert await page.invoke("echo", 1) == 1
