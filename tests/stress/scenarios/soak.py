"""Scenario `soak`: pages come, work on a bad network and leave, for as long as it is told."""

import asyncio
from dataclasses import replace
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
"""Pages that have left, in the short form."""
ACTS = (30, 300)
"""Of a page before it leaves."""
LARGEST_REST = 65_536
"""Bytes that the server may hold at the end: for the page that asks, and the other end of its socket."""
GROWTH = 1.15
"""How many times as much memory as in the first half the process may hold in the second, in the median."""
LONG_ENOUGH = 100
"""Visits from which on the growth is judged: the first ones warm the allocator up."""


def soak(run: Run) -> None:
    """Pages do everything, leave and are replaced by others, on the network of the scenario `network`.

    Invariant: that of `network`, except that a page that leaves while its network fails may lose its last messages.
    When all pages have left, no link is open and nothing is held for them. The memory of the process does not grow.
    """
    with rig(run, replace(LIMITS, grace_ms=8_000, unattached_grace_ms=3_000, goodbye_ms=500)) as made:
        asyncio.run(_run(made))


async def _run(made: Rig) -> None:
    run, net = made.run, made.network
    resident: list[int] = []
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        net.storm(Mix(SOCKET_FAULTS, REQUEST_FAULTS))
        while run.goes_on(lambda: len(resident) >= VISITS and all(net.counts[name] for name in WANTED)):
            await pages.work_while(_a_visit_ends(made, pages, len(resident)))
            resident.append(await pages.pages[0].invoke("memory"))
        net.calm()
        await pages.settle()
        ended = [(page.told.page, page.told.resets) for page in pages.pages if page.told.resets]
        assert not ended, f"links of pages that have not left: {ended}"
        for page in pages.pages:
            await pages.leave(page)
        last = pages.add()
        rest = await _rest(last)
    run.happened(net.counts, WANTED)
    run.report({"visits": len(resident), "bytes held at the end": rest["memory"]["held"]})
    assert rest["memory"]["held"] <= LARGEST_REST, rest
    _check_growth(run, resident)
    made.judge(pages.told)


async def _a_visit_ends(made: Rig, pages: Crowd, number: int) -> None:
    random = made.run.random(f"visit {number}")
    await pages.have_acted(random.randint(*ACTS) * len(pages.pages) // 2)
    await pages.leave(random.choice(pages.pages))
    pages.add()


async def _rest(page: Page) -> Any:
    """Return what the server holds when only this page is there."""
    async with asyncio.timeout(PATIENCE):
        while (rest := await page.invoke("stats"))["links"]["open"] > 1:  # noqa: ASYNC110 - the server has no event
            await asyncio.sleep(0.1)
    return rest


def _check_growth(run: Run, resident: list[int]) -> None:
    half = len(resident) // 2
    first, second = round(median(resident[:half])), round(median(resident[half:]))
    run.report({"median of the memory in use, first half": first, "second half": second})
    if len(resident) >= LONG_ENOUGH:
        assert second <= GROWTH * first, f"the process held {first:,} bytes, and then {second:,}"
