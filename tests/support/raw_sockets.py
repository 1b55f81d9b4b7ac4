"""Sockets that no client of ours is behind, an application that they talk to, and what a test wants to know of both.

They say what the test says, and a hello where it wants one. Knows the first two messages of PROTOCOL.md, and no server:
serving.py has those.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.applications import Application
from tests.support.serving import Live
from webipc import IpcMainEvent
from webipc.core.frame import encode_body
from webipc.version import SUBPROTOCOL

BEACON_TYPE = "application/vnd.webipc.v1"


class Site(Application):
    """An application with one channel of each sort."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.said: list[Any] = []
        # What the frame of each `say` was like when it was heard: detached, destroyed.
        self.frames: list[tuple[bool, bool] | None] = []
        self.ipc_main.on("say", self._say)
        self.ipc_main.handle("echo", lambda event, value: value)

    def _say(self, event: IpcMainEvent, *args: Any) -> None:
        self.said.append(list(args))
        frame = event.sender_frame
        self.frames.append(None if frame is None else (frame.detached, frame.is_destroyed()))


@contextmanager
def socket(
    server: Live, *, path: str = "/ipc/socket", origin: str | None = "own", subprotocol: str = SUBPROTOCOL
) -> Iterator[ClientConnection]:
    """Open a socket without saying anything on it."""
    with connect(
        f"ws://127.0.0.1:{server.port}{path}",
        origin=Origin(server.url) if origin == "own" else None if origin is None else Origin(origin),
        subprotocols=[Subprotocol(subprotocol)],
        max_size=None,
        compression=None,
    ) as opened:
        yield opened


def hello(**fields: Any) -> str:
    """Return a hello as text."""
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
def greeted(server: Live, **fields: Any) -> Iterator[ClientConnection]:
    """Open a socket and greet; give it behind the welcome."""
    with socket(server) as opened:
        opened.send(hello(**fields))
        _, _, (kind, _) = json.loads(opened.recv(5))
        assert kind == "welcome"
        yield opened


def closing(opened: ClientConnection) -> tuple[int, str]:
    """Read until the server closes; return its code and reason."""
    with pytest.raises(ConnectionClosed) as caught:  # noqa: PT012 - whichever read it is that finds the end
        while True:
            opened.recv(5)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def address_of(opened: ClientConnection) -> str:
    """Return where a socket comes from, as the log names it."""
    host, port = opened.local_address[:2]
    return f"{host}:{port}"


def post(server: Live, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """Post a body; return the status and the answer."""
    usual = {"Content-Type": BEACON_TYPE, "Origin": server.url}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(f"{server.url}{path}", data=body, headers=usual | names, method="POST")
    try:
        with urlopen(request, timeout=5) as response:
            return response.status, response.read()
    except HTTPError as error:
        return error.code, error.read()


def beacon(*frames: str, **fields: Any) -> bytes:
    """Return the body of a beacon."""
    return encode_body([hello(**{"attempt": 0, "fresh": False} | fields), *frames])


def connections_of(site: Site) -> list[Any]:
    """Return the links of a site, as the hub has them."""
    hub = site.ipc_main._provider.hub
    return [] if hub is None else list(hub._links)
