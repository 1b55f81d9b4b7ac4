"""Dependencies on a real server: they run in the task that reads all sockets, until they wait for something."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, Header
from websockets.sync.client import ClientConnection

from tests.support.raw_sockets import Site, greeted
from tests.support.serving import DIRECT, STOCK, Live, live, wait_until
from webipc import IpcMainInvokeEvent

CALLS = 60


class Sessions:
    """Sessions with `yield`, in the event loop and in a thread. Tells how many were closed."""

    def __init__(self) -> None:
        # Lists, because threads count as well.
        self.opened: list[str] = []
        self.closed: list[str] = []

    async def at_once(self, x_page: Annotated[str, Header()]) -> AsyncIterator[str]:
        self.opened.append(x_page)
        yield x_page
        self.closed.append(x_page)

    def in_thread(self, x_page: Annotated[str, Header()]) -> Iterator[str]:
        self.opened.append(x_page)
        yield x_page
        self.closed.append(x_page)


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture(params=[DIRECT, STOCK], ids=["ours", "uvicorn's"])
def server(request: pytest.FixtureRequest, sessions: Sessions) -> Iterator[Live]:
    site = Site()

    async def waiting(session: Annotated[str, Depends(sessions.at_once)]) -> AsyncIterator[str]:
        await asyncio.sleep(0)
        yield session
        await asyncio.sleep(0)

    @site.ipc_main.handle("at once")
    async def at_once(event: IpcMainInvokeEvent, n: int, who: Annotated[str, Depends(sessions.at_once)]) -> Any:
        return [n, who]

    @site.ipc_main.handle("waiting")
    async def in_loop(event: IpcMainInvokeEvent, n: int, who: Annotated[str, Depends(waiting)]) -> Any:
        await asyncio.sleep(0)
        return [n, who]

    @site.ipc_main.handle("thread")
    def in_thread(event: IpcMainInvokeEvent, n: int, who: Annotated[str, Depends(sessions.in_thread)]) -> Any:
        return [n, who]

    with live(site.app, ws=request.param) as served:
        yield served


def ask(opened: ClientConnection) -> None:
    """Send all calls, three of them in each frame."""
    for first in range(1, CALLS + 1, 3):
        calls = [
            ["invoke", 2 * n - 1, channel, [n]] for n, channel in enumerate(["at once", "waiting", "thread"], first)
        ]
        opened.send(json.dumps([first, 0, *calls]))


def answers(opened: ClientConnection) -> dict[int, Any]:
    """Read until each call has its answer."""
    found: dict[int, Any] = {}
    while len(found) < CALLS:
        for message in json.loads(opened.recv(20))[2:]:
            kind, number, value = message[:3]
            assert kind == "result", message
            found[(number + 1) // 2] = value
    return found


def test_calls_of_two_pages_have_the_dependencies_of_their_own_socket(server: Live, sessions: Sessions) -> None:
    with (
        greeted(server, {"X-Page": "first"}, link="a" * 32) as first,
        greeted(server, {"X-Page": "second"}, link="b" * 32) as second,
    ):
        ask(first)
        ask(second)
        assert answers(first) == {n: [n, "first"] for n in range(1, CALLS + 1)}
        assert answers(second) == {n: [n, "second"] for n in range(1, CALLS + 1)}
    wait_until(lambda: len(sessions.closed) == len(sessions.opened) == 2 * CALLS, "each session is closed once")
