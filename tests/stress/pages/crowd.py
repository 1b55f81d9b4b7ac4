"""Pages in Python that work at once: each does one act after another, chosen at random from a mix."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

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

    def __init__(self, rig: Rig, count: int, *, roams: bool = False) -> None:
        """`roams`: each connection of a page comes from another address."""
        self._rig = rig
        self._roams = roams
        self._made = 0
        self._tasks: dict[Page, asyncio.Task[None]] = {}
        self.gone: list[Told] = []
        """What the pages were told that have left."""
        for _ in range(count):
            self.add()

    @property
    def pages(self) -> list[Page]:
        """Those that have not left."""
        return list(self._tasks)

    def add(self) -> Page:
        """Let a page come. It has an address of its own, so that it is not charged for another; two and two relay."""
        number, self._made = self._made, self._made + 1
        address = f"127.1.{number // 250 % 250}.{number % 250 + 1}"
        rig = self._rig
        name, seed = f"page {number}", str(rig.run.seed)
        page = Page(rig.network.port, name, rig.limits, seed=seed, address=address, roams=self._roams)
        page.peer = next((other for other in self.pages if other.peer is None), None)
        if page.peer is not None:
            page.peer.peer = page
        self._tasks[page] = asyncio.create_task(page.run())
        return page

    async def leave(self, page: Page) -> None:
        """Let a page leave, whatever it does."""
        task = self._tasks.pop(page)
        page.told.left = True
        if page.peer is not None:
            page.peer.peer = None
        self.gone.append(page.told)
        await page.leave()
        await _ended([task])

    @property
    def told(self) -> list[Told]:
        """What each page was told, those that have left too."""
        return [*self.gone, *(page.told for page in self.pages)]

    @property
    def acts(self) -> int:
        """How many acts there were."""
        return sum(len(told.acts) for told in self.told)

    async def connected(self, within: float = PATIENCE) -> None:
        """Wait until every page has its socket."""
        await until(lambda: all(page.connected for page in self.pages), "all pages are connected", within)

    async def have_acted(self, count: int) -> None:
        """Wait until there are so many more acts."""
        target = self.acts + count
        await until(lambda: self.acts >= target, f"{count} more acts")

    async def work_while(
        self, happens: Coroutine[Any, Any, None], mix: Callable[[Page], Mapping[str, int]] = lambda page: EVERYTHING
    ) -> None:
        """Let every page do act after act until something has happened. `mix` chooses the acts of a page."""
        happening = asyncio.create_task(happens)
        await self.all(lambda page: self.let_work(page, lambda: not happening.done(), mix(page)))
        await happening

    async def work(self, goes_on: Callable[[], bool], mix: Mapping[str, int] = EVERYTHING) -> None:
        """Let every page do act after act as long as `goes_on` says so."""
        await self.all(lambda page: self.let_work(page, goes_on, mix))

    async def let_work(self, page: Page, goes_on: Callable[[], bool], mix: Mapping[str, int] = EVERYTHING) -> None:
        """Let one page do the same."""
        kinds, weights = list(mix), list(mix.values())
        while goes_on() and page in self._tasks:
            for kind in page.random.choices(kinds, weights, k=page.random.randint(1, TURN)):
                await act(page, kind)
            await asyncio.sleep(0)
            while page.backlog > BACKLOG and goes_on() and page in self._tasks:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.005)

    async def all(self, does: Callable[[Page], Coroutine[Any, Any, None]]) -> None:
        """Let every page do something, all at once."""
        async with asyncio.TaskGroup() as group:
            for page in self.pages:
                group.create_task(does(page))

    async def settle(self, within: float = PATIENCE, *, relays: bool = True) -> None:
        """Wait until each page is told about all that it did, and all replies have come. Nothing may hang.

        `relays` tells whether what was relayed has to come back: not if its page has left.
        """
        await until(lambda: all(page.is_settled for page in self.pages), "every page was told about everything", within)
        # The last replies are on their way.
        kinds = ("note", "port", "relay") if relays and not self.gone else ("note", "port")
        await until(lambda: all(_has_heard(page.told, kinds) for page in self.pages), "all replies have come", within)
        await until(lambda: all(map(self._has_heard_shouts, self.pages)), "all broadcasts have come", within)

    def _has_heard_shouts(self, page: Page) -> bool:
        """Tell whether a page has heard what all have shouted, as far as it has to."""
        shouts = {told.page: [kind for kind, _ in told.acts.values()].count("shout") for told in self.told}
        heard = page.told.heard
        return bool(page.told.resets) or all(
            len(heard.get(name, ())) >= count for name, count in shouts.items() if not self._may_be_lost(name)
        )

    def _may_be_lost(self, name: str) -> bool:
        return any(told.page == name and (told.left or told.resets) for told in self.told)

    async def stop(self) -> None:
        """End the pages, wherever they are."""
        await _ended(list(self._tasks.values()))


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel the tasks of pages. Raises what one has raised by itself: a fault of the server, or of a page."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


def _has_heard(told: Told, kinds: Sequence[str]) -> bool:
    """Tell whether all replies have come, as far as they have to: the end of a link loses some."""
    came = {"note": told.pushes, **told.echoes}
    done = [kind for kind, _ in told.acts.values()]
    return bool(told.resets) or all(len(came[kind]) >= done.count(kind) for kind in kinds)


async def act(page: Page, kind: str) -> None:
    """Let a page do an act of this kind."""
    if kind in {"note", "long note"}:
        page.note(kind)
    elif kind == "shout":
        page.shout()
    elif kind in {"ask", "long ask"}:
        # A request that fails, of a link that no server has welcomed, ends it: nothing tells whether it was taken.
        if page.link.known:
            await page.ask(kind)
    elif kind in {"port", "relay"}:
        page.post_to_port(kind)
    elif kind != "large" or page.backlog < LARGE_AT_ONCE * BACKLOG:
        page.call(kind)


@asynccontextmanager
async def crowd(rig: Rig, count: int, *, roams: bool = False) -> AsyncIterator[Crowd]:
    """Let pages connect, and end them afterwards. `roams`: see `Crowd`."""
    pages = Crowd(rig, count, roams=roams)
    try:
        yield pages
    finally:
        await pages.stop()
