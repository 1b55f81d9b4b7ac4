"""Scenario `deploy`: the server is ended with SIGTERM while pages work, and the next one starts."""

import asyncio
from collections.abc import Mapping

from tests.stress.judge import Verdict
from tests.stress.pages.crowd import EVERYTHING, Crowd, crowd
from tests.stress.pages.page import Page
from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from tests.stress.told import UNKNOWN

PAGES = 6
DEPLOYS = 2
ACTS = (200, 1_500)
"""Between two deploys."""
MIX = {**EVERYTHING, "slow": 20}
"""A `slow` call takes 0.12 s, so many run when the server is told to end."""
NEVER_BLOCKED = {kind: weight for kind, weight in MIX.items() if kind != "ask"}
"""The acts of every second page. A `sendSync` has all waiting messages in its request, and asks the next server too:
then nothing says which of them this server has taken."""


def deploy(run: Run) -> None:
    """SIGTERM in the middle of everything that pages do, on a good network. The next process starts when this one has
    ended.

    Invariant: what has begun ends, and its answer arrives, so no `invoke` is of unknown outcome: it is answered, or
    `not-sent` and never ran. Only where a `sendSync` was under way may an outcome be unknown. A message that was
    acknowledged has run, nothing is cancelled, and the process ends with code 0. Each page gets a reset and goes on.
    """
    with rig(run, None, "--graceful-timeout", "20") as made:
        asyncio.run(_run(made))


async def _run(made: Rig) -> None:
    run, server = made.run, made.server
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        while run.goes_on(lambda: server.counts["deployed"] >= DEPLOYS):
            await pages.work_while(_deploys(made, pages), _mix_of)
        await pages.settle()
    run.happened(server.counts, ["deployed"])
    _check(made, pages, made.judge(pages.told))


def _check(made: Rig, pages: Crowd, verdict: Verdict) -> None:
    unknown = [
        (page.told.page, number, kind)
        for page in pages.pages
        if _mix_of(page) is NEVER_BLOCKED
        for number, (kind, outcome) in page.told.acts.items()
        if outcome == UNKNOWN
    ]
    assert not unknown, f"of unknown outcome: {len(unknown)}: {unknown[:8]}"
    dropped = sum(told.dropped for told in pages.told)
    # What is relayed has another page's link to cross, which ends too.
    lost = verdict.lost["note"] + verdict.lost["port"]
    assert lost <= dropped, f"{lost} messages never ran; the resets told of {dropped} at most"
    assert verdict.figures()["resets"], "no page noticed the deploy"
    assert "cancelled" not in made.server.log


def _mix_of(page: Page) -> Mapping[str, int]:
    return MIX if int(page.told.page.split()[1]) % 2 else NEVER_BLOCKED


async def _deploys(made: Rig, pages: Crowd) -> None:
    server = made.server
    await pages.connected()
    await pages.have_acted(made.run.random(f"deploy {server.counts['deployed']}").randint(*ACTS))
    assert await asyncio.to_thread(server.drain) == 0, "the exit code"
    await asyncio.to_thread(server.start)
