"""What pages cost in Redis: commands and bytes. `docs/workers.md` has these figures."""

from tests.support.buses import BusWorker, RedisRig
from tests.support.waiting import until
from webipc.cluster.bus.directory import Taken, key_of


def commands(rig: RedisRig) -> dict[str, int]:
    """Return how often each command was called by clients or by scripts."""
    return {name.removeprefix("cmdstat_"): row["calls"] for name, row in rig.server.admin.info("commandstats").items()}


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
    before = commands(faulty).get("evalsha", 0)
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
    assert after.get("set", 0) - before.get("set", 0) == len(links) + 1
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
