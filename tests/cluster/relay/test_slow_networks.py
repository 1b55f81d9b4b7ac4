"""Real sockets that take or bring more than the other side does, relayed: nothing is held but windows, nothing lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.balanced import served
from tests.support.gates import Gate, through
from tests.support.raw_sockets import be_fast, connections_of, hello
from tests.support.roaming import Wiretap
from tests.support.serving import DIRECT, STOCK
from tests.support.several_workers import quiet, workers
from tests.support.waiting import until
from webipc.cluster.relayed import WINDOW, cost_of
from webipc.version import SUBPROTOCOL

CHUNK = 60_000
COUNT = 300


@asynccontextmanager
async def page_at(port: int, attempt: int, **fields: Any) -> AsyncIterator[ClientConnection]:
    """Connect one link; its client reads nothing of the network that nobody has asked for."""
    url = f"127.0.0.1:{port}"
    async with connect(
        f"ws://{url}/ipc/socket",
        origin=Origin(f"http://{url}"),
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
        max_size=None,
        max_queue=1,
        ping_interval=None,
        close_timeout=0.1,
    ) as opened:
        await opened.send(hello(attempt=attempt, **fields))
        kind, _ = json.loads(await opened.recv())[2]
        assert kind == "welcome"
        yield opened


@pytest.mark.parametrize("sockets", [DIRECT, STOCK], ids=["direct", "stock"])
async def test_page_that_reads_nothing_holds_a_window_on_its_way(sockets: Any) -> None:
    async with workers(2) as (home, edge), served([home, edge], ws=sockets) as ports:
        async with page_at(ports[0], 1):
            pass
        (connection,) = connections_of(home.ipc_main)
        async with page_at(ports[1], 2, fresh=False) as page:
            be_fast(connection)
            wire = Wiretap(home)
            (tab,) = home.ipc_main.get_all_web_contents()
            for number in range(COUNT):
                tab.send("news", number, "x" * CHUNK)
                await asyncio.sleep(0)
            transport = connection.transport
            assert transport is not None
            await until(lambda: transport.blocked)
            await quiet()
            sent = sum(map(cost_of, wire.rows("down")))
            # More than that is in the buffers of the network.
            assert sent < CHUNK * COUNT / 2
            heard = [frame async for frame in heard_by(page)]
    assert heard == list(range(COUNT))


async def heard_by(page: ClientConnection) -> AsyncIterator[int]:
    """Yield the numbers of what comes, until all has come."""
    number = -1
    while number < COUNT - 1:
        frame = json.loads(await page.recv())
        for _, _, (number, _) in frame[2:]:
            yield number


@pytest.mark.parametrize("sockets", [DIRECT, STOCK], ids=["direct", "stock"])
async def test_home_that_takes_nothing_holds_back_the_page(sockets: Any) -> None:
    gate = Gate()
    async with workers(2, through(gate.receiving)) as (home, edge), served([home, edge], ws=sockets) as ports:
        said: list[int] = []
        home.ipc_main.on("say", lambda event, number, text: said.append(number))
        async with page_at(ports[0], 1):
            pass
        async with page_at(ports[1], 2, fresh=False) as page:
            wire = Wiretap(edge)
            gate.close()

            async def send() -> None:
                for number in range(COUNT):
                    await page.send(json.dumps([number + 1, 0, ["send", "say", [number, "x" * CHUNK]]]))

            sending = asyncio.create_task(send())
            await until(lambda: sum(map(cost_of, wire.rows("up"))) > WINDOW)
            await quiet()
            assert sum(map(cost_of, wire.rows("up"))) <= WINDOW + 2 * CHUNK
            assert not sending.done()
            gate.open()
            await until(lambda: len(said) == COUNT)
            await sending
    assert said == list(range(COUNT))


async def test_client_may_send_no_more_than_its_hello_before_the_home_lets_it_in() -> None:
    gate = Gate()
    async with workers(2, through(gate.receiving)) as (home, edge), served([home, edge]) as ports:
        async with page_at(ports[0], 1):
            pass
        gate.close()
        url = f"127.0.0.1:{ports[1]}"
        protocol, origin = Subprotocol(SUBPROTOCOL), Origin(f"http://{url}")
        async with connect(f"ws://{url}/ipc/socket", origin=origin, subprotocols=[protocol], compression=None) as page:
            await page.send(hello(attempt=2, fresh=False))
            await until(lambda: edge.shared.stats()["relays"])
            wire = Wiretap(edge)
            await page.send("x" * 100_000)
            await page.wait_closed()
            assert page.close_code == 4413
            assert wire.count("up") == 0
        gate.open()


async def test_home_that_dies_while_it_takes_nothing_resets_the_page() -> None:
    gate = Gate()
    async with workers(2, through(gate.receiving)) as (home, edge), served([home, edge]) as ports:
        async with page_at(ports[0], 1):
            pass
        async with page_at(ports[1], 2, fresh=False) as page:
            wire, tasks = Wiretap(edge), len(edge.hub.tasks)
            gate.close()
            for number in range(10):
                await page.send(json.dumps([number + 1, 0, ["send", "say", ["x" * CHUNK]]]))
            await until(lambda: sum(map(cost_of, wire.rows("up"))) > WINDOW)
            home.die()
            assert json.loads(await page.recv())[2] == ["reset", {"reason": "owner-lost"}]
            await page.wait_closed()
            assert page.close_code == 4410
            await until(lambda: len(edge.hub.tasks) <= tasks)
        gate.open()
