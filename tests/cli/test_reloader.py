"""What `webipc dev` sees of changes, whenever they come. Real processes and files; what it tells: test_cli.py"""

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from tests.support.serving import wait_until
from webipc import IpcMain
from webipc.cli import page_reload, reloader
from webipc.cli.reloader import Restarter
from webipc.mount import mounts

FOLDER = "TESTED_FOLDER"


def changes_itself(sockets: list[socket.socket] | None) -> None:
    """A program that has changed by the time that it is asked for."""
    (Path(os.environ[FOLDER]) / "main.py").write_text("changed = 1\n", encoding="utf-8")


def does_not_end(sockets: list[socket.socket] | None) -> None:
    """A program that takes no signal, as one that waits for something while it starts."""
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
    """What is watched; afterwards this process takes signals as before, and nothing runs that it has started."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield uvicorn.Config("nothing:app", reload=True, reload_dirs=[str(folder)], log_config=None)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for left in multiprocessing.active_children():
        left.kill()
        left.join()


def test_what_changes_while_the_program_starts_is_seen(folder: Path, config: uvicorn.Config) -> None:
    restarter = Restarter(config, changes_itself, [])
    restarter.startup()
    restarter.process.join()
    assert wait_until(restarter.should_restart, "the change is seen") == [folder / "main.py"]


def test_a_program_that_does_not_end_is_killed_and_started_anew(
    folder: Path, config: uvicorn.Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reloader, "END_SECONDS", 0.1)
    restarter = Restarter(config, does_not_end, [])
    restarter.startup()
    wait_until((folder / "started").exists, "the program runs")
    first = restarter.process
    restarter.restart()
    assert first.exitcode == -signal.SIGKILL
    assert restarter.process.pid != first.pid
    assert [record.getMessage() for record in caplog.records if record.name == "webipc"] == [
        "The program has not ended within 0.1 seconds, and is killed"
    ]
    restarter.shutdown()
    assert restarter.process.exitcode in {-signal.SIGKILL, -signal.SIGTERM}


@pytest.mark.parametrize(
    "name, expected",
    [("index.html", True), ("a/b.js", True), (".index.html.swp", False), ("index.html~", False), (".git/HEAD", False)],
)
def test_what_an_editor_keeps_beside_a_page_is_no_change_of_it(tmp_path: Path, name: str, *, expected: bool) -> None:
    # A folder that is itself below a hidden one is as good as any.
    pages = tmp_path / ".work" / "web"
    pages.mkdir(parents=True)
    app = FastAPI()
    IpcMain().mount(app, pages=pages)
    assert page_reload._concerns(mounts(app), str(pages / name)) is expected
