"""Random values from Python survive a round trip through a real page; one that its engine cannot build fails alone."""

import queue
import struct
from collections.abc import Iterable, Iterator
from math import isnan
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.browser.site import Site, visit
from tests.support.same import is_same
from tests.support.serving import PATIENCE, live
from tests.support.strategies import values
from webipc import ArrayBuffer, BigInt, JSRegExp, WebContents

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
        return self._answers.get(timeout=PATIENCE)


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


def bits(numbers: Iterable[float]) -> list[bytes]:
    """Return numbers as doubles. What is integral and safe comes back as an int."""
    return [struct.pack("d", number) for number in numbers]


def doubles(count: int) -> list[float]:
    """Return doubles of random bits."""
    random = Random(0)
    numbers: tuple[float, ...] = struct.unpack(f"{count}d", random.randbytes(8 * count))
    return [number for number in numbers if not isnan(number)]


def test_every_number_comes_back_as_it_was(echo: Echo) -> None:
    edges = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1e15, 1e16, 1e20, 999999999999999900000.0, 1e21, 1e22, 1e23]
    edges += [2.0**power + step for power in (31, 32, 52, 53, 63, 64) for step in (-1, 0, 2)]
    numbers = [*edges, *(-number for number in edges), *doubles(1000), 0.5, 2**53 - 1, -(2**53) + 1, -0.0]
    assert bits(echo(numbers)) == bits(numbers)
    named = {f"{place}": number for place, number in enumerate(numbers)}
    assert bits(echo([named])[0].values()) == bits(numbers)
    # Ints beyond the safe ones are BigInts.
    for number in (2**53, -(2**53), 2**64 + 1, -(10**40)):
        came = echo(number)
        assert type(came) is BigInt
        assert came == number


UNREADABLE = {
    "a group of Python": JSRegExp("(?P<year>[0-9]+)"),
    "a class that flag v forbids": JSRegExp("[(]", "v"),
    "a buffer that could grow beyond any memory": ArrayBuffer(b"a", max_byte_length=2**53 - 1),
}


def test_what_the_engine_cannot_build_rejects_its_call_alone_and_the_link_stays(tab: WebDriver) -> None:
    site = Site()
    site.ipc_main.handle("give", lambda event, name: UNREADABLE[name])
    # The largest BigInt of PROTOCOL.md section 9 is one that every engine has.
    site.ipc_main.handle("largest", lambda event: BigInt(16**262_144 - 1))
    with live(site.app) as server:
        contents_id = visit(tab, server.url)
        evaluate(tab, "void (window.resets = [], ipcRenderer.connection.on('reset', (event) => resets.push(event)))")
        for name, value in UNREADABLE.items():
            rejected = f"ipcRenderer.invoke('give', {name!r}).then(() => 'arrived', (error) => error.code)"
            assert evaluate(tab, rejected) == "unreadable", name
            site.the_contents().send("value", value)
        assert evaluate(tab, "ipcRenderer.invoke('largest').then((value) => value.toString(16).length)") == 262_144
        ids = evaluate(tab, "[ipcRenderer.connection.webContentsId, ipcRenderer.connection.state, resets.length]")
        assert ids == [contents_id, "open", 0]
