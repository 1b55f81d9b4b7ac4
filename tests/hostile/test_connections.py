"""Connections that say nothing keep nobody out of a `webipc run` process with few descriptors."""

import contextlib
import itertools
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection

from tests.support.attacked import MIB, Attacked, attacked
from tests.support.raw_sockets import greeted
from tests.support.raw_sockets import socket as websocket
from tests.support.serving import PATIENCE

DESCRIPTORS = 256
# Of 256 descriptors, 64 are a reserve, and a quarter is for connections that have not said what they want.
MOST_CONNECTIONS = 192
MOST_NEWCOMERS = 64

PROGRAM = """
    from pathlib import Path
    from fastapi import FastAPI
    from webipc import IpcMain

    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app)

    @ipc_main.handle("read a file")
    def read(event):
        return Path(__file__).read_text()[:10]
"""

WHOLE = b"GET /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("site"), PROGRAM, descriptors=DESCRIPTORS) as process:
        yield process


def connect(server: Attacked, stack: contextlib.ExitStack) -> socket.socket:
    """Open a connection without waiting until the server accepts it."""
    opened = stack.enter_context(socket.socket())
    opened.settimeout(PATIENCE)
    opened.connect(("127.0.0.1", server.port))
    return opened


links = itertools.count(1)


def page_at(server: Attacked) -> contextlib.AbstractContextManager[ClientConnection]:
    """Connect a page with a link of its own."""
    link = f"{next(links):032x}"
    return greeted(server, link=link, secret=link)


def assert_served(server: Attacked) -> None:
    """Connect a page, and expect that its handler can open a file."""
    with page_at(server) as page:
        page.send(json.dumps([1, 0, ["invoke", 1, "read a file", []]]))
        assert '["result",1,' in str(page.recv(PATIENCE))


def open_files(server: Attacked) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


@pytest.mark.parametrize("sent", [b"", WHOLE[:-2], WHOLE], ids=["silent", "half a head", "idle behind an answer"])
def test_300_connections_of_256_descriptors_lock_nobody_out(server: Attacked, sent: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            opened = connect(server, stack)
            # It may have had to give way already.
            with contextlib.suppress(OSError):
                opened.sendall(sent)
                if sent == WHOLE:
                    opened.recv(65_536)
        for _ in range(3):
            assert_served(server)
        assert open_files(server) < DESCRIPTORS - 32
    assert "Traceback" not in server.log


def test_300_sockets_without_a_hello_lock_nobody_out(server: Attacked) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(websocket(server))
        for _ in range(3):
            assert_served(server)
    assert "Traceback" not in server.log


def test_a_page_that_is_connected_does_not_give_way_and_what_is_one_too_many_is_logged_once(server: Attacked) -> None:
    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(page_at(server)) for _ in range(MOST_CONNECTIONS)]
        for _ in range(50):
            refused = connect(server, stack)
            with contextlib.suppress(ConnectionResetError):
                assert refused.recv(1) == b""
        for page in pages[::50]:
            page.send(json.dumps([1, 0, ["invoke", 1, "read a file", []]]))
            assert '["result",1,' in str(page.recv(PATIENCE))
    lines = [line for line in server.log.splitlines() if "new connections were closed" in line]
    assert len(lines) == 1
    assert "Traceback" not in server.log


def test_an_endless_head_costs_no_memory(server: Attacked) -> None:
    server.forget_peak()
    before = server.resident
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            opened = connect(server, stack)
            opened.sendall(b"GET / HTTP/1.1\r\na: ")
            with contextlib.suppress(ConnectionError):
                for _ in range(62):
                    opened.sendall(b"x" * MIB)
        assert_served(server)
    assert server.peak - before < 16 * MIB
