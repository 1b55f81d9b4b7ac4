"""A page of each subject: opens a connection, calls, sends. Twin in C: benchmarks/load/dialect.c"""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from benchmarks.pages.wire import BINARY, Wire, WireError


class CallError(Exception):
    """The answer of a call was an error; the text is the server's."""


class Page(Protocol):
    """One connection of a subject."""

    wire: Wire

    def call(self, channel: str, value: str | None, fixups: str = "") -> tuple[Any, float]:
        """Call with one argument, as JSON, or with none; return the result, and when its last byte had come."""
        ...

    def send(self, channel: str, *values: Any) -> None:
        """Send a message that has no answer."""
        ...


class WebipcPage:
    """A page of webipc (PROTOCOL.md); `value` is a skeleton, `fixups` are its fixups."""

    def __init__(self, port: int, source: str) -> None:
        self._port = port
        self._parcel = b""
        self.begin(source)

    def begin(self, source: str) -> None:
        """Begin a link, from an address."""
        self._next, self._received, self._id, self._attempt = 1, 0, 1, 0
        self._link = {"link": secrets.token_hex(16), "secret": secrets.token_hex(16)}
        self._process: dict[str, str] = {}
        self.come_again(source)

    def move(self, port: int) -> None:
        """Open the next socket at another port."""
        self._port = port

    def come_again(self, source: str) -> None:
        """Open the next socket of the link, from an address. Raises WireError, also for a reset."""
        self.wire = Wire(self._port, "/ipc/socket", "webipc.v1", source)
        self._attempt += 1
        numbers = {"attempt": self._attempt, "received": self._received, "first": self._next}
        hello = {**self._link, **self._process, **numbers, "fresh": self._attempt == 1, "features": ["doubles"]}
        self.wire.send(json.dumps([0, 0, ["hello", hello]]).encode())
        message, _ = self._until("welcome", "reset")
        if message[0] == "reset":
            raise WireError(f"the link was reset: {message[1]['reason']}")
        self._process = {"process": message[1]["process"]}

    def call(self, channel: str, value: str | None, fixups: str = "") -> tuple[Any, float]:
        """See `Page`."""
        wanted, self._id = self._id, self._id + 2
        arguments = f"[{value or ''}]" + (f",{fixups}" if fixups else "")
        self._send(f'["invoke",{wanted},{json.dumps(channel)},{arguments}]')
        message, arrived = self._until("result", "error", wanted=wanted)
        if message[0] == "error":
            raise CallError(message[2]["message"])
        return message[2], arrived

    def send(self, channel: str, *values: Any) -> None:
        """See `Page`."""
        self._send(json.dumps(["send", channel, list(values)]))

    def _send(self, message: str) -> None:
        self.wire.send(f"[{self._next},{self._received},{message}]".encode())
        self._next += 1

    def _until(self, *kinds: str, wanted: int | None = None) -> tuple[list[Any], float]:
        """Read until a message of these kinds, and of this id, has come."""
        while True:
            messages, arrived = self._frame()
            for message in messages:
                if message[0] in kinds and (wanted is None or message[1] == wanted):
                    return message, arrived

    def _frame(self) -> tuple[list[list[Any]], float]:
        opcode, data = self.wire.receive()
        arrived = time.monotonic()
        length = int.from_bytes(data[:4], "little")
        text = data[4 : 4 + length] if opcode == BINARY else data
        seq, _, *messages = json.loads(text)
        if opcode == BINARY:
            messages.pop()
        if seq and messages:
            self._received = seq + len(messages) - 1
        if messages and messages[0][0] == "part":
            return self._take_part(messages[0][1], data[-(-(4 + length) // 8) * 8 :]), arrived
        return messages, arrived

    def _take_part(self, remaining: int, piece: bytes) -> list[list[Any]]:
        """Collect a piece, and acknowledge it; return the message that is whole now (PROTOCOL.md 4.3)."""
        self._parcel += piece
        self.wire.send(f"[{self._next},{self._received}]".encode())
        if remaining:
            return []
        parcel, self._parcel = self._parcel, b""
        return [json.loads(parcel[4 : 4 + int.from_bytes(parcel[:4], "little")])[0]]


class SocketioPage:
    """A page of Socket.IO, over its WebSocket transport."""

    def __init__(self, port: int, source: str) -> None:
        self.wire = Wire(port, "/socket.io/?EIO=4&transport=websocket", None, source)
        self._id = 0
        self._until(b"0{")
        self.wire.send(b"40")
        self._until(b"40{")

    def call(self, channel: str, value: str | None, fixups: str = "") -> tuple[Any, float]:
        """See `Page`."""
        self._id += 1
        more = "" if value is None else f",{value}"
        self.wire.send(f"42{self._id}[{json.dumps(channel)}{more}]".encode())
        head = b"43%d[" % self._id
        data, arrived = self._until(head)
        return json.loads(data[len(head) - 1 :])[0], arrived

    def send(self, channel: str, *values: Any) -> None:
        """See `Page`."""
        self.wire.send(f"42{json.dumps([channel, *values])}".encode())

    def _until(self, head: bytes) -> tuple[bytes, float]:
        while True:
            _, data = self.wire.receive()
            if data == b"2":
                self.wire.send(b"3")
            elif data.startswith(head):
                return data, time.monotonic()


class JsonrpcPage:
    """A page of JSON-RPC 2.0, one message in a frame."""

    def __init__(self, port: int, source: str) -> None:
        self.wire = Wire(port, "/", None, source)
        self._id = 0

    def call(self, channel: str, value: str | None, fixups: str = "") -> tuple[Any, float]:
        """See `Page`."""
        self._id += 1
        head = f'{{"jsonrpc":"2.0","id":{self._id},"method":{json.dumps(channel)},"params":[{value or ""}]}}'
        self.wire.send(head.encode())
        _, data = self.wire.receive()
        return json.loads(data)["result"], time.monotonic()

    def send(self, channel: str, *values: Any) -> None:
        """See `Page`."""
        self.wire.send(json.dumps({"jsonrpc": "2.0", "method": channel, "params": values}).encode())


_PAGES: Final[dict[str, Callable[[int, str], Page]]] = {
    "webipc": WebipcPage,
    "socketio": SocketioPage,
    "jsonrpc": JsonrpcPage,
}


def open_page(dialect: str | None, port: int, source: str) -> Page:
    """Open a page from this source address. Raises KeyError for a dialect that has no page here."""
    return _PAGES[dialect or ""](port, source)
