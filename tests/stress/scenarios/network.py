"""Scenario `network`: pages in Python do everything at once, on a network with every fault."""

import asyncio

from tests.stress.network.faults import REQUEST_FAULTS, SOCKET_FAULTS, Mix
from tests.stress.pages.crowd import crowd
from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from webipc import Limits

LIMITS = Limits(silence_ms=1_500, heartbeat_ms=500, probe_ms=700, hello_ms=2_000, answer_page_ms=200)
"""Half-open connections are noticed within two seconds. The grace time is the usual one: no link ends."""
PAGES = 6
SHORT = 60
"""Faults of the short form."""
WANTED = [*(f"socket {each}" for each in SOCKET_FAULTS), *(f"request {each}" for each in REQUEST_FAULTS)]


def network(run: Run) -> None:
    """Send, invoke, invoke of a `def`, sendSync, ports to the server, ports relayed between pages, values of 1.5 MB,
    while the network resets, finishes, half-opens, stalls, throttles, splits and duplicates connections, and answers
    with gateways' errors and captive portals, to sockets and to requests.

    Invariant: no link ends. Nothing is lost, doubled, changed or out of order, every call is answered rightly, only a
    `sendSync` whose three requests have all failed may be of unknown outcome, and nothing hangs once the network is
    calm.
    """
    with rig(run, LIMITS) as made:
        asyncio.run(_run(made))


async def _run(made: Rig) -> None:
    run, net = made.run, made.network
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        net.storm(Mix(SOCKET_FAULTS, REQUEST_FAULTS))

        def enough() -> bool:
            return net.counts.total() >= SHORT and all(net.counts[name] for name in WANTED)

        await pages.work(lambda: run.goes_on(enough))
        net.calm()
        await pages.settle()
    run.happened(net.counts, WANTED)
    run.report({"bytes passed": net.bytes, "sockets": sum(page.resumed for page in pages.pages)})
    verdict = made.judge(pages.told)
    assert not verdict.figures()["resets"], [page.told.resets for page in pages.pages]
