"""Scenario `redis-deploy`: programs that share a Redis are replaced one after the other while pages work."""

import asyncio
from collections import Counter

from tests.cluster.rigs.deploys import ACTS, GRACEFUL, MIX, Versions, check_deploys, cut_off, mix_of, until_blocked
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
"""Of the program that is started at each deploy, by turns. All that are started together behind it have the same, so
that tabs move from each version to the other at the first one and behind it.
"""
WITHOUT_ASKS = {kind: often for kind, often in MIX.items() if kind != "ask"}
"""What pages do while no program is there: the three requests of a `sendSync` would fail at once."""


def redis_deploy(run: Run) -> None:
    """SIGTERM of one program in the middle of everything that pages do; the balancer passes it over until the next one
    has started in its place, which by turns has another version of the package. Behind each all programs end together,
    and the next ones take the tabs that Redis has meanwhile.

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
        while run.goes_on(lambda: counts["restarted"] > 0 and cut_off(pages)):
            await pages.work_while(_deploy(made, pages, counts, versions), mix_of(pages))
            await pages.work_while(_restart(made, pages, counts), lambda page: WITHOUT_ASKS)
        await pages.settle()
    run.happened(counts, ["deployed", "restarted", "takes", "two versions at once"])
    check_deploys(made, pages)


async def _deploy(made: RedisFleet, pages: Crowd, counts: Counter[str], versions: Versions) -> None:
    number = counts["deployed"]
    await pages.have_acted(made.run.random(f"deploy {number}").randint(*ACTS))
    server, version = made.servers[number % len(made.servers)], VERSIONS[number % len(VERSIONS)]
    before = await asyncio.to_thread(made.totals, server)
    # While the old ones run.
    versions.install(version)
    await until_blocked(pages, await asyncio.to_thread(made.worker, server))
    assert await asyncio.to_thread(server.drain) == 0, "the exit code"
    await pages.have_acted(made.run.random(f"back {number}").randint(*ACTS))
    after = await asyncio.to_thread(made.totals, server)
    counts["takes"] += after["takes"] - before["takes"]
    await asyncio.to_thread(server.start)
    counts[f"started {version}"] += 1
    counts["two versions at once"] += len(await asyncio.to_thread(made.versions)) > 1
    counts["deployed"] += 1


async def _restart(made: RedisFleet, pages: Crowd, counts: Counter[str]) -> None:
    """End all programs at once, and start those of the version that is installed."""
    await pages.have_acted(made.run.random(f"restart {counts['restarted']}").randint(*ACTS))
    codes = await asyncio.gather(*(asyncio.to_thread(server.drain) for server in made.servers))
    assert codes == [0] * len(made.servers), "the exit codes"
    for server in made.servers:
        await asyncio.to_thread(server.start)
    await pages.connected()
    taken = (await asyncio.to_thread(made.totals))["takes"]
    assert taken == len(pages.pages), f"{taken} tabs went on in the next programs"
    counts["takes"] += taken
    counts["restarted"] += 1
