"""`BoundedHttp` on real sockets: heads in time and of a bounded size, and everything else as with uvicorn's class.

With asyncio and uvloop, whose transports differ.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from tests.support.client_frames import TEXT, frame
from tests.support.raw_sockets import Site, greeted, hello
from tests.support.raw_sockets import socket as websocket
from tests.support.serving import PATIENCE, Live, live, wait_until
from tests.support.users import Gate, Users, cookie
from webipc.servers.http.by_httptools import BoundedHttp
from webipc.servers.newcomers import Bounds, Newcomers, newcomers_of
from webipc.version import SUBPROTOCOL


class SmallHttp(BoundedHttp):
    """The class of `webipc run`, with room for few connections. Its time is the real one: a test lets it pass."""

    bounds = Bounds(connections=60, newcomers=20)


class QuickHttp(BoundedHttp):
    """The same, with little time."""

    bounds = Bounds(connections=60, newcomers=20, head_seconds=0.2, look_seconds=0.05)


LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]
with contextlib.suppress(ImportError):
    # Windows has none.
    from uvloop import new_event_loop as uvloops

    LOOPS.append(uvloops)

OK = b"HTTP/1.1 200 OK"
WHOLE = b"GET /client HTTP/1.1\r\nhost: a\r\n\r\n"


class Pages(Site):
    """A site with one route of each sort."""

    def __init__(self) -> None:
        super().__init__()
        app: FastAPI = self.app
        self.headers: list[int] = []
        self.go_on = threading.Event()

        @app.get("/client")
        def client(request: Request) -> str:
            self.headers.append(len(request.headers))
            return "served"

        @app.get("/slow")
        async def slow() -> StreamingResponse:
            async def parts() -> AsyncIterator[str]:
                yield "begun"
                await asyncio.to_thread(self.go_on.wait, 5)
                yield "ended"

            return StreamingResponse(parts())

        @app.post("/body")
        async def body(request: Request) -> int:
            return len(await request.body())

        @app.post("/unread")
        def unread() -> str:
            return "served"


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"][: len(LOOPS)], scope="module")
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    made: Callable[[], asyncio.AbstractEventLoop] = request.param
    return made


@pytest.fixture(scope="module")
def site() -> Pages:
    return Pages()


@pytest.fixture(scope="module")
def lasting(site: Pages, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[Live]:
    """A server for many tests."""
    with live(site.app, new_loop=new_loop, http=SmallHttp) as served:
        yield served


@pytest.fixture
def server(lasting: Live) -> Live:
    """The server for many tests, once the connections of the test before are gone."""
    wait_until(lambda: lasting.open_connections == 0, "no connection is open")
    return lasting


@pytest.fixture
def alone(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[Live]:
    """A server for one test."""
    with live(Pages().app, new_loop=new_loop, http=SmallHttp) as served:
        yield served


def newcomers_at(server: Live) -> Newcomers:
    newcomers = newcomers_of(server._server.server_state)
    assert newcomers is not None
    return newcomers


def wait_for(server: Live, *, newcomers: int) -> None:
    """Wait until the server has read so much that it has so many newcomers."""
    wait_until(lambda: server.open_connections > 0, "a connection is open")
    wait_until(lambda: len(newcomers_at(server)) == newcomers, f"there are {newcomers} newcomers")


def let_time_pass(server: Live) -> None:
    """Do what the server does 11 seconds from now. A head has 10."""
    loop = server.loop
    assert loop is not None
    server.call(lambda: newcomers_at(server).end_overdue(loop.time() + 11))


@contextlib.contextmanager
def connection(server: Live, *sent: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as opened:
        for data in sent:
            opened.sendall(data)
        yield opened


def rest_of(opened: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := opened.recv(65_536):
            received += data
    return received


def until(opened: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        data = opened.recv(65_536)
        assert data, received
        received += data
    return received


@pytest.mark.parametrize("sent", [b"", b"GET /client"])
def test_a_connection_without_a_whole_head_is_closed_by_the_clock(
    site: Pages, new_loop: Callable[[], asyncio.AbstractEventLoop], sent: bytes
) -> None:
    with live(site.app, new_loop=new_loop, http=QuickHttp) as quick:
        with connection(quick, sent) as opened:
            assert rest_of(opened) == b""
        wait_until(lambda: quick.open_connections == 0, "the server forgets the connection")


@pytest.mark.parametrize("sent", [b"", b"GET /client", b"GET /client HTTP/1.1\r\nhost: a\r\n", b"\r\n\r\n"])
def test_a_connection_without_a_whole_head_is_closed_in_time(server: Live, sent: bytes) -> None:
    with connection(server, sent) as opened:
        wait_for(server, newcomers=1)
        let_time_pass(server)
        assert OK not in rest_of(opened)


def test_a_head_that_arrives_byte_by_byte_is_served(server: Live) -> None:
    with connection(server) as opened:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(WHOLE)):
            opened.sendall(WHOLE[at : at + 1])
        assert until(opened, b'"served"').startswith(OK)


def test_a_head_has_its_time_from_its_first_byte_and_not_from_its_last(server: Live) -> None:
    with connection(server, WHOLE) as opened:
        until(opened, b'"served"')
        # uvicorn keeps an idle connection for five seconds.
        let_time_pass(server)
        opened.sendall(WHOLE)
        assert until(opened, b'"served"').startswith(OK)
        opened.sendall(b"GET")
        wait_for(server, newcomers=1)
        before = newcomers_at(server)._newcomers.copy()
        opened.sendall(b" /client")
        server.call(lambda: None)
        assert newcomers_at(server)._newcomers == before
        let_time_pass(server)
        assert rest_of(opened) == b""


def test_empty_lines_do_not_keep_an_idle_connection_open(server: Live) -> None:
    with connection(server, WHOLE) as opened:
        until(opened, b'"served"')
        opened.sendall(b"\r\n")
        wait_for(server, newcomers=1)
        let_time_pass(server)
        assert rest_of(opened) == b""


def test_a_body_that_nobody_reads_does_not_keep_a_connection_open_after_its_answer(server: Live) -> None:
    head = b"POST /unread HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n"
    with connection(server, head) as opened:
        until(opened, b'"served"')
        opened.sendall(b"x")
        wait_for(server, newcomers=1)
        let_time_pass(server)
        assert rest_of(opened) == b""


def test_an_answer_may_take_as_long_as_it_likes_and_so_may_the_head_that_waits_behind_it(
    site: Pages, server: Live
) -> None:
    site.go_on.clear()
    with connection(server, b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n" + WHOLE[:20]) as opened:
        until(opened, b"begun\r\n")
        let_time_pass(server)
        opened.sendall(WHOLE[20:])
        site.go_on.set()
        assert until(opened, b'"served"').count(OK) == 1


def test_a_body_may_take_longer_than_a_head(server: Live) -> None:
    with connection(server, b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab") as opened:
        wait_until(lambda: server.running_requests == 1, "the application reads")
        let_time_pass(server)
        opened.sendall(b"cd")
        assert until(opened, b"\r\n\r\n4").startswith(OK)


def test_a_page_stays_connected(server: Live) -> None:
    with greeted(server, link="1" * 32) as page:
        let_time_pass(server)
        page.send(json.dumps([1, 0, ["invoke", 1, "echo", ["here"]]]))
        assert '"here"' in str(page.recv(PATIENCE))


def test_the_second_request_of_a_connection_may_become_a_socket(server: Live) -> None:
    upgrade = (
        "GET /ipc/socket HTTP/1.1\r\nhost: a\r\norigin: http://a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        f"sec-websocket-version: 13\r\nsec-websocket-protocol: {SUBPROTOCOL}\r\n"
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with connection(server, WHOLE) as opened:
        until(opened, b'"served"')
        opened.sendall(upgrade.encode())
        assert until(opened, b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        let_time_pass(server)
        opened.sendall(frame(TEXT, hello(link="2" * 32).encode()))
        assert b"welcome" in opened.recv(65_536)


# --- size ---------------------------------------------------------------------------------------------------------

LINE = b"a: b\r\n"


def head(lines: int, size: int = 0) -> bytes:
    """Return a head with so many lines behind the first and, if `size` is given, of about so many bytes."""
    begin = b"GET /client HTTP/1.1\r\n"
    fill = max(0, size - len(begin) - lines * len(LINE))
    return begin + b"a: " + b"b" * (fill + 1) + b"\r\n" + LINE * (lines - 1) + b"\r\n"


@pytest.mark.parametrize("pieces", [1, 40])
@pytest.mark.parametrize(
    "sent, is_served",
    [
        (head(100), True),
        (head(101), False),
        (head(2, 65_000), True),
        (head(2, 65_800), False),
        (b"GET /client?" + b"x" * 65_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", True),
        (b"GET /client?" + b"x" * 65_600 + b" HTTP/1.1\r\nhost: a\r\n\r\n", False),
        (b"GET /client HTTP/1.1\r\n" + b"n" * 65_600 + b": v\r\n\r\n", False),
    ],
    ids=["100 lines", "101 lines", "65,000 bytes", "65,800 bytes", "a long path", "a longer path", "a long name"],
)
def test_a_head_has_at_most_64_kib_and_100_lines(server: Live, sent: bytes, pieces: int, *, is_served: bool) -> None:
    step = -(-len(sent) // pieces)
    with connection(server) as opened:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for at in range(0, len(sent), step):
                opened.sendall(sent[at : at + step])
        if is_served:
            assert until(opened, b'"served"').startswith(OK)
        else:
            received = rest_of(opened)
            assert OK not in received
            # What the server had not read when it closed may reset the connection before its answer is read.
            assert received.startswith(b"HTTP/1.1 431 ") or received == b""
    wait_until(lambda: server.open_connections == 0, "the server forgets the connection")


def test_a_refused_head_is_told_what_was_expected(server: Live) -> None:
    with connection(server, head(101)) as opened:
        assert rest_of(opened).endswith(b"\r\n\r\nexpected a request head of at most 65536 bytes and 100 lines\n")


@pytest.mark.parametrize("line", [b"x", b"a: " + b"b" * 1000 + b"\r\n"], ids=["one line", "many lines"])
def test_an_endless_head_is_stopped(server: Live, line: bytes) -> None:
    assert_stopped(server, b"GET /client HTTP/1.1\r\na: ", line)


@pytest.mark.parametrize("line", [b"x", b"a: " + b"b" * 1000 + b"\r\n"], ids=["one line", "many lines"])
def test_an_endless_trailer_is_stopped(server: Live, line: bytes) -> None:
    start = b"POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nb: "
    assert_stopped(server, start, line)


def assert_stopped(server: Live, start: bytes, line: bytes) -> None:
    """Send a line again and again, and expect that the server closes the connection: the kernel takes some MiB."""
    block = line * (65_536 // len(line))
    with connection(server, start) as opened, pytest.raises(ConnectionError):  # noqa: PT012 - any of them may raise
        for _ in range(1000):
            opened.sendall(block)


def test_what_is_no_http_is_refused_as_before(server: Live) -> None:
    with connection(server, b"one two three four\r\n\r\n") as opened:
        assert rest_of(opened).startswith(b"HTTP/1.1 400 ")


# --- number -------------------------------------------------------------------------------------------------------


def test_silent_connections_do_not_keep_others_out(alone: Live) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connection(alone))
        with greeted(alone) as page:
            page.send(json.dumps([1, 0, ["invoke", 1, "echo", ["here"]]]))
            assert '"here"' in str(page.recv(PATIENCE))
        wait_until(lambda: alone.open_connections <= 21, "newcomers above the bound are dropped")


def test_idle_connections_do_not_keep_others_out(alone: Live) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            opened = stack.enter_context(connection(alone, WHOLE))
            until(opened, b'"served"')
        with connection(alone, WHOLE) as opened:
            assert until(opened, b'"served"').startswith(OK)
        assert alone.open_connections <= 61


def test_sockets_without_a_hello_are_bounded_and_those_with_one_are_not(alone: Live) -> None:
    with contextlib.ExitStack() as stack:
        pages = [
            stack.enter_context(greeted(alone, link=f"{number:032x}", secret=f"{number:032x}")) for number in range(25)
        ]
        for _ in range(30):
            stack.enter_context(websocket(alone))
        wait_until(lambda: alone.open_connections <= 45, "sockets above the bound are dropped")
        for page in pages:
            page.send(json.dumps([1, 0, ["invoke", 1, "echo", ["here"]]]))
            assert '"here"' in str(page.recv(PATIENCE))


def test_sockets_whose_user_is_asked_for_are_no_newcomers(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    users = Users()
    gate = users.instead["slow"] = Gate()
    with live(users.app, new_loop=new_loop, http=SmallHttp) as served, contextlib.ExitStack() as stack:
        pages = []
        for number in range(30):
            pages.append(stack.enter_context(websocket(served, headers=cookie("slow"))))
            # Before the next one comes: so many that have said nothing would have to give way.
            pages[-1].send(hello(link=f"{number:032x}"))
        wait_until(lambda: gate.reached == 30, "all are asked for")
        wait_for(served, newcomers=0)
        let_time_pass(served)
        gate.open()
        assert all("welcome" in str(page.recv(PATIENCE)) for page in pages)


def test_stats_count_the_connections_of_the_server(site: Pages, server: Live) -> None:
    def counted() -> object:
        return site.ipc_main.stats()["connections"]

    with greeted(server):
        with websocket(server), connection(server, b"GET /client"):
            # Both sockets, and the request that is not whole; the page has said hello.
            wait_until(lambda: counted() == {"open": 3, "unfinished": 2, "limit": 60}, "all three are counted")
        wait_until(lambda: counted() == {"open": 1, "unfinished": 0, "limit": 60}, "the page is left")


def test_stats_tell_no_connections_of_a_server_that_does_not_bound_them() -> None:
    site = Pages()
    with live(site.app, http="httptools") as served, greeted(served):
        assert site.ipc_main.stats()["links"]["open"] == 1
        assert site.ipc_main.stats()["connections"] == {"open": 0, "unfinished": 0, "limit": 0}


def test_a_page_that_says_hello_late_is_served(alone: Live) -> None:
    with websocket(alone) as opened:
        threading.Event().wait(0.1)
        opened.send(hello())
        assert "welcome" in str(opened.recv(PATIENCE))


def test_connections_above_the_limit_are_closed_at_once(alone: Live) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(60):
            stack.enter_context(greeted(alone, link=f"{number:032x}", secret=f"{number:032x}"))
        with connection(alone, WHOLE) as opened:
            assert rest_of(opened) == b""
        assert alone.open_connections == 60
    with connection(alone, WHOLE) as opened:
        wait_until(lambda: alone.open_connections < 60, "pages have gone")
    with connection(alone, WHOLE) as opened:
        assert until(opened, b'"served"').startswith(OK)
