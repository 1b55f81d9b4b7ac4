"""What one address makes the server hold is bounded by its share, and other addresses are served meanwhile.

With `--memory 64MiB` one address may hold half of that, and an eighth more until its links are ended. The process may
have taken half as much again as the whole: what is counted is an estimate, and what arrives is there before it counts.
"""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.attacked import MIB, Attacked, attacked
from tests.support.deaf_page import DeafPage, deaf_pages
from tests.support.raw_sockets import parts_of
from tests.support.serving import wait_until

MEMORY = 64 * MIB

PROGRAM = """
    import asyncio

    from fastapi import FastAPI
    from webipc import IpcMain, Limits

    app = FastAPI()
    ipc_main = IpcMain(limits=Limits(grace_ms=1_000))
    ipc_main.mount(app)

    @ipc_main.handle("large")
    async def large(event): return "x" * 1_000_000

    waiting = []

    async def wait(event, value):
        waiting.append(asyncio.Event())
        await waiting[-1].wait()

    ipc_main.handle("wait", wait)
    ipc_main.on("listen", wait)

    @ipc_main.handle("echo")
    async def echo(event, value): return value

    @app.get("/stats")
    async def stats(): return ipc_main.stats()

    @app.get("/release")
    async def release():
        for event in waiting: event.set()
        waiting.clear()
"""

LISTS = "[[" + "[]," * 65_000 + "1]]"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("memory"), PROGRAM, "--memory", "64MiB") as served:
        assert_serves(served)
        yield served


@pytest.fixture
def server(process: Attacked) -> Iterator[Attacked]:
    """The process, which holds next to nothing before and after each test."""
    process.forget_peak()
    yield process
    # What was still on its way is called when there is room again.
    wait_until(lambda: get(process, "/release") is None and held(process) == 0, "what was held is given back")


def get(server: Attacked, path: str) -> Any:
    with urllib.request.urlopen(f"{server.url}{path}", timeout=20) as response:
        return json.load(response)


def stats(server: Attacked) -> dict[str, Any]:
    found: dict[str, Any] = get(server, "/stats")
    return found


def held(server: Attacked) -> int:
    size: int = stats(server)["memory"]["held"]
    return size


def evicted(server: Attacked, reason: str) -> int:
    """Return how many links were ended since the start, for this reason."""
    count: int = stats(server)["evicted"].get(reason, 0)
    return count


def assert_serves(server: Attacked) -> None:
    """Check that a page of another address gets an answer."""
    with DeafPage(server, "127.0.0.2") as page:
        assert page.call("echo", "still here")
        page.read_until(b"still here")
    assert b"still here" in page.received


def assert_bounded(server: Attacked, before: int) -> None:
    assert server.peak - before < MEMORY * 3 // 2
    assert held(server) <= MEMORY * 9 // 8
    assert_serves(server)


def test_answers_that_nobody_reads(server: Attacked) -> None:
    """12 kB of calls, whose answers are 480 MB."""
    before, reset = server.resident, evicted(server, "overflow")
    with deaf_pages(server, 8) as pages:
        for _ in range(60):
            for page in pages:
                page.call("large")
        wait_until(lambda: evicted(server, "overflow") >= reset + 4, "pages that hold too much are reset")
        assert_bounded(server, before)
    assert "of 127.0.0.1 held" in server.log


def test_hellos_with_many_claims(server: Attacked) -> None:
    """40 MB of hellos, of which nothing is kept."""
    before = server.resident
    for _ in range(40):
        with DeafPage(server, url="http://127.0.0.1/" + "x" * 10_000):
            pass
    assert server.peak - before < 16 * MIB
    assert_serves(server)


def test_parts_of_messages_that_never_end(server: Attacked) -> None:
    """200 MB of first parts, each of another link whose socket is closed at once."""
    before, ended = server.resident, evicted(server, "away")
    first = parts_of('["send","c",["' + "x" * 30_000_000 + '"]]')[0]
    for _ in range(200):
        with DeafPage(server) as page:
            page.send(first, 2.0)
    assert_bounded(server, before)
    assert evicted(server, "away") > ended + 100


@pytest.mark.parametrize("links", [1, 30])
def test_arguments_of_calls_that_wait(server: Attacked, links: int) -> None:
    """Up to 18 MB of lists, which are 480 MB when they are decoded."""
    before = server.resident
    with deaf_pages(server, links) as pages:
        for _ in range(90 // links):
            for page in pages:
                page.call("wait", text=LISTS)
        assert_bounded(server, before)


def test_arguments_of_listeners_that_wait(server: Attacked) -> None:
    """150 MB of sends to a listener that awaits something."""
    before = server.resident
    with deaf_pages(server, 3) as pages:
        for page in pages:
            number = 1
            while number <= 100 and page.send(f'[{number},0,["send","listen",["{"x" * 500_000}"]]]', 0.3):
                number += 1
        assert_bounded(server, before)


def test_a_neighbour_of_the_same_address_keeps_its_link(server: Attacked) -> None:
    reset = evicted(server, "overflow")
    with DeafPage(server) as neighbour, deaf_pages(server, 8) as pages:
        for _ in range(60):
            for page in pages:
                page.call("large")
        wait_until(lambda: evicted(server, "overflow") >= reset + 4, "pages that hold too much are reset")
        neighbour.call("echo", "same link")
        neighbour.read_until(b"same link")
    assert b"same link" in neighbour.received
