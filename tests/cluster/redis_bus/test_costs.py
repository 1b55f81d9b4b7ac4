"""What pages cost in Redis: commands and bytes. `docs/workers.md` has these figures."""

import asyncio
import dataclasses
import time
from collections import Counter

import pytest

from tests.support.applications import Application
from tests.support.buses import BusWorker, RedisRig
from tests.support.waiting import until
from webipc import IpcMainEvent, IpcMainInvokeEvent
from webipc.cluster.bus.bus import Position
from webipc.cluster.bus.directory import Taken, key_of
from webipc.cluster.redis_bus.redis_bus import RedisBus
from webipc.testing import Browser


def commands(rig: RedisRig) -> Counter[str]:
    """Return how often each command was called by clients or by scripts."""
    stats = rig.server.admin.info("commandstats").items()
    return Counter({name.removeprefix("cmdstat_"): row["calls"] for name, row in stats})


async def without_its_own_commands(rig: RedisRig) -> BusWorker:
    """Return a worker that asks Redis nothing but what a test lets it ask."""
    worker = await rig.worker()
    lease = rig.bus_of(worker)._lease
    lease.end()
    lease.join()
    await rig.bus_of(worker)._reader.end()
    await until(lambda: any(task.done() for task in rig.bus_of(worker)._tasks))
    return worker


async def test_page_load_is_three_scripts_and_a_message_of_a_page_nothing(faulty: RedisRig) -> None:
    worker = await without_its_own_commands(faulty)
    directory = worker.bus.directory
    before = commands(faulty)["evalsha"]
    for page in range(100):
        link, token = key_of(f"link {page}"), key_of(f"token {page}")
        assert await directory.find(link, None, token) is None
        assert await directory.claim(link) is None
        directory.tab_born(page + 1, token)
    await until(lambda: not worker.bus.stats()["queue_entries"])
    after = commands(faulty)["evalsha"]
    assert after - before == 300


async def test_tab_is_parked_by_one_script_so_that_no_worker_finds_it_without_its_snapshot(faulty: RedisRig) -> None:
    worker = await without_its_own_commands(faulty)
    directory, links = worker.bus.directory, [key_of(f"link {n}") for n in range(20)]
    for link in links:
        assert await directory.claim(link) is None
    directory.tab_born(1, key_of("token"))
    assert await directory.where(1) is not None
    before = commands(faulty)
    await directory.park(1, b"snapshot", links, 60.0)
    after = commands(faulty)
    assert after["evalsha"] - before["evalsha"] == 1
    assert after["set"] - before["set"] == len(links) + 1
    assert await directory.take(1) == Taken(b"snapshot", [])


async def test_tab_takes_some_four_hundred_bytes(faulty: RedisRig) -> None:
    worker = await faulty.worker()
    directory = worker.bus.directory
    before = faulty.server.admin.info("memory")["used_memory_dataset"]
    tabs = 5_000
    for tab in range(tabs):
        directory.note([key_of(f"link {tab}")], [(tab + 2**40, key_of(f"token {tab}"))])
    await until(lambda: not worker.bus.stats()["queue_entries"])
    each = (faulty.server.admin.info("memory")["used_memory_dataset"] - before) / tabs
    assert 100 < each < 600, each
    for tab in range(tabs):
        directory.tab_destroyed(tab + 2**40)
        directory.release(key_of(f"link {tab}"))
    await until(lambda: not worker.bus.stats()["queue_entries"])
    assert not faulty.server.admin.keys("webipc:{faulty}:[ltc]:*")


TABS = 1_000
ENTRY = 1_000


@pytest.fixture
def patient(faulty: RedisRig) -> RedisRig:
    """Workers that wait for Redis, and for what they read, as long as it takes on a busy machine."""
    faulty.settings = dataclasses.replace(faulty.settings, ask=20)
    return faulty


async def said(sender: BusWorker, count: int, *readers: BusWorker) -> None:
    """Let a worker say so many entries of a thousand bytes, and the others read them."""
    for number in range(count):
        sender.say_to_all(number, bytes(ENTRY))
    await until(lambda: all(len(each.to_all) >= count for each in (sender, *readers)))


