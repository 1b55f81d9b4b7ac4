"""Real servers for tests: uvicorn with the settings of `webipc run`, on a free port.

`live` runs an application in a thread of the test process, where the test can inspect it. `spawned` runs a file in a
process of its own, which can be killed. Both wait until the server answers, and stop it afterwards.
"""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from webipc.servers.uvicorn import DirectWebSocket

# In another order in each process, and each but once before all have been used.
_PORTS = itertools.cycle(random.sample(range(20_000, 32_000), 12_000))

PATIENCE = 20.0
"""The timeout of everything that a test waits for, in seconds."""

DIRECT = DirectWebSocket
"""The WebSocket class of `webipc run`."""
STOCK = "websockets-sansio"
"""uvicorn's own WebSocket class."""

T = TypeVar("T")


def wait_until(fact: Callable[[], T], what: str, within: float = PATIENCE) -> T:
    """Poll `fact` until it is true, and return its value; fail with `what` after `within` seconds."""
    end = time.monotonic() + within
    while not (answer := fact()):
        assert time.monotonic() < end, f"did not happen within {within} s: {what}"
        time.sleep(0.01)
    return answer


def free_port() -> int:
    """Return a port that no server listens on.

    It is none of those that the system gives to connections, which begin at 32,768 or above: one of these could be in
    use by a connection of the test itself before its server listens there.
    """
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports repeat for ever")


class Live:
    """An application that is served by this process."""

    def __init__(self, server: uvicorn.Server, port: int) -> None:
        self._server = server
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.loop: asyncio.AbstractEventLoop | None = None

    @property
    def open_connections(self) -> int:
        """The number of the server's open connections."""
        return len(self._server.server_state.connections)

    @property
    def running_requests(self) -> int:
        """The number of ASGI calls that are running."""
        return len(self._server.server_state.tasks)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's event loop, and wait for it."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in the server's event loop, and wait for it."""

        async def called() -> T:
            return function()

        return self.run(called())

    async def serve(self) -> None:
        """Run the server; the thread's main function."""
        self.loop = asyncio.get_running_loop()
        await self._server.serve()
        # Browsers open connections in advance. The server does not close one that it accepted while it was stopping.
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=1)
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


@contextlib.contextmanager
def live(
    app: Any, *, new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None, **settings: Any
) -> Iterator[Live]:
    """Serve an application from a thread of this process. `new_loop` creates the event loop; asyncio's by default."""
    port = free_port()
    options: dict[str, Any] = {"host": "127.0.0.1", "port": port, "log_level": "warning", "lifespan": "on"}
    options |= {"ws": DIRECT, "ws_per_message_deflate": False, "timeout_graceful_shutdown": 1}
    server = uvicorn.Server(uvicorn.Config(app, **{**options, **settings}))
    served = Live(server, port)

    def run() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(served.serve())

    thread = threading.Thread(target=run, name="test server")
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the server starts")
        assert server.started, "the server did not start"
        yield served
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the server did not end"


class Spawned:
    """A program that is served by a process of its own, and can be restarted on the same port."""

    def __init__(self, file: Path, port: int, environment: dict[str, str], options: Sequence[str] = ()) -> None:
        """`options` are more arguments of `webipc run`."""
        self._file = file
        self._environment = environment
        self._options = options
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, and wait until it answers."""
        command = [sys.executable, "-m", "webipc", "run", str(self._file), "--port", str(self.port), *self._options]
        self.process = self._launch(command, {**os.environ, **self._environment})
        wait_until(self._answers, f"{self._file} answers on port {self.port}")

    def _launch(self, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start the process; a subclass may limit it."""
        return subprocess.Popen(command, env=environment)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self._file} ended with {self.process.returncode}"
        try:
            with urllib.request.urlopen(f"{self.url}/ipc/client.js", timeout=1) as response:
                return bool(response.status)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """Kill the process, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def interrupt(self) -> float:
        """Send SIGINT, as Ctrl-C does; return how many seconds the process took to end."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        return time.monotonic() - began


@contextlib.contextmanager
def spawned(file: Path, **environment: str) -> Iterator[Spawned]:
    """Serve a file with `webipc run` in a process of its own."""
    program = Spawned(file, free_port(), environment)
    program.start()
    try:
        yield program
    finally:
        if program.process is not None and program.process.poll() is None:
            program.kill()
