"""Buses as tests of all of them see them: workers that keep what they hear, on each kind of bus.

A further kind of bus is one more row of `RIGS`.
"""

import asyncio
import atexit
import contextlib
import functools
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import pytest

from tests.support.redis_server import RedisServer, redis_server
from tests.support.waiting import PATIENCE, settled, until
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import Bus, BusError, Said, SaidToAll
from webipc.cluster.bus.kinds import Kinds
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.cluster.bus.questions import Questions
from webipc.cluster.local.local_bus import LocalBus
from webipc.cluster.local.local_connection import LocalConnection
from webipc.cluster.local.local_server import LocalServer
from webipc.cluster.redis_bus.redis_bus import RedisBus
from webipc.cluster.redis_bus.settings import RedisSettings


class BusWorker:
    """A worker that keeps what it hears, and answers questions of the kind `ask`."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.said: list[Said] = []
        self.to_all: list[SaidToAll] = []
        self.gaps = 0
        self.missed_counts: list[int] = []
        self.lost_workers: list[str] = []
        self.forgotten_count = 0
        self.lapsed_count = 0
        self.kinds = Kinds()
        self.questions = Questions(bus, self.kinds)

    @property
    def name(self) -> str:
        return self.bus.worker

    def received(self, said: Said) -> None:
        self.said.append(said)
        if said.kind == "answer":
            self.kinds.take(said)

    def received_by_all(self, message: SaidToAll) -> None:
        self.to_all.append(message)

    def gap(self) -> None:
        self.gaps += 1
        self.questions.gap()

    def missed(self, count: int) -> None:
        self.missed_counts.append(count)

    def lost(self, worker: str) -> None:
        self.lost_workers.append(worker)
        self.questions.lost(worker)

    def forgotten(self) -> None:
        self.forgotten_count += 1

    def lapsed(self) -> None:
        self.lapsed_count += 1

    def numbers(self) -> list[Any]:
        """Return what `say` has numbered, in the order in which it came."""
        return [said.head["n"] for said in self.said if said.kind == "say"]

    def numbers_of_all(self) -> list[Any]:
        return [message.said.head["n"] for message in self.to_all]

    def say(self, other: "BusWorker", number: int, *rows: bytes) -> None:
        self.bus.post(other.name, "say", {"n": number}, rows)

    def say_to_all(self, number: int, *rows: bytes) -> None:
        self.bus.post_all("say", {"n": number}, rows)


class Rig(Protocol):
    """Workers on one bus."""

    async def worker(self, realm: str = "/ipc") -> BusWorker:
        """Return a new worker that has begun."""

    async def kill(self, worker: BusWorker) -> None:
        """Let a worker end as by kill -9. What it had said and what has left it by now may arrive."""

    async def lose(self, deaf: BusWorker, sender: BusWorker) -> int:
        """Let a worker lose some of what another says to it, and of what that says to all.

        Returns how many messages to all it says for that. The first of both arrive or not; the last do not.
        """


class MemoryRig:
    """Buses on one switchboard."""

    def __init__(self) -> None:
        self._boards: dict[str, Switchboard] = {}

    async def worker(self, realm: str = "/ipc") -> BusWorker:
        board = self._boards.setdefault(realm, Switchboard(time.monotonic))
        bus = MemoryBus(board, secrets.token_hex(8), (1,))
        worker = BusWorker(bus)
        await bus.begin(worker)
        return worker

    async def kill(self, worker: BusWorker) -> None:
        # What it has said is on its way, as in the socket of a process.
        await asyncio.sleep(0)
        assert isinstance(worker.bus, MemoryBus)
        worker.bus.kill()

    async def lose(self, deaf: BusWorker, sender: BusWorker) -> int:
        assert isinstance(deaf.bus, MemoryBus)
        for number in range(3):
            sender.say(deaf, -1 - number)
            sender.say_to_all(-1 - number)
        # They have arrived at the switchboard, and are not heard.
        await asyncio.sleep(0)
        deaf.bus.lose()
        return 3


class LocalRig:
    """Workers' ends of socket pairs, and the parent's, in one process."""

    MOST_WAITING = 8_000_000

    def __init__(self) -> None:
        self.server = LocalServer(asyncio.get_running_loop(), most_waiting=self.MOST_WAITING)
        self.connections: list[LocalConnection] = []

    def connection(self) -> LocalConnection:
        mine, its = socket.socketpair()
        self.server.attach(mine)
        self.connections.append(LocalConnection(its))
        return self.connections[-1]

    async def worker(self, realm: str = "/ipc", connection: LocalConnection | None = None) -> BusWorker:
        bus = LocalBus(connection or self.connection(), realm, secrets.token_hex(8), (1,))
        worker = BusWorker(bus)
        await bus.begin(worker)
        return worker

    async def kill(self, worker: BusWorker) -> None:
        # What it has said is in the socket then.
        await asyncio.sleep(0)
        connection_of(worker).close()

    async def lose(self, deaf: BusWorker, sender: BusWorker) -> int:
        transport = connection_of(deaf)._transport
        assert transport is not None
        transport.pause_reading()
        said = 0
        while not self.server.stats()["dropped"]:
            said += 1
            sender.say(deaf, -said, bytes(1_000_000))
            sender.say_to_all(-said, bytes(1_000_000))
            await settled()
        sender.say(deaf, -said - 1)
        sender.say_to_all(-said - 1)
        await until(lambda: self.server.stats()["dropped"] >= 3)
        transport.resume_reading()
        return said + 1

    async def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.server.close()
        # Their transports close in the next turns.
        for _ in range(3):
            await asyncio.sleep(0)


@asynccontextmanager
async def memory_rig() -> AsyncIterator[MemoryRig]:
    yield MemoryRig()


@asynccontextmanager
async def local_rig() -> AsyncIterator[LocalRig]:
    rig = LocalRig()
    try:
        yield rig
    finally:
        await rig.close()


REDIS_SETTINGS = RedisSettings(
    lease=0.5, renew=0.05, settle=0.001, block=0.2, again_least=0.1, again_most=0.15, large_bytes=100_000
)
"""Short times for tests. Nothing settles, so that a directory answers at once."""


REDIS_FAULTS = RedisSettings(
    lease=0.6,
    renew=0.05,
    settle=1.0,
    ask=1.0,
    answer=2.0,
    block=0.1,
    again_least=0.02,
    again_most=0.1,
    queue_seconds=20.0,
    large_bytes=100_000,
    end=2.0,
)
"""Short times for tests of faults, but for those that a busy machine would exceed where a test does not expect it."""


@functools.cache
def shared_server() -> RedisServer:
    """Return the one Redis server of this process for tests that do nothing to it."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(redis_server())


