"""`tcp_health` on real connections: a peer that reads nothing is alive, one that has vanished is not (Linux)."""

import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.serving import wait_until
from tests.support.vanishing import vanish
from webipc.servers.tcp import TcpHealth, tcp_health

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is Linux's")


class Pair:
    """Both ends of a connection."""

    def __init__(self, opened: ExitStack) -> None:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.client = opened.enter_context(socket.socket())
        # So that little fills it.
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.client.connect(listener.getsockname())
        self.server = opened.enter_context(listener.accept()[0])
        self.server.setblocking(False)

    def fill(self) -> None:
        """Send until the kernel takes no more: the client reads nothing."""
        with suppress(BlockingIOError):
            while True:
                self.server.send(b"x" * 65_536)

    @property
    def health(self) -> TcpHealth:
        health = tcp_health(self.server.fileno())
        assert health is not None
        return health


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as opened:
        yield Pair(opened)


def test_a_peer_that_reads_nothing_answers(pair: Pair) -> None:
    pair.fill()
    end = time.monotonic() + 2
    while time.monotonic() < end:
        # A probe is answered within a moment, which a busy machine may make longer.
        assert pair.health.unanswered <= 1
        time.sleep(0.05)


def test_an_idle_peer_owes_nothing(pair: Pair) -> None:
    pair.server.send(b"x")
    pair.client.recv(1)
    time.sleep(0.3)
    assert pair.health.unanswered == 0
    assert pair.health.silent >= 0.2


@pytest.mark.parametrize("is_full", [False, True])
def test_a_peer_that_has_vanished_answers_nothing(pair: Pair, is_full: bool) -> None:
    if is_full:
        pair.fill()
        # Until the first probe has been answered, what fills the window is not acknowledged.
        wait_until(lambda: pair.health.unanswered == 0, "the window is closed")
    vanish(pair.client)
    if not is_full:
        pair.server.send(b"x")
    wait_until(lambda: pair.health.unanswered >= 3, "three packets without an answer")
    assert pair.health.silent >= 1


def test_what_is_no_connection_has_no_health(tmp_path: Path) -> None:
    assert tcp_health(-1) is None
    with tempfile.TemporaryFile() as file:
        assert tcp_health(file.fileno()) is None
    one, other = socket.socketpair()
    with one, other:
        assert tcp_health(one.fileno()) is None
    closed = socket.socket()
    number = closed.fileno()
    closed.close()
    assert tcp_health(number) is None
