"""The smallest peer of PROTOCOL.md section 12, written from that section alone, with a real server."""

from collections.abc import Iterator

import pytest

from tests.support.applications import Application
from tests.support.raw_sockets import socket
from tests.support.serving import Live, live
from tests.support.smallest_peer import SmallestPeer
from webipc import IpcMainEvent, IpcMainInvokeEvent

EVENTS = 1000


async def _add(event: IpcMainInvokeEvent, a: int, b: int) -> int:
    return a + b


def _count(event: IpcMainEvent, to: int) -> None:
    for number in range(to):
        event.sender.send("number", number)


@pytest.fixture
def server() -> Iterator[Live]:
    application = Application()
    application.ipc_main.handle("add", _add)
    application.ipc_main.handle("large", lambda event, size: "x" * size)
    application.ipc_main.on("count", _count)
    with live(application.app) as served:
        yield served


def test_it_calls_and_gets_results_and_errors(server: Live) -> None:
    with socket(server) as opened:
        peer = SmallestPeer(opened)
        assert peer.call("add", 1, 2) == 3
        assert peer.call("nothing")["code"] == "no-handler"
        assert peer.call("add", 3, 4) == 7


def test_it_gets_every_event_once_and_in_order(server: Live) -> None:
    with socket(server) as opened:
        peer = SmallestPeer(opened)
        peer.send("send", "count", [EVENTS])
        numbers: list[int] = []
        while len(numbers) < EVENTS:
            numbers += [value[0] for _, _, value in peer.read()]
        assert numbers == list(range(EVENTS))


def test_it_gets_what_is_larger_than_a_frame(server: Live) -> None:
    with socket(server) as opened:
        peer = SmallestPeer(opened)
        assert peer.call("large", 3 << 20) == "x" * (3 << 20)
        assert peer.call("add", 1, 2) == 3


def test_it_begins_again_with_another_link_when_its_socket_is_lost(server: Live) -> None:
    for _ in range(3):
        with socket(server) as opened:
            assert SmallestPeer(opened).call("add", 1, 2) == 3
            opened.socket.close()
