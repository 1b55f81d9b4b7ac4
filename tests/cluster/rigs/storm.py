"""Scenario `workers`: pages in Python do everything at once, and each of their connections arrives at any worker."""

import asyncio
from collections import Counter

from tests.cluster.rigs.fleet import Fleet, fleet
from tests.stress.network.faults import REQUEST_FAULTS, SOCKET_FAULTS, Mix
from tests.stress.pages.crowd import Crowd, crowd
from tests.stress.rig import Rig
from tests.stress.run import Run
from webipc import Limits

LIMITS = Limits(silence_ms=1_500, heartbeat_ms=500, probe_ms=700, hello_ms=2_000, answer_page_ms=200)
WORKERS = 3
PAGES = 6
SHORT = 60
"""Faults of the short form."""
MIX = {"note": 30, "call": 30, "threaded": 10, "ask": 4, "port": 20, "shout": 8, "large": 1}
WANTED = [*(f"socket {each}" for each in SOCKET_FAULTS), *(f"request {each}" for each in REQUEST_FAULTS)]


def workers(run: Run) -> None:
    """The acts of the scenario `network` and broadcasts, on a network with every fault, while each socket and each
    request comes from another address, and so to a worker at random.

    Invariant: no link ends. Nothing is lost, doubled, changed or out of order at any page, broadcasts included. A tab
    keeps its id and is announced once, and every worker serves.
    """
    with fleet(run, WORKERS, LIMITS) as made:
        asyncio.run(_run(made, run))


async def _run(made: Fleet, run: Run) -> None:
    net = made.made.network
    async with crowd(made.made, run.pages or PAGES, roams=True) as pages:
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
    verdict = made.made.judge(pages.told)
    assert not verdict.figures()["resets"], [page.told.resets for page in pages.pages]
    check_tabs(made.made, pages)


def check_tabs(made: Rig, pages: Crowd) -> None:
    """Raise AssertionError where a tab has had two ids, or was announced twice."""
    ids = [set(page.ids) for page in pages.pages]
    assert all(len(each) == 1 for each in ids), f"ids of tabs: {ids}"
    announced = Counter(line.number for line in made.journal() if line.kind == "created")
    twice = {number: count for number, count in announced.items() if count > 1}
    assert announced, "no tab was announced"
    assert not twice, f"announced more than once: {twice}"
