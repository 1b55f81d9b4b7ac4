"""Scenario `redis-browsers`: the scenario `browsers` with programs that share a Redis, behind a balancer that gives
each connection any of them, and that are replaced while the documents work.
"""

import asyncio

from selenium.webdriver.remote.webdriver import WebDriver

from tests.cluster.rigs.redis_fleet import RedisFleet, redis_fleet
from tests.stress.network.faults import REQUEST_FAULTS, Mix
from tests.stress.pages.crowd import Crowd, crowd, until
from tests.stress.pages.documents import MIX, Document
from tests.stress.run import Run
from tests.stress.scenarios.browsers import FAULTS
from webipc import Limits

PROGRAMS = 2
SHORT = 15
"""Faults of the short form."""
WITHOUT_PORTS = {kind: weight for kind, weight in MIX.items() if kind not in ("port", "relay")}
"""Ports close when a tab moves."""
RAN = (60, 150)
"""Calls of the documents that have run between two events."""


def redis_browsers(run: Run, tab: WebDriver) -> None:
    """A document and one in its iframe do what they do in `browsers`, on the same network, while each of their
    connections arrives at any program. The document is reloaded, each time at any program, and then every program is
    replaced.

    Invariant: no link ends but those of the reloads. Nothing is lost, doubled, changed or out of order. The tab has one
    id from the first load to the last.
    """
    with redis_fleet(run, PROGRAMS, Limits()) as made:
        asyncio.run(_run(made, tab))


async def _run(made: RedisFleet, tab: WebDriver) -> None:
    run, net = made.run, made.network
    counts = {"reload": 0, "deployed": 0}
    async with crowd(made, 1) as pages:
        await pages.connected()
        document = await asyncio.to_thread(lambda: Document(made, tab, mix=WITHOUT_PORTS, frame=True))
        first = await asyncio.to_thread(document.web_contents_id)
        net.storm(Mix(FAULTS, REQUEST_FAULTS, least=2_000))
        while run.goes_on(lambda: net.counts.total() >= SHORT and counts["reload"] >= 2):
            await _some_work(made, pages, counts["reload"])
            await asyncio.to_thread(document.reload)
            counts["reload"] += 1
        net.calm()
        totals = await asyncio.to_thread(made.totals)
        counts["deployed"] = await _deploy(made, pages)
        await asyncio.to_thread(document.settle)
        await pages.settle(relays=False)
        assert await asyncio.to_thread(document.web_contents_id) == first, "the id of the tab"
        told = await asyncio.to_thread(document.told)
        totals += await asyncio.to_thread(made.totals)
    run.happened({**net.counts, **counts}, ["reload", "deployed"])
    run.saw(totals, ["relays_ever", "takes"])
    made.judge([*told, *pages.told])
    ended = [(each.page, each.resets) for each in told if each.resets and not each.left]
    assert not ended, f"links ended: {ended}"


async def _deploy(made: RedisFleet, pages: Crowd) -> int:
    """Replace every program, and return how many there are."""
    for number, server in enumerate(made.servers):
        assert await asyncio.to_thread(server.drain) == 0, "the exit code"
        await _some_work(made, pages, 100 + number)
        await asyncio.to_thread(server.start)
    return len(made.servers)


async def _some_work(made: RedisFleet, pages: Crowd, number: int) -> None:
    others = {page.told.page for page in pages.pages}

    def ran() -> int:
        return sum(bool(line.page) and line.page not in others for line in made.journal())

    target = ran() + made.run.random(f"work {number}").randint(*RAN)
    await until(lambda: ran() >= target, "more calls of the documents have run")
