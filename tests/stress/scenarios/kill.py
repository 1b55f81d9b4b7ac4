"""Scenario `kill`: the server is killed while pages work, and starts again."""

import asyncio

from tests.stress.network.faults import Fault, Mix
from tests.stress.pages.crowd import Crowd, crowd
from tests.stress.rig import Rig, rig
from tests.stress.run import Run

PAGES = 6
KILLS = 2
ACTS = (100, 1_200)
"""Between two kills."""
SOCKET_FAULTS = (Fault.RESET, Fault.FINISH, Fault.STALL, Fault.SPLIT)
REQUEST_FAULTS = (Fault.RESET, Fault.FINISH, Fault.ERROR, Fault.PORTAL)
"""No duplicates: a network that keeps what it has seen, and plays it to the next process, is not TCP."""


def kill(run: Run) -> None:
    """SIGKILL in the middle of everything that pages do, on a network with some faults. Another process starts.

    Invariant: each page gets a reset and goes on. What the journal has on disk is what the pages were told: a call that
    was answered ran once, a call that is `not-sent` never ran, one of `unknown-outcome` may have. Nothing runs twice,
    changed or out of order, and no call is told nothing.
    """
    with rig(run) as made:
        asyncio.run(_run(made))


async def _run(made: Rig) -> None:
    run, server, net = made.run, made.server, made.network
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        net.storm(Mix(SOCKET_FAULTS, REQUEST_FAULTS))
        while run.goes_on(lambda: server.counts["killed"] >= KILLS):
            await pages.work_while(restarts(made, pages))
        net.calm()
        await pages.settle()
    run.happened(server.counts, ["killed"])
    run.happened(net.counts, [f"socket {each}" for each in SOCKET_FAULTS])
    figures = made.judge(pages.told).figures()
    assert figures["resets"], "no page noticed that the server was killed"
    assert figures["calls unknown-outcome"], "no call was under way when the server was killed"


async def restarts(made: Rig, pages: Crowd) -> None:
    """Let the pages work for a while, kill the server, and start it again."""
    await pages.have_acted(made.run.random(f"kill {made.server.counts['killed']}").randint(*ACTS))
    await asyncio.to_thread(made.server.kill)
    await asyncio.to_thread(made.server.start)
