"""Pages whose worker ends in good order, while every worker sends to them in every way: each message arrives once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.support.roaming import arrives_at
from tests.support.several_workers import Ear, OneWorker, quiet, workers
from tests.support.waiting import until
from webipc.cluster.moves import parking
from webipc.testing import Renderer

WAYS = ("broadcast", "group", "user", "remote")
ROUNDS = 60


@pytest.fixture
async def three(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[OneWorker]]:
    monkeypatch.setattr(parking, "BATCH_SECONDS", 0.01)
    async with workers(3, may_send_to=lambda *_: True) as made:
        yield made


def say(worker: OneWorker, sender: int, number: int, pages: list[Renderer]) -> None:
    """Send one message in each way."""
    ipc_main = worker.ipc_main
    ipc_main.broadcast("news", sender, "broadcast", number)
    ipc_main.group("room").send("news", sender, "group", number)
    ipc_main.to(user="ada").send("news", sender, "user", number)
    for page in pages:
        ipc_main.remote(page.web_contents_id).send("news", sender, "remote", number)


async def follows(page: Renderer, worker: OneWorker) -> None:
    """Let a page come to another worker when its own lets it go."""
    await until(lambda: not page.connected)
    arrives_at(page, worker)
    await page.connect()


async def test_pages_hear_everything_once_in_order_while_their_worker_ends(three: list[OneWorker]) -> None:
    old, new, _ = three
    async with contextlib.AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(old.browser("ada").open()) for _ in range(5)]
        stays = await stack.enter_async_context(new.browser("ada").open())
        for page in pages:
            old.ipc_main.group("room").add(old.tab(page))
        new.ipc_main.group("room").add(new.tab(stays))
        ids = [page.web_contents_id for page in pages]
        ears = [Ear(page) for page in (*pages, stays)]
        following: list[asyncio.Task[None]] = []
        for number in range(ROUNDS):
            for sender, worker in enumerate(three):
                say(worker, sender, number, [*pages, stays])
            for page in pages:
                stays.send_to(page.web_contents_id, "news", 3, "send-to", number)
            if number == ROUNDS // 4:
                following = [asyncio.create_task(follows(page, new)) for page in pages]
                following.append(asyncio.create_task(old.hub.drain(20.0, asyncio.Event())))
            await asyncio.sleep(0.002)
        await asyncio.gather(*following)
        expected = [(sender, way) for sender in range(len(three)) for way in WAYS]
        await until(lambda: all(len(ear.heard) >= len(expected) * ROUNDS for ear in ears))
        await until(lambda: all(len(ear.heard) >= (len(expected) + 1) * ROUNDS for ear in ears[:-1]))
        await quiet()
        for ear in ears:
            heard = {(sender, way) for sender, way, _ in ear.heard}
            assert heard == {*expected, *([(3, "send-to")] if ear is not ears[-1] else [])}
            for one in heard:
                assert [number for *by, number in ear.heard if tuple(by) == one] == list(range(ROUNDS)), one
        assert new.shared.stats()["takes"] == len(pages)
        assert [page.web_contents_id for page in pages] == ids
