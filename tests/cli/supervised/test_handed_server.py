"""The server of a worker, in this process, with the test in the role of its parent: what it takes, and how it ends."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.support.serving import DIRECT, PATIENCE
from webipc.cli.supervised.handed_server import HandedServer
from webipc.cli.supervisor.control import CONNECTION, ENDING, READY
from webipc.servers.http.by_httptools import BoundedHttp

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def nothing_runs(seconds: float, hurry: asyncio.Event) -> None:
    """Let what runs end, which is nothing."""


class Rig:
    """A server that has started, and the parent's end of its control."""

    def __init__(self) -> None:
        self.control, its_control = socket.socketpair()
        self.control.setblocking(False)
        its_control.setblocking(False)
        self._its_control = its_control
        config = uvicorn.Config(application, http=BoundedHttp, ws=DIRECT, lifespan="off", log_level="warning")
        config.load()
        self.server = HandedServer(config, nothing_runs, 1.0, its_control)
        self.server.lifespan = config.lifespan_class(config)
        self._clients: list[socket.socket] = []

    def connect(self, said: bytes = b"") -> socket.socket:
        """Hand over a new connection, on which something was said already, and return the client's end."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            client.sendall(said)
            connection, _ = listener.accept()
        with connection:
            connection.setblocking(False)
            socket.send_fds(self.control, [CONNECTION], [connection.fileno()])
        client.setblocking(False)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for one in (*self._clients, self.control, self._its_control):
            one.close()


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    await made.server.startup()
    assert made.control.recv(10) == READY
    try:
        yield made
    finally:
        asyncio.get_running_loop().remove_reader(made._its_control)
        for connection in list(made.server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        made.close()


def descriptors() -> int:
    # Without those of garbage, which tests before this one may have left.
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


async def answer(client: socket.socket) -> bytes:
    """Read one answer; what has arrived of it before the end, where the connection ends."""
    data = b""
    async with asyncio.timeout(PATIENCE):
        while not data.endswith(b"hello"):
            part = await asyncio.get_running_loop().sock_recv(client, 10_000)
            if not part:
                break
            data += part
    return data


async def test_a_connection_that_is_handed_over_is_served_and_kept() -> None:
    async with rig() as made:
        client = made.connect(REQUEST)
        for _ in range(3):
            assert (await answer(client)).startswith(b"HTTP/1.1 200")
            client.sendall(REQUEST)


async def test_what_was_handed_over_is_served_before_the_end() -> None:
    async with rig() as made:
        # More than are taken in one step.
        clients = [made.connect(REQUEST) for _ in range(150)]
        made.control.shutdown(socket.SHUT_WR)
        await made.server.shutdown()
        for client in clients:
            assert (await answer(client)).startswith(b"HTTP/1.1 200")
        assert made.control.recv(10) == ENDING


async def test_what_the_parent_hands_over_before_it_learns_of_the_end_is_served() -> None:
    async with rig() as made:
        ending = asyncio.create_task(made.server.shutdown())
        async with asyncio.timeout(PATIENCE):
            assert await asyncio.get_running_loop().sock_recv(made.control, 10) == ENDING
        client = made.connect(REQUEST)
        made.control.shutdown(socket.SHUT_WR)
        assert (await answer(client)).startswith(b"HTTP/1.1 200")
        await ending


async def test_a_request_that_has_arrived_on_an_idle_connection_is_answered_before_that_is_closed() -> None:
    async with rig() as made:
        kept, idle = made.connect(REQUEST), made.connect(REQUEST)
        for client in (kept, idle):
            await answer(client)
        kept.sendall(REQUEST)
        # Nothing was read yet: the event loop has not had its turn.
        await made.server.end_idle()
        assert (await answer(kept)).startswith(b"HTTP/1.1 200")
        for client in (kept, idle):
            assert await answer(client) == b""


async def test_a_parent_that_does_not_answer_does_not_hold_the_end_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webipc.cli.supervised.handed_server.REST_SECONDS", 0.05)
    async with rig() as made, asyncio.timeout(PATIENCE):
        await made.server.shutdown()


async def test_a_dead_parent_does_not_hold_the_end_up() -> None:
    async with rig() as made, asyncio.timeout(PATIENCE):
        made.control.close()
        await made.server.shutdown()
        made.control = socket.socket()


async def test_a_peer_that_is_gone_before_its_connection_is_made_costs_nothing() -> None:
    async with rig() as made:
        before = descriptors()
        for _ in range(20):
            client = made.connect()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        assert (await answer(made.connect(REQUEST))).startswith(b"HTTP/1.1 200")
        async with asyncio.timeout(PATIENCE):
            while len(made.server.server_state.connections) > 1:  # noqa: ASYNC110 - uvicorn sets no event
                await asyncio.sleep(0.001)
        assert descriptors() == before + 2
