"""The local bus between real processes."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.buses import BusWorker, LocalRig
from tests.support.waiting import until
from webipc.cluster.local.attached import Attached
from webipc.cluster.local.local_connection import WEBIPC_BUS

WORKER = Path(__file__).parent / "worker_process.py"


@asynccontextmanager
async def started(rig: LocalRig, count: int) -> AsyncIterator[list[tuple[asyncio.subprocess.Process, Attached]]]:
    """Start so many processes, and kill those that live at the end."""
    processes = []
    for slot in range(count):
        mine, its = socket.socketpair()
        attached = rig.server.attach(mine, slot)
        environment = {**os.environ, WEBIPC_BUS: str(its.fileno())}
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(WORKER), pass_fds=[its.fileno()], env=environment
        )
        its.close()
        processes.append((process, attached))
    try:
        yield processes
    finally:
        for process, _ in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()


def numbers_of(worker: BusWorker, origin: str) -> list[int]:
    return [said.head["n"] for said in worker.said if said.origin == origin]


async def test_processes_speak_to_each_other_and_one_that_is_killed_has_left(rig: LocalRig) -> None:
    me = await rig.worker()
    async with started(rig, 2) as processes:
        await until(lambda: len(list(me.bus.members)) == 3)
        me.say_to_all(1, bytes(2_000_000))
        # Each answers what was said to all, and floods this worker from then on.
        await until(lambda: len({said.origin for said in me.said}) == 2)
        process, attached = processes[0]
        process.kill()
        await process.wait()
        attached.lost()
        await until(lambda: me.lost_workers)
        [dead] = me.lost_workers
        [other] = {said.origin for said in me.said} - {dead}
        # Everything that arrived of it did so in order, and nothing behind its death.
        numbers = numbers_of(me, dead)
        assert numbers == list(range(len(numbers)))
        await until(lambda: len(numbers_of(me, other)) > 3_000)
        assert numbers_of(me, dead) == numbers
        # The parent ends, and so does the worker.
        rig.server.close()
        assert await processes[1][0].wait() == 7
