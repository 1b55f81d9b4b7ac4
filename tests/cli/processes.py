"""Runs the command `webipc` in a process of its own, and connects a page to the server."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.serving import PATIENCE, wait_until
from webipc.version import SUBPROTOCOL

PROGRAM = """
import threading
from fastapi import FastAPI
from webipc import IpcMain
app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app{pages})
@ipc_main.handle("block")
def block(event):
    threading.Event().wait(60)
@ipc_main.handle("version")
def version(event):
    return 1
"""


@contextmanager
def running(*arguments: str, under: Sequence[str] = (), **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command, and end it with Ctrl-C. `under` is a command that runs another one."""
    process = subprocess.Popen(
        [*under, sys.executable, "-u", "-m", "webipc", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    try:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(PATIENCE)
    finally:
        # What a failed test has left running, child processes included.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line_with(process: subprocess.Popen[str], text: str) -> str:
    """Read the output until a line contains `text`, and return that line. A process that prints no more is killed."""
    assert process.stdout is not None
    lines = []
    patience = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
    patience.start()
    try:
        for line in process.stdout:
            lines.append(line)
            if text in line:
                return line
    finally:
        patience.cancel()
    raise AssertionError(f"it ended without printing {text!r}: {''.join(lines)}")


@contextmanager
def page_at(port: int, index: int, origin: str | None = None, *, commands: bool = False) -> Iterator[ClientConnection]:
    """Connect a page to the server on this port. Its origin is the server's own, unless `origin` is given.

    With `commands` the server may run scripts in it.
    """
    features = '["invoke"]' if commands else "[]"
    with connect(
        f"ws://127.0.0.1:{port}/ipc/socket",
        origin=Origin(origin or f"http://127.0.0.1:{port}"),
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        open_timeout=PATIENCE,
    ) as opened:
        opened.send(
            f'[0,0,["hello",{{"link":"{index:032x}","secret":"{index:032x}","attempt":1,"received":0,"first":1,'
            f'"fresh":true,"features":{features}}}]]'
        )
        assert "welcome" in str(opened.recv(PATIENCE))
        yield opened


def answers(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/ipc/client.js", timeout=PATIENCE):
        return True
    return False


def restart(process: subprocess.Popen[str], program: Path, port: int) -> None:
    """Change the program, and wait until the server has restarted."""
    program.write_text(PROGRAM.format(pages="") + "\nprint('restarted', flush=True)\n", encoding="utf-8")
    line_with(process, "restarted")
    wait_until(lambda: answers(port), "the server listens")
    with page_at(port, 1):
        pass
