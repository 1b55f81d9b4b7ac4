"""A relayed socket and a network that takes more or less: what is written when, and what the home is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.hubs import NOBODY, Socket, hello, visitor
from tests.support.raw_sockets import hello as hello_text
from tests.support.roaming import Wiretap
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import until
from webipc.access.attach_scope import AttachScope
from webipc.access.visitor import RefusedError
from webipc.cluster.bus_room import BUS_BYTES
from webipc.cluster.edge.relay import RelayedSocket
from webipc.cluster.relayed import STEP, WINDOW, cost_of
from webipc.core.errors import CloseCode
from webipc.hub.sharing import Arrival


class Network(Socket):
    """A socket whose network takes so many frames, and then no more until the test says so."""

    def __init__(self, takes: int) -> None:
        super().__init__()
        self.takes = takes
        self.written: list[str | bytes] = []
        self.reason = ""
        self.is_welcomed = False

    def write(self, frame: str | bytes) -> None:
        self.written.append(frame)
        self.takes -= 1
        self.blocked = self.takes <= 0

    def welcomed(self) -> None:
        self.is_welcomed = True

    def close(self, code: CloseCode, reason: str) -> None:
        super().close(code, reason)
        self.reason = reason


class Rig:
    """One relay, and the worker that its frames go to, which has no such socket."""

    def __init__(self, pair: list[OneWorker], takes: int) -> None:
        home, edge = pair
        self.edge = edge
        self.wire = Wiretap(edge)
        self.network = Network(takes)
        arrival = Arrival(hello(), visitor("192.0.2.1"), NOBODY.attach_scope)
        relay = edge.shared._relays.relay(home.bus.worker, arrival, "first", self.network)
        assert isinstance(relay, RelayedSocket)
        self.relay = relay

    def down(self, *frames: str) -> None:
        """Let frames of the home arrive."""
        for frame in frames:
            self.relay.down(frame.encode(), frame)

    @property
    def told(self) -> int:
        """How much the home was told that the network has taken."""
        return sum(head["count"] for kind, head, _ in self.wire.said if kind == "took")


@pytest.fixture
async def pair() -> AsyncIterator[list[OneWorker]]:
    async with workers(2) as made:
        yield made


async def test_frames_wait_in_order_while_the_network_takes_nothing(pair: list[OneWorker]) -> None:
    rig = Rig(pair, takes=1)
    rig.down("a", "b", "c")
    assert rig.network.written == ["a"]
    rig.network.takes, rig.network.blocked = 1, False
    rig.relay.flush()
    assert rig.network.written == ["a", "b"]
    rig.network.takes, rig.network.blocked = 9, False
    rig.relay.flush()
    rig.down("d")
    assert rig.network.written == ["a", "b", "c", "d"]


async def test_home_is_told_of_what_the_network_has_taken_and_of_nothing_else(pair: list[OneWorker]) -> None:
    rig = Rig(pair, takes=1)
    large = "x" * (2 * STEP)
    rig.down(large)
    assert rig.told == 0
    rig.network.blocked = False
    rig.relay.flush()
    assert rig.told == cost_of(large.encode())


async def test_what_waits_is_written_before_the_socket_is_closed(pair: list[OneWorker]) -> None:
    rig = Rig(pair, takes=1)
    rig.down("a", "b")
    rig.relay.shut(4999, "odd")
    assert rig.network.written == ["a", "b"]
    # No page knows that code, and does the same after this one.
    assert (rig.network.code, rig.network.reason) == (1011, "odd")


async def test_relay_that_is_over_says_nothing_more(pair: list[OneWorker]) -> None:
    rig = Rig(pair, takes=9)
    rig.relay.gone(1006)
    rig.relay.gone(1006)
    rig.relay.up("more")
    rig.down("x" * STEP)
    await rig.relay.has_room()
    assert [kind for kind, _, _ in rig.wire.said] == ["open", "gone"]
    assert rig.edge.shared.stats()["relays"] == 0
    await quiet()


async def test_relay_that_ends_lets_go_what_waits_for_room(pair: list[OneWorker]) -> None:
    rig = Rig(pair, takes=9)
    rig.relay.up("x" * WINDOW)
    assert rig.relay.is_full
    waiting = asyncio.create_task(rig.relay.has_room())
    await quiet()
    assert not waiting.done()
    rig.relay.gone(1006)
    await waiting


async def test_relays_wait_while_too_much_for_their_home_waits_in_the_bus(pair: list[OneWorker]) -> None:
    home, edge = pair
    rigs = [Rig(pair, takes=9) for _ in range(3)]
    waiting = dict.fromkeys((home.bus.worker, edge.bus.worker), 0)
    edge.bus.__dict__["waiting"] = waiting.__getitem__
    assert not rigs[0].relay.is_full
    waiting[home.bus.worker] = BUS_BYTES + 1
    tasks = [asyncio.create_task(rig.relay.has_room()) for rig in rigs]
    await quiet()
    assert not any(task.done() for task in tasks)
    # One that ends waits no longer.
    rigs[0].relay.gone(1006)
    await tasks[0]
    waiting[home.bus.worker] = BUS_BYTES
    await asyncio.gather(*tasks)


async def test_what_was_relayed_is_not_relayed_again() -> None:
    async with workers(3) as (home, wrong, edge), home.browser().open() as page:
        link = page._connection.page
        client = page._connection.client.scope("websocket", "/ipc/socket")
        scope = AttachScope({**client, "path": "/ipc/socket", "root_path": "/ipc"})
        said = {"link": link.link_id, "secret": link.secret, "attempt": 9, "fresh": False}
        network = Network(takes=9)
        arrival = Arrival(hello(link.link_id, fresh=False), visitor("192.0.2.1"), scope)
        edge.shared.relay(wrong.bus.worker, arrival, hello_text(**said), network)
        await until(lambda: network.code)
        assert network.code == CloseCode.TRY_LATER
        assert wrong.shared.stats()["relays_ever"] == 0
        assert page.connected


async def test_worker_that_is_not_known_gets_no_relay(pair: list[OneWorker]) -> None:
    home, _ = pair
    home.die()
    await quiet()
    with pytest.raises(RefusedError) as caught:
        Rig(pair, takes=1)
    assert caught.value.code == CloseCode.TRY_LATER
