"""Scenario `workers-kill`: workers are killed while pages work, each home to some of them and edge to others."""

import asyncio
import os
import signal

from tests.cluster.rigs.fleet import Fleet, fleet
from tests.cluster.rigs.storm import LIMITS, MIX
from tests.stress.network.faults import Fault, Mix
from tests.stress.pages.crowd import Crowd, crowd, until
from tests.stress.run import Run

WORKERS = 3
PAGES = 8
KILLS = 2
ACTS = (100, 600)
"""Between two kills."""
SOCKET_FAULTS = (Fault.RESET, Fault.FINISH, Fault.SPLIT)
OWNER_LOST = "owner-lost"


def workers_kill(run: Run) -> None:
    """SIGKILL of a worker in the middle of everything that pages do. Its place gets another one.

    Invariant: each page that was at home in it gets one reset, `owner-lost`, and no other page gets any, also where its
    socket or its request went through the worker that died. What the journal has is what the pages were told.
    """
    with fleet(run, WORKERS, LIMITS) as made:
        asyncio.run(_run(made, run))


async def _run(made: Fleet, run: Run) -> None:
    counts = {"killed": 0, "homes killed": 0}
    net = made.made.network
    async with crowd(made.made, run.pages or PAGES, roams=True) as pages:
        await pages.connected()
        net.storm(Mix(SOCKET_FAULTS, (), least=30_000))
        while run.goes_on(lambda: counts["killed"] >= KILLS):
            await pages.work_while(_kill(made, pages, counts), lambda page: MIX)
        net.calm()
        await pages.settle()
        totals = await asyncio.to_thread(made.totals)
    run.happened(counts, ["killed", "homes killed"])
    run.saw(totals, ["owner_lost", "relays"])
    made.made.judge(pages.told)
    assert {reason for told in pages.told for reason in told.resets} == {OWNER_LOST}


async def _kill(made: Fleet, pages: Crowd, counts: dict[str, int]) -> None:
    await pages.have_acted(made.made.run.random(f"kill {counts['killed']}").randint(*ACTS))
    homes = {page: await page.invoke("where") for page in pages.pages}
    victim = homes[pages.pages[counts["killed"] % len(homes)]]
    before = {page: len(page.told.resets) for page in homes}
    os.kill(victim, signal.SIGKILL)
    hit = [page for page, home in homes.items() if home == victim]
    await until(lambda: all(len(page.told.resets) > before[page] for page in hit), "its pages were told")
    await asyncio.to_thread(made.ready)
    told = {page: page.told.resets[before[page] :] for page in homes}
    assert all(told[page] == ([OWNER_LOST] if page in hit else []) for page in homes), list(told.values())
    counts["killed"] += 1
    counts["homes killed"] += len(hit)
