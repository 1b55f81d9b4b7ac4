"""What pages cost in Redis: commands and bytes. `docs/workers.md` has these figures."""

from tests.support.buses import RedisRig
from tests.support.waiting import until
from webipc.cluster.bus.directory import key_of


def commands(rig: RedisRig) -> dict[str, int]:
    """Return how often each command was called by clients or by scripts."""
    return {name.removeprefix("cmdstat_"): row["calls"] for name, row in rig.server.admin.info("commandstats").items()}


async def test_page_load_is_three_scripts_and_a_message_of_a_page_nothing(faulty: RedisRig) -> None:
    worker = await faulty.worker()
    directory = worker.bus.directory
    lease = faulty.bus_of(worker)._lease
    lease.end()
    lease.join()
    await faulty.bus_of(worker)._reader.end()
    await until(lambda: any(task.done() for task in faulty.bus_of(worker)._tasks))
    before = commands(faulty).get("evalsha", 0)
    for page in range(100):
        link, token = key_of(f"link {page}"), key_of(f"token {page}")
        assert await directory.find(link, None, token) is None
        assert await directory.claim(link) is None
        directory.tab_born(page + 1, token)
    await until(lambda: not worker.bus.stats()["queue_entries"])
    after = commands(faulty)["evalsha"]
    assert after - before == 300


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
