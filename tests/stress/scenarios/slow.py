"""Scenario `slow`: a network that takes longer for one large value than a page may be silent."""

import asyncio
from itertools import count

from tests.stress.pages.crowd import crowd
from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from tests.stress.values import bytes_of
from webipc import Limits

LIMITS = Limits(silence_ms=3_000, heartbeat_ms=1_000, probe_ms=1_500, hello_ms=10_000)
"""Less than a tenth of the usual; a page waits as long for the answer to its question as behind large messages."""
RATE = 250_000
"""Bytes a second: one megabyte takes longer than the silence."""
LONG_LIMITS = Limits()
LONG_RATE = 20_000
SIZE = 1_000_000
MORE = 1.3
"""How many times the value's bytes may pass, with all that is around them."""


def slow(run: Run) -> None:
    """One page sends a megabyte up, another one gets one down, and both go on with small calls behind it, where a
    megabyte takes longer than the other side waits for a sign of life. The long form has the limits of a browser and
    20 kB/s.

    Invariant: bytes are signs of life. No socket is given up, so nothing is sent twice, and everything arrives.
    """
    with rig(run, LIMITS if run.is_short else LONG_LIMITS) as made:
        asyncio.run(_run(made, RATE if run.is_short else LONG_RATE))


async def _run(made: Rig, rate: int) -> None:
    run, net = made.run, made.network
    numbers = count()
    done: list[int] = []
    async with crowd(made, 2) as pages:
        up, down = pages.pages
        await pages.connected()
        net.limit(up=rate, down=rate)
        while run.goes_on(lambda: bool(done)):
            number, before = next(numbers), net.bytes
            uploaded = up.invoke("take", up.told.page, number, bytes_of(number, SIZE))
            downloaded = down.invoke("download", number, SIZE)
            calls = [page.call("call") for page in pages.pages]
            async with asyncio.timeout(4 * SIZE / rate):
                assert await uploaded is True
                assert bytes(await downloaded) == bytes_of(number, SIZE)
                await asyncio.gather(*calls)
            done.append(number)
            run.report({"bytes passed for each": round((net.bytes - before) / 2)})
            assert net.bytes - before < 2 * MORE * SIZE, "something was sent twice"
        net.limit()
        await pages.settle()
    run.report({"megabytes each way": len(done), "bytes a second": rate})
    assert [page.resumed for page in pages.pages] == [1, 1], "a socket was given up"
    figures = made.judge(pages.told).figures()
    assert not figures["resets"]
