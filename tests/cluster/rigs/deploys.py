"""Scenario `workers-deploy`: every worker is replaced, one after the other, while pages work."""

import asyncio
import os
import signal

from tests.cluster.rigs.fleet import Fleet, fleet
from tests.cluster.rigs.storm import LIMITS, check_tabs
from tests.stress.pages.crowd import Crowd, crowd, until
from tests.stress.run import Run
from tests.support.serving import PATIENCE

WORKERS = 2
PAGES = 6
DEPLOYS = 2
ACTS = (150, 800)
"""Between two deploys."""
MIX = {"note": 30, "call": 30, "threaded": 10, "slow": 20, "ask": 4, "shout": 8, "large": 1}
"""No ports: they close when a tab moves, as when a process ends."""


def workers_deploy(run: Run) -> None:
    """SIGHUP in the middle of everything that pages do: a new worker starts in each place, then the old one ends.

    Invariant: no link ends, and nothing is lost, doubled, changed or out of order, broadcasts included. Each call is
    answered once, also the slow ones that run when their worker is told to end. A tab keeps its id.
    """
    with fleet(run, WORKERS, LIMITS) as made:
        asyncio.run(_run(made, run))


async def _run(made: Fleet, run: Run) -> None:
    totals = {"deployed": 0, "takes": 0}
    async with crowd(made.made, run.pages or PAGES, roams=True) as pages:
        await pages.connected()
        while run.goes_on(lambda: totals["deployed"] >= DEPLOYS):
            await pages.work_while(_deploy(made, pages, totals), lambda page: MIX)
            after = await asyncio.to_thread(made.totals)
            totals["takes"] += after["takes"]
        await pages.settle()
    run.saw(totals, ["deployed", "takes"])
    verdict = made.made.judge(pages.told)
    assert not verdict.figures()["resets"], [page.told.resets for page in pages.pages]
    assert not verdict.figures()["calls unknown-outcome"]
    check_tabs(made.made, pages)


async def _deploy(made: Fleet, pages: Crowd, totals: dict[str, int]) -> None:
    await pages.connected()
    await pages.have_acted(made.made.run.random(f"deploy {totals['deployed']}").randint(*ACTS))
    before = set(await asyncio.to_thread(made.stats))
    os.kill(made.made.server.pid, signal.SIGHUP)

    await until(lambda: not any(map(_lives, before)), f"the workers {sorted(before)} are replaced", 3 * PATIENCE)
    await asyncio.to_thread(made.ready)
    await pages.connected()
    totals["deployed"] += 1


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
