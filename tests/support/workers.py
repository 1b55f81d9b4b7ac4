"""`webipc run --workers 2` in processes of its own: where its workers are, and requests that tell which one answers."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from tests.support.serving import PATIENCE, free_port
from webipc.cli.acceptor.rendezvous import by_rank

PROGRAM = """
import asyncio, os, pathlib, time
from fastapi import FastAPI, Request
from webipc import IpcMain

app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app)

def me():
    return [int(os.environ["WEBIPC_SLOT"]), os.getpid()]

@app.get("/who")
async def who(request: Request):
    return {"me": me(), "client": request.client, "url": str(request.url), "root": request.scope["root_path"]}

go = pathlib.Path(__file__).with_name("go")

@app.get("/waits")
async def waits():
    print("waits", flush=True)
    while not go.exists():
        await asyncio.sleep(0.01)
    return {"me": me()}

@app.get("/holds")
async def holds():
    # Holds the event loop up.
    print("holds", flush=True)
    while not go.exists():
        time.sleep(0.01)
    return {"me": me()}

@ipc_main.handle("who")
async def tell(event):
    return me()

@ipc_main.handle("long")
async def long(event):
    print("waits", flush=True)
    await asyncio.sleep(60)
"""


class Served:
    """A parent process with its workers, and what they print."""

    def __init__(
        self, file: Path, arguments: Sequence[str], environment: dict[str, str], *, is_script: bool = False
    ) -> None:
        """`is_script`: start it as the script `webipc` does, which is in a folder of its own."""
        self.file = file
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = ["-m", "webipc"]
        if is_script:
            script = file.parent / "bin" / "webipc"
            script.parent.mkdir()
            script.write_text("from webipc.cli import main\nraise SystemExit(main())\n", encoding="utf-8")
            command = [str(script)]
        self.process = subprocess.Popen(
            [sys.executable, "-u", *command, "run", str(file), "--port", str(self.port), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
            cwd=file.parent if is_script else None,
        )
        self.lines: list[str] = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def line_with(self, text: str, count: int = 1, within: float = PATIENCE) -> str:
        """Wait for so many lines that contain a text, and return the last one."""
        end = time.monotonic() + within
        while len(found := [line for line in list(self.lines) if text in line]) < count:
            assert time.monotonic() < end, f"it has not printed {text!r}, but: {self.output}"
            time.sleep(0.01)
        return found[-1]

    def workers(self) -> dict[int, int]:
        """Return the processes of the workers by their slots."""
        found = {}
        for pid in children_of(self.process.pid):
            with suppress(OSError):
                variables = Path(f"/proc/{pid}/environ").read_bytes()
                if slot := re.search(rb"\0WEBIPC_SLOT=(\d+)", variables):
                    found[int(slot[1])] = pid
        return found

    def status(self) -> int:
        """Wait for the end of the parent and of all that is printed, and return its exit status."""
        status = self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        return status

    def stop(self) -> None:
        """End everything, what hangs or was stopped included."""
        workers = self.workers()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for pid in workers.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._reading.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()


def children_of(pid: int) -> list[int]:
    """Return the child processes of a process; those included that have ended, and were not waited for."""
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return []


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextmanager
def served(
    folder: Path,
    *arguments: str,
    program: str = PROGRAM,
    until: str = "workers serve at",
    is_script: bool = False,
    **environment: str,
) -> Iterator[Served]:
    """Serve a program with two workers, and wait until they serve, or until another text is printed."""
    file = folder / "main.py"
    file.write_text(program, encoding="utf-8")
    made = Served(file, ["--workers", "2", *arguments], environment, is_script=is_script)
    try:
        made.line_with(until)
        yield made
    finally:
        made.stop()


class Plain:
    """A connection of plain HTTP."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=PATIENCE)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def send(self, path: str = "/who", principal: str | None = None) -> None:
        cookie = "" if principal is None else f"Cookie: webipc_principal={principal}\r\n"
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n".encode())

    def read(self) -> Any:
        """Return the JSON of the next answer. Raises ConnectionError when the connection ends before it is whole."""
        head, body = self._until(lambda data: b"\r\n\r\n" in data).split(b"\r\n\r\n", 1)
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length is not None, head
        self._rest = body
        size = int(length[1])
        whole = self._until(lambda data: len(data) >= size)
        self._rest = whole[size:]
        return json.loads(whole[:size])

    def ask(self, path: str = "/who", principal: str | None = None) -> Any:
        self.send(path, principal)
        return self.read()

    @property
    def is_answered(self) -> bool:
        """Whether an answer has arrived, or the end of the connection."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(0))

    def _until(self, fact: Callable[[bytes], bool]) -> bytes:
        while not fact(self._rest):
            data = self.socket.recv(65_536)
            if not data:
                raise ConnectionResetError(f"the connection ended behind {self._rest!r}")
            self._rest += data
        return self._rest


def slot_of(port: int, principal: str | None = None) -> int:
    """Return which worker answers a new connection."""
    with Plain(port) as plain:
        slot: int = plain.ask(principal=principal)["me"][0]
        return slot


def principal_of(slot: int, slots: Sequence[int] = (1, 2)) -> str:
    """Return a principal whose connections go to this worker, while all of these are up."""
    names = (f"{number:032x}" for number in range(1_000))
    return next(name for name in names if by_rank(name.encode(), slots)[0] == slot)
