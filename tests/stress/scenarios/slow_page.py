"""Scenario `slow-page`: that of `slow`, with a page in a real browser."""

from selenium.webdriver.remote.webdriver import WebDriver

from tests.stress.pages.documents import Document
from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from tests.stress.scenarios.slow import LIMITS, LONG_LIMITS, LONG_RATE, MORE, RATE, SIZE
from tests.support.serving import wait_until

BOTH = """
void (async () => {
  const { areBytesOf, bytesOf, ipcRenderer, told } = stress
  const up = ipcRenderer.invoke('take', told().page, 1, bytesOf(1, %(size)d))
  const down = ipcRenderer.invoke('download', 2, %(size)d)
  stress.both = await up && areBytesOf(2, %(size)d, await down)
})()
"""


def slow_page(run: Run, tab: WebDriver) -> None:
    """A document sends a megabyte up and gets one down at the same time, and goes on with small calls behind it, where
    a megabyte takes longer than the server waits for a sign of life. The long form has the limits of a browser and
    20 kB/s, so the page waits for less, too.

    Invariant: bytes are signs of life. The socket is kept, so nothing is sent twice, and everything arrives.
    """
    with rig(run, LIMITS if run.is_short else LONG_LIMITS) as made:
        _run(made, tab, RATE if run.is_short else LONG_RATE)


def _run(made: Rig, tab: WebDriver, rate: int) -> None:
    net = made.network
    document = Document(made, tab, mix={})
    document.web_contents_id()
    net.limit(up=rate, down=rate)
    before = net.bytes
    document.evaluate(BOTH % {"size": SIZE})
    document.do_many("call", 5)
    # The script of the driver may not wait for so long.
    both = wait_until(lambda: document.evaluate("stress.both"), "both have arrived", 4 * SIZE / rate)
    passed = net.bytes - before
    net.limit()
    document.settle()
    states = document.evaluate("stress.states")
    made.run.report({"bytes passed for each": round(passed / 2), "bytes a second": rate})
    assert both is True
    assert states == ["open"], f"the socket was given up: {states}"
    assert passed < 2 * MORE * SIZE, "something was sent twice"
    made.judge(document.told())
