"""Large messages on slow networks, between a server and a page in processes of their own.

Time is twenty times as fast: the limits are a twentieth of the usual ones, and the rates twenty times as high.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.network import Relay, relay
from tests.support.serving import Spawned, spawned, wait_until

FASTER = 20
LIMITS = {"silence_ms": 2_000, "probe_ms": 250, "ack_ms": 50, "answer_page_ms": 250, "answer_server_ms": 50}
SERVER_LIMITS = {**LIMITS, "heartbeat_ms": 750, "unread_ms": 30_000}

PROGRAM = f"""
from fastapi import FastAPI
from webipc import IpcMain, Limits

app = FastAPI()
ipc_main = IpcMain(limits=Limits(**{SERVER_LIMITS!r}))
ipc_main.mount(app)
sizes = []

@ipc_main.on("bytes")
def take(event, value):
    sizes.append(len(value))

@ipc_main.on("push")
def push(event, size):
    event.reply("bytes", bytes(size))

@ipc_main.handle("received")
async def received(event):
    return sizes
"""

PATIENCE = 60
"""In seconds, for at most 1 MB at 20 kB/s: 2.5 s here."""

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="the page runs in Node")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Spawned]:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM, encoding="utf-8")
    with spawned(file) as program:
        yield program


def page(network: Relay, direction: str, size: int, project_root: Path) -> dict[str, Any]:
    """Run a page that sends or receives so many bytes, and makes a call behind them. Returns what it prints."""
    limits = {
        "".join(part.title() if index else part for index, part in enumerate(name.split("_"))): value
        for name, value in LIMITS.items()
    }
    script = ["test/support/slow-page.ts", f"{network.url}/ipc", direction, str(size), json.dumps(limits)]
    node = ["node", "--experimental-websocket", "--import", "tsx"]
    ran = subprocess.run(
        [*node, *script], cwd=project_root / "js-client", capture_output=True, timeout=PATIENCE, check=False, text=True
    )
    assert ran.returncode == 0, ran.stderr
    printed: dict[str, Any] = json.loads(ran.stdout)
    return printed


@needs_node
@pytest.mark.parametrize("rate, size", [(20_000, 1_000_000), (5_000, 300_000)])
def test_a_large_message_is_sent_once_by_a_slow_network(
    rate: int, size: int, server: Spawned, project_root: Path
) -> None:
    with relay(server.port, up_rate=rate * FASTER) as network:
        seen = page(network, "up", size, project_root)
        assert seen == {"sockets": 1, "received": 0, "answer": [size]}
        assert (network.connections, network.carried_up < 1.1 * size) == (1, True)


@needs_node
@pytest.mark.parametrize("rate, size", [(20_000, 1_000_000), (5_000, 300_000)])
def test_a_large_message_is_received_once_by_a_slow_network(
    rate: int, size: int, server: Spawned, project_root: Path
) -> None:
    with relay(server.port, down_rate=rate * FASTER) as network:
        seen = page(network, "down", size, project_root)
        assert seen == {"sockets": 1, "received": size, "answer": []}
        assert (network.connections, network.carried_down < 1.1 * size + 10_000) == (1, True)


@needs_node
def test_what_a_lost_socket_repeats_is_at_most_what_was_under_way(server: Spawned, project_root: Path) -> None:
    size, window = 1_000_000, 8 * 67_584
    with relay(server.port, up_rate=20_000 * FASTER) as network, ThreadPoolExecutor() as pool:
        running = pool.submit(page, network, "up", size, project_root)
        wait_until(lambda: network.carried_up > size / 3, "a third is carried")
        network.cut()
        wait_until(lambda: network.carried_up > 2 * size / 3, "two thirds are carried")
        network.cut()
        assert running.result() == {"sockets": 3, "received": 0, "answer": [size]}
        assert network.carried_up < 1.1 * size + 2 * (window + 67_584)
