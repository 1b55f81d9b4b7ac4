"""Pages in Python that work at once: each does one act after another, chosen at random from a mix."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

from tests.stress.pages.page import Page
from tests.stress.rig import Rig
from tests.stress.told import Told
from tests.support.serving import PATIENCE

EVERYTHING: Mapping[str, int] = {
    "note": 30,
    "call": 30,
    "threaded": 10,
    "ask": 4,
    "port": 20,
    "relay": 20,
    "large": 1,
}
"""How often each act is done, in proportion."""
BACKLOG = 150
"""A page with so much under way waits before its next act."""
LARGE_AT_ONCE = 1
TURN = 8
"""Acts that a page does in one turn of the loop, at most."""


async def until(fact: Callable[[], object], what: str, within: float = PATIENCE) -> None:
    """Wait until something is so; raises AssertionError with `what` when it does not come in time."""
    try:
        async with asyncio.timeout(within):
            while not fact():  # noqa: ASYNC110 - a condition has no event to wait for
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"did not happen within {within} s: {what}") from None


class Crowd:
    """Pages, connected or about to be."""

    def __init__(self, rig: Rig, count: int, name: str = "page") -> None:
        """Each page has an address of its own, so that none is charged for another; two and two relay ports."""
        self._rig = rig
        self._name = name
        self.pages = [self._new_page(index) for index in range(count)]
        self._told: list[Told] = []
        self._tasks = [asyncio.create_task(page.run()) for page in self.pages]
        self._works = True
        for left, right in zip(self.pages[::2], self.pages[1::2], strict=False):
            left.peer, right.peer = right, left

    def _new_page(self, index: int) -> Page:
        address = f"127.1.{index // 250}.{index % 250 + 1}"
        rig = self._rig
        return Page(rig.network.port, f"{self._name} {index}", rig.limits, seed=str(rig.run.seed), address=address)

    @property
    def told(self) -> list[Told]:
        """What each page was told."""
        return [page.told for page in self.pages]

    @property
    def acts(self) -> int:
        """How many acts there were."""
        return sum(len(page.told.acts) for page in self.pages)

    async def connected(self) -> None:
        """Wait until every page has its socket."""
        await until(lambda: all(page.connected for page in self.pages), "all pages are connected", 3 * PATIENCE)

    async def work(self, goes_on: Callable[[], bool], mix: Mapping[str, int] = EVERYTHING) -> None:
        """Let every page do act after act as long as `goes_on` says so."""
        await self.all(lambda page: self._work(page, goes_on, mix))

    async def _work(self, page: Page, goes_on: Callable[[], bool], mix: Mapping[str, int]) -> None:
        kinds, weights = list(mix), list(mix.values())
        while goes_on():
            for kind in page.random.choices(kinds, weights, k=page.random.randint(1, TURN)):
                await act(page, kind)
            await asyncio.sleep(0)
            while page.backlog > BACKLOG and goes_on():  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.005)

    async def all(self, does: Callable[[Page], "asyncio.Future[None] | object"]) -> None:
        """Let every page do something, all at once."""
        async with asyncio.TaskGroup() as group:
            for page in self.pages:
                doing = does(page)
                assert asyncio.iscoroutine(doing)
                group.create_task(doing)

    async def settle(self, within: float = PATIENCE) -> None:
        """Wait until each page is told about all that it did, and all replies have come. Nothing may hang."""
        await until(lambda: all(page.is_settled for page in self.pages), self._unsettled(), within)
        # The last replies through relayed ports have two links to cross.
        await until(lambda: all(_has_heard(page.told) or page.told.resets for page in self.pages), "all echoes", within)

    def _unsettled(self) -> str:
        return "every page is connected, and told about everything"

    async def stop(self) -> None:
        """End the pages, wherever they are."""
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result


def _has_heard(told: Told) -> bool:
    kinds = [kind for kind, _ in told.acts.values()]
    return all(len(came) >= kinds.count(kind) for kind, came in told.echoes.items())


async def act(page: Page, kind: str) -> None:
    """Let a page do an act of this kind."""
    if kind == "note":
        page.note()
    elif kind == "ask":
        await page.ask()
    elif kind in {"port", "relay"}:
        page.post_to_port(kind)
    elif kind != "large" or page.backlog < LARGE_AT_ONCE * BACKLOG:
        page.call(kind)


@asynccontextmanager
async def crowd(rig: Rig, count: int, name: str = "page") -> AsyncIterator[Crowd]:
    """Let pages connect, and end them afterwards."""
    pages = Crowd(rig, count, name)
    try:
        yield pages
    finally:
        await pages.stop()


def told_by(crowds: Iterable[Crowd]) -> list[Told]:
    """Return what the pages of all were told."""
    return [told for each in crowds for told in each.told]
