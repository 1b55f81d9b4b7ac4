"""Scenario `machines`: two machines with one Redis, each of which is cut off from it while pages work."""

import asyncio
import json
from collections import Counter
from urllib.request import urlopen

from tests.cluster.rigs.network.machines import REDIS, Machine, Machines, machines
from tests.cluster.rigs.redis_faults import MIX, SOCKET_FAULTS
from tests.cluster.rigs.storm import LIMITS
from tests.stress.network.faults import Mix
from tests.stress.pages.crowd import Crowd, crowd, until
from tests.stress.run import Run
from tests.support.serving import PATIENCE

COUNT = 2
PAGES = 6
ACTS = (60, 250)
"""During a short partition."""
OWNER_LOST = "owner-lost"


def two_machines(run: Run) -> None:
    """A machine cannot reach Redis for a moment, then the other one, and then one for so long that it is taken for
    dead; the sockets of pages are cut, and arrive at either machine.

    Invariant: for a moment, no link ends. A link of a machine that was taken for dead ends with `owner-lost`, if its
    page came to the other one meanwhile, and no other. Nothing runs twice or out of order, and once the machine is
    back, everything goes on.
    """
    with machines(run, COUNT, LIMITS) as made:
        asyncio.run(_run(made, run))


async def _run(made: Machines, run: Run) -> None:
    counts: Counter[str] = Counter()
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        made.network.storm(Mix(SOCKET_FAULTS, (), least=10_000))
        while run.goes_on(lambda: counts["taken for dead"] >= 1):
            for machine in made.machines:
                await pages.work_while(_short(made, pages, machine, counts), lambda page: MIX)
            resets = [page.told.resets for page in pages.pages]
            assert counts["taken for dead"] or not any(resets), resets
            dead = made.machines[counts["taken for dead"] % COUNT]
            other = next(machine for machine in made.machines if machine is not dead)
            await pages.work_while(_long(pages, dead, other, counts), lambda page: MIX)
        made.network.calm()
        await pages.settle(3 * PATIENCE)
    run.happened(counts, ["cut off for a moment", "taken for dead"])
    made.judge(pages.told)
    reasons = {reason for told in pages.told for reason in told.resets}
    assert reasons <= {OWNER_LOST}, reasons


async def _short(made: Machines, pages: Crowd, machine: Machine, counts: Counter[str]) -> None:
    number = made.run.random(f"short {counts.total()}").randint(*ACTS)
    await asyncio.to_thread(machine.cut_off, REDIS)
    try:
        await pages.have_acted(number)
    finally:
        await asyncio.to_thread(machine.reach, REDIS)
    await pages.have_acted(number)
    await until(lambda: _workers_of(machine) == COUNT, "it is back", PATIENCE)
    counts["cut off for a moment"] += 1


async def _long(pages: Crowd, dead: Machine, other: Machine, counts: Counter[str]) -> None:
    await asyncio.to_thread(dead.cut_off, REDIS)
    try:
        await until(lambda: _workers_of(other) == COUNT - 1, "the other one takes it for dead", PATIENCE)
        await pages.have_acted(ACTS[0])
    finally:
        await asyncio.to_thread(dead.reach, REDIS)
    await until(lambda: _workers_of(other) == COUNT, "it is back", PATIENCE)
    await pages.have_acted(ACTS[0])
    counts["taken for dead"] += 1


def _workers_of(machine: Machine) -> int:
    """Return how many workers a machine knows."""
    with urlopen(f"{machine.url}/shared", timeout=PATIENCE) as response:
        count: int = json.loads(response.read())["workers"]
    return count
