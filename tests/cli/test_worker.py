"""The process that serves: what it prints when a program fails, and what it does before the first page."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import PROGRAM, line_with, running
from tests.support.serving import PATIENCE, free_port, spawned
from webipc.cli.worker import SWITCH_SECONDS, THRESHOLDS


def test_a_missing_folder_of_pages_is_named_at_the_start(tmp_path: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text(PROGRAM.format(pages=f", pages={str(tmp_path / 'nowhere')!r}"), encoding="utf-8")
    with running("run", str(program), "--port", str(free_port())) as process:
        line = line_with(process, "FileNotFoundError: ")
        assert line.endswith(f"the folder of the pages does not exist: {tmp_path / 'nowhere'}\n")
        assert process.wait(PATIENCE) == 1


@pytest.mark.parametrize("command", ["run", "dev"])
def test_a_program_that_fails_is_shown_by_its_own_lines_and_one_sentence(tmp_path: Path, command: str) -> None:
    file = tmp_path / "main.py"
    file.write_text("import nothing_of_this_name\n", encoding="utf-8")
    with running(command, str(file), "--port", "0") as process:
        lines: list[str] = []
        while not lines or not lines[-1].startswith("webipc: "):
            lines.append(line_with(process, ""))
        assert [line for line in lines if not line.startswith("INFO")] == [
            "Traceback (most recent call last):\n",
            f'  File "{file}", line 1, in <module>\n',
            "    import nothing_of_this_name\n",
            "ModuleNotFoundError: No module named 'nothing_of_this_name'\n",
            (
                f"webipc: {file} raised ModuleNotFoundError while it was imported: "
                f"install nothing_of_this_name for {sys.executable}, which runs webipc, or correct its name\n"
            ),
        ]
        if command == "run":
            assert process.wait(PATIENCE) == 1
        else:
            assert line_with(process, "webipc: ") == "webipc: waiting for a file to change\n"
            file.write_text(PROGRAM.format(pages=""), encoding="utf-8")
            line_with(process, "webipc: open")


FAILING = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
from webipc import IpcMain
def connect():
    {what}
@asynccontextmanager
async def lifespan(app):
    {at_start}
    yield
    {at_stop}
app = FastAPI(lifespan=lifespan)
IpcMain().mount(app)
"""
OWN_LINES = [
    "Traceback (most recent call last):\n",
    '  File "{file}", line {line}, in lifespan\n',
    "    connect()\n",
    '  File "{file}", line 6, in connect\n',
    '    raise ValueError("no database")\n',
    "ValueError: no database\n",
]


def lines_behind(process: subprocess.Popen[str], text: str, count: int) -> list[str]:
    """Return the line with this text, and as many behind it."""
    return [line_with(process, text), *(line_with(process, "") for _ in range(count))]


@pytest.mark.parametrize("command", ["run", "dev"])
def test_an_application_that_fails_to_start_is_shown_by_its_own_lines_and_one_sentence(
    tmp_path: Path, command: str
) -> None:
    file = tmp_path / "main.py"
    file.write_text(FAILING.format(what='raise ValueError("no database")', at_start="connect()", at_stop="pass"))
    with running(command, str(file), "--port", "0") as process:
        sentence, *lines = lines_behind(process, " raised ", len(OWN_LINES) + 1)
        assert sentence.endswith(f"{file} raised ValueError while it was starting\n")
        assert lines[:-1] == [line.format(file=file, line=9) for line in OWN_LINES]
        if command == "run":
            assert "Application startup failed" in lines[-1]
            assert process.wait(PATIENCE) == 1
        else:
            assert lines[-1] == "webipc: waiting for a file to change\n"
            file.write_text(PROGRAM.format(pages=""), encoding="utf-8")
            line_with(process, "webipc: open")


