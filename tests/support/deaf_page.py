"""A page that never reads: what the server sends to it stays with the server. From any address of this machine."""

import contextlib
import json
import secrets
import socket
from collections.abc import Iterator
from typing import Final, Self

from tests.support.client_frames import BINARY, TEXT, header
from tests.support.raw_sockets import hello
from tests.support.serving import PATIENCE, Live, Spawned
from webipc.version import SUBPROTOCOL

_RECEIVED: Final = 4_096


class DeafPage:
    """A socket with a link of its own. It has read its welcome, and reads nothing after that."""

    def __init__(self, server: Live | Spawned, address: str = "127.0.0.1", **claims: str) -> None:
        self._socket = socket.socket()
        self._socket.settimeout(PATIENCE)
        # So that little of what the server sends is in the kernel.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED)
        self._socket.bind((address, 0))
        self._socket.connect(("127.0.0.1", server.port))
        lines = [
            "GET /ipc/socket HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            f"Origin: {server.url}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OUFCQ0RFRg==",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.received = b""
        self.read_until(b"\r\n\r\n")
        self.send(hello(link=secrets.token_hex(16), **claims))
        self.read_until(b"welcome")
        self._next = 1

    def read_until(self, end: bytes) -> None:
        while end not in self.received and (data := self._socket.recv(_RECEIVED)):
            self.received += data

    def send(self, payload: str | bytes, within: float = PATIENCE) -> bool:
        """Send a frame. Return whether the server has taken it in time; if not, or when it is gone, no more is sent."""
        data = payload.encode() if isinstance(payload, str) else payload
        self._socket.settimeout(within)
        first = TEXT if isinstance(payload, str) else BINARY
        try:
            # Masked with zeros, which changes nothing.
            self._socket.sendall(header(first, len(data)) + b"\0\0\0\0" + data)
        except OSError:
            return False
        return True

    def call(self, channel: str, *args: object, times: int = 1, text: str | None = None) -> bool:
        """Make calls, each in a frame of its own. `text` is the JSON of the arguments, if they are not `args`."""
        value = json.dumps(args) if text is None else text
        for _ in range(times):
            number, self._next = self._next, self._next + 1
            if not self.send(f'[{number},0,["invoke",{2 * number - 1},"{channel}",{value}]]', 2.0):
                return False
        return True

    def send_raw(self, data: bytes) -> None:
        """Send bytes that are frames already. Raises OSError when the connection is shut down."""
        self._socket.settimeout(None)
        self._socket.sendall(data)

    def shut_down(self) -> None:
        """Let every `send_raw` in another thread end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        self._socket.close()


@contextlib.contextmanager
def deaf_pages(server: Spawned, count: int, address: str = "127.0.0.1") -> Iterator[list[DeafPage]]:
    """Open so many pages, and close them afterwards."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(DeafPage(server, address)) for _ in range(count)]
