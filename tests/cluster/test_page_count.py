"""Workers know of each other how many tabs they have."""

import asyncio

from tests.support.hubs import NOBODY, visitor
from tests.support.roaming import arrives_at
from tests.support.several_workers import OneWorker, workers
from tests.support.waiting import PATIENCE, until
from webipc.core.limits import Limits

SOON = Limits(ack_ms=20, goodbye_ms=0)


def counts(worker: OneWorker, *others: OneWorker) -> list[int]:
    """Return how many tabs one worker believes the others to have."""
    members = {member.worker: member.pages for member in worker.shared.workers}
    return [members[other.shared.worker] for other in others]


class Told:
    """What a worker says of the number of its tabs."""

    def __init__(self, worker: OneWorker) -> None:
        self.counts: list[int] = []
        self._tell = worker.bus.tell_pages
        worker.bus.__dict__["tell_pages"] = self._noted

    def _noted(self, count: int) -> None:
        self.counts.append(count)
        self._tell(count)


async def test_each_worker_learns_how_many_tabs_the_others_have() -> None:
    async with workers(2, limits=SOON) as (first, second):
        one, other = first.browser().open(), second.browser().open()
        async with one, other, first.browser().open():
            await until(lambda: counts(second, first, second) == counts(first, first, second) == [2, 1])
            for worker, here in ((first, 2), (second, 1)):
                stats = worker.shared.stats()
                assert (stats["workers"], stats["pages"], stats["pages_of_all"]) == (2, here, 3)
        await until(lambda: counts(second, first, second) == counts(first, first, second) == [0, 0])


async def test_many_tabs_are_told_of_together_and_what_does_not_change_is_not_told_again() -> None:
    async with workers(2, limits=SOON) as (first, second):
        told = Told(first)
        for number in range(10_000):
            first.hub.tabs.adopt(1 << 40 | number, number + 1, visitor("192.0.2.1"), NOBODY)
        await until(lambda: counts(second, first) == [10_000])
        # The other worker looks three times meanwhile, and so does this one.
        async with second.browser().open():
            await until(lambda: counts(first, second) == [1])
        await until(lambda: counts(first, second) == [0])
        assert told.counts == [10_000]


async def test_worker_whose_tabs_have_moved_says_so() -> None:
    async with workers(2, limits=SOON) as (first, second), first.browser().open() as page:
        await until(lambda: counts(second, first, second) == [1, 0])
        arrives_at(page, second)
        await first.shared.drain(PATIENCE, asyncio.Event())
        await page.connect()
        await until(lambda: counts(second, first, second) == [0, 1])
        assert second.shared.stats()["pages_of_all"] == 1
