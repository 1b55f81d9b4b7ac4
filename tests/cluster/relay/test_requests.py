"""Synchronous requests and beacons that arrive at another worker than their tab's home are answered by the home."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.raw_sockets import BEACON_TYPE, beacon
from tests.support.roaming import Wiretap, arrives_at, reconnects_at
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import until
from webipc import IpcMainEvent
from webipc.core.frame import encode_control
from webipc.testing import Renderer
from webipc.testing.client import Response


def serve(worker: OneWorker) -> None:
    """Give a worker the channels of these tests. `where` tells which worker runs the listener."""

    def answer(event: IpcMainEvent, value: Any = None) -> None:
        event.return_value = value

    worker.ipc_main.on("echo", answer)
    worker.ipc_main.on("where", lambda event: answer(event, worker.bus.worker))


@pytest.fixture
async def three() -> AsyncIterator[list[OneWorker]]:
    async with workers(3) as made:
        for worker in made:
            serve(worker)
        yield made


def beacon_of(page: Renderer, *frames: str, bye: int | None = None) -> bytes:
    """Return the body of a beacon of a page, with a goodbye if that is given."""
    link = page._connection.page
    last = [] if bye is None else [encode_control(0, "bye", bye)]
    return beacon(*frames, *last, link=link.link_id, secret=link.secret)


async def post(page: Renderer, worker: OneWorker, path: str, body: bytes, **headers: str) -> Response:
    """Post a body of a page to a worker."""
    arrives_at(page, worker)
    client = page._connection.client
    return await client.request("POST", path, {"content-type": BEACON_TYPE, **headers}, body)


async def test_sync_request_at_another_worker_is_answered_by_the_home(three: list[OneWorker]) -> None:
    home, edge, other = three
    async with home.browser().open() as page:
        for worker in (edge, other, home):
            arrives_at(page, worker)
            assert await page.send_sync("where") == home.bus.worker
            assert await page.send_sync("echo", {"n": 1}) == {"n": 1}
    assert [worker.shared.stats()["requests_handed_on"] for worker in three] == [0, 2, 2]
    assert all(worker.shared.stats()["requests_waiting"] == 0 for worker in three)


async def test_socket_and_sync_request_arrive_at_two_workers_that_are_not_the_home(three: list[OneWorker]) -> None:
    home, edge, _ = three
    said: list[int] = []
    home.ipc_main.on("say", lambda event, n: said.append(n))
    async with home.browser().open() as page:
        await reconnects_at(page, edge)
        for number in range(20):
            page.send("say", number)
            arrives_at(page, three[number % 3])
            assert await page.send_sync("echo", number) == number
            # Everything that was sent before came with it.
            assert said == list(range(number + 1))


async def test_large_bodies_and_answers_are_handed_on_in_pieces(three: list[OneWorker]) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        arrives_at(page, edge)
        wire = Wiretap(edge)
        value = {"text": "ü" * 500_000, "bytes": bytes(range(256)) * 8_000}
        assert await page.send_sync("echo", value) == value
    pieces = wire.rows("request", "piece")
    assert len(pieces) > 20
    assert max(map(len, pieces)) <= 65_536


async def test_link_that_a_request_begins_is_at_home_where_the_request_arrived(three: list[OneWorker]) -> None:
    _, edge, home = three
    page = home.browser().open()
    # `sendSync` before the first socket of the page.
    assert await page.send_sync("where") == home.bus.worker
    arrives_at(page, edge)
    await page.connect()
    assert await page.send_sync("where") == home.bus.worker
    assert edge.shared.stats()["relays"] == 1
    await page.close()


async def test_wrong_secret_is_refused_by_the_home_and_nobody_else_is_affected(three: list[OneWorker]) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        link = page._connection.page
        stolen = beacon(encode_control(0, "bye", 0), link=link.link_id, secret="f" * 32)
        for path in ("/ipc/beacon", "/ipc/sync"):
            response = await post(page, edge, path, stolen)
            assert response.status == 403
            assert response.json() == {"code": 4403, "reason": "the secret is not this link's"}
        assert await page.send_sync("echo", 1) == 1


async def test_wrong_body_is_refused_as_at_home(three: list[OneWorker]) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        link = page._connection.page.link_id
        response = await post(page, edge, "/ipc/sync", beacon_of(page, '[1,0,["nothing"]]'))
        assert response.status == 400
        assert response.json()["code"] == 4400
        # It was reset, and the page goes on with another one.
        await until(lambda: page._connection.page.link_id != link)


async def test_beacon_at_another_worker_arrives(three: list[OneWorker]) -> None:
    home, edge, _ = three
    said: list[str] = []
    home.ipc_main.on("say", lambda event, text: said.append(text))
    async with home.browser().open() as page:
        tab = home.tab(page)
        response = await post(page, edge, "/ipc/beacon", beacon_of(page, '[1,0,["send","say",["last"]]]', bye=1))
        assert response.status == 204
        assert response.body == b""
        await until(lambda: home.hub.links.counts()["open"] == 0)
        assert said == ["last"]
        assert not tab.is_destroyed()


async def test_browser_that_leaves_is_noted_at_the_home(three: list[OneWorker]) -> None:
    home, edge, _ = three
    kept: list[IpcMainEvent] = []
    home.ipc_main.on("keep", kept.append)
    async with home.browser().open() as page:
        arrives_at(page, edge)
        asking = asyncio.create_task(page.send_sync("keep"))
        # The socket of the page may bring the call before the request does.
        await until(lambda: kept and home.shared.stats()["requests_here"])
        (connection,) = home.hub.links
        call = connection.syncs.get(1)
        # The socket may have been faster than the request.
        await until(lambda: call._asking)
        assert call.blocks
        asking.cancel()
        await asyncio.wait([asking])
        await until(lambda: not call.blocks)
        kept[0].return_value = None
    await quiet()
    assert edge.shared.stats()["requests_waiting"] == 0
    assert home.shared.stats()["requests_here"] == 0
