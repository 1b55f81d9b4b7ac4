"""Ten thousand sockets and requests that one address claims to be of pages elsewhere, with the limits of a program.

They stand at their home, whose application takes nothing of them: what a worker holds of each is all that it can be.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.gates import through
from tests.support.hubs import hello, visitor
from tests.support.raw_sockets import BEACON_TYPE
from tests.support.roaming import from_address, reconnects_at
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import until
from webipc.access.attach_scope import AttachScope
from webipc.access.visitor import RefusedError
from webipc.cluster.edge.relay import RelayedSocket
from webipc.cluster.edge.upward import Upward
from webipc.cluster.home.arriving import Arriving
from webipc.cluster.home.requests import HomeRequest
from webipc.cluster.home.sockets import HomeSocket
from webipc.core.errors import CloseCode
from webipc.core.frame import encode_body
from webipc.core.limits import Limits
from webipc.hub.sharing import Arrival, HandedBack
from webipc.servers.scope import request_scope
from webipc.testing import ClosedError, Renderer

MANY = 10_000
EVE = "192.0.2.66"
STANDING = (EVE, 2)
"""Where the connections come from of which the application takes nothing."""
HELD = (RelayedSocket, Upward, HomeSocket, HomeRequest, Arriving)
"""What is made for something that is relayed, at both ends."""


class Standing:
    """A socket whose network takes everything."""

    blocked = False

    def __init__(self) -> None:
        self.code: int | None = None

    def welcomed(self) -> None: ...
    def write(self, frame: str | bytes) -> None: ...

    def close(self, code: CloseCode, reason: str) -> None:
        self.code = int(code)


def standing(app: ASGIApp) -> ASGIApp:
    """Return an application that takes nothing of them but their end."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("client") == STANDING:
            while not (await receive())["type"].endswith("disconnect"):
                pass
        else:
            await app(scope, receive, send)

    return call


@pytest.fixture
async def two() -> AsyncIterator[list[OneWorker]]:
    async with workers(2, through(standing), limits=Limits(goodbye_ms=0)) as made:
        for worker in made:
            worker.ipc_main.handle("echo", lambda event, value: value)
        yield made


def held() -> Counter[str]:
    """Return how many objects there are of what is made for something that is relayed."""
    gc.collect()
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, HELD))


class Crowd:
    """What one address claims, half of it sockets and half of it requests."""

    def __init__(self, edge: OneWorker, home: OneWorker) -> None:
        self._edge, self._home = edge, home.shared.worker
        self._leave = asyncio.Event()
        self.sockets: list[Any] = []
        self.requests: list[asyncio.Task[HandedBack]] = []
        self.refused: Counter[int] = Counter()

    async def come(self) -> None:
        for number in range(MANY):
            arrival = _arrival(number)
            if number % 2:
                self._connect(arrival)
            else:
                self.requests.append(asyncio.create_task(self._ask(arrival)))
            if number % 100 == 0:
                await asyncio.sleep(0)
        await quiet()

    def _connect(self, arrival: Arrival) -> None:
        try:
            self.sockets.append(self._edge.shared.relay(self._home, arrival, "[0,0]", Standing()))  # type: ignore[arg-type]
        except RefusedError as error:
            self.refused[int(error.code)] += 1

    async def _ask(self, arrival: Arrival) -> Any:
        async def body() -> AsyncIterator[bytes]:
            yield b"x"

        try:
            return await self._edge.shared.hand_on(self._home, arrival, body(), self._leave.wait)
        except RefusedError as error:
            self.refused[int(error.code)] += 1

    async def leave(self) -> None:
        for socket in self.sockets:
            socket.gone(1006)
        self._leave.set()
        await asyncio.gather(*self.requests)
        self.sockets.clear()
        self.requests.clear()


def _arrival(number: int) -> Arrival:
    server = ("localhost", 8000)
    if number % 2:
        scope = request_scope("websocket", "/ipc/socket", [], client=STANDING, server=server)
    else:
        scope = request_scope("http", "/ipc/sync", [], client=STANDING, server=server)
    return Arrival(hello(f"{number:032x}"), visitor(EVE), AttachScope(scope))


async def refused_at(edge: OneWorker, page: Renderer) -> None:
    """Let a page come from the address of the crowd: its socket and its request are refused as those of the crowd."""
    await page.disconnect()
    page._connection.client.app = from_address(edge.app, EVE)
    with pytest.raises(ClosedError) as caught:
        await page.connect()
    assert caught.value.close_code == CloseCode.TRY_LATER
    body = encode_body(page._connection.page.body(1, {}))
    assert (await page._connection.client.post("/ipc/sync", BEACON_TYPE, body)).status == 503


async def comes_from(page: Renderer, edge: OneWorker, address: str) -> None:
    """Let the next socket of a page come from an address."""
    await page.disconnect()
    page._connection.client.app = from_address(edge.app, address)
    await page.connect()


async def test_ten_thousand_claims_of_one_address_take_half_of_the_relays_and_are_refused_beyond_it(
    two: list[OneWorker],
) -> None:
    home, edge = two
    limit = edge.hub.links.counts()["limit"]
    assert limit == MANY
    before = held()
    crowd = Crowd(edge, home)
    await crowd.come()
    stats = edge.shared.stats()
    accepted = stats["relays"] + stats["requests_waiting"]
    assert accepted == limit // 2
    assert crowd.refused == {CloseCode.TRY_LATER: MANY - accepted}
    assert stats["relays_refused"] == MANY - accepted
    assert home.shared.stats()["relayed_here"] + home.shared.stats()["requests_here"] == accepted
    # A way and a socket of each at its edge, what arrives and a socket or a request at its home, and nothing else.
    more = held() - before
    assert more["Upward"] == more["Arriving"] == more["HomeSocket"] + more["HomeRequest"] == accepted
    assert more["RelayedSocket"] == more["HomeSocket"] == len(crowd.sockets)
    await crowd.leave()
    await until(lambda: held() == before)


async def test_nobody_else_notices_the_crowd_of_one_address_and_all_memory_is_given_back(two: list[OneWorker]) -> None:
    home, edge = two
    async with home.browser().open() as here, home.browser().open() as relayed, edge.browser().open() as there:
        await reconnects_at(relayed, edge)
        await quiet()
        before, charged = held(), (home.hub.account.held, edge.hub.account.held)
        crowd = Crowd(edge, home)
        await crowd.come()
        async with home.browser().open() as late:
            await comes_from(late, edge, "192.0.2.7")
            for page in (here, relayed, there, late):
                assert page.connected
                assert await page.invoke("echo", 1) == 1
            await refused_at(edge, late)
            await reconnects_at(late, home)
        await crowd.leave()
        await until(lambda: held() == before)
        await until(lambda: (home.hub.account.held, edge.hub.account.held) == charged)
        # There is room again for that address.
        async with home.browser().open() as late:
            await comes_from(late, edge, EVE)
