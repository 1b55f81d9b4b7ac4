"""The benchmarks run, in their shortest form: what they measure is for a quiet machine, not for a test."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from benchmarks.cells import CELLS
from tests.support.serving import PATIENCE

ROOT = Path(__file__).parents[2]
NODE_PACKAGES = ROOT / "benchmarks" / "node" / "node_modules"
LOAD = "the load in C needs Linux and a C compiler"
# Why a row has no figure where a tool is missing, by the beginning of its id.
REASONS = {
    **dict.fromkeys("BP", None if sys.platform == "linux" and shutil.which("cc") else LOAD),
    "P4": None,
    "S": None if NODE_PACKAGES.is_dir() else "ws is not installed in benchmarks/node",
}


def command(only: str, saved: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "benchmarks", "--quick", "--here", "--only", only),
        *("--save", str(saved), *more),
    ]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "server"), str(ROOT)])}


def ended(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=PATIENCE * 2, check=False
    )


def run(only: str, saved: Path, *more: str) -> dict[str, Any]:
    """Run some benchmarks; return the record, by their ids."""
    done = ended(command(only, saved, *more))
    assert done.returncode == 0, done.stderr + done.stdout
    return {bench["id"]: bench for bench in json.loads(saved.read_text())["benches"]}


@pytest.mark.parametrize("only", ["W", "F", "K100,T", "C,G", "S", "B9,B4", "P"])
def test_each_row_has_a_figure_of_webipc_or_the_tool_that_is_missing(only: str, tmp_path: Path) -> None:
    benches = run(only, tmp_path / "run.json", "--subjects", "webipc")
    wanted = {bench.id for cell in CELLS for bench in cell.benches if bench.id.startswith(tuple(only.split(",")))}
    assert wanted == set(benches)
    for name, bench in benches.items():
        told = bench["subjects"]["webipc"]
        reason = REASONS.get(name, REASONS.get(name[0]))
        assert told["missing"] == reason, name
        assert reason is not None or told["median"] >= 0, name


def test_a_peer_that_is_not_installed_is_a_row_that_says_so(tmp_path: Path) -> None:
    benches = run("W:text,T", tmp_path / "run.json", "--subjects", "python-socketio")
    told = benches["W:text:in"]["subjects"]["python-socketio"]
    assert told.get("rounds") or told["missing"] == "python-socketio is not installed"


def test_what_a_peer_cannot_do_is_a_row_that_says_so(tmp_path: Path) -> None:
    benches = run("V", tmp_path / "run.json")
    assert all(bench["subjects"]["webipc"]["median"] > 0 for bench in benches.values())
    told = benches["V:numpy:encode:1"]["subjects"]["python-socketio"]
    assert "rounds" not in told
    assert told["missing"].startswith(("cannot: ", "python-socketio is not installed"))


def test_a_selection_without_benchmarks_is_refused(tmp_path: Path) -> None:
    done = ended(command("X9", tmp_path / "run.json"))
    assert done.returncode == 2
    assert done.stderr == "--only X9: no benchmark begins with this; benchmarks/README.md lists them\n"


def test_a_folder_without_webipc_is_no_other_checkout(tmp_path: Path) -> None:
    done = ended(command("K", tmp_path / "run.json", "--before", str(tmp_path)))
    assert done.returncode == 1
    assert f"--before {tmp_path}: expected a checkout of webipc, with server/webipc in it" in done.stderr


def test_another_checkout_is_a_subject_beside_this_one(tmp_path: Path) -> None:
    told = run("K100", tmp_path / "run.json", "--before", str(ROOT), "--subjects", "webipc")["K100"]["subjects"]
    assert told["webipc, the other checkout"]["median"] > 0


@contextmanager
def started(words: list[str]) -> Iterator[tuple[psutil.Popen, list[psutil.Process]]]:
    """Start a run; whatever the test puts into the list is killed with it."""
    process = psutil.Popen(words, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    family: list[psutil.Process] = []
    try:
        yield process, family
    finally:
        for one in [*family, process]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()


def floods(process: psutil.Popen) -> bool:
    """Whether the run has begun to flood the server."""
    with suppress(psutil.NoSuchProcess):  # a child that ends while they are listed
        return any("benchmarks.pages.flood" in child.cmdline() for child in process.children(recursive=True))
    return False


def test_a_run_that_is_stopped_leaves_no_process_behind(tmp_path: Path) -> None:
    with started(command("F", tmp_path / "run.json", "--subjects", "webipc")) as (process, family):
        deadline = time.monotonic() + PATIENCE
        while not floods(process):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        family.extend(process.children(recursive=True))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
        _, alive = psutil.wait_procs(family, timeout=PATIENCE)
        assert alive == []
