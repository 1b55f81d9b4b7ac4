"""Several workers behind a balancer that forgets: each connection goes to a worker that is chosen at random.

Real servers with real sockets, all in the event loop of the test, so that the workers can share a bus in memory.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from random import Random
from typing import Any

import uvicorn

from tests.support.serving import DIRECT, free_port
from tests.support.several_workers import OneWorker
from tests.support.waiting import until


class _Server(uvicorn.Server):
    """A server among several in one process: signals are none of its business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Balancer:
    """Connections from clients to workers."""

    def __init__(self, ports: Sequence[int], seed: str) -> None:
        self._ports = ports
        self.port = free_port()
        self.random = Random(seed)
        # Both ends of each connection: that of the client, and that of the server.
        self._open: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        # Where the client's end alone was cut.
        self._silent: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one connection."""
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.random.choice(self._ports))
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, back)
        self._open.append(pair)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.gather(_pipe(reader, back), _pipe(there, writer))
        if pair in self._open:
            self._open.remove(pair)
        for end in pair:
            end.close()

    def cut(self) -> None:
        """Cut one connection: both ends at once, or so that the server does not learn it before it writes."""
        if not self._open:
            return
        client, server = self._open.pop(self.random.randrange(len(self._open)))
        self.cuts += 1
        client.transport.abort()
        if self.random.random() < 0.5:
            server.transport.abort()
        else:
            self._silent.append(server)

    async def end(self) -> None:
        """Cut everything."""
        for end in [*self._silent, *(end for pair in self._open for end in pair)]:
            end.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@contextlib.asynccontextmanager
async def served(workers: Sequence[OneWorker], **settings: Any) -> AsyncIterator[list[int]]:
    """Serve each worker on a port of its own, which are returned. `settings` are uvicorn's."""
    options: dict[str, Any] = {"log_level": "warning", "lifespan": "on", "ws": DIRECT, "ws_per_message_deflate": False}
    # A request has a connection of its own, whose end its page waits for.
    options |= {"timeout_graceful_shutdown": 1, "timeout_keep_alive": 0}
    ports = [free_port() for _ in workers]
    servers = [
        _Server(uvicorn.Config(worker.app, host="127.0.0.1", port=port, **{**options, **settings}))
        for worker, port in zip(workers, ports, strict=True)
    ]
    tasks = [asyncio.create_task(server.serve()) for server in servers]
    try:
        await until(lambda: all(server.started for server in servers))
        yield ports
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def balanced(workers: Sequence[OneWorker], seed: str, **settings: Any) -> AsyncIterator[Balancer]:
    """Serve workers behind one balancer."""
    async with served(workers, **settings) as ports:
        balancer = Balancer(ports, seed)
        server = await asyncio.start_server(balancer.serve, "127.0.0.1", balancer.port)
        try:
            yield balancer
        finally:
            server.close()
            await balancer.end()
            await server.wait_closed()
