"""Random values from Python survive a round trip through a real page."""

import queue
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.browser.site import Site, visit
from tests.support.same import is_same
from tests.support.serving import live
from tests.support.strategies import values
from webipc import WebContents

# One page for the whole test: the round trip is tested, not the page load.
EXAMPLES = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


class Echo:
    """A page that returns each value that it receives."""

    def __init__(self, contents: WebContents, answers: "queue.Queue[Any]") -> None:
        self._contents = contents
        self._answers = answers

    def __call__(self, value: Any) -> Any:
        """Send a value to the page, and return the value that it sends back."""
        self._contents.send("value", value)
        return self._answers.get(timeout=10)


@pytest.fixture
def echo(tab: WebDriver) -> Iterator[Echo]:
    site = Site()
    answers: queue.Queue[Any] = queue.Queue()
    site.ipc_main.on("back", lambda event, value: answers.put(value))
    # The server's pings use the random module in this process, which Hypothesis would attribute to the strategies.
    with live(site.app, ws_ping_interval=None) as server:
        visit(tab, server.url)
        evaluate(tab, "void ipcRenderer.on('value', (event, value) => ipcRenderer.send('back', value))")
        yield Echo(site.the_contents(), answers)


def test_any_value_survives_a_round_trip_through_a_page(echo: Echo) -> None:
    @EXAMPLES
    @given(values())
    def comes_back(value: Any) -> None:
        assert is_same(value, echo(value))

    comes_back()
