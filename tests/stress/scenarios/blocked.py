"""Scenario `blocked`: a page runs no script for longer than the server waits for a sign of life."""

import asyncio
from collections.abc import Awaitable, Callable

from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.expected_conditions import alert_is_present
from selenium.webdriver.support.wait import WebDriverWait

from tests.stress.pages.crowd import crowd
from tests.stress.pages.documents import Document
from tests.stress.pages.page import Page
from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from tests.support.serving import PATIENCE
from webipc import Limits

LIMITS = Limits(silence_ms=1_500, heartbeat_ms=400, grace_ms=1_500)
BLOCKED = 3.5
"""Seconds of a dialog: more than twice the silence."""
LONG_BLOCKED = 100.0
"""Seconds of a dialog, and then of a script that does not end, with the usual limits."""
PUSHES = 60
SIZE = 5_000
"""Bytes of each push. All of them together are more than Chromium takes without reading."""
ACTS = 20
ALERT = "setTimeout(() => alert('blocked'))"
# Later, because a driver waits for the end of its own script.
BUSY = "setTimeout(() => { const end = Date.now() + %d; while (Date.now() < end); }, 500)"


def blocked(run: Run, tab: WebDriver) -> None:
    """A document sends and calls, and opens an `alert()`, for more than twice as long as the server lets a page be
    silent. Meanwhile it is sent 300 kB. In the long form it computes for as long, too: 100 s each, with the limits of a
    browser.

    Invariant: its socket is kept. Every push arrives, once and in order, every call is answered, nothing is lost, and
    no link ends.
    """
    with rig(run, LIMITS if run.is_short else Limits()) as made:
        asyncio.run(_run(made, tab, BLOCKED if run.is_short else LONG_BLOCKED))


async def _run(made: Rig, tab: WebDriver, seconds: float) -> None:
    ways = [("dialog", _dialog)] if made.run.is_short else [("dialog", _dialog), ("busy", _busy)]
    blocked = dict.fromkeys([name for name, _ in ways], 0)
    async with crowd(made, 1) as pages:
        await pages.connected()
        document = await asyncio.to_thread(lambda: Document(made, tab, mix={}))
        target = await asyncio.to_thread(document.web_contents_id)
        pushed = 0
        for kind, block in ways:
            await asyncio.to_thread(document.do_many, "note", ACTS)
            await asyncio.to_thread(document.do_many, "slow", ACTS)

            async def push(first: int = pushed) -> None:
                await _push(made, pages.pages[0], target, first, seconds)

            await block(tab, seconds, push)
            pushed += PUSHES
            blocked[kind] += 1
            await asyncio.to_thread(document.evaluate, f"stress.until(() => stress.pushed.length === {pushed})")
            await asyncio.to_thread(document.settle)
        numbers = await asyncio.to_thread(document.evaluate, "stress.pushed")
        states = await asyncio.to_thread(document.evaluate, "stress.states")
        told = await asyncio.to_thread(document.told)
        await pages.settle()
    made.run.happened(blocked, blocked)
    made.run.report({"seconds of each": seconds, "pushes to a blocked page": pushed})
    assert numbers == list(range(pushed))
    assert states == ["open"], f"the socket was lost: {states}"
    assert not made.judge([*told, *pages.told]).figures()["resets"]


async def _push(made: Rig, page: Page, target: int, first: int, seconds: float) -> None:
    """Send a blocked page its pushes, spread over the time that it is blocked."""
    for number in range(first, first + PUSHES, PUSHES // 6):
        await page.invoke("push to", target, number, PUSHES // 6, SIZE)
        await asyncio.sleep(seconds / 6)


async def _dialog(tab: WebDriver, seconds: float, meanwhile: Callable[[], Awaitable[None]]) -> None:
    def show() -> None:
        tab.execute_script(ALERT)
        WebDriverWait(tab, PATIENCE).until(alert_is_present())

    await asyncio.to_thread(show)
    await meanwhile()
    await asyncio.to_thread(tab.switch_to.alert.accept)


async def _busy(tab: WebDriver, seconds: float, meanwhile: Callable[[], Awaitable[None]]) -> None:
    await asyncio.to_thread(tab.execute_script, BUSY % (seconds * 1000))
    await meanwhile()
