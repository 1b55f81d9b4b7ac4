"""A network between pages and a server, in a thread of its own, whose faults are drawn from a seed.

It is a TCP proxy that looks into the heads of requests: faults strike sockets and webipc's own requests, and spare the
page's files. A request other than a socket is the only one of its connection, so each has its own fate.
"""

import asyncio
import contextlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from random import Random
from typing import Any, TypeVar

from tests.stress.network.connection import Connection, Rates, Stream
from tests.stress.network.faults import Fault, Mix, Weather
from tests.support.serving import PATIENCE, wait_until

STALL_CHUNKS = (5, 60)
"""A stalled direction goes on when the network has passed so many chunks elsewhere..."""
STALL_SECONDS = 0.5
"""... or after this time, because everything else may wait for just this direction."""
HEAD_BYTES = 65_536
HOST = "127.0.0.1"
Address = tuple[str, int]
"""A host and a port."""


T = TypeVar("T")


class FaultyNetwork:
    """The proxy. Its methods may be called from any thread."""

    def __init__(self, targets: Sequence[Address], seed: int) -> None:
        """`targets` are where the server listens: of several, each connection gets any that takes it."""
        self._targets = targets
        self._balance = Random(f"{seed} balance")
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()
        # Each with the number of chunks at which it goes on.
        self._stalled: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._chunks = 0
        self._storms = 0
        self.weather: Weather | None = None
        self.rates = Rates()
        self.port = 0
        self.counts: Counter[str] = Counter()
        """How often each fault has struck: `socket reset`, `request portal`..."""
        self.bytes = 0
        """How many bytes were passed on."""

    @property
    def url(self) -> str:
        """The URL of the server through this network."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def storm(self, mix: Mix) -> None:
        """From now on faults strike. The n-th storm of a seed is always the same."""
        self._storms += 1
        self.weather = Weather(f"{self._seed} storm {self._storms}", mix)
        self._call(self._brew)

    def calm(self) -> None:
        """No fault strikes any more; dead connections end."""
        self.weather = None
        self._call(self._calm)

    def cut(self) -> int:
        """Close every connection with RST, and return how many there were."""
        return self._call(self._cut)

    def limit(self, *, up: int | None = None, down: int | None = None) -> None:
        """Let every connection, open ones too, pass so many bytes a second; None: as many as it can."""
        self.rates = Rates(up, down)
        self._call(self._limit)

    # --- for connections ------------------------------------------------------------------------------------------

    def count(self, traffic: str, fault: Fault) -> None:
        """See Network."""
        self.counts[f"{traffic} {fault}"] += 1

    def passed(self, size: int) -> None:
        """See Network."""
        self.bytes += size
        self._chunks += 1
        while self._stalled and self._stalled[0][0] <= self._chunks:
            self._release()

    async def reach(self, page: asyncio.StreamWriter) -> Stream:
        """See Network."""
        return await self._any(page.get_extra_info("peername")[0])

    async def _any(self, address: str) -> Stream:
        """Connect to any target, as a balancer does: one that does not listen is passed over. Raises OSError."""
        targets = self._balance.sample(self._targets, len(self._targets))
        for target in targets[:-1]:
            with contextlib.suppress(ConnectionRefusedError):
                return await _connected(target, address)
        return await _connected(targets[-1], address)

    async def stall(self) -> None:
        """See Network."""
        if (weather := self.weather) is None:
            return
        going_on: asyncio.Future[None] = self._loop.create_future()
        self._stalled.append((self._chunks + weather.random.randint(*STALL_CHUNKS), going_on))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STALL_SECONDS):
                await going_on

    def repeat(self, data: bytes) -> None:
        """See Network."""
        self._spawn(self._repeat(data))

    async def _repeat(self, data: bytes) -> None:
        try:
            reader, writer = await self._any(HOST)
        except OSError:
            return
        try:
            with contextlib.suppress(OSError):
                writer.write(data)
                while await reader.read(HEAD_BYTES):
                    pass
        finally:
            writer.transport.abort()

    # --- in the loop's thread -------------------------------------------------------------------------------------

    def _brew(self) -> None:
        for connection in self._connections:
            connection.storm()

    def _limit(self) -> None:
        for connection in self._connections:
            connection.limit(self.rates)

    def _calm(self) -> None:
        while self._stalled:
            self._release()
        for connection in list(self._connections):
            connection.calm()

    def _release(self) -> None:
        _, going_on = self._stalled.popleft()
        if not going_on.done():
            going_on.set_result(None)

    def _cut(self) -> int:
        for connection in self._connections:
            connection.reset()
        return len(self._connections)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, (reader, writer))
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _call(self, function: Callable[[], T]) -> T:
        async def called() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(PATIENCE)

    def run(self) -> None:
        """Run the proxy; the thread's main function."""
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_BYTES, backlog=4_096)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        self.rates = Rates()
        # A connection becomes a task two turns after it was accepted, and an aborted one is closed in the next turn.
        for _ in range(3):
            await asyncio.sleep(0)
            self._limit()
            self._calm()
            for connection in self._connections:
                connection.abort()
            for task in self._tasks:
                task.cancel()
            if others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others)
        await asyncio.sleep(0)

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)


async def _connected(target: Address, page: str) -> Stream:
    """Connect to a server. Raises OSError."""
    # Another machine cannot be reached from an address of this one alone.
    local = (page, 0) if target[0] == HOST else None
    return await asyncio.open_connection(*target, local_addr=local, limit=HEAD_BYTES)


@contextlib.contextmanager
def faulty_network(targets: Sequence[Address], seed: int) -> Iterator[FaultyNetwork]:
    """Run a network to the server, which listens at these addresses."""
    network = FaultyNetwork(targets, seed)
    thread = threading.Thread(target=network.run, name="faulty network")
    thread.start()
    try:
        wait_until(lambda: network.port, "the network has started")
        yield network
    finally:
        network.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the network did not end"
