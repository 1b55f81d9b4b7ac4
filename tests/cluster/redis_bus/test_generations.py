"""What workers may conclude from a Redis that has just begun or has just forgotten everything, newcomers too."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Sequence

import pytest

from tests.support.buses import REDIS_FAULTS, BusWorker, RedisRig, workers
from tests.support.redis_server import RedisServer
from tests.support.roaming import arrives_at
from tests.support.several_workers import OneWorker
from tests.support.waiting import until
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, Over, Parked
from webipc.cluster.redis_bus.redis_bus import RedisBus
from webipc.testing import Browser, ClosedError, Renderer

LONG = dataclasses.replace(REDIS_FAULTS, settle=60)
"""A time to register in that no test waits for."""


SETTLING = "webipc:{faulty}:settling"


def settled(rig: RedisRig) -> None:
    """Let the time to register in be over."""
    # By itself it would be, later.
    assert rig.server.admin.pttl(SETTLING) > 0
    rig.server.admin.delete(SETTLING)


@pytest.fixture
async def old(faulty: RedisRig) -> RedisRig:
    """Workers whose Redis has been there for longer than they need to register."""
    await until(lambda: faulty.server.admin.info("server")["uptime_in_seconds"] >= 1)
    return faulty


async def deaf(rig: RedisRig) -> BusWorker:
    """Return a worker that does not notice what happens to Redis until it is asked something."""
    worker = await rig.worker()
    bus = rig.bus_of(worker)
    bus._lease.end()
    bus._lease.join()
    await bus._reader.end()
    return worker


async def test_newcomer_that_finds_an_old_redis_flushed_takes_nothing_for_unknown(old: RedisRig) -> None:
    old.settings = LONG
    before = await deaf(old)
    assert await before.bus.directory.claim("1" * 32) is None
    old.server.admin.flushall()
    # Nobody has noticed it, and the newcomer makes the generation.
    for newcomer in (await old.worker(), await old.worker()):
        with pytest.raises(BusError, match="still registering"):
            await newcomer.bus.directory.find("1" * 32, None, None)
        with pytest.raises(BusError, match="still registering"):
            await newcomer.bus.directory.where(7)
    before.bus.directory.note(["1" * 32], [])
    await until(lambda: before.forgotten_count)
    before.bus.directory.note(["1" * 32], [])
    await until(lambda: not before.bus.stats()["queue_entries"])
    # It is not for ever: the newcomer asks until then.
    settled(old)
    assert await newcomer.bus.directory.find("1" * 32, None, None) == Home(before.name)
    assert await newcomer.bus.directory.find("2" * 32, None, None) is None


async def test_newcomer_that_finds_an_old_redis_flushed_takes_nobody_for_dead(old: RedisRig) -> None:
    old.settings = LONG
    old.server.admin.flushall()
    newcomer, other = await workers(old, 2)
    await old.kill(other)
    # Its lease ends, and it may be one that registers again.
    await until(lambda: not old.server.admin.exists(f"webipc:{{faulty}}:w:{other.name}"))
    await asyncio.sleep(5 * REDIS_FAULTS.renew)
    assert newcomer.lost_workers == []
    assert newcomer.bus.members.get(other.name)
    settled(old)
    await until(lambda: newcomer.lost_workers == [other.name])


async def test_new_pages_are_found_from_the_first_moment_of_a_redis_on(server: RedisServer) -> None:
    rig = RedisRig(server, LONG)
    first, second = await workers(rig, 2)
    directory, other = first.bus.directory, second.bus.directory
    link, token = "1" * 32, "2" * 32
    assert await directory.claim(link) is None
    directory.tab_born(5, token)
    # By itself, by its iframe, by its reload, by its number; and where it has gone.
    assert await directory.where(5) == Home(first.name, "token")
    assert await other.claim(link) == Home(first.name)
    assert await other.find(link, None, None) == Home(first.name)
    assert await other.find("3" * 32, link, None) == Home(first.name, "parent")
    assert await other.find("4" * 32, None, token) == Home(first.name, "token")
    await directory.park(5, b"snapshot", [link], 60)
    assert await other.find(link, None, None) == Parked(5)
    assert await other.take(5) is not None
    assert await directory.find(link, None, None) == Home(second.name)
    other.link_ended(link, 60)
    await until(lambda: not second.bus.stats()["queue_entries"])
    assert await directory.find(link, None, None) == Over()
    # Only what no living worker has written may be of an earlier time.
    with pytest.raises(BusError, match="still registering"):
        await directory.find("3" * 32, "4" * 32, "5" * 32)
    assert server.admin.exists(f"webipc:{{{rig.name}}}:settling")
    await rig.close()


async def test_what_is_said_before_a_worker_notices_is_in_the_new_generation(old: RedisRig) -> None:
    before = await deaf(old)
    before.say_to_all(1)
    await until(lambda: not before.bus.stats()["queue_entries"])
    old.server.admin.flushall()
    newcomer = await old.worker()
    before.say_to_all(2)
    before.say_to_all(3, bytes(200_000))
    await until(lambda: len(newcomer.to_all) == 2)
    # Not as from a program: of that a worker could not tell whether a tab has had it.
    assert [(said.said.origin, said.own) for said in newcomer.to_all] == [(before.name, 2), (before.name, 3)]
    assert newcomer.numbers_of_all() == [2, 3]


def worker_on(rig: RedisRig) -> OneWorker:
    """Return a worker of an application, which joins the others of this name when it begins."""
    worker = OneWorker(Switchboard(time.monotonic))

    def make(realm: str, name: str, formats: Sequence[int]) -> RedisBus:
        return RedisBus(rig.url, name, name=rig.name, realm=realm, formats=formats, settings=rig.settings)

    worker.ipc_main._make_bus = make
    worker.ipc_main.handle("echo", lambda event, value: value)
    return worker


async def told_to_try_again(page: Renderer) -> None:
    """Connect, and find that the page is told to come again, and nothing else."""
    with pytest.raises(ClosedError) as closed:
        await page.connect()
    assert closed.value.close_code == 4503


async def test_page_that_comes_to_a_newcomer_behind_a_flush_is_not_reset(old: RedisRig) -> None:
    # Only a question to Redis tells the living one that everything is forgotten.
    old.settings = dataclasses.replace(LONG, renew=30, lease=100)
    living, newcomer = worker_on(old), worker_on(old)
    async with Browser(living.app), living.browser().open() as page:
        link, contents_id = page._connection.page.link_id, page.web_contents_id
        await page.disconnect()
        old.server.admin.flushall()
        async with Browser(newcomer.app):
            arrives_at(page, newcomer)
            for _ in range(3):
                await told_to_try_again(page)
            # A new page is one at once, also while nobody knows what there was.
            async with newcomer.browser().open() as new:
                assert await new.invoke("echo", 1) == 1
            async with living.browser().open():
                # It has noticed, and says what it has.
                async with asyncio.timeout(20):
                    while not newcomer.shared.stats()["relays"]:
                        with contextlib.suppress(ClosedError):
                            await page.connect()
                        await asyncio.sleep(0.01)
            assert await page.invoke("echo", 2) == 2
            assert (page._connection.page.link_id, page.web_contents_id) == (link, contents_id)
            assert old.server.admin.exists("webipc:{faulty}:settling")
