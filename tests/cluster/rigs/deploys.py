"""Scenario `workers-deploy`: every worker is replaced, one after the other, while pages work.

By turns the next worker has another version of the package, which has replaced the one on disk meanwhile, and handlers
run for less and for more time than a worker has for its end. `redis_deploys.py` uses the same.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping

from tests.cluster.rigs.fleet import Fleet, fleet
from tests.cluster.rigs.storm import LIMITS, check_tabs
from tests.stress.judge import Verdict
from tests.stress.pages.crowd import Crowd, crowd, until
from tests.stress.pages.page import Page
from tests.stress.rig import Rig
from tests.stress.run import Run
from tests.stress.supervisor import ROOT
from tests.stress.told import ANSWERED, NO_REPLY
from tests.stress.values import LONGEST, seconds_of
from tests.support.another_version import LATER, Installed, later_version, this_version
from tests.support.serving import PATIENCE
from webipc.version import VERSION

WORKERS = 2
PAGES = 6
BLOCKED = 4
DEPLOYS = 1
"""In the short form, where the second version is not replaced again. `redis-deploy` goes both ways."""
ACTS = (150, 800)
"""Between two deploys."""
GRACEFUL = ("--graceful-timeout", "2")
"""Half as much as the longest handlers take: 60 s to 30 s. A tab begins nothing new in the last second."""
MIX = {"note": 30, "call": 30, "threaded": 10, "slow": 20, "ask": 4, "shout": 8, "large": 1}
"""No ports: they close when a tab moves, as when a process ends."""
LONG_MIX = {"note": 10, "call": 10, "long": 2, "long note": 2, "shout": 2}
BLOCKED_MIX = {"note": 10, "call": 10, "long ask": 2}
VERSIONS = (LATER, VERSION)
"""Which version is on disk at each deploy, by turns."""


class Versions:
    """The two versions of the package, and which of them is installed."""

    def __init__(self, run: Run) -> None:
        self._packages = {VERSION: this_version(run.folder / "this"), LATER: later_version(run.folder / "later")}
        self._installed = Installed(run.folder / "installed", self._packages[VERSION])

    @property
    def environment(self) -> Mapping[str, str]:
        """What a server needs to have whichever is installed when one of its processes starts."""
        return {"PYTHONPATH": os.pathsep.join([str(self._installed.folder), str(ROOT)])}

    def install(self, version: str) -> None:
        """Replace what is on disk."""
        self._installed.install(self._packages[version])


def workers_deploy(run: Run) -> None:
    """SIGHUP in the middle of everything that pages do, behind `pip install` of another version of the package: a new
    worker starts in each place, then the old one ends. The parent process stays.

    Invariant: no link ends, and nothing is lost, doubled, changed or out of order, broadcasts included. Each call is
    answered once. Of those that take long, each that is running at the end of the graceful timeout gets one error. A
    tab keeps its id.
    """
    versions = Versions(run)
    with fleet(run, WORKERS, LIMITS, *GRACEFUL, environment=versions.environment) as made:
        asyncio.run(_run(made, run, versions))


async def _run(made: Fleet, run: Run, versions: Versions) -> None:
    totals: Counter[str] = Counter()
    async with crowd(made.made, run.pages or PAGES, roams=True) as pages:
        await pages.connected()
        while run.goes_on(lambda: totals["deployed"] >= DEPLOYS and cut_off(pages)):
            await pages.work_while(_deploy(made, pages, totals, versions), mix_of(pages))
            after = await asyncio.to_thread(made.totals)
            totals["takes"] += after["takes"]
        await pages.settle()
    run.saw(totals, ["deployed", "takes", f"workers of {LATER}"])
    check_deploys(made.made, pages)


def mix_of(pages: Crowd) -> Callable[[Page], Mapping[str, int]]:
    """Return what each page does: in the first handlers run for long, and the next ones are blocked in such ones."""
    first, *blocked = pages.pages[: 1 + BLOCKED]
    mixes = {first: LONG_MIX, **dict.fromkeys(blocked, BLOCKED_MIX)}
    return lambda page: mixes.get(page, MIX)


async def until_blocked(pages: Crowd, worker: str) -> None:
    """Wait until a page begins to be blocked for as long as handlers take, if one is at home in this worker."""
    blocked = [page for page in pages.pages[1 : 1 + BLOCKED] if page.home == worker]
    since = {page: len(page.told.acts) for page in blocked}

    def is_blocked(page: Page) -> bool:
        number, act = next(reversed(page.told.acts.items()), (-1, ("", None)))
        return act == ("long ask", None) and number >= since[page] and seconds_of(number) == LONGEST

    await until(lambda: not blocked or any(map(is_blocked, blocked)), f"a page is blocked at {worker}")


def cut_off(pages: Crowd) -> bool:
    """Tell whether a worker has ended before a call, and before a `sendSync`."""
    acts = [act for told in pages.told for act in told.acts.values()]
    return all((kind, NO_REPLY) in acts for kind in ("long", "long ask"))


async def _deploy(made: Fleet, pages: Crowd, totals: Counter[str], versions: Versions) -> None:
    await pages.connected()
    await pages.have_acted(made.made.run.random(f"deploy {totals['deployed']}").randint(*ACTS))
    before = set(await asyncio.to_thread(made.stats))
    version = VERSIONS[totals["deployed"] % len(VERSIONS)]
    versions.install(version)
    os.kill(made.made.server.pid, signal.SIGHUP)

    await until(lambda: not any(map(_lives, before)), f"the workers {sorted(before)} are replaced", 3 * PATIENCE)
    await asyncio.to_thread(made.ready)
    await pages.connected()
    told = (await asyncio.to_thread(made.stats)).values()
    assert {each["version"] for each in told} == {version}
    totals[f"workers of {version}"] += len(told)
    totals["deployed"] += 1


def check_deploys(made: Rig, pages: Crowd) -> None:
    """Raise AssertionError where a deploy was noticed by a page, but for the error of a call that took too long."""
    verdict = made.judge(pages.told)
    assert not verdict.figures()["resets"], [page.told.resets for page in pages.pages]
    assert not verdict.figures()["calls unknown-outcome"]
    assert not verdict.figures()["calls not-sent"]
    _check_long(made, verdict, pages)
    check_tabs(made, pages)


def _check_long(made: Rig, verdict: Verdict, pages: Crowd) -> None:
    """Raise AssertionError unless long acts of each kind have ended in both ways."""
    acts = [act for told in pages.told for act in told.acts.values()]
    counts = Counter(f"{kind} {outcome}" for kind, outcome in acts if kind in ("long", "long ask"))
    ran = Counter(line.kind for line in made.journal())
    counts["long note ended"] = ran["long note ended"]
    counts["long note cut off"] = ran["long note"] - ran["long note ended"]
    wanted = [f"{kind} {outcome}" for kind in ("long", "long ask") for outcome in (ANSWERED, NO_REPLY)]
    made.run.saw(counts, [*wanted, "long note ended", "long note cut off"])


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
