"""Scenario `redis`: the scenario `workers` with several programs that share a Redis, behind a balancer that gives each
connection any of them.
"""

import asyncio

from tests.cluster.rigs.redis_fleet import RedisFleet, redis_fleet
from tests.cluster.rigs.storm import LIMITS, MIX, SHORT, WANTED, check_tabs
from tests.stress.network.faults import REQUEST_FAULTS, SOCKET_FAULTS, Mix
from tests.stress.pages.crowd import crowd
from tests.stress.run import Run

PROGRAMS = 2
PAGES = 6


def redis(run: Run) -> None:
    """The acts of the scenario `workers`, on a network with every fault, with programs that have Redis in common.

    Invariant: that of `workers`. And no page costs Redis more than its share: when all pages have left, and their time
    is over, what is left of them is forgotten.
    """
    with redis_fleet(run, PROGRAMS, LIMITS) as made:
        asyncio.run(_run(made, run))


async def _run(made: RedisFleet, run: Run) -> None:
    net = made.network
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        net.storm(Mix(SOCKET_FAULTS, REQUEST_FAULTS))

        def enough() -> bool:
            return net.counts.total() >= SHORT and all(net.counts[name] for name in WANTED)

        await pages.work(lambda: run.goes_on(enough), MIX)
        net.calm()
        await pages.settle()
        totals = await asyncio.to_thread(made.totals)
    run.happened(net.counts, WANTED)
    run.saw(totals, ["relays_ever", "relayed_frames", "requests_handed_on"])
    run.report({"bytes passed": net.bytes, "sockets": sum(page.resumed for page in pages.pages)})
    verdict = made.judge(pages.told)
    assert not verdict.figures()["resets"], [page.told.resets for page in pages.pages]
    check_tabs(made, pages)
