"""A hub without a server: pages attach as a socket would, from any address. tests/conftest.py loads its fixture."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from webipc.access.attach_scope import AttachScope
from webipc.access.caller import Caller
from webipc.access.visitor import Visitor
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.dispatch.policy import Policy
from webipc.hub.hub import Hub
from webipc.hub.settings import Settings
from webipc.link.connection import Connection

MakeHub = Callable[..., Hub]

NOBODY = Caller(AttachScope({"type": "websocket", "headers": []}))
"""A caller without a user."""


class Socket:
    """A socket that keeps its close code."""

    def __init__(self, attempt: int = 1, *, blocked: bool = False) -> None:
        self.attempt = attempt
        self.peer = "127.0.0.1:1"
        self.blocked = blocked
        self.buffered = 0
        self.is_paused = False
        self.code: int | None = None
        self.hears_bytes = False
        self.heard = 0.0

    def ping(self) -> None:
        """Ask nobody."""

    def health(self) -> None:
        """Tell nothing."""

    def write(self, frame: str | bytes) -> None:
        """Write nothing."""

    def drop(self) -> bool:
        return False

    def close(self, code: CloseCode, reason: str) -> None:
        self.code = self.code or int(code)


@pytest.fixture
async def make_hub() -> AsyncIterator[MakeHub]:
    made: list[Hub] = []

    def make(
        max_links: int = 10_000,
        max_unattached_links: int = 2_000,
        memory: int | None = None,
        ipc_main: IpcMainImpl | None = None,
        created: Callable[..., Any] | None = None,
        may_send_to: Policy | None = lambda *_: True,
        **limits: int,
    ) -> Hub:
        settings = Settings(
            Limits(**limits) if limits else DEFAULT_LIMITS,
            debug=False,
            max_links=max_links,
            max_unattached_links=max_unattached_links,
            may_send_to=may_send_to,
            memory=memory,
        )
        listeners = [] if created is None else [created]
        made.append(Hub(asyncio.get_running_loop(), ipc_main or IpcMainImpl(), lambda: listeners, settings))
        return made[-1]

    yield make
    for hub in made:
        await hub.stop()


def hello(link: str | None = None, *, fresh: bool = True) -> Hello:
    link = link or secrets.token_hex(16)
    return Hello(link=link, secret="b" * 32, attempt=1, received=0, first=1, fresh=fresh, features=[])


def visitor(address: str) -> Visitor:
    return Visitor("http://localhost", f"{address}:1", address, "0" * 32)


def connect(hub: Hub, address: str, socket: Socket | None = None) -> Connection:
    return hub.attaches.attach(hello(), visitor(address), NOBODY, socket or Socket())


def suspend(hub: Hub, address: str) -> Connection:
    """Connect a page, and lose its socket."""
    connection = connect(hub, address)
    assert connection.transport is not None
    connection.lost(connection.transport)
    return connection


def sweep(hub: Hub) -> None:
    """Look at all links, planned or not, at this time of the hub's clock, which a test may have set; then sweep."""
    hub._sweeper.look_at(list(hub._links))
    hub._sweeper.sweep()
