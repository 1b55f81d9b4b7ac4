"""A WebSocket of a page: blocking, one message at a time, answers pings. Its mask is zero."""

import socket
from typing import Final

TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
CONTINUED: Final = 0

PATIENCE_SECONDS = 30.0


class WireError(Exception):
    """The server refused or ended the connection; the text says how."""


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """Return a masked frame."""
    length = len(payload)
    head = bytes([(0x80 if final else 0) | opcode])
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 1 << 16:
        head += b"\xfe" + length.to_bytes(2, "big")
    else:
        head += b"\xff" + length.to_bytes(8, "big")
    return head + bytes(4) + payload


class Wire:
    """One open WebSocket. Raises WireError for a refusal or an end, TimeoutError when nothing comes for too long."""

    def __init__(self, port: int, path: str, subprotocol: str | None, source: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")
        self._shake_hands(port, path, subprotocol)

    def _shake_hands(self, port: int, path: str, subprotocol: str | None) -> None:
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            f"Origin: http://127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            *([f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []),
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        status = self._file.readline().decode(errors="replace").strip()
        while self._file.readline() not in {b"\r\n", b""}:
            pass
        if " 101 " not in status:
            raise WireError(f"the server refused the connection: {status or 'it hung up'}")

    def send(self, text: bytes) -> None:
        """Send a text message."""
        self.socket.sendall(frame(TEXT, text))

    def receive(self) -> tuple[int, bytes]:
        """Return the next message: its opcode and its bytes."""
        opcode, payload, final = self._frame()
        pieces = [payload]
        while not final:
            _, payload, final = self._frame()
            pieces.append(payload)
        return opcode, b"".join(pieces) if len(pieces) > 1 else payload

    def _frame(self) -> tuple[int, bytes, bool]:
        while True:
            first, second = self._read(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(self._read(2 if length == 126 else 8), "big")
            payload = self._read(length)
            opcode = first & 15
            if opcode == PING:
                self.socket.sendall(frame(PONG, payload))
            elif opcode == CLOSE:
                raise WireError(f"the server closed: {int.from_bytes(payload[:2], 'big')} {payload[2:].decode()}")
            elif opcode != PONG:
                return opcode, payload, bool(first & 0x80)

    def _read(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) < count:
            raise WireError("the server hung up")
        return data

    def close(self) -> None:
        """Close the connection without a close frame."""
        self._file.close()
        self.socket.close()
