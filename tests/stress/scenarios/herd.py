"""Scenario `herd`: many pages at once lose their network, and then their server."""

import asyncio

from tests.stress.pages.crowd import Crowd, crowd
from tests.stress.rig import Rig, rig
from tests.stress.run import Run

PAGES = 150
LONG_PAGES = 2_000
MIX = {"note": 5, "call": 5}
ACTS = 4
"""Of each page in each round."""
WAIT = 120.0
"""Seconds for all to be there again: the backoff of a page goes up to ten."""
ROUNDS = 1


def herd(run: Run) -> None:
    """Pages connect all at once, their sockets are all cut at the same moment, and the server is killed under them. The
    long form has 2,000 pages.

    Invariant: all of them are there again, again and again. A cut loses nothing; the kill is told to every page.
    """
    with rig(run) as made:
        asyncio.run(_run(made))


async def _run(made: Rig) -> None:
    run, server = made.run, made.server
    cuts = 0
    count = run.pages or (PAGES if run.is_short else LONG_PAGES)
    async with crowd(made, count) as pages:
        run.report({"seconds until all were connected": await _back(pages)})
        while run.goes_on(lambda: server.counts["killed"] >= ROUNDS):
            await _work(pages)
            cuts += made.network.cut()
            await _work(pages)
            run.report({"seconds until all were back from a cut": await _back(pages)})
            await _work(pages)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            run.report({"seconds until all were back from a kill": await _back(pages)})
        await pages.settle(WAIT)
        run.report({"bytes the server holds, for each page": round(server.resident / count)})
    run.happened({**server.counts, "sockets cut": cuts}, ["killed", "sockets cut"])
    made.judge(pages.told)
    rounds = server.counts["killed"]
    assert {len(told.resets) for told in pages.told} == {rounds}, "a page was reset for something else than the kills"


async def _work(pages: Crowd) -> None:
    """Let each page do some acts, whether it is connected or not."""
    target = {page: len(page.told.acts) + ACTS for page in pages.pages}
    await pages.all(lambda page: pages.let_work(page, lambda: len(page.told.acts) < target[page], MIX))


async def _back(pages: Crowd) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await pages.connected(WAIT)
    await pages.settle(WAIT)
    return round(loop.time() - began, 1)
