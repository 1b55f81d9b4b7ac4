"""Scenario `standstill`: the server's process is stopped for longer than any of its limits, or blocks itself."""

import asyncio
from dataclasses import replace

from tests.stress.pages.crowd import Crowd, crowd
from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from webipc import Limits

LIMITS = Limits(silence_ms=1_500, heartbeat_ms=400, grace_ms=1_500, unattached_grace_ms=1_500, hello_ms=1_500)
"""Of the server. The pages have those of a browser, so they wait for it."""
STILL = 3.0
"""Seconds of a standstill: twice what a page may be silent, or away."""
PAGES = 6
ACTS = (100, 600)
"""Between two standstills."""
ROUNDS = 3
"""Of the three kinds: stopped, stopped while the network cuts every socket, and a handler that blocks the loop."""


def standstill(run: Run) -> None:
    """SIGSTOP and SIGCONT; the same, with every socket cut meanwhile; and a handler that blocks the event loop. Each
    lasts twice as long as the server lets a page be silent, or away.

    Invariant: the server does not count its own standstill against the pages. No link ends, nothing is lost, doubled or
    out of order, every call is answered, and a socket that nothing has cut is the same afterwards.
    """
    with rig(run, LIMITS) as made:
        asyncio.run(_run(made))


async def _run(made: Rig) -> None:
    run, server = made.run, made.server
    made.limits = replace(LIMITS, silence_ms=40_000, hello_ms=10_000)
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        kinds = (_stopped, _stopped_and_cut, _blocked)
        while run.goes_on(lambda: server.counts.total() >= ROUNDS):
            await pages.work_while(kinds[server.counts.total() % 3](made, pages))
            await pages.settle()
    run.happened(server.counts, ["stopped", "stopped and cut", "blocked"])
    figures = made.judge(pages.told).figures()
    assert not figures["resets"], [told.resets for told in pages.told]
    sockets = sum(page.resumed for page in pages.pages)
    cuts = server.counts["stopped and cut"]
    assert sockets == len(pages.pages) * (1 + cuts), f"{sockets} sockets, of {len(pages.pages)} pages and {cuts} cuts"


async def _some_work(made: Rig, pages: Crowd) -> None:
    await pages.have_acted(made.run.random(f"still {made.server.counts.total()}").randint(*ACTS))


async def _stopped(made: Rig, pages: Crowd) -> None:
    await _some_work(made, pages)
    await asyncio.to_thread(made.server.stand_still)
    await asyncio.sleep(STILL)
    made.server.go_on()


async def _stopped_and_cut(made: Rig, pages: Crowd) -> None:
    await _some_work(made, pages)
    await asyncio.to_thread(made.server.stand_still)
    made.network.cut()
    await asyncio.sleep(STILL)
    made.server.go_on()
    made.server.counts["stopped"] -= 1
    made.server.counts["stopped and cut"] += 1


async def _blocked(made: Rig, pages: Crowd) -> None:
    await _some_work(made, pages)
    await pages.pages[0].invoke("block the loop", STILL)
    made.server.counts["blocked"] += 1
