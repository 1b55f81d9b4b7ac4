"""`BoundedH11` on real sockets: heads in time, and connections that give way, where httptools is not installed.

Everything that both classes have in common is tested with httptools as well (test_http.py).
"""

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from tests.support.raw_sockets import Site, greeted
from tests.support.raw_sockets import socket as websocket
from tests.support.serving import PATIENCE, Live, live, wait_until
from webipc.servers.http.by_h11 import BoundedH11
from webipc.servers.newcomers import Bounds, Newcomers, newcomers_of

WHOLE = b"GET /client HTTP/1.1\r\nhost: a\r\n\r\n"


class SmallH11(BoundedH11):
    """The class, with room for few connections. Its time is the real one: a test lets it pass."""

    bounds = Bounds(connections=60, newcomers=20)


class QuickH11(BoundedH11):
    """The same, with little time."""

    bounds = Bounds(connections=60, newcomers=20, head_seconds=0.2, look_seconds=0.05)


def site() -> Site:
    made = Site()
    app: FastAPI = made.app
    app.get("/client")(lambda: "served")
    return made


@pytest.fixture
def server() -> Iterator[Live]:
    with live(site().app, http=SmallH11) as served:
        yield served


def newcomers_at(server: Live) -> Newcomers:
    newcomers = newcomers_of(server._server.server_state)
    assert newcomers is not None
    return newcomers


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


def until(opened: socket.socket, end: bytes, times: int = 1) -> None:
    received = b""
    while received.count(end) < times:
        data = opened.recv(65_536)
        assert data, received
        received += data


@pytest.mark.parametrize("sent", [b"", b"GET /client HTTP/1.1\r\nhost: a\r\n"])
def test_a_connection_without_a_whole_head_is_closed_by_the_clock(sent: bytes) -> None:
    with live(site().app, http=QuickH11) as quick:
        with connection(quick, sent) as opened:
            assert rest_of(opened) == b""
        wait_until(lambda: quick.open_connections == 0, "the server forgets the connection")


def test_a_head_behind_an_answer_has_its_time_from_its_first_byte(server: Live) -> None:
    with connection(server, WHOLE) as opened:
        until(opened, b'"served"')
        let_time_pass(server)
        opened.sendall(WHOLE + WHOLE)
        until(opened, b'"served"', 2)
        wait_until(lambda: not len(newcomers_at(server)), "both heads were whole")
        opened.sendall(b"GET")
        wait_until(lambda: len(newcomers_at(server)) == 1, "a head has begun")
        let_time_pass(server)
        assert b"200" not in rest_of(opened)[-100:]


def test_a_page_stays_connected_and_counts_as_no_newcomer(server: Live) -> None:
    with greeted(server) as page:
        wait_until(lambda: not len(newcomers_at(server)), "its hello was read")
        let_time_pass(server)
        page.send(json.dumps([1, 0, ["invoke", 1, "echo", ["here"]]]))
        assert '"here"' in str(page.recv(PATIENCE))


def test_silent_and_idle_connections_and_sockets_without_a_hello_keep_nobody_out(server: Live) -> None:
    with contextlib.ExitStack() as stack:
        page = stack.enter_context(greeted(server))
        for _ in range(30):
            stack.enter_context(connection(server))
        for _ in range(10):
            until(stack.enter_context(connection(server, WHOLE)), b'"served"')
        for _ in range(30):
            with contextlib.suppress(OSError, EOFError):
                stack.enter_context(websocket(server))
        with connection(server, WHOLE) as opened:
            until(opened, b'"served"')
        page.send(json.dumps([1, 0, ["invoke", 1, "echo", ["here"]]]))
        assert '"here"' in str(page.recv(PATIENCE))
        assert server.open_connections <= 60


def test_a_head_without_an_end_is_refused(server: Live) -> None:
    with connection(server, b"GET / HTTP/1.1\r\n") as opened:
        with contextlib.suppress(OSError):
            for _ in range(64):
                opened.sendall(b"x: " + b"y" * 1_020 + b"\r\n")
        assert b"400" in rest_of(opened)


@pytest.mark.parametrize(
    "missing, found",
    [("nothing", "BoundedHttp"), ("httptools", "BoundedH11"), ("uvicorn.protocols.http.h11_impl", "auto")],
)
def test_the_command_takes_the_best_class_that_there_is(missing: str, found: str) -> None:
    code = f"""
import sys
sys.modules["httptools"] = None if {missing!r} != "nothing" else sys.modules.get("httptools")
if {missing!r} == "nothing":
    del sys.modules["httptools"]
sys.modules[{missing!r}] = None
from webipc.cli.serving import http_class
made = http_class()
print(getattr(made, "__name__", made))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"{found}\n"
    warning = "webipc: request heads have no time limit, and connections are not bounded, because of "
    assert done.stderr.startswith(warning) if found == "auto" else done.stderr == ""
