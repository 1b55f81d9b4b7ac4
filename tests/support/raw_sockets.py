"""Raw sockets and requests to a server, without webipc's client, and an application for them.

A test writes its own frames. Only `hello` and the welcome are known here; the servers are in serving.py.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.applications import Application
from tests.support.serving import PATIENCE, Live, Spawned
from webipc import IpcMain, IpcMainEvent
from webipc.core.frame import encode_body, encode_frame, encode_parcel, sized
from webipc.link.connection import Connection
from webipc.version import SUBPROTOCOL

BEACON_TYPE = "application/vnd.webipc.v1"


class Address(Protocol):
    """A server, or a network in front of it."""

    @property
    def port(self) -> int: ...

    @property
    def url(self) -> str: ...


class Site(Application):
    """An application with one channel of each sort."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.said: list[Any] = []
        # Whether the sender frame of each `say` was detached, and whether it was destroyed.
        self.frames: list[tuple[bool, bool] | None] = []
        self.ipc_main.on("say", self._say)
        self.ipc_main.handle("echo", lambda event, value: value)

    def _say(self, event: IpcMainEvent, *args: Any) -> None:
        frame = event.sender_frame
        self.frames.append(None if frame is None else (frame.detached, frame.is_destroyed()))
        # Last: it is what a test waits for, in another thread.
        self.said.append(list(args))


@contextmanager
def socket(
    server: Address,
    *,
    path: str = "/ipc/socket",
    origin: str | None = "own",
    subprotocol: str = SUBPROTOCOL,
    headers: Mapping[str, str] | None = None,
) -> Iterator[ClientConnection]:
    """Open a socket; nothing is sent on it."""
    with connect(
        f"ws://127.0.0.1:{server.port}{path}",
        origin=Origin(server.url) if origin == "own" else None if origin is None else Origin(origin),
        subprotocols=[Subprotocol(subprotocol)],
        max_size=None,
        compression=None,
        additional_headers=headers,
        open_timeout=PATIENCE,
    ) as opened:
        yield opened


def hello(**fields: Any) -> str:
    """Return a hello as a text frame."""
    usual = {
        "link": "0" * 32,
        "secret": "1" * 32,
        "attempt": 1,
        "received": 0,
        "first": 1,
        "fresh": True,
        "features": [],
    }
    return json.dumps([0, 0, ["hello", usual | fields]])


@contextmanager
def greeted(server: Address, headers: Mapping[str, str] | None = None, **fields: Any) -> Iterator[ClientConnection]:
    """Open a socket, send hello and read the welcome."""
    with socket(server, headers=headers) as opened:
        opened.send(hello(**fields))
        _, _, (kind, _) = json.loads(opened.recv(PATIENCE))
        assert kind == "welcome"
        yield opened


def closing(opened: ClientConnection) -> tuple[int, str]:
    """Read until the server closes the socket; return the close code and reason."""
    with pytest.raises(ConnectionClosed) as caught:  # noqa: PT012 - any of the reads may raise
        while True:
            opened.recv(PATIENCE)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def address_of(opened: ClientConnection) -> str:
    """Return the client address of a socket, as the log has it."""
    host, port = opened.local_address[:2]
    return f"{host}:{port}"


def parts_of(message: str, seq: int = 1) -> list[str | bytes]:
    """Return the frames with the parts of a message, which begin with this number."""
    parcel = encode_parcel(sized(message.encode(), []))
    left = len(parcel)
    frames = []
    for number, start in enumerate(range(0, len(parcel), 1_000_000)):
        piece = parcel[start : start + 1_000_000]
        left -= len(piece)
        frames.append(encode_frame(seq + number, 0, [sized(b'["part",%d]' % left, [piece])]))
    return frames


def post(server: Live | Spawned, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """Post a body; return the status and the body of the response."""
    usual = {"Content-Type": BEACON_TYPE, "Origin": server.url}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(f"{server.url}{path}", data=body, headers=usual | names, method="POST")
    try:
        with urlopen(request, timeout=PATIENCE) as response:
            return response.status, response.read()
    except HTTPError as error:
        return error.code, error.read()


def beacon(*frames: str, **fields: Any) -> bytes:
    """Return the body of a beacon."""
    return encode_body([hello(**{"attempt": 0, "fresh": False} | fields), *frames])


def be_fast(connection: Connection) -> None:
    """Let a link cut no message that fits into a frame, and hold none back: as if its network had shown to be fast, for
    a client that acknowledges nothing.
    """
    connection.link.piece = connection.around.limits.part_bytes
    connection.link.window = sys.maxsize


def connections_of(ipc_main: IpcMain) -> list[Connection]:
    """Return the connections of the hub, one for each link."""
    hub = ipc_main._provider.hub
    return [] if hub is None else list(hub._links)
