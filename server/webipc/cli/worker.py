"""The process that serves an application for the command `webipc`: loads it, wraps its lifespan, ends despite threads.

With `webipc dev` this is a child process that restarts after every change. Its options are in environment variables.
"""

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from types import FrameType
from typing import Any, NoReturn, Self

from fastapi import FastAPI
from starlette.types import ASGIApp

from webipc.access.hosts import Hosts
from webipc.budget.machine import raise_descriptors
from webipc.budget.sizes import in_words
from webipc.cli.announce import ADDRESS_VARIABLE, announce
from webipc.cli.host_check import HOSTS_VARIABLE, HostCheck
from webipc.cli.lifespan_report import LifespanReport
from webipc.cli.page_reload import watch_pages
from webipc.cli.program import ImportFailedError, StartError, Target, load
from webipc.cli.signalled_event import say
from webipc.cli.supervisor.control import mark_of
from webipc.mount import IpcMount, mounts
from webipc.servers.newcomers import MOST_DESCRIPTORS

logger = logging.getLogger("webipc")

# Where the application is, as `Target.text`.
TARGET_VARIABLE = "WEBIPC_TARGET"

# What `webipc dev` says when the program cannot be served.
WAITING = "webipc: waiting for a file to change"

# The prefixes of the names of threads that run code of the application: `def` handlers (budget/threads.py names them),
# and `def` dependencies, `authenticate` among them, which FastAPI runs in the threads of anyio.
APPLICATION_THREADS = ("webipc", "AnyIO worker")
# How many seconds the process waits for these threads when everything else has ended.
LAST_SECONDS = 0.5

# A young collection after so many new objects, a middle one after so many of those, a full one after so many of these.
THRESHOLDS = (10_000, 5, 200)
# As Python sets them: this module is imported before the application.
_PYTHON_THRESHOLDS = gc.get_threshold()

# How long a thread that computes keeps the event loop waiting for the interpreter's lock, in seconds.
SWITCH_SECONDS = 0.0005
_PYTHON_SWITCH_SECONDS = sys.getswitchinterval()


# Those of the application that this process serves.
_mounts: list[IpcMount] = []


def served() -> ASGIApp:
    """Return the application to serve: uvicorn calls this in the process that serves. Raises SystemExit on errors."""
    _end_with_parent()
    raise_descriptors(MOST_DESCRIPTORS)
    target = Target.from_text(os.environ[TARGET_VARIABLE])
    try:
        app = load(target)
    except StartError as error:
        _give_up(error)
    hint = WAITING if os.environ.get(ADDRESS_VARIABLE) else ""
    report = LifespanReport(HostCheck(app, _hosts(app)), target.shown, hint)
    _wrap_lifespan(app, report)
    _mounts[:] = mounts(app)
    return report


async def drain(seconds: float, hurry: asyncio.Event) -> None:
    """Let what runs in the application end within so many seconds, or until `hurry` is set; then close all sockets."""
    await asyncio.gather(*(mount.drain(seconds, hurry) for mount in _mounts))


def _hosts(app: FastAPI) -> Hosts:
    """Return the hosts that the application is served for."""
    of_origins = [host for mount in mounts(app) for host in mount.hosts]
    return Hosts(os.environ.get(HOSTS_VARIABLE, "").split(), of_origins)


def _end_with_parent() -> None:
    """End this process when its parent, which watches the files, has ended: nothing could restart or stop it then."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        if sys.platform != "win32":
            # Otherwise the system may give this thread a signal, and the main thread sleeps on in what it waits for.
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def _give_up(error: StartError) -> NoReturn:
    if isinstance(error, ImportFailedError):
        print(error.trace, end="", file=sys.stderr)
    print(f"webipc: {mark_of(os.environ)}{error}", file=sys.stderr)
    if os.environ.get(ADDRESS_VARIABLE):
        print(WAITING, file=sys.stderr)
    raise SystemExit(1)


def _wrap_lifespan(app: FastAPI, report: LifespanReport) -> None:
    """Handle Ctrl-C during start and stop; start what `dev` adds; end the process when the application has stopped."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(scope_app: Any) -> AsyncIterator[Any]:
        tasks = []
        with ExitStack() as stopped, _Interrupts() as interrupts, report.noting():
            async with inner(scope_app) as state:
                # Also if the application fails to stop.
                stopped.callback(_end_despite_threads)
                interrupts.started()
                _freeze()
                _take_turns()
                for mount in mounts(app):
                    logger.info("pages may make this process hold %s (--memory)", in_words(mount.memory()))
                if os.environ.get(ADDRESS_VARIABLE):
                    tasks = [asyncio.create_task(announce(app)), asyncio.create_task(watch_pages(mounts(app)))]
                try:
                    yield state
                finally:
                    for task in tasks:
                        task.cancel()
                    interrupts.stopping()

    app.router.lifespan_context = lifespan


class _Interrupts:
    """Handles SIGINT while the application starts or stops, which may take forever.

    uvicorn only stores the signal then, and acts on it when the application is done. So the first SIGINT during the
    start prints a hint, and the second ends the process. During the stop, any SIGINT ends the process.
    """

    def __init__(self) -> None:
        # uvicorn's handler while ours is installed.
        self._server: Any = None
        self._ends_at_once = False

    def __enter__(self) -> Self:
        self._install()
        return self

    def __exit__(self, *error: object) -> None:
        self._uninstall()

    def started(self) -> None:
        """Let uvicorn handle the signal: the application has started."""
        self._uninstall()

    def stopping(self) -> None:
        """Handle the signal again: the application stops, because of a first SIGINT or of something else."""
        self._ends_at_once = True
        self._install()

    def _install(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._server = signal.signal(signal.SIGINT, self._handle)

    def _uninstall(self) -> None:
        if self._server is not None:
            signal.signal(signal.SIGINT, self._server)
            self._server = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._ends_at_once:
            os._exit(1)
        self._ends_at_once = True
        say("webipc: stopping when the application has started; press Ctrl-C again to end it now")
        if callable(self._server):
            self._server(number, frame)


def _freeze() -> None:
    """Exclude the objects that exist by now from garbage collection, and collect less often (docs/adr/0015, 0017).

    Thresholds that the application has set stay.
    """
    gc.collect()
    gc.freeze()
    if gc.get_threshold() == _PYTHON_THRESHOLDS:
        gc.set_threshold(*THRESHOLDS)


def _take_turns() -> None:
    """Let the event loop have its turn beside threads sooner than Python does (docs/adr/0027).

    An interval that the application has set stays.
    """
    if sys.getswitchinterval() == _PYTHON_SWITCH_SECONDS:
        sys.setswitchinterval(SWITCH_SECONDS)


def _end_despite_threads() -> None:
    """End the process soon, even if a `def` handler or dependency still runs: Python itself would wait for it."""
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    end = time.monotonic() + LAST_SECONDS
    for thread in _application_threads():
        thread.join(end - time.monotonic())
    if _application_threads():
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _application_threads() -> list[threading.Thread]:
    # By name, because an executor does not list its threads.
    return [thread for thread in threading.enumerate() if thread.name.startswith(APPLICATION_THREADS)]
