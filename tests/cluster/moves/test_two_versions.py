"""Two versions of the package at once, over one Redis: the later one writes tabs down in a format that the earlier one
does not read, and reads both. What an earlier worker cannot read it does not take; nothing is lost without being told.

What two versions that share a format do to each other is in the rigs `workers-deploy` and `redis-deploy`.
"""

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.support.another_version import LATER, NEW_FORMAT, NEW_LOCAL_BUS, Installed, later_version, this_version
from tests.support.logged import troubles
from tests.support.moved import LIMITS
from tests.support.plain_page import Page
from tests.support.raw_sockets import closing, socket
from tests.support.redis_server import redis_server
from tests.support.serving import PATIENCE, Spawned, free_port, wait_until
from tests.support.several_workers import quiet, workers
from tests.support.wanderer import Wanderer
from webipc.version import VERSION

PROGRAM = """
import os
import webipc
from fastapi import FastAPI
from webipc import IpcMain

app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app)

@ipc_main.handle("who")
async def who(event):
    return [os.getpid(), webipc.__version__]

@app.get("/shared")
def shared():
    return ipc_main.shared.stats()
"""

SERVICE_RESTART, RESET = 1012, 4410


class Program(Spawned):
    """One version of the package, with a log of its own."""

    def __init__(self, file: Path, folder: Path, redis: str = "", options: Sequence[str] = ()) -> None:
        """`folder` has the version of the package."""
        port = free_port()
        super().__init__(file, port, {"PYTHONPATH": str(folder), "WEBIPC_REDIS": redis}, options)
        self._log = file.with_name(f"{port}.log")

    def _launch(self, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def told(self, name: str) -> int:
        """Return one of the numbers that it tells of itself."""
        with urlopen(f"{self.url}/shared", timeout=PATIENCE) as response:
            return int(json.loads(response.read())[name])

    def drain(self) -> None:
        """Let it end, as a deploy does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    return {VERSION: this_version(folder / "this"), LATER: later_version(folder / "later", NEW_FORMAT)}


class Starts:
    """Starts programs that share a Redis."""

    def __init__(self, packages: dict[str, Path], file: Path, redis: str, stack: ExitStack) -> None:
        self._packages = packages
        self._file = file
        self._redis = redis
        self._stack = stack

    def __call__(self, version: str) -> Program:
        program = Program(self._file, self._packages[version].parent, self._redis)
        program.start()
        self._stack.callback(program.kill)
        return program


@pytest.fixture
def start(packages: dict[str, Path], tmp_path: Path) -> Iterator[Starts]:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM, encoding="utf-8")
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        # As one that has been in use: it has not just forgotten everything.
        redis.admin.set("webipc:{default}:gen", "in use")
        yield Starts(packages, file, redis.url, stack)


@contextmanager
def come(page: Page, program: Program) -> Iterator[tuple[ClientConnection, str, Any]]:
    """Let a page come, as often as it is told to come again; give its socket, and what answers its hello."""
    with ExitStack() as stack:

        def answer() -> tuple[ClientConnection, str, Any] | None:
            opened = stack.enter_context(socket(program))
            try:
                kind, fields = page.come(opened)
            except ConnectionClosed as closed:
                # Who takes it in turn may have ended, and the program has not heard of that yet.
                if closed.rcvd is None or closed.rcvd.code != SERVICE_RESTART:
                    raise
                return None
            return opened, kind, fields

        found = wait_until(answer, "its hello is answered")
        assert found is not None
        yield found


def who(page: Page, call: int, program: Program) -> Any:
    """Let a page come to a program, and ask which one answers."""
    with come(page, program) as (opened, kind, fields):
        page.is_welcomed(kind, fields)
        page.say(opened, "invoke", call, "who", [])
        said, number, answer = page.hear(opened)
        assert (said, number) == ("result", call)
        return answer


def test_tab_goes_on_where_its_format_is_read_whichever_version_its_page_reaches(start: Starts) -> None:
    earlier, ends, later = start(VERSION), start(LATER), start(LATER)
    page, other = Page("a" * 32), Page("b" * 32)
    assert who(page, 1, ends) == [ends.pid, LATER]
    assert who(other, 1, earlier) == [earlier.pid, VERSION]
    ends.drain()
    assert who(page, 3, earlier) == [later.pid, LATER]
    assert (earlier.told("takes"), later.told("takes")) == (0, 1)
    # The other way round: the later version reads both.
    earlier.drain()
    assert who(other, 3, later) == [later.pid, LATER]
    assert "owner-lost" not in earlier.log + later.log


def test_tab_that_no_version_there_reads_is_told_that_its_owner_is_lost(start: Starts) -> None:
    earlier, later = start(VERSION), start(LATER)
    page = Page("a" * 32)
    assert who(page, 1, later) == [later.pid, LATER]
    later.drain()
    with come(page, earlier) as (opened, kind, fields):
        assert (kind, fields["reason"]) == ("reset", "owner-lost")
        assert closing(opened)[0] == RESET
    assert (earlier.told("takes"), earlier.told("owner_lost")) == (0, 1)
    # A worker that reads it may still start, and takes it for other documents of the tab.
    again = start(LATER)
    assert who(page, 3, again) == [again.pid, LATER]
    earlier.drain()
    line = "1 links were reset (owner-lost): their tabs are parked in format 2, which no process here reads"
    assert line in earlier.log


def test_workers_that_need_another_parent_process_do_not_start_and_those_that_serve_stay(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM, encoding="utf-8")
    installed = Installed(tmp_path / "installed", packages[VERSION])
    program, page = Program(file, installed.folder, options=["--workers", "2"]), Page()
    program.start()
    try:
        before = who(page, 1, program)
        installed.install(later_version(tmp_path / "later", NEW_LOCAL_BUS))
        assert program.process is not None
        program.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "worker 1 was not replaced" in program.log, "the parent gives up")
        assert "expected version 1 of the local bus, got another; restart the parent process" in program.log
        assert who(page, 3, program) == before
    finally:
        program.kill()


async def test_kinds_of_another_version_are_counted_once_and_not_for_each_tab_that_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with workers(3, limits=LIMITS) as (old, new, other):
        pages = [Wanderer(number) for number in range(1, 4)]
        for page in pages:
            await page.come(old)
        await old.hub.drain(20.0, asyncio.Event())
        other.bus.post_all("of another version", {"later": 1}, [b"row"])
        other.ipc_main.broadcast("news", "known")
        await quiet()
        for page in pages:
            page.lose()
            await page.come(new)
        await quiet()
        assert [page.heard() for page in pages] == [["known"]] * 3
        assert new.shared.stats()["dropped"] == {"unknown-kind": 1}
        lines = [line for line in troubles(caplog) if "its kind is not known here" in line]
        # One of each worker that has read it: the sender does not read what it says itself.
        assert len(lines) == 2
