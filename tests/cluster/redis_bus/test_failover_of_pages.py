"""Pages while a replica of their Redis takes over: those at home notice nothing, those that are relayed resume."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.support.buses import REDIS_FAULTS
from tests.support.redis_failover import RedisFailover, redis_failover
from tests.support.roaming import arrives_at, reconnects_at
from tests.support.several_workers import OneWorker
from tests.support.waiting import until
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.redis_bus.redis_bus import RedisBus
from webipc.testing import Browser, ClosedError, Renderer


class Site:
    """Two workers over one address of Redis, and what their handlers ran."""

    def __init__(self, redis: RedisFailover) -> None:
        self.redis = redis
        self.ran: Counter[str] = Counter()
        self.answers = asyncio.Event()
        self.workers = [self._worker() for _ in range(2)]

    def _worker(self) -> OneWorker:
        worker = OneWorker(Switchboard(time.monotonic))

        def make(realm: str, name: str, formats: Sequence[int]) -> RedisBus:
            return RedisBus(self.redis.url, name, realm=realm, formats=formats, settings=REDIS_FAULTS)

        worker.ipc_main._make_bus = make

        async def late(event: Any, name: str) -> str:
            self.ran[name] += 1
            await self.answers.wait()
            return name

        worker.ipc_main.handle("late", late)
        worker.ipc_main.handle("echo", lambda event, value: value)
        worker.ipc_main.on("note", lambda event, name: self.ran.update([name]))
        return worker


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    with redis_failover() as redis:
        redis.admin.set("webipc:{default}:gen", "in use")
        made = Site(redis)
        async with contextlib.AsyncExitStack() as stack:
            for worker in made.workers:
                await stack.enter_async_context(Browser(worker.app))
            await until(lambda: all(len(worker.shared.workers) == 2 for worker in made.workers))
            yield made


async def comes_again(page: Renderer) -> None:
    """Connect until the page is taken, as a page does that is told to come again."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await page.connect()
            except ClosedError as closed:
                if closed.close_code not in (1012, 4503):
                    raise
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def reconnecting(page: Renderer) -> AsyncIterator[list[int]]:
    """Let a page connect again whenever its socket is closed; yield the codes with which it was.

    Edge and home find out about the other server one after the other, and each may close what is between them.
    """
    codes: list[int] = []

    async def connect_again() -> None:
        while True:
            codes.append(await page._connection.closed_with())
            await comes_again(page)

    task = asyncio.create_task(connect_again())
    yield codes
    task.cancel()
    await asyncio.wait([task])


async def reload_at(worker: OneWorker, page: Renderer) -> None:
    """Let the next document of a page arrive at this worker; it is one of the same tab."""
    contents_id = page.web_contents_id
    arrives_at(page, worker)
    await page.reload()
    assert page.web_contents_id == contents_id


async def take_over(site: Site, at_home: Renderer) -> None:
    """Kill the primary, let the replica take over, and let a page work meanwhile."""
    await asyncio.to_thread(site.redis.kill)
    assert await at_home.invoke("echo", 1) == 1
    await until(lambda: not any(worker.shared.connected for worker in site.workers))
    assert await at_home.invoke("echo", 2) == 2
    await asyncio.to_thread(site.redis.promote)


@contextlib.asynccontextmanager
async def waits_for(site: Site, page: Renderer, name: str) -> AsyncIterator[None]:
    """Let a page call something that is answered at the end: once, and with the link that it has now."""
    link, contents_id = page._connection.page.link_id, page.web_contents_id
    call = asyncio.create_task(page.invoke("late", name))
    await until(lambda: site.ran[name])
    yield
    site.answers.set()
    assert await call == name
    assert site.ran[name] == 1
    assert (page._connection.page.link_id, page.web_contents_id) == (link, contents_id)


@pytest.mark.parametrize("is_cut_off", [False, True], ids=["replica-has-all", "replica-was-cut-off"])
async def test_page_at_home_notices_nothing_and_a_relayed_one_resumes(
    site: Site, lines: list[str], *, is_cut_off: bool
) -> None:
    home, edge = site.workers
    await asyncio.to_thread(site.redis.add_replica)
    if is_cut_off:
        await asyncio.to_thread(site.redis.cut_off)
    # Both begin when the replica is cut off already: it has nothing of them.
    async with home.browser().open() as at_home, home.browser().open() as relayed:
        await reconnects_at(relayed, edge)
        async with reconnecting(relayed) as closed:
            async with waits_for(site, at_home, "at home"), waits_for(site, relayed, "relayed"):
                if not is_cut_off:
                    await asyncio.to_thread(site.redis.catch_up)
                await take_over(site, at_home)
                assert (site.redis.lacked > 0) == is_cut_off
                await until(lambda: closed)
                relayed.send("note", "sent while away")
            await until(lambda: site.ran["sent while away"])
            # What the replica lacks of them was written again: another document of that tab finds its home.
            await until(lambda: any("told once more of the 2 links and 2 tabs" in line for line in lines))
            attempts = at_home._connection.page.attempt
            await reload_at(edge, at_home)
            await until(lambda: edge.shared.stats()["relays"] == 2)
        assert attempts == 1
        assert set(closed) == {1012}
        assert site.ran["sent while away"] == 1
    assert sum(line.startswith("WARNING") and "is another process: this worker" in line for line in lines) == 2
    assert all(worker.shared.stats()["owner_lost"] == 0 for worker in site.workers)
