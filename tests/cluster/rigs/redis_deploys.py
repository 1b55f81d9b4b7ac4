"""Scenario `redis-deploy`: programs that share a Redis are replaced one after the other while pages work."""

import asyncio

from tests.cluster.rigs.deploys import ACTS, MIX
from tests.cluster.rigs.redis_fleet import RedisFleet, redis_fleet
from tests.cluster.rigs.storm import LIMITS, check_tabs
from tests.stress.pages.crowd import Crowd, crowd
from tests.stress.run import Run

PROGRAMS = 2
PAGES = 6
DEPLOYS = 2


def redis_deploy(run: Run) -> None:
    """SIGTERM of one program in the middle of everything that pages do; the balancer passes it over until the next one
    has started in its place.

    Invariant: that of `workers-deploy`.
    """
    with redis_fleet(run, PROGRAMS, LIMITS) as made:
        asyncio.run(_run(made, run))


async def _run(made: RedisFleet, run: Run) -> None:
    counts = {"deployed": 0, "takes": 0}
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        while run.goes_on(lambda: counts["deployed"] >= DEPLOYS):
            await pages.work_while(_deploy(made, pages, counts), lambda page: MIX)
        await pages.settle()
        counts["takes"] = (await asyncio.to_thread(made.totals))["takes"]
    run.happened(counts, ["deployed", "takes"])
    verdict = made.judge(pages.told)
    assert not verdict.figures()["resets"], [page.told.resets for page in pages.pages]
    assert not verdict.figures()["calls unknown-outcome"]
    check_tabs(made, pages)


async def _deploy(made: RedisFleet, pages: Crowd, counts: dict[str, int]) -> None:
    await pages.have_acted(made.run.random(f"deploy {counts['deployed']}").randint(*ACTS))
    server = made.servers[counts["deployed"] % len(made.servers)]
    assert await asyncio.to_thread(server.drain) == 0, "the exit code"
    await pages.have_acted(made.run.random(f"back {counts['deployed']}").randint(*ACTS))
    await asyncio.to_thread(server.start)
    counts["deployed"] += 1
