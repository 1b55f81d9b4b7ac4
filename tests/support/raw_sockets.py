"""Sockets that no client of ours is behind, an application that they talk to, and what a test wants to know of both.

They say what the test says, and a hello where it wants one. Knows the first two messages of PROTOCOL.md, and no server:
serving.py has those.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.applications import Application
from tests.support.serving import Live
from webipc import IpcMainEvent
from webipc.version import SUBPROTOCOL


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
