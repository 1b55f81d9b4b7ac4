"""Options of the listener, on the connections of a real `webipc run` process, as the kernel lists them (Linux)."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.processes import page_at
from tests.support.serving import Spawned, spawned, wait_until
from webipc.servers.tcp import UNSENT_BYTES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the options and /proc are Linux's")

PROGRAM = """
from fastapi import FastAPI
from webipc import IpcMain
app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app)
@ipc_main.on("ask for much")
def much(event):
    for _ in range(80):
        event.reply("much", "x" * 100_000)
"""

# The state and the timer of a connection in /proc/net/tcp.
ESTABLISHED = "01"
KEEPALIVE = "02"


class Kernel(NamedTuple):
    """What the kernel says of a connection."""

    unacknowledged: int
    timer: str


def kernel_of(port: int, client: int) -> Kernel:
    """Find the server's end of a connection by the ports of both ends."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, state, queues, timer, *_ = line.split()
        ports = [int(address.rpartition(":")[2], 16) for address in (local, remote)]
        if ports == [port, client] and state == ESTABLISHED:
            return Kernel(int(queues.partition(":")[0], 16), timer.partition(":")[0])
    raise LookupError(f"no connection from {client} to {port}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Spawned]:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM, encoding="utf-8")
    with spawned(file) as served:
        yield served


def test_the_kernel_takes_little_of_what_a_page_does_not_read(server: Spawned) -> None:
    with page_at(server.port, 1) as page:
        client = page.local_address[1]
        # The library reads in a thread of its own, until so many messages wait.
        page.send(json.dumps([1, 0, ["send", "ask for much", []]]))
        wait_until(lambda: kernel_of(server.port, client).unacknowledged > UNSENT_BYTES // 2, "the page is behind")
        # While the client's kernel still takes some, more is under way.
        taken = wait_until(lambda: _still(server.port, client), "the client's kernel takes no more")
        assert UNSENT_BYTES // 2 < taken < 8 * UNSENT_BYTES


def _still(port: int, client: int) -> int:
    """Return what the kernel has taken and not passed on, or 0 while that changes."""
    taken = kernel_of(port, client).unacknowledged
    time.sleep(0.1)
    return taken if kernel_of(port, client).unacknowledged == taken else 0


def test_keepalive_watches_an_idle_connection(server: Spawned) -> None:
    with page_at(server.port, 1) as page:
        client = page.local_address[1]
        wait_until(lambda: kernel_of(server.port, client).timer == KEEPALIVE, "the kernel's timer is that of keepalive")
