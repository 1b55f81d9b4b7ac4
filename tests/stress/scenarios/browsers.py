"""Scenario `browsers`: pages in a real browser do everything at once, on a network with every fault."""

import asyncio

from selenium.webdriver.remote.webdriver import WebDriver

from tests.stress.network.faults import REQUEST_FAULTS, SOCKET_FAULTS, Fault, Mix
from tests.stress.pages.crowd import Crowd, crowd, until
from tests.stress.pages.documents import MIX, Document
from tests.stress.rig import Rig, rig
from tests.stress.run import Run

FAULTS = tuple(each for each in SOCKET_FAULTS if each is not Fault.HALF_OPEN)
"""A browser needs 45 s to notice a half-open connection: only in the long form."""
SHORT = 25
"""Faults of the short form."""
RELOADS = 2
RAN = (100, 300)
"""Calls of the documents that have run between two reloads."""


def browsers(run: Run, tab: WebDriver) -> None:
    """A document and one in its iframe send, invoke, block in sendSync, post into ports and send values of 1.5 MB; a
    port is relayed to a page in Python and one from there. The document is reloaded in the middle of it. The network is
    that of the scenario `network`, half-open connections in the long form only.

    Invariant: no link ends. Nothing is lost, doubled, changed or out of order, every call is answered rightly, only a
    `sendSync` whose three requests have all failed may be of unknown outcome, and nothing hangs once the network is
    calm. A document that is reloaded may lose what it sent last, and nothing before it.
    """
    with rig(run) as made:
        asyncio.run(_run(made, tab))


async def _run(made: Rig, tab: WebDriver) -> None:
    run, net = made.run, made.network
    faults = FAULTS if run.is_short else SOCKET_FAULTS
    wanted = [*(f"socket {each}" for each in FAULTS), *(f"request {each}" for each in REQUEST_FAULTS)]
    async with crowd(made, 1) as pages:
        await pages.connected()
        page = pages.pages[0]
        document = await asyncio.to_thread(
            lambda: Document(made, tab, mix=MIX, frame=True, relay=page.web_contents_id or 0)
        )
        page.relay_to = await asyncio.to_thread(document.web_contents_id)
        net.storm(Mix(faults, REQUEST_FAULTS, least=1_000))
        reloads = 0
        while run.goes_on(
            lambda: net.counts.total() >= SHORT and all(net.counts[name] for name in wanted) and reloads >= RELOADS  # noqa: B023
        ):
            await pages.work_while(_some_work(made, pages, reloads), lambda page: {"note": 1, "relay": 1})
            await asyncio.to_thread(document.reload)
            reloads += 1
        net.calm()
        await asyncio.to_thread(document.settle)
        await pages.settle(relays=False)
        told = await asyncio.to_thread(document.told)
    run.happened({**net.counts, "reload": reloads}, [*wanted, "reload"])
    made.judge([*told, *pages.told])
    ended = [(each.page, each.resets) for each in told if each.resets and not each.left]
    assert not ended, f"links ended: {ended}"


async def _some_work(made: Rig, pages: Crowd, number: int) -> None:
    others = {page.told.page for page in pages.pages}

    def ran() -> int:
        return sum(bool(line.page) and line.page not in others for line in made.journal())

    target = ran() + made.run.random(f"reload {number}").randint(*RAN)
    await until(lambda: ran() >= target, "more calls of the documents have run")
