"""What is sent to many, or to pages at other workers, on each kind of bus: in memory, over socket pairs, over Redis."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from tests.support.applications import Application
from tests.support.buses import RIGS, LocalRig, RedisRig, Rig, until_answered
from tests.support.hubs import visitor
from tests.support.several_workers import Ear, current_user
from tests.support.waiting import until
from webipc import MessageChannelMain
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import Bus, Position
from webipc.cluster.bus.directory import key_of
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.cluster.local.local_bus import LocalBus
from webipc.cluster.moves.moving import restore, snapshot
from webipc.cluster.moves.snapshot import Snapshot
from webipc.cluster.redis_bus.redis_bus import RedisBus
from webipc.cluster.shared import Shared
from webipc.cluster.spread.catching_up import links_of
from webipc.core.frame.json_text import load_array
from webipc.electron.tab import Tab
from webipc.testing import Browser

MakeBus = Callable[[str, str, Sequence[int]], Bus]


def bus_maker(rig: Rig) -> MakeBus:
    """Return what makes a bus of this kind."""
    if isinstance(rig, LocalRig):
        return lambda realm, worker, formats: LocalBus(rig.connection(), realm, worker, formats)
    if isinstance(rig, RedisRig):
        url, name, settings = rig.server.url, rig.name, rig.settings
        return lambda realm, worker, formats: RedisBus(
            url, worker, name=name, realm=realm, formats=formats, settings=settings
        )
    board = Switchboard(time.monotonic)
    return lambda realm, worker, formats: MemoryBus(board, worker, formats)


class Site(Application):
    """One worker."""

    def __init__(self, make_bus: MakeBus) -> None:
        super().__init__(authenticate=current_user)
        self.ipc_main._make_bus = make_bus

    def browser(self, user: str) -> Browser:
        return Browser(self.app, cookies={"user": user, "webipc_principal": "1" * 32})


@pytest.fixture(params=RIGS)
async def sites(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Site, Site]]:
    """Two workers that know each other."""
    async with RIGS[request.param]() as rig, contextlib.AsyncExitStack() as stack:
        make_bus = bus_maker(rig)
        one, other = Site(make_bus), Site(make_bus)
        for site in (one, other):
            await stack.enter_async_context(Browser(site.app))
        await until(lambda: len(shared_of(one).workers) == len(shared_of(other).workers) == 2)
        yield one, other


def shared_of(site: Site) -> Shared:
    assert site.ipc_main.shared is not None
    return site.ipc_main.shared


VALUE = {"text": "æ\ud800" + "x" * 200_000, "bytes": [b"\x00\xff" * 50_000, b""], "set": {1, 2}}


async def test_what_is_for_many_reaches_every_worker_in_order(sites: tuple[Site, Site]) -> None:
    one, other = sites
    async with one.browser("ada").open() as here, other.browser("ada").open() as there:
        ears = [Ear(here), Ear(there)]
        other.ipc_main.group("room").add(other.the_contents())
        for number in range(30):
            one.ipc_main.broadcast("news", number)
            one.ipc_main.to(user="ada").send("news", number + 0.5)
        one.ipc_main.broadcast("news", VALUE)
        one.ipc_main.group("room").send("news", "room")
        await until(lambda: len(ears[1].heard) == 62)
        numbers = [each for number in range(30) for each in (number, number + 0.5)]
        assert ears[0].heard == [*numbers, VALUE]
        assert ears[1].heard == [*numbers, VALUE, "room"]
        await one.ipc_main.reauthenticate(user="ada")
        await until(lambda: not here.connected and not there.connected)


async def test_tab_of_another_worker_is_reached(sites: tuple[Site, Site]) -> None:
    one, other = sites
    async with one.browser("ada").open() as here, other.browser("ada").open() as there:
        ear = Ear(there)
        remote = one.ipc_main.remote(there.web_contents_id)
        # Its birth may still be on its way to the directory.
        await until_answered(remote.exists, True)
        for number in range(30):
            remote.send("news", number)
        here.send_to(there.web_contents_id, "news", VALUE)
        await until(lambda: len(ear.heard) == 31)
        assert [each for each in ear.heard if each != VALUE] == list(range(30))
        fetched = await one.ipc_main.fetch_web_contents()
        assert {info.id for info in fetched.pages} == {here.web_contents_id, there.web_contents_id}
        channel = MessageChannelMain()
        remote.post_message("port", 1, [channel.port2])
        event, _ = await there.arrival("port")
        heard: list[Any] = []
        channel.port1.on("message", lambda event: heard.append(event.data))
        channel.port1.start()
        for number in range(20):
            event.ports[0].post_message(number)
        event.ports[0].post_message(VALUE)
        await until(lambda: len(heard) == 21)
        assert heard == [*range(20), VALUE]


async def leave(site: Site) -> tuple[int, Position]:
    """Let the only tab of a worker be parked. Return its id, and how far the worker was."""
    shared, (contents,) = shared_of(site), site.ipc_main.get_all_web_contents()
    tab = contents._tab
    await until(lambda: not tab.is_occupied)
    position = shared.spread.broadcasts.position()
    written = snapshot(shared._hub, tab).encode()
    connections = list(links_of(tab))
    await shared._bus.directory.park(tab.id, written, [key_of(one.link_id) for one in connections], 60.0)
    for connection in connections:
        shared._hub.end(connection, "ended")
    shared._hub.tabs.release(tab)
    return tab.id, position


async def come(site: Site, contents_id: int, position: Position, old: str) -> Tab:
    """Let a parked tab go on at a worker."""
    shared = shared_of(site)
    taken = await shared._bus.directory.take(contents_id)
    assert taken is not None
    catching = await shared.spread.broadcasts.catch_up(position, old)
    tab = restore(shared._hub, Snapshot.decode(taken.snapshot), visitor("192.0.2.1"))
    catching.deliver(tab)
    return tab


def say(sites: tuple[Site, Site], numbers: range) -> None:
    for number in numbers:
        for sender, site in enumerate(sites):
            site.ipc_main.broadcast("news", sender, number)


async def test_tab_that_moves_hears_everything_once(sites: tuple[Site, Site]) -> None:
    async with sites[0].browser("ada").open() as page:
        await page.disconnect()
        say(sites, range(10))
        contents_id, position = await leave(sites[0])
        for number in range(10, 20):
            say(sites, range(number, number + 1))
            await asyncio.sleep(0)
        coming = asyncio.create_task(come(sites[1], contents_id, position, shared_of(sites[0]).worker))
        for number in range(20, 30):
            say(sites, range(number, number + 1))
            await asyncio.sleep(0)
        (connection,) = links_of(await coming)
        say(sites, range(30, 40))

        def heard() -> list[list[Any]]:
            return [load_array(message.json)[2] for message in connection.link.kept.values()]

        await until(lambda: len(heard()) >= 80 or connection.ended)
        assert [number for sender, number in heard() if sender == 0] == list(range(40))
        assert [number for sender, number in heard() if sender == 1] == list(range(40))
