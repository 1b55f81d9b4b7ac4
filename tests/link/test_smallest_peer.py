"""The smallest peer of PROTOCOL.md section 12, written from that section alone, with a real server."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from tests.support.applications import Application
from tests.support.raw_sockets import socket
from tests.support.serving import PATIENCE, Live, live
from webipc import IpcMainEvent, IpcMainInvokeEvent

EVENTS = 1000


class SmallestPeer:
    """Keeps nothing, sends one message in a frame, names no feature."""

    def __init__(self, opened: ClientConnection) -> None:
        self._socket = opened
        self._next = 1
        self._received = 0
        self._owed = 0
        self._id = 1
        self._parcel = b""
        hello = {"link": secrets.token_hex(16), "secret": secrets.token_hex(16), "attempt": 1, "received": 0}
        self._socket.send(json.dumps([0, 0, ["hello", {**hello, "first": 1, "fresh": True, "features": []}]]))
        assert json.loads(self._socket.recv(PATIENCE))[2][0] == "welcome"

    def send(self, *message: Any) -> None:
        self._socket.send(json.dumps([self._next, self._received, list(message)]))
        self._next += 1
        self._owed = 0

    def read(self) -> list[list[Any]]:
        """Read a frame; return its new messages."""
        data = self._socket.recv(PATIENCE)
        text, after = (data, b"") if isinstance(data, str) else _split(data)
        seq, _, *messages = json.loads(text)
        if not isinstance(data, str):
            messages.pop()
        if not messages:
            self._acknowledge()
            return []
        assert seq <= self._received + 1, "a gap"
        new = messages[self._received + 1 - seq :]
        self._received += len(new)
        self._owed += len(new)
        if self._owed >= 64:
            self._acknowledge()
        return [whole for message in new for whole in self._whole(message, after)]

    def _acknowledge(self) -> None:
        self._socket.send(json.dumps([self._next, self._received]))
        self._owed = 0

    def _whole(self, message: list[Any], piece: bytes) -> list[list[Any]]:
        """Join parts; return the message when it is whole."""
        if message[0] != "part":
            return [message]
        self._parcel += piece
        if message[1]:
            return []
        parcel, self._parcel = self._parcel, b""
        return [json.loads(_split(parcel)[0])[0]]

    def call(self, channel: str, *args: Any) -> Any:
        self.send("invoke", self._id, channel, list(args))
        while True:
            for kind, number, value, *_ in self.read():
                if kind in {"result", "error"} and number == self._id:
                    self._id += 2
                    return value


def _split(data: bytes) -> tuple[str, bytes]:
    """The JSON of a binary frame or of a parcel, and its only segment, if it has one."""
    end = 4 + int.from_bytes(data[:4], "little")
    return data[4:end].decode(), data[-(-end // 8) * 8 :]


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
