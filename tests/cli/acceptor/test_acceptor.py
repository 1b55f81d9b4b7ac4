"""The acceptor, with real sockets: what it waits for, for how long, and what becomes of a connection."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from tests.support.serving import PATIENCE
from webipc.cli.acceptor import acceptor as acceptor_file
from webipc.cli.acceptor.acceptor import Acceptor, Patience
from webipc.cli.acceptor.heads import is_whole
from webipc.cli.acceptor.peers import Peers

PRINCIPAL = "c" * 32
HEAD = f"GET / HTTP/1.1\r\nHost: x\r\nCookie: webipc_principal={PRINCIPAL}\r\n\r\n".encode()
LONG = Patience(silent_seconds=60, head_seconds=60)


class Rig:
    """An acceptor, and what it has handed out."""

    def __init__(self, patience: Patience) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.address = self.listener.getsockname()
        self.acceptor = Acceptor([self.listener], self._hand_out, Peers(""), patience)
        # Each connection that was handed out: its key, and another descriptor of it.
        self.handed: list[tuple[bytes, socket.socket]] = []
        self.can_take = True
        self.clients: list[socket.socket] = []

    def _hand_out(self, connection: socket.socket, key: bytes) -> bool:
        if self.can_take:
            self.handed.append((key, connection.dup()))
        return self.can_take

    @property
    def keys(self) -> list[bytes]:
        return [key for key, _ in self.handed]

    async def connect(self, said: bytes = b"") -> socket.socket:
        """Connect; the acceptor has the connection, and what it said, when this returns."""
        client = socket.create_connection(self.address)
        self.clients.append(client)
        if said:
            client.sendall(said)
        seen = len(self.handed) + len(self.acceptor)
        await self.until(lambda: len(self.handed) + len(self.acceptor) > seen)
        return client

    async def until(self, fact: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not fact():  # noqa: ASYNC110 - what happens in the kernel sets no event
                await asyncio.sleep(0.001)

    def close(self) -> None:
        self.acceptor.close()
        for one in [*self.clients, *(connection for _, connection in self.handed)]:
            one.close()


@contextlib.asynccontextmanager
async def rig(patience: Patience = LONG) -> AsyncIterator[Rig]:
    made = Rig(patience)
    made.acceptor.start()
    try:
        yield made
    finally:
        made.close()


async def test_a_connection_is_handed_out_unread_by_the_principal_of_its_browser() -> None:
    async with rig() as made:
        await made.connect(HEAD)
        await made.until(lambda: made.handed)
        key, connection = made.handed[0]
        assert key == PRINCIPAL.encode()
        assert connection.recv(1000) == HEAD
        assert len(made.acceptor) == 0


async def test_the_rest_of_a_head_is_waited_for_without_being_woken_by_what_was_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []

    def counted(beginning: bytes) -> bool:
        looks.append(len(beginning))
        return is_whole(beginning)

    monkeypatch.setattr(acceptor_file, "is_whole", counted)
    async with rig() as made:
        client = await made.connect(HEAD[:20])
        await made.until(lambda: looks)
        for _ in range(100):
            await asyncio.sleep(0)
        client.sendall(HEAD[20:])
        await made.until(lambda: made.handed)
        assert looks == [20, len(HEAD)]
        key, connection = made.handed[0]
        assert key == PRINCIPAL.encode()
        # The worker has to be woken by each byte.
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1


async def test_a_slow_head_does_not_hold_others_up() -> None:
    async with rig() as made:
        await made.connect(HEAD[:-1])
        await made.connect(HEAD)
        await made.until(lambda: made.handed)
        assert made.keys == [PRINCIPAL.encode()]
        assert len(made.acceptor) == 1


async def test_a_slow_head_is_handed_out_by_its_peer() -> None:
    async with rig(replace(LONG, head_seconds=0.05)) as made:
        slow = await made.connect(HEAD[:-1])
        await made.until(lambda: made.handed)
        assert made.keys == [b"127.0.0.1"]
        slow.sendall(HEAD[-1:])
        await made.until(lambda: made.handed[0][1].recv(1000, socket.MSG_PEEK) == HEAD)


async def test_who_says_nothing_is_handed_out_by_its_peer_after_some_time() -> None:
    async with rig(replace(LONG, silent_seconds=0.05)) as made:
        await made.connect()
        await made.until(lambda: made.handed)
        assert made.keys == [b"127.0.0.1"]


async def test_of_too_many_silent_connections_the_oldest_is_handed_out() -> None:
    async with rig(replace(LONG, connections=3)) as made:
        clients = [await made.connect() for _ in range(5)]
        assert len(made.acceptor) == 3
        assert [connection.getpeername() for _, connection in made.handed] == [
            client.getsockname() for client in clients[:2]
        ]


@pytest.mark.parametrize("said", [b"\x16\x03\x01\x02\x00", b"\x00\xff", b"\r\n"])
async def test_what_is_no_http_is_handed_out_at_once(said: bytes) -> None:
    async with rig() as made:
        await made.connect(said)
        await made.until(lambda: made.handed)
        assert made.keys == [b"127.0.0.1"]
        assert made.handed[0][1].recv(100) == said


async def test_half_a_head_of_a_peer_that_says_no_more_is_handed_out_at_once() -> None:
    async with rig() as made:
        client = await made.connect(HEAD[:20])
        client.shutdown(socket.SHUT_WR)
        await made.until(lambda: made.handed)
        assert made.handed[0][1].recv(1000) == HEAD[:20]


@pytest.mark.parametrize("is_reset", [False, True])
async def test_a_peer_that_leaves_without_a_word_is_forgotten(*, is_reset: bool) -> None:
    async with rig() as made:
        client = await made.connect()
        if is_reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        await made.until(lambda: len(made.acceptor) == 0)
        assert not made.handed


async def test_connections_that_no_worker_can_take_wait_in_their_order() -> None:
    async with rig() as made:
        made.can_take = False
        clients = [await made.connect(HEAD) for _ in range(3)]
        await made.until(lambda: len(made.acceptor) == 3)
        made.can_take = True
        # One that comes now does not pass those.
        clients.append(await made.connect(HEAD))
        await made.until(lambda: len(made.acceptor) == 4)
        made.acceptor.retry()
        assert len(made.acceptor) == 0
        assert [one.getpeername() for _, one in made.handed] == [client.getsockname() for client in clients]


async def test_while_too_many_wait_for_a_worker_the_rest_waits_in_the_kernel() -> None:
    async with rig(replace(LONG, connections=2)) as made:
        made.can_take = False
        for _ in range(2):
            await made.connect(HEAD)
        await made.until(lambda: len(made.acceptor) == 2)
        for _ in range(3):
            client = socket.create_connection(made.address)
            client.sendall(HEAD)
            made.clients.append(client)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(made.acceptor) == 2
        made.can_take = True
        made.acceptor.retry()
        await made.until(lambda: len(made.handed) == 5)
        assert len(made.acceptor) == 0


async def test_without_a_descriptor_left_it_accepts_again_later() -> None:
    async with rig(replace(LONG, pause_seconds=0.05)) as made:
        clients = [socket.create_connection(made.address)]
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as highest:
            next_one = highest.fileno()
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (next_one, limits[1]))
            await made.until(lambda: made.acceptor._pause is not None)
            assert len(made.acceptor) == 0
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        await made.until(lambda: len(made.acceptor) == 1)
        for client in clients:
            client.close()


async def test_at_the_end_nothing_is_left_open() -> None:
    async with rig() as made:
        silent = await made.connect()
        made.can_take = False
        waiting = await made.connect(HEAD)
        await made.until(lambda: len(made.acceptor) == 2)
        made.acceptor.close()
        for client in (silent, waiting):
            client.settimeout(PATIENCE)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(made.address)
        assert len(made.acceptor) == 0


async def test_a_worker_that_gets_ready_before_the_sockets_listen_begins_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        acceptor = Acceptor([listener], lambda connection, key: True, Peers(""))
        acceptor.retry()
        for _ in range(10):
            await asyncio.sleep(0)
        assert acceptor._pause is None
        acceptor.close()
