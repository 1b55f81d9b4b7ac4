"""Scenario `soak`: pages come, work on a bad network and leave, for as long as it is told."""

import asyncio
from dataclasses import replace
from random import Random
from statistics import median
from typing import Any

from tests.stress.network.faults import REQUEST_FAULTS, SOCKET_FAULTS, Mix
from tests.stress.pages.crowd import Crowd, crowd
from tests.stress.pages.page import Page
from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from tests.stress.scenarios.network import LIMITS, WANTED
from tests.support.serving import PATIENCE

PAGES = 6
VISITS = 6
"""Pages that leave in the storm of one cycle, each followed by another."""
ACTS = (30, 300)
"""Of a page before it leaves."""
LARGEST_REST = 65_536
"""Bytes that the server may hold at the end of a cycle: for the page that asks, and the other end of its socket."""
GROWTH = 1.15
"""How many times as much memory as in the first half the process may use in the second, between two cycles."""
LONG_ENOUGH = 8
"""Cycles from which on the growth is judged: the first ones warm the process up."""


def soak(run: Run) -> None:
    """Pages do everything, leave and are replaced by others, on the network of the scenario `network`. Then it is calm,
    and all leave; and so on.

    Invariant: that of `network`, except that a page that leaves while its network fails may lose its last messages.
    When all pages have left, no link is open and nothing is held for them. The memory of the process does not grow.
    """
    with rig(run, replace(LIMITS, grace_ms=5_000, unattached_grace_ms=3_000, goodbye_ms=500)) as made:
        asyncio.run(_run(made))


async def _run(made: Rig) -> None:
    run, net = made.run, made.network
    in_use: list[int] = []
    async with crowd(made, 0) as pages:
        while run.goes_on(lambda: bool(in_use) and all(net.counts[name] for name in WANTED)):
            in_use.append(await _cycle(made, pages, len(in_use)))
    run.happened(net.counts, WANTED)
    _check_growth(run, in_use)
    made.judge(pages.told)


async def _cycle(made: Rig, pages: Crowd, number: int) -> int:
    """Let pages come, work and leave; return the memory that the process uses when all have left, in bytes."""
    net, random = made.network, made.run.random(f"cycle {number}")
    for _ in range(made.run.pages or PAGES):
        pages.add()
    await pages.connected()
    net.storm(Mix(SOCKET_FAULTS, REQUEST_FAULTS))
    for _ in range(VISITS):
        await pages.work_while(_a_visit_ends(pages, random))
    net.calm()
    await pages.settle()
    ended = [(page.told.page, page.told.resets) for page in pages.pages if page.told.resets]
    assert not ended, f"links of pages that have not left: {ended}"
    for page in pages.pages:
        await pages.leave(page)
    last = pages.add()
    rest = await _rest(last)
    assert rest["memory"]["held"] <= LARGEST_REST, rest
    await pages.leave(last)
    return await asyncio.to_thread(made.server.in_use)


async def _a_visit_ends(pages: Crowd, random: Random) -> None:
    await pages.have_acted(random.randint(*ACTS) * len(pages.pages) // 2)
    await pages.leave(random.choice(pages.pages))
    pages.add()


async def _rest(page: Page) -> Any:
    """Return what the server holds when only this page is there."""
    async with asyncio.timeout(PATIENCE):
        while (rest := await page.invoke("stats"))["links"]["open"] > 1:  # noqa: ASYNC110 - the server has no event
            await asyncio.sleep(0.1)
    return rest


def _check_growth(run: Run, in_use: list[int]) -> None:
    run.report({"cycles": len(in_use), "bytes in use behind the first cycle": in_use[0], "the last": in_use[-1]})
    if len(in_use) >= LONG_ENOUGH:
        half = len(in_use) // 2
        first, second = median(in_use[:half]), median(in_use[half:])
        assert second <= GROWTH * first, f"the process used {in_use} bytes between the cycles"