async def comes_again(rig: RedisRig, taker: BusWorker, position: Position) -> tuple[int, int]:
    """Let a thousand tabs come to a worker; return how many entries it asked for, and how many bytes Redis has sent."""
    admin = rig.server.admin
    before = commands(rig).get("xrange", 0), admin.info("stats")["total_net_output_bytes"]
    found = await asyncio.gather(*(taker.bus.since(position) for _ in range(TABS)))
    assert all(each is not None and len(each) == 300 for each in found)
    after = commands(rig).get("xrange", 0), admin.info("stats")["total_net_output_bytes"]
    return after[0] - before[0], after[1] - before[1]


async def test_thousand_tabs_that_come_transfer_nothing_that_their_worker_has_read(patient: RedisRig) -> None:
    first, second = await patient.worker(), await patient.worker()
    position = first.bus.position
    await said(first, 300, second)
    asked, sent = await comes_again(patient, second, position)
    # One word for each, and what the leases and the readers say meanwhile: no entry.
    assert asked == 0
    assert sent < TABS * 1_000


async def test_thousand_tabs_that_come_to_a_newcomer_transfer_once_what_was_before_it(patient: RedisRig) -> None:
    first = await patient.worker()
    position = first.bus.position
    await said(first, 200)
    newcomer = await patient.worker()
    await said(first, 100)
    await until(lambda: len(newcomer.to_all) == 100)
    asked, sent = await comes_again(patient, newcomer, position)
    assert 0 < asked < 5
    assert 200 * ENTRY < sent < 200 * (ENTRY + 200) + TABS * 1_000


async def test_tabs_that_come_under_heavy_load_wait_for_the_reader_and_not_for_copies_of_what_it_reads(
    patient: RedisRig,
) -> None:
    first, second = await patient.worker(), await patient.worker()
    position = first.bus.position
    for number in range(300):
        first.say_to_all(number, bytes(ENTRY))
    await until(lambda: not first.bus.stats()["queue_entries"])
    # Redis has them all, and the other worker may have read none.
    asked, _ = await comes_again(patient, second, position)
    assert asked == 0
    assert len(second.to_all) == 300


class Idle:
    """What one worker asks by itself, from now on."""

    def __init__(self, rig: RedisRig) -> None:
        self._rig = rig
        self._begun, self._before = time.monotonic(), commands(rig)

    def asked(self) -> Counter[str]:
        return commands(self._rig) - self._before

    def check(self) -> None:
        """Check that it has said nothing, and renewed, looked and waited at most once in each time of a renewal."""
        asked = self.asked()
        # One more of each than times that have passed: a busy machine makes fewer.
        times = (time.monotonic() - self._begun) / self._rig.settings.renew + 2
        assert asked["evalsha"] <= 2 * times
        # By itself, and in the script that looks.
        assert asked["xread"] <= 2 * times
        assert asked["hset"] <= times
        assert not asked["xadd"]


async def test_idle_worker_renews_looks_and_waits_once_in_each_time_of_its_lease(faulty: RedisRig) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, renew=0.1, block=0.1)
    worker = await faulty.worker()
    await until(lambda: worker.bus.is_connected)
    idle = Idle(faulty)
    await until(lambda: idle.asked()["evalsha"] >= 20)
    idle.check()
    assert worker.bus.is_connected


async def test_messages_of_a_page_at_home_ask_redis_nothing(faulty: RedisRig) -> None:
    site, buses, count = Application(), list[RedisBus](), 500

    def make_bus(realm: str, worker: str, formats: object) -> RedisBus:
        buses.append(RedisBus(faulty.url, worker, name=faulty.name, realm=realm, settings=faulty.settings))
        return buses[-1]

    site.ipc_main._make_bus = make_bus
    site.ipc_main.handle("add", add)
    site.ipc_main.on("ask for more", more)
    async with Browser(site.app) as browser, browser.open() as page:
        heard: list[int] = []
        page.on("more", lambda event, number: heard.append(number))
        assert await page.invoke("add", 1, 2) == 3
        await until(lambda: buses[0].is_connected and not len(buses[0]._outbox))
        idle = Idle(faulty)
        for number in range(count):
            assert await page.invoke("add", number, 1) == number + 1
        page.send("ask for more", count)
        await until(lambda: len(heard) == count)
        idle.check()


async def add(event: IpcMainInvokeEvent, a: int, b: int) -> int:
    return a + b


def more(event: IpcMainEvent, count: int) -> None:
    for number in range(count):
        event.sender.send("more", number)
