"""The smallest peer of PROTOCOL.md section 12, written from that section alone. It shares no code with ours."""

import json
import secrets
from typing import Any

from websockets.sync.client import ClientConnection

from tests.support.serving import PATIENCE


class SmallestPeer:
    """Keeps nothing, sends one message in a frame, names no feature."""

    def __init__(self, opened: ClientConnection) -> None:
        self._socket = opened
        self._next = 1
        self._received = 0
        self._owed = 0
        self._id = 1
        self._parcel = b""
        # Messages that came while a call waited for its answer.
        self.events: list[list[Any]] = []
        hello = {"link": secrets.token_hex(16), "secret": secrets.token_hex(16), "attempt": 1, "received": 0}
        self._socket.send(json.dumps([0, 0, ["hello", {**hello, "first": 1, "fresh": True, "features": []}]]))
        assert json.loads(self._socket.recv(PATIENCE))[2][0] == "welcome"

    def send(self, *message: Any) -> None:
        self.send_text(json.dumps(list(message)))

    def send_text(self, message: str) -> None:
        """Send a message that is JSON already."""
        self._socket.send(f"[{self._next},{self._received},{message}]")
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
        return self.call_with(channel, json.dumps(list(args))[1:-1])

    def call_with(self, channel: str, arguments: str) -> Any:
        """Call with arguments that are JSON already."""
        self.send_text(f'["invoke",{self._id},{json.dumps(channel)},[{arguments}]]')
        while True:
            answers: list[list[Any]] = []
            for message in self.read():
                is_answer = message[0] in {"result", "error"} and message[1] == self._id
                (answers if is_answer else self.events).append(message)
            for _, _, value, *_ in answers:
                self._id += 2
                return value


def _split(data: bytes) -> tuple[str, bytes]:
    """The JSON of a binary frame or of a parcel, and its only segment, if it has one."""
    end = 4 + int.from_bytes(data[:4], "little")
    return data[4:end].decode(), data[-(-end // 8) * 8 :]
