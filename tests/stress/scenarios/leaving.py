"""Scenario `leaving`: documents send, and are left at once: on a good network, on one that has just been cut, and on a
slow one.
"""

from collections import Counter
from contextlib import suppress

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError
from tests.stress.pages.documents import Document
from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from tests.stress.told import Told
from tests.support.serving import wait_until
from webipc import Limits

LIMITS = Limits(goodbye_ms=2_000, grace_ms=4_000, unattached_grace_ms=4_000)
FEW = 60
"""Messages that fit into one beacon."""
MANY = 2_000
"""Messages that no browser takes at once."""
RATE = 40_000
"""Bytes a second of the slow network."""
ROUNDS = 2

SEND = """
(() => {
  const told = stress.doMany('note', %d)
  setTimeout(() => { %s })
  return told
})()
"""
WAYS = {"navigate": "location.href = 'nothing.html'", "reload": "location.reload()"}


def leaving(run: Run, tab: WebDriver) -> None:
    """A document sends messages in one task, and navigates or reloads in the next.

    Invariant: what fits into a beacon arrives, once and in order, on a good network and when the socket has just been
    cut. On a network that is too slow for all of them, the last ones may be lost, and nothing before them; what is lost
    is told: the web contents emits `ipc-messages-lost` with their number.
    """
    with rig(run, LIMITS) as made:
        told: list[Told] = []
        left: Counter[str] = Counter()
        while run.goes_on(lambda: left.total() >= 3 * ROUNDS):
            way = list(WAYS)[left.total() % 2]
            for kind, count in (("good", FEW), ("cut", FEW), ("slow", MANY)):
                told.append(_leave(made, tab, kind, count, WAYS[way]))
                left[f"{kind} {way}"] += 1
        run.happened(left, [f"{kind} {way}" for kind in ("good", "cut", "slow") for way in WAYS])
        _check(made, told)


def _leave(made: Rig, tab: WebDriver, kind: str, count: int, way: str) -> Told:
    net = made.network
    document = Document(made, tab, mix={})
    document.web_contents_id()
    if kind == "slow":
        net.limit(up=RATE)
    if kind == "cut":
        net.cut()
    told = Told.of(document.evaluate(SEND % (count, way)))
    told.left = True
    net.limit()
    _wait_for_next(document, told, way)
    if count == FEW:
        wait_until(lambda: _ran(made, told) == count, f"{kind}, {way}: all {count} messages")
    return told


def _wait_for_next(document: Document, told: Told, way: str) -> None:
    """Wait until the next document is there."""

    def is_there() -> bool:
        # Between two documents, Firefox's driver returns nothing.
        with suppress(WebDriverException, PageError, TypeError):
            if way == WAYS["navigate"]:
                return bool(document.evaluate("location.pathname === '/nothing.html'"))
            return bool(document.evaluate(f"stress.told().page !== {told.page!r}"))
        return False

    wait_until(is_there, "the next document")


def _ran(made: Rig, told: Told) -> int:
    return sum(line.page == told.page for line in made.journal())


def _check(made: Rig, told: list[Told]) -> None:
    """Wait until every loss is told, and judge."""
    acts = sum(len(each.acts) for each in told)

    def counts() -> tuple[int, int]:
        journal = made.journal()
        told_lost = [line.number for line in journal if line.kind == "lost"]
        # A line without a page is no act.
        return acts - sum(1 for line in journal if line.page), sum(told_lost)

    def agree() -> bool:
        lost, told_lost = counts()
        made.run.report({"lost on leaving": lost, "of these told": told_lost})
        return lost == told_lost

    # What is under way arrives, or its link ends: the numbers meet.
    wait_until(agree, "as many messages are lost as were told")
    made.judge(told)
