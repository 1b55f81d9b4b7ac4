"""How `webipc dev` restarts the server after a change of the program. Real processes and files."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed

from tests.cli.processes import PROGRAM, answers, line_with, page_at, running
from tests.support.serving import PATIENCE, free_port, wait_until
from webipc.cli import reloader
from webipc.cli.reloader import Restarter

FOLDER = "TESTED_FOLDER"


def changes_itself(sockets: list[socket.socket] | None) -> None:
    """A server that changes its own program as soon as it starts."""
    (Path(os.environ[FOLDER]) / "main.py").write_text("changed = 1\n", encoding="utf-8")


def does_not_end(sockets: list[socket.socket] | None) -> None:
    """A server that ignores SIGTERM, like one that waits for something while it starts."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (Path(os.environ[FOLDER]) / "started").touch()
    time.sleep(60)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "main.py").write_text("", encoding="utf-8")
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


@pytest.fixture
def config(folder: Path) -> Iterator[uvicorn.Config]:
    """Settings that watch the folder; afterwards signal handlers are restored and child processes killed."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield uvicorn.Config("nothing:app", reload=True, reload_dirs=[str(folder)], log_config=None)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for left in multiprocessing.active_children():
        left.kill()
        left.join()


class InterruptsWhenItIsSent:
    """Presses Ctrl-C while a child process is being started: what it gets is pickled then."""

    def __reduce__(self) -> tuple[type[object], tuple[()]]:
        signal.raise_signal(signal.SIGINT)
        return object, ()


def ends_at_once(sockets: list[socket.socket] | None) -> None:
    """A server that has nothing to do."""


def test_ctrl_c_while_the_server_is_being_started_is_not_lost(config: uvicorn.Config) -> None:
    given: Any = [InterruptsWhenItIsSent()]
    restarter = Restarter(config, ends_at_once, given)
    restarter.startup()
    restarter.process.join()
    assert restarter.should_exit.is_set()


# Presses Ctrl-C before the first step of the interpreter in a pause, then before the second one in another, and so on.
PRESSED_AT_EACH_STEP = """
import faulthandler, signal, sys, uvicorn
from webipc.cli.reloader import Restarter

left = moment = 0

def step(frame, event, argument):
    global left
    left -= event == "opcode"
    if event == "opcode" and left == 0:
        signal.raise_signal(signal.SIGINT)
    return step

def call(frame, event, argument):
    frame.f_trace_opcodes = True
    return step

faulthandler.dump_traceback_later(30, exit=True)
while left <= 0:
    restarter = Restarter(uvicorn.Config("nothing:app", reload=True, reload_dirs=["."], reload_delay=0.001), print, [])
    signal.signal(signal.SIGINT, restarter.signal_handler)
    moment = left = moment + 1
    sys.settrace(call)
    try:
        restarter.pause()
    except StopIteration:
        pass
    sys.settrace(None)
    assert left > 0 or restarter.should_exit.is_set()
print("steps:", moment)
"""


def test_ctrl_c_at_any_moment_of_a_pause_ends_it(folder: Path) -> None:
    command = [sys.executable, "-c", PRESSED_AT_EACH_STEP]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.removeprefix("steps: ")) > 10


def test_a_change_while_the_server_starts_is_noticed(folder: Path, config: uvicorn.Config) -> None:
    restarter = Restarter(config, changes_itself, [])
    restarter.startup()
    restarter.process.join()
    assert wait_until(restarter.should_restart, "the change is noticed") == [folder / "main.py"]


def test_a_server_that_does_not_end_is_killed_and_restarted(
    folder: Path, config: uvicorn.Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reloader, "END_SECONDS", 0.1)
    restarter = Restarter(config, does_not_end, [])
    restarter.startup()
    wait_until((folder / "started").exists, "the server runs")
    first = restarter.process
    restarter.restart()
    assert first.exitcode == -signal.SIGKILL
    assert restarter.process.pid != first.pid
    assert [record.getMessage() for record in caplog.records if record.name == "webipc"] == [
        "The server has not ended within 0.1 seconds; killing it"
    ]
    restarter.shutdown()
    assert restarter.process.exitcode in {-signal.SIGKILL, -signal.SIGTERM}


def test_dev_prints_the_address_of_the_playground_and_restarts_after_a_change(program: Path) -> None:
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        assert f"open http://127.0.0.1:{port}/ipc/" in line_with(process, "webipc: open")
        program.write_text(PROGRAM.format(pages="") + "\nprint('restarted', flush=True)\n", encoding="utf-8")
        assert line_with(process, "restarted")


def test_dev_accepts_pages_of_listed_origins_only_also_after_a_restart(program: Path) -> None:
    vite, other = "http://localhost:5173", "https://other.example"
    port = free_port()
    options = ("--port", str(port), "--no-open", "--origin", vite, "--origin", "https://second.example/")
    with running("dev", str(program), *options) as process:
        line_with(process, "webipc: open")
        for text in ("", "\nprint('restarted', flush=True)\n"):
            if text:
                program.write_text(PROGRAM.format(pages="") + text, encoding="utf-8")
                line_with(process, "restarted")
            wait_until(lambda: answers(port), "the server listens")
            for index, listed in enumerate((vite, "https://second.example", None)):
                with page_at(port, index, listed) as opened:
                    opened.send('[1,0,["invoke",1,"version",[]]]')
                    assert '["result",1,1]' in str(opened.recv(PATIENCE))
            with pytest.raises(ConnectionClosed, match="4403"), page_at(port, 9, other):
                pytest.fail("it was accepted")
            # The script too.
            assert reader_of(port, vite) == vite
            with pytest.raises(HTTPError, match="403"):
                reader_of(port, other)


def reader_of(port: int, origin: str) -> str | None:
    """Request the client from a page of `origin`; return the origin that may read it."""
    request = Request(f"http://127.0.0.1:{port}/ipc/client.js", headers={"Origin": origin})
    with urlopen(request, timeout=PATIENCE) as response:
        allowed: str | None = response.headers["Access-Control-Allow-Origin"]
    return allowed


# A user namespace has its own limit of watches: here it is 0.
UNWATCHED = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    *('echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', "sh"),
)


def has_namespaces() -> bool:
    """Tell whether this user may create a user namespace."""
    with suppress(OSError):
        return subprocess.run([*UNWATCHED, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return False


@pytest.mark.skipif(not has_namespaces(), reason="no user namespaces for this user")
def test_dev_polls_where_file_notifications_are_unavailable(tmp_path: Path) -> None:
    page_file, program = tmp_path / "web" / "index.html", tmp_path / "main.py"
    page_file.parent.mkdir()
    text = PROGRAM.format(pages=f", pages={str(page_file.parent)!r}")
    for file, content in ((page_file, ""), (program, text)):
        file.write_text(content, encoding="utf-8")
        # Polling compares whole seconds.
        os.utime(file, (0, 0))
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open", under=UNWATCHED) as process:
        line_with(process, "File notifications are unavailable; polling instead")
        line_with(process, "webipc: open")
        wait_until(lambda: answers(port), "the server listens")
        with page_at(port, 1) as opened:
            page_file.write_text("<!doctype html>", encoding="utf-8")
            assert opened.recv(PATIENCE) == '[0,0,["reload",{}]]'
        program.write_text(text + "\nprint('restarted', flush=True)\n", encoding="utf-8")
        line_with(process, "restarted")
