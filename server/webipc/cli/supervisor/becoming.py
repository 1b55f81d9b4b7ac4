"""`become_parent`: how the command becomes the parent process, and how the parent starts a worker.

With `exec` the process forgets what the command has imported, and its arguments, in which the URL of a Redis may be.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

from webipc.cli.supervisor.control import SERVING_VARIABLE
from webipc.cli.supervisor.plan import PLAN_VARIABLE, Plan

_BLOCKED: Final = ("SIGINT", "SIGTERM", "SIGHUP")


def worker_command(shown: str) -> list[str]:
    """Return the command that starts a worker; `shown` is the name of the program, for a list of processes."""
    return [*_python(), "-m", "webipc.cli.supervised", shown]


def become_parent(plan: Plan, serving: str, shown: str) -> NoReturn:
    """Run the plan from here on, in this process. `serving` is for the workers. Raises OSError if Python is gone."""
    os.environ[PLAN_VARIABLE] = plan.text
    os.environ[SERVING_VARIABLE] = serving
    for number in plan.listeners:
        os.set_inheritable(number, True)
    sys.stdout.flush()
    sys.stderr.flush()
    # They wait until the parent can handle them. A traceback of an import would be shown otherwise.
    signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in _BLOCKED])
    arguments = [*_python(), "-m", "webipc.cli.supervisor", shown, f"--workers={plan.workers}"]
    os.execv(sys.executable, arguments)  # noqa: S606 - no shell, and its own program


def _python() -> list[str]:
    """Return this interpreter with the options that it has."""
    # What multiprocessing uses; the documentation does not name it.
    flags_of: Any = subprocess._args_from_interpreter_flags  # type: ignore[attr-defined] # noqa: SLF001
    is_unbuffered = getattr(sys.stdout, "write_through", False)
    # `-m` would let files of this folder hide installed ones, if it is not on the path already.
    is_here = "" in sys.path or str(Path.cwd()) in sys.path
    return [sys.executable, *flags_of(), *(["-u"] if is_unbuffered else []), *([] if is_here else ["-P"])]
