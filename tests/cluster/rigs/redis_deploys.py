"""Scenario `redis-deploy`: programs that share a Redis are replaced one after the other while pages work."""

import asyncio
from collections import Counter

from tests.cluster.rigs.deploys import ACTS, GRACEFUL, Versions, check_deploys, cut_off, mix_of
from tests.cluster.rigs.redis_fleet import RedisFleet, redis_fleet
from tests.cluster.rigs.storm import LIMITS
from tests.stress.pages.crowd import Crowd, crowd
from tests.stress.run import Run
from tests.support.another_version import LATER
from webipc.version import VERSION

PROGRAMS = 2
PAGES = 6
FIRST = (LATER, VERSION)
"""The version of each program at the beginning."""
VERSIONS = (LATER, VERSION, VERSION, LATER)
"""Of the program that is started at each deploy, by turns. At the first two, tabs move from each to the other."""
DEPLOYS = 2


def redis_deploy(run: Run) -> None:
    """SIGTERM of one program in the middle of everything that pages do; the balancer passes it over until the next one
    has started in its place, which by turns has another version of the package.

    Invariant: that of `workers-deploy`.
    """
    versions = Versions(run)
    with redis_fleet(
        run,
        PROGRAMS,
        LIMITS,
        *GRACEFUL,
        environment=versions.environment,
        before=lambda number: versions.install(FIRST[number]),
    ) as made:
        asyncio.run(_run(made, run, versions))


async def _run(made: RedisFleet, run: Run, versions: Versions) -> None:
    counts: Counter[str] = Counter()
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        while run.goes_on(lambda: counts["deployed"] >= DEPLOYS and cut_off(pages)):
            await pages.work_while(_deploy(made, pages, counts, versions), mix_of(pages))
        await pages.settle()
    run.happened(counts, ["deployed", "takes", "two versions at once", *(f"started {each}" for each in set(VERSIONS))])
    check_deploys(made, pages)


async def _deploy(made: RedisFleet, pages: Crowd, counts: Counter[str], versions: Versions) -> None:
    number = counts["deployed"]
    await pages.have_acted(made.run.random(f"deploy {number}").randint(*ACTS))
    server, version = made.servers[number % len(made.servers)], VERSIONS[number % len(VERSIONS)]
    before = await asyncio.to_thread(made.totals, server)
    # While the old ones run.
    versions.install(version)
    assert await asyncio.to_thread(server.drain) == 0, "the exit code"
    await pages.have_acted(made.run.random(f"back {number}").randint(*ACTS))
    after = await asyncio.to_thread(made.totals, server)
    counts["takes"] += after["takes"] - before["takes"]
    await asyncio.to_thread(server.start)
    counts[f"started {version}"] += 1
    counts["two versions at once"] += len(await asyncio.to_thread(made.versions)) > 1
    counts["deployed"] += 1