def test_an_application_that_fails_to_stop_is_shown_in_the_same_way(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(FAILING.format(what='raise ValueError("no database")', at_start="pass", at_stop="connect()"))
    with running("run", str(file), "--port", "0") as process:
        line_with(process, "running on")
        process.send_signal(signal.SIGINT)
        sentence, *lines = lines_behind(process, " raised ", len(OWN_LINES) + 1)
        assert sentence.endswith(f"{file} raised ValueError while it was stopping\n")
        assert lines[:-1] == [line.format(file=file, line=11) for line in OWN_LINES]
        assert "Application shutdown failed" in lines[-1]
        process.wait(PATIENCE)


def test_an_application_that_cannot_join_the_other_processes_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    joining = 'from webipc.cluster.bus.bus import BusError; raise BusError("there is no Redis")'
    file.write_text(FAILING.format(what=joining, at_start="connect()", at_stop="pass"))
    with running("run", str(file), "--port", "0") as process:
        sentence, following = lines_behind(process, " join ", 1)
        assert sentence.endswith(f"{file} could not join the other processes: there is no Redis\n")
        assert "Application startup failed" in following
        assert process.wait(PATIENCE) == 1


def test_an_application_that_exits_while_it_starts_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(FAILING.format(what="raise SystemExit(4)", at_start="connect()", at_stop="pass"))
    with running("run", str(file), "--port", "0") as process:
        sentence, following = lines_behind(process, " exited ", 1)
        assert sentence.endswith(f"{file} exited while it was starting, with 4\n")
        assert "Application startup failed" in following
        assert process.wait(PATIENCE) == 1


FROZEN = """
import gc
import sys
from fastapi import FastAPI
from webipc import IpcMain
app = FastAPI()
IpcMain().mount(app)
at_import = gc.get_freeze_count()
{at_start}
@app.get("/frozen")
def frozen():
    return [at_import, gc.get_freeze_count(), gc.get_threshold(), sys.getswitchinterval()]
"""


def test_objects_of_the_start_are_excluded_from_garbage_collection(tmp_path: Path) -> None:
    at_import, now, *_ = collection_of(tmp_path, "")
    assert at_import == 0
    assert now > 10_000


@pytest.mark.parametrize(
    "at_start, thresholds", [("", list(THRESHOLDS)), ("gc.set_threshold(5000, 20, 30)", [5000, 20, 30])]
)
def test_collections_are_less_frequent_unless_the_application_has_set_how_frequent(
    tmp_path: Path, at_start: str, thresholds: list[int]
) -> None:
    assert collection_of(tmp_path, at_start)[2] == thresholds


@pytest.mark.parametrize("at_start, seconds", [("", SWITCH_SECONDS), ("sys.setswitchinterval(0.01)", 0.01)])
def test_threads_take_turns_more_often_unless_the_application_has_set_how_often(
    tmp_path: Path, at_start: str, seconds: float
) -> None:
    assert collection_of(tmp_path, at_start)[3] == pytest.approx(seconds)


def collection_of(folder: Path, at_start: str) -> Any:
    """Return, of a served program: how many objects were frozen at its import and are now, the thresholds of garbage
    collection, and the seconds between two turns of threads.
    """
    file = folder / "main.py"
    file.write_text(FROZEN.format(at_start=at_start), encoding="utf-8")
    with spawned(file) as served, urllib.request.urlopen(f"{served.url}/frozen", timeout=PATIENCE) as response:
        return json.loads(response.read())


@pytest.mark.parametrize("command", ["run", "dev"])
def test_the_limit_on_open_files_is_raised_to_what_the_system_allows(tmp_path: Path, command: str) -> None:
    file = tmp_path / "main.py"
    limit = "print('files', resource.getrlimit(resource.RLIMIT_NOFILE), flush=True)"
    file.write_text(f"import resource\n{limit}\n{PROGRAM.format(pages='')}", encoding="utf-8")
    under = ["sh", "-c", 'ulimit -Sn 300 && ulimit -Hn 700 && exec "$@"', "sh"]
    with running(command, str(file), "--port", "0", under=under) as process:
        assert line_with(process, "files (") == "files (700, 700)\n"
