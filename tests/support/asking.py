"""Asks without a hub: dependencies of an application, and attaches. tests/conftest.py loads its fixture."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from fastapi import FastAPI, params

from webipc.access.attach_scope import AttachScope
from webipc.access.caller import Caller
from webipc.access.visitor import Visitor
from webipc.concurrency.clock import Clock
from webipc.core.limits import Limits
from webipc.identity.ask import Asks
from webipc.identity.asking import asking_of
from webipc.identity.identity_of import identity_of
from webipc.identity.outcome import AskRefusedError

MakeAsks = Callable[..., Asks]

PERIOD = 0.005


@pytest.fixture
async def make_asks() -> AsyncIterator[MakeAsks]:
    """Return a function that makes the asks of an application with these dependencies."""
    loop = asyncio.get_running_loop()
    clock = Clock(loop, PERIOD)
    tasks: set[asyncio.Task[Any]] = set()

    async def tick() -> None:
        while True:
            await asyncio.sleep(PERIOD)
            clock.tick()

    def make(
        authenticate: Callable[..., Any] | None = None,
        dependencies: Sequence[params.Depends] = (),
        identity: Callable[[Any], Any] = identity_of,
        app: FastAPI | None = None,
        **limits: int,
    ) -> Asks:
        asking = asking_of(app or FastAPI(), dependencies, authenticate, identity)
        return Asks(loop, clock, asking, Limits(**limits), tasks)

    ticking = loop.create_task(tick())
    yield make
    for task in (ticking, *tasks):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking


def visitor(address: str = "203.0.113.1") -> Visitor:
    return Visitor("http://app.example", f"{address}:1", address, "0" * 32)


def attach(*headers: tuple[str, str], **more: Any) -> AttachScope:
    """Return what a socket brings that has these headers."""
    return AttachScope(
        {
            "type": "websocket",
            "scheme": "wss",
            "http_version": "1.1",
            "path": "/ipc/socket/1",
            "raw_path": b"/ipc/socket/1",
            "root_path": "",
            "query_string": b"a=1",
            "client": ("203.0.113.1", 50_000),
            "server": ("app.example", 443),
            "path_params": {"attempt": "1"},
            "headers": [(b"host", b"app.example"), *((name.encode(), value.encode()) for name, value in headers)],
            "state": {},
            **more,
        }
    )


async def refused(asks: Asks, scope: AttachScope | None = None, address: str = "203.0.113.1") -> AskRefusedError:
    """Ask, and return the refusal."""
    with pytest.raises(AskRefusedError) as caught:
        await asks.ask(visitor(address), scope or attach())
    return caught.value


async def asked(asks: Asks, scope: AttachScope | None = None, token: str | None = None) -> Caller:
    """Ask, and return who it is."""
    return await asks.ask(visitor(), scope or attach(), token)
