"""Scenario `machines`: two machines, far from each other and from their Redis, are cut off from it while pages work."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Mapping
from urllib.request import urlopen

from tests.cluster.rigs.network.machines import Machine, Machines, machines
from tests.cluster.rigs.redis_faults import MIX, SOCKET_FAULTS
from tests.stress.network.faults import Mix
from tests.stress.pages.crowd import Crowd, crowd
from tests.stress.pages.page import Page
from tests.stress.run import Run
from tests.support.serving import PATIENCE
from webipc import Limits

SMALL_MIX = {kind: weight for kind, weight in MIX.items() if kind != "large"}
"""A large value takes seconds from one machine to the other and back. In the long form one page has such."""
LIMITS = Limits(silence_ms=4_000, heartbeat_ms=1_300, probe_ms=2_000, hello_ms=5_000, answer_page_ms=500)
"""Longer than in other scenarios, because the delay is not scaled down."""
COUNT = 2
PAGES = 6
FRAMES = ["frames delayed", "frames lost", "frames cut off"]
ACTS = (60, 250)
"""During a short partition..."""
MOMENT = 1.5
"""... which lasts no longer than so many seconds."""
OWNER_LOST = "owner-lost"


def two_machines(run: Run) -> None:
    """Between a machine and Redis each frame takes 50 ms, and one of twenty is lost. A machine cannot reach Redis for
    a moment, then the other one, and then one for so long that it is taken for dead; the sockets of pages are cut, and
    arrive at either machine.

    Invariant: for a moment, no link ends, unless the network loses the renewals of a lease for as long. A link of a
    machine that was taken for dead ends with `owner-lost`, if its page came to the other one meanwhile, and no other.
    Nothing runs twice or out of order, and once the machine is back, everything goes on.
    """
    with machines(run, COUNT, LIMITS) as made:
        asyncio.run(_run(made, run))


async def _run(made: Machines, run: Run) -> None:
    counts: Counter[str] = Counter()
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected(3 * PATIENCE)
        first = pages.pages[0]

        def mix(page: Page) -> Mapping[str, int]:
            return MIX if page is first and not run.is_short else SMALL_MIX

        made.network.storm(Mix(SOCKET_FAULTS, (), least=10_000))
        while run.goes_on(lambda: counts["taken for dead"] >= 1):
            for machine in made.machines:
                await pages.work_while(_short(made, pages, machine, counts), mix)
            if not counts["taken for dead"] and any(page.told.resets for page in pages.pages):
                await _has_renewed_late(made)
            dead = made.machines[counts["taken for dead"] % COUNT]
            other = next(machine for machine in made.machines if machine is not dead)
            await pages.work_while(_long(pages, dead, other, counts), mix)
        made.network.calm()
        await pages.settle(6 * PATIENCE)
        totals = await asyncio.to_thread(made.totals)
    run.happened(counts, ["cut off for a moment", "taken for dead"])
    run.saw({f"frames {name}": count for name, count in made.wire.counts().items()}, FRAMES)
    run.saw(totals, ["relays_ever", "relayed_frames", "requests_handed_on"])
    made.judge(pages.told)
    reasons = {reason for told in pages.told for reason in told.resets}
    assert reasons <= {OWNER_LOST}, reasons


async def _short(made: Machines, pages: Crowd, machine: Machine, counts: Counter[str]) -> None:
    # Each page comes again, to any of the two.
    await asyncio.to_thread(made.network.cut)
    await pages.connected(3 * PATIENCE)
    number = made.run.random(f"short {counts.total()}").randint(*ACTS)
    await asyncio.to_thread(machine.cut_off)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOMENT):
                await pages.have_acted(number)
    finally:
        await asyncio.to_thread(machine.reach)
    await pages.have_acted(number)
    await _knows(machine, COUNT, "it is back")
    counts["cut off for a moment"] += 1


async def _long(pages: Crowd, dead: Machine, other: Machine, counts: Counter[str]) -> None:
    await asyncio.to_thread(dead.cut_off)
    try:
        await _knows(other, COUNT - 1, "the other one takes it for dead")
        await pages.have_acted(ACTS[0])
    finally:
        await asyncio.to_thread(dead.reach)
    await _knows(other, COUNT, "it is back")
    await pages.have_acted(ACTS[0])
    counts["taken for dead"] += 1


async def _has_renewed_late(made: Machines) -> None:
    """Wait until a machine tells that a renewal of its lease came late: the wire has lost several in a row."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not (await asyncio.to_thread(made.totals))["bus.lease_late"]:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError("a link has ended, though every lease was renewed in time") from None


async def _knows(machine: Machine, count: int, what: str) -> None:
    """Wait until a machine knows so many workers. The pages go on meanwhile."""
    try:
        async with asyncio.timeout(PATIENCE):
            while await asyncio.to_thread(_workers_of, machine) != count:  # noqa: ASYNC110 - it is asked over HTTP
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"did not happen within {PATIENCE} s: {what}") from None


def _workers_of(machine: Machine) -> int:
    """Return how many workers a machine knows."""
    with urlopen(f"{machine.url}/shared", timeout=PATIENCE) as response:
        count: int = json.loads(response.read())["workers"]
    return count
