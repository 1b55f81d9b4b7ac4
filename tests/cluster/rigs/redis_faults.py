"""Scenario `redis-faults`: everything that can happen to a Redis happens while pages work."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from tests.cluster.rigs.redis_fleet import RedisFleet, redis_fleet
from tests.cluster.rigs.storm import LIMITS, check_tabs
from tests.stress.network.faults import Fault, Mix
from tests.stress.pages.crowd import Crowd, crowd
from tests.stress.run import Run
from tests.stress.told import UNKNOWN
from tests.support.redis_failover import RedisFailover, redis_failover

PROGRAMS = 2
PAGES = 6
ACTS = (60, 250)
"""Between two blows."""
WRITES = 10_000
"""Bytes that the primary goes on to write when its replica was cut off, at least."""
MIX = {"note": 30, "call": 30, "threaded": 10, "ask": 2, "port": 10, "large": 1}
"""No broadcasts: what a worker misses of those while Redis is away it tells by a reset."""
SOCKET_FAULTS = (Fault.RESET, Fault.FINISH, Fault.SPLIT)


def redis_faults(run: Run) -> None:
    """Redis is killed and comes back empty, forgets everything, ends every connection, stands still, and loses what
    waits in a mailbox, and a replica takes over that was cut off before, one after the other, while pages work whose
    sockets are cut and arrive at any program.

    Invariant: no link ends, and nothing is lost, doubled, changed or out of order. Only a `sendSync` may be of unknown
    outcome: one that arrives at another program than its tab's, while Redis does not tell which that is.
    """
    with redis_failover() as redis, redis_fleet(run, PROGRAMS, LIMITS, redis=redis) as made:
        asyncio.run(_run(made, run, redis))


async def _run(made: RedisFleet, run: Run, redis: RedisFailover) -> None:
    counts: Counter[str] = Counter()
    blows = _blows(redis)
    async with crowd(made, run.pages or PAGES) as pages:
        await pages.connected()
        made.network.storm(Mix(SOCKET_FAULTS, (), least=10_000))
        while run.goes_on(lambda: all(counts[name] for name in blows)):
            name = list(blows)[counts.total() % len(blows)]
            await pages.work_while(_blow(made, pages, blows[name], counts, name), lambda page: MIX)
        made.network.calm()
        await pages.settle()
        totals = await asyncio.to_thread(made.totals)
    run.happened(counts, blows)
    run.saw(totals, ["relays_ever", "bus.forgotten", "gaps", "bus.connects"])
    verdict = made.judge(pages.told)
    assert not verdict.figures()["resets"], [page.told.resets for page in pages.pages]
    check_tabs(made, pages)
    unknown = {kind for told in pages.told for kind, outcome in told.acts.values() if outcome == UNKNOWN}
    assert unknown <= {"ask"}, unknown


async def _blow(made: RedisFleet, pages: Crowd, blow: Callable[[], Any], counts: Counter[str], name: str) -> None:
    number = made.run.random(f"{name} {counts[name]}").randint(*ACTS)
    await pages.have_acted(number)
    await asyncio.to_thread(blow)
    counts[name] += 1
    await pages.have_acted(number)


def _blows(redis: RedisFailover) -> dict[str, Callable[[], Any]]:
    def comes_back_empty() -> None:
        redis.kill()
        redis.start()

    def ends_connections() -> None:
        with contextlib.suppress(RedisError):
            redis.admin.client_kill_filter(_type="normal", skipme=True)

    def forgets() -> None:
        redis.admin.flushall()

    def trims() -> None:
        for mailbox in redis.admin.keys("webipc:{default}:m:*"):
            redis.admin.xtrim(mailbox, maxlen=0, approximate=False)

    def fails_over() -> None:
        redis.add_replica()
        redis.cut_off()
        redis.wait_for_writes(WRITES)
        redis.fail_over()
        assert redis.lacked >= WRITES, f"the replica lacks {redis.lacked} bytes"

    return {
        "connections ended": ends_connections,
        "stood still": lambda: redis.admin.client_pause(700),
        "forgot everything": forgets,
        "mailboxes trimmed": trims,
        "failed over to a replica that was cut off": fails_over,
        "killed, and empty": comes_back_empty,
    }
