"""Who lives: leases that a thread renews, workers that are stopped, and those that do not read their mailbox."""

import asyncio
import contextlib
import dataclasses
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator

from tests.support.buses import REDIS_FAULTS, RedisRig, workers
from tests.support.waiting import until

PROGRAM = """
import asyncio, dataclasses, sys, time
from tests.support.buses import REDIS_FAULTS
from webipc.cluster.redis_bus.redis_bus import RedisBus

class Tells:
    def __getattr__(self, name):
        return lambda *what: print(name, *what, flush=True)

    def received(self, said):
        print("received", said.kind, flush=True)
        if said.kind == "block":
            time.sleep(said.head["seconds"])
            print("blocked", flush=True)

async def main():
    bus = RedisBus(sys.argv[1], "f" * 16, name="faulty", settings=REDIS_FAULTS)
    await bus.begin(Tells())
    print("begun", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def other_process(rig: RedisRig) -> AsyncIterator[Process]:
    """Run a worker in a process of its own, which prints what it is told."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, rig.server.url, stdout=PIPE)
    try:
        await until_says(process, "begun")
        yield process
    finally:
        process.kill()
        await process.communicate()


async def until_says(process: Process, what: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while (line := (await process.stdout.readline()).decode()).strip() != what:
            assert line, f"it has ended before it said {what}"


async def test_listener_that_holds_the_loop_for_longer_than_a_lease_costs_nothing(faulty: RedisRig) -> None:
    worker = await faulty.worker()
    async with other_process(faulty) as process:
        await until(lambda: worker.bus.members.get("f" * 16))
        worker.bus.post("f" * 16, "block", {"seconds": 3 * REDIS_FAULTS.lease})
        await until_says(process, "blocked")
        assert worker.lost_workers == []
        assert worker.bus.members.get("f" * 16)


async def test_worker_that_is_stopped_for_longer_than_its_lease_is_lost_and_learns_it(faulty: RedisRig) -> None:
    worker = await faulty.worker()
    async with other_process(faulty) as process:
        await until(lambda: worker.bus.members.get("f" * 16))
        process.send_signal(signal.SIGSTOP)
        await until(lambda: worker.lost_workers == ["f" * 16])
        assert worker.bus.members.get("f" * 16) is None
        # Its mailbox is gone, and nothing is made of what is said to it.
        worker.bus.post("f" * 16, "late", {})
        assert not faulty.server.admin.exists("webipc:{faulty}:m:" + "f" * 16)
        process.send_signal(signal.SIGCONT)
        await until_says(process, "lapsed")
        await until(lambda: worker.bus.members.get("f" * 16))
        # It is a member again, with the same way to it.
        worker.bus.post("f" * 16, "again", {})
        await until_says(process, "received again")
    await until(lambda: len(worker.lost_workers) == 2)


async def test_worker_that_does_not_read_is_called_slow_once_and_again_when_it_reads(
    faulty: RedisRig, lines: list[str]
) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, slow_entries=50)
    first, second = await workers(faulty, 2)
    line = faulty.bus_of(second)._reader
    await line.end()
    for number in range(100):
        first.say(second, number)
    await until(lambda: (found := first.bus.members.get(second.name)) and found.is_slow)
    await asyncio.sleep(3 * REDIS_FAULTS.renew)
    # Each of the two has said it once.
    assert sum(f"worker {second.name} is slow" in line for line in lines) == 2
    faulty.server.admin.xtrim(f"webipc:{{faulty}}:m:{second.name}", maxlen=0)
    await until(lambda: (found := first.bus.members.get(second.name)) and not found.is_slow)


async def test_newcomer_that_a_directory_names_is_known_before_it_is_heard_of(faulty: RedisRig) -> None:
    first = await faulty.worker()
    # As one that renews, and hears of others, a second later.
    faulty.bus_of(first)._lease.end()
    faulty.bus_of(first)._lease.join()
    second = await faulty.worker()
    await second.bus.directory.claim("1" * 32)
    assert first.bus.members.get(second.name) is None
    await first.bus.directory.find("1" * 32, None, None)
    found = first.bus.members.get(second.name)
    assert found is not None
    assert (found.ordinal, found.formats) == (second.bus.ordinal, (1,))


async def test_end_leaves_nothing_but_what_is_one_for_all(faulty: RedisRig) -> None:
    first, second = await workers(faulty, 2)
    first.bus.directory.tab_born(1, "2" * 32)
    await first.bus.directory.claim("1" * 32)
    first.say(second, 1)
    first.bus.directory.release("1" * 32)
    first.bus.directory.tab_destroyed(1)
    await first.bus.end()
    await second.bus.end()
    names = {name.decode().removeprefix("webipc:{faulty}:") for name in faulty.server.admin.keys("*")}
    assert names - {"run"} == {"gen", "ord"}
