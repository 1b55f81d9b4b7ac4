"""Ctrl-C before the command `webipc` has started: the process ends, and shows no traceback of what it was importing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.serving import PATIENCE

# Interrupts its own process when this module begins to be imported. Python imports a file of this name first.
SITECUSTOMIZE = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
"""


def interrupted(
    tmp_path: Path, program: Path, command: str, at: str, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run the command until it imports a module, and return how it has ended."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "webipc", command, str(program), "--port", "0", *options],
        env={**os.environ, "PYTHONPATH": path, "INTERRUPT_AT": at},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize(
    "module",
    ["webipc.cli.command", "argparse", "uvicorn", "fastapi", "pydantic", "webipc.core.errors", "webipc.hub.hub"],
)
@pytest.mark.parametrize("command", ["run", "dev"])
def test_ctrl_c_while_webipc_is_imported_ends_it_in_silence(
    tmp_path: Path, program: Path, command: str, module: str
) -> None:
    ended = interrupted(tmp_path, program, command, module)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("module", ["webipc.servers.http.by_httptools", "webipc.servers.server"])
def test_ctrl_c_between_the_import_and_the_start_ends_it_in_silence(tmp_path: Path, program: Path, module: str) -> None:
    ended = interrupted(tmp_path, program, "run", module)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize("module", ["webipc.cli.supervisor.supervisor", "asyncio", "webipc.cli.acceptor.acceptor"])
def test_ctrl_c_while_the_parent_of_workers_starts_ends_it_in_silence(
    tmp_path: Path, program: Path, module: str
) -> None:
    ended = interrupted(tmp_path, program, "run", module, "--workers", "2")
    assert ended.returncode in (0, -signal.SIGINT)
    assert (ended.stdout, ended.stderr) == ("", "")


# The first one is imported before any line of the worker has run.
@pytest.mark.parametrize("module", ["webipc.cli.supervised", "webipc.cli.supervised.parent_watch"])
def test_ctrl_c_while_a_worker_is_imported_ends_it_in_silence(tmp_path: Path, program: Path, module: str) -> None:
    ended = interrupted(tmp_path, program, "run", module, "--workers", "2")
    assert (ended.returncode, ended.stdout) == (1, "")
    # Three times: to the parent, a worker has died.
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("worker 1 was killed by SIGINT") == 2


def test_what_a_background_job_ignores_stays_ignored(tmp_path: Path, program: Path) -> None:
    """A shell starts background jobs with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ended = interrupted(tmp_path, program.with_name("nowhere.py"), "run", "fastapi")
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.returncode == 1
    assert "webipc: file not found" in ended.stderr