class RedisRig:
    """Buses over one Redis server, under a name of their own."""

    def __init__(
        self, server: RedisServer, settings: RedisSettings = REDIS_SETTINGS, url: str = "", name: str = ""
    ) -> None:
        self.server = server
        self.settings = settings
        self.url = url or server.url
        self.name = name or secrets.token_hex(8)
        self.buses: list[RedisBus] = []

    async def worker(self, realm: str = "/ipc") -> BusWorker:
        name = secrets.token_hex(8)
        bus = RedisBus(self.url, name, name=self.name, realm=realm, formats=(1,), settings=self.settings)
        worker = BusWorker(bus)
        await bus.begin(worker)
        self.buses.append(bus)
        return worker

    async def kill(self, worker: BusWorker) -> None:
        bus = self.bus_of(worker)
        # What it has said is at Redis then.
        await until(lambda: not len(bus._outbox))
        bus._telling.receiver = None
        bus._has_ended = True
        bus._lease.end()
        await bus._reader.end()
        bus._writer.end()
        await asyncio.wait(bus._tasks)

    async def lose(self, deaf: BusWorker, sender: BusWorker) -> int:
        bus, other = self.bus_of(deaf), self.bus_of(sender)
        line = bus._reader._line
        assert line is not None
        await line.close()
        for number in range(3):
            sender.say(deaf, -1 - number)
            sender.say_to_all(-1 - number)
        await until(lambda: not len(other._outbox))
        # All others have read them.
        last = self.server.admin.xinfo_stream(bus._keys.all)["last-generated-id"].decode()
        others = [each for each in self.buses if each is not bus and not each._has_ended]
        await until(lambda: all(each._reader.all.last == last for each in others))
        self.server.admin.xtrim(bus._keys.mailbox(deaf.name), maxlen=0, approximate=False)
        self.server.admin.xtrim(bus._keys.all, maxlen=0, approximate=False)
        return 3

    def bus_of(self, worker: BusWorker) -> RedisBus:
        assert isinstance(worker.bus, RedisBus)
        return worker.bus

    async def close(self) -> None:
        await asyncio.gather(*(bus.end() for bus in self.buses))


@asynccontextmanager
async def redis_rig() -> AsyncIterator[RedisRig]:
    rig = RedisRig(shared_server())
    try:
        yield rig
    finally:
        await rig.close()


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {
    "memory": memory_rig,
    "local": local_rig,
    "redis": redis_rig,
}
"""Each kind of bus, by its name."""


async def workers(rig: Rig, count: int) -> Sequence[BusWorker]:
    """Return so many workers, each of which knows all of them."""
    made = [await rig.worker() for _ in range(count)]
    await until(lambda: all(worker.bus.members.get(other.name) for worker in made for other in made))
    return made


async def answered(ask: Callable[[], Awaitable[object]]) -> object:
    """Ask a directory until it answers, whatever the answer is."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await ask()
            except BusError:
                await asyncio.sleep(0.01)


def said_once(worker: BusWorker) -> list[int]:
    """Return what was said to all, as a worker has heard it; fail where something came twice."""
    numbers = worker.numbers_of_all()
    assert len(numbers) == len(set(numbers))
    return numbers


async def refusal(url: str) -> str:
    """Return why a worker on Redis cannot begin, which it may try again, in one line without a secret."""
    bus = RedisBus(url, "0123456789abcdef", settings=REDIS_FAULTS)
    for _ in range(2):
        with pytest.raises(BusError) as refused:
            await bus.begin(BusWorker(bus))
    text = str(refused.value)
    assert "\n" not in text
    assert "secret" not in text
    return text


async def until_answered(ask: Callable[[], Awaitable[object]], answer: object) -> None:
    """Ask until this is the answer. Raises TimeoutError after `PATIENCE` seconds."""
    async with asyncio.timeout(PATIENCE):
        while await ask() != answer:  # noqa: ASYNC110 - a directory has no event to wait for
            await asyncio.sleep(0.005)


def connection_of(worker: BusWorker) -> LocalConnection:
    """Return the connection of a worker on the local bus."""
    assert isinstance(worker.bus, LocalBus)
    return worker.bus._connection
