"""Each fault of the network does what it says, seen from both of its sides. A raw server, and raw clients."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.stress.network.faults import Fault, Mix, Weather
from tests.stress.network.proxy import FaultyNetwork, faulty_network
from tests.support.serving import PATIENCE, wait_until

HEAD = b"GET /ipc/socket/1 HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n\r\n"
BODY = b"POST /ipc/sync HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\nConnection: keep-alive\r\n\r\n" + b"b" * 1000


class Listener:
    """A server that sends back what it gets, and keeps it for each of its connections."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.got: list[bytearray] = []
        self.ends: list[str] = []
        # Whether it sends anything: into a connection that is closed already, that ends with RST.
        self.echoes = True
        self._thread = threading.Thread(target=self._serve, name="listener")
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, address = self._socket.accept()
            if address[0] == "127.0.0.9":
                connection.close()
                return
            got = bytearray()
            self.got.append(got)
            threading.Thread(target=self._echo, args=(connection, got), daemon=True).start()

    def _echo(self, connection: socket.socket, got: bytearray) -> None:
        with connection:
            try:
                while data := connection.recv(65_536):
                    got += data
                    if self.echoes:
                        connection.sendall(data)
                self.ends.append("FIN")
            except OSError:
                self.ends.append("RST")

    def close(self) -> None:
        socket.create_connection(("127.0.0.1", self.port), source_address=("127.0.0.9", 0)).close()
        self._thread.join(PATIENCE)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def network(listener: Listener) -> Iterator[FaultyNetwork]:
    with faulty_network([("127.0.0.1", listener.port)], 7) as made:
        yield made


def storm(network: FaultyNetwork, fault: Fault) -> None:
    network.storm(Mix((fault,), (fault,), least=300, most=400, instead=1.0, struck=1.0))


def client(network: FaultyNetwork, head: bytes = HEAD) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", network.port), PATIENCE)
    opened.sendall(head)
    return opened


def end_of(opened: socket.socket) -> tuple[bytes, str]:
    """Read to the end; return what came, and how it ended."""
    came = bytearray()
    try:
        while data := opened.recv(65_536):
            came += data
    except ConnectionResetError:
        return bytes(came), "RST"
    return bytes(came), "FIN"


def send(opened: socket.socket, count: int = 20) -> str | None:
    """Send so many pieces, or as many as go; return how the connection ended meanwhile, which a socket tells once."""
    try:
        for _ in range(count):
            opened.sendall(b"x" * 50)
    except OSError:
        return "RST"
    return None


@pytest.mark.parametrize("fault, end", [(Fault.RESET, "RST"), (Fault.FINISH, "FIN")])
def test_both_sides_are_told_of_the_end(network: FaultyNetwork, listener: Listener, fault: Fault, end: str) -> None:
    listener.echoes = False
    storm(network, fault)
    with client(network) as opened:
        while_sending = send(opened)
        came, how = end_of(opened)
    assert len(came) < len(HEAD) + 1_000
    # A FIN becomes a RST where the page sends more.
    assert "RST" in {how, while_sending} or end == "FIN"
    wait_until(lambda: listener.ends, "the server was told")
    assert listener.ends == [end]
    assert network.counts == {f"socket {fault}": 1}


def test_the_server_is_not_told_when_the_page_is_cut_off(network: FaultyNetwork, listener: Listener) -> None:
    storm(network, Fault.ABANDON)
    with client(network) as opened:
        assert "RST" in {send(opened), end_of(opened)[1]}
    assert listener.ends == []
    network.calm()
    wait_until(lambda: listener.ends, "the end of the dead connection")


def test_nobody_is_told_of_a_half_open_connection(network: FaultyNetwork, listener: Listener) -> None:
    storm(network, Fault.HALF_OPEN)
    with client(network) as opened:
        send(opened)
        wait_until(lambda: network.counts["socket half-open"] and listener.got, "it strikes")
        # What was passed on before may still be on its way to the listener's thread; what is sent now never arrives.
        opened.sendall(b"y" * 1_000)
        opened.settimeout(0.2)
        with pytest.raises(TimeoutError):
            end_of(opened)
        assert b"y" not in listener.got[0]
        assert listener.ends == []
        network.calm()


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.THROTTLE, Fault.SPLIT, Fault.DUPLICATE])
def test_what_a_connection_survives_changes_nothing(network: FaultyNetwork, listener: Listener, fault: Fault) -> None:
    storm(network, fault)
    with client(network) as opened:
        send(opened, 100)
        wanted = HEAD + b"x" * 5_000
        came = bytearray()
        while len(came) < len(wanted):
            came += opened.recv(65_536)
        assert came == wanted
        assert network.counts[f"socket {fault}"] > 1
        if fault is Fault.DUPLICATE:
            wait_until(lambda: len(listener.got) > 1 and listener.got[1], "the second connection")
            assert wanted.startswith(listener.got[1])
            assert listener.got[1].startswith(HEAD)


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.PORTAL])
@pytest.mark.parametrize("head", [HEAD, BODY], ids=["socket", "request"])
def test_somebody_else_answers(network: FaultyNetwork, listener: Listener, fault: Fault, head: bytes) -> None:
    storm(network, fault)
    with client(network, head) as opened:
        came, how = end_of(opened)
    assert came.startswith(b"HTTP/1.1 ")
    assert how == "FIN"
    assert listener.got == []


def test_a_request_is_alone_on_its_connection_and_may_come_twice(network: FaultyNetwork, listener: Listener) -> None:
    storm(network, Fault.DUPLICATE)
    with client(network, BODY):
        wait_until(lambda: len(listener.got) == 2 and all(len(got) > 1_000 for got in listener.got), "both requests")
    assert listener.got[0] == listener.got[1]
    assert b"Connection: close" in listener.got[0]
    assert b"keep-alive" not in listener.got[0]


def test_other_requests_and_calm_networks_have_no_faults(network: FaultyNetwork, listener: Listener) -> None:
    storm(network, Fault.RESET)
    with client(network, b"GET /index.html HTTP/1.1\r\nHost: here\r\n\r\n") as opened:
        send(opened, 100)
        wait_until(lambda: listener.got and len(listener.got[0]) > 5_000, "all of it")
    network.calm()
    with client(network) as opened:
        send(opened, 100)
        wait_until(lambda: len(listener.got) > 1 and len(listener.got[1]) > 5_000, "all of it")
    assert network.counts.total() == 0


def test_a_rate_holds_for_open_and_new_connections(network: FaultyNetwork, listener: Listener) -> None:
    with client(network) as opened:
        wait_until(lambda: listener.got, "the head")
        network.limit(up=2_000)
        opened.sendall(b"x" * 100_000)
        wait_until(lambda: len(listener.got[0]) > len(HEAD) + 200, "a piece")
        assert len(listener.got[0]) < 50_000
        network.limit()
        wait_until(lambda: len(listener.got[0]) == len(HEAD) + 100_000, "the rest")


def test_a_seed_deals_each_kind_in_each_round_and_the_same_ones_again() -> None:
    kinds = (Fault.RESET, Fault.FINISH, Fault.STALL)
    first, second = Weather("5", Mix(kinds)), Weather("5", Mix(kinds))
    assert [first.next() for _ in range(20)] == [second.next() for _ in range(20)]
    weather = Weather("5", Mix(kinds))
    for _ in range(4):
        assert {weather.next() for _ in kinds} == set(kinds)
    gaps = [weather.gap() for _ in range(100)]
    assert 200 <= min(gaps) <= max(gaps) <= 400_000
