"""How `webipc dev` notices file changes: `Restarter` restarts the server, `changes_of` yields changes of pages.

Both use watchfiles, and poll where the operating system's file notifications are unavailable, for example because
other programs have used up its limit of watches.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnProcess
from pathlib import Path
from socket import socket

from uvicorn import Config
from uvicorn._subprocess import get_subprocess
from uvicorn.supervisors.basereload import HANDLED_SIGNALS
from uvicorn.supervisors.watchfilesreload import WatchFilesReload
from watchfiles import Change, awatch, watch

from webipc.cli.signalled_event import SignalledEvent

logger = logging.getLogger("webipc")

# A variable of watchfiles: when it is set, watchfiles polls. Child processes that start later have it as well.
POLLING_VARIABLE = "WATCHFILES_FORCE_POLLING"

# How many milliseconds one wait for changes of the program takes at most; uvicorn pauses after each.
WAIT_MS = 50

# How many seconds the server may take to end before it is killed.
END_SECONDS = 10.0

# What watchfiles raises: its own error is a RuntimeError.
_WATCH_ERRORS = (OSError, RuntimeError)


class Restarter(WatchFilesReload):
    """uvicorn's supervisor for reload, which restarts the server after every change, with four differences.

    It watches before the server starts: uvicorn's own begins a quarter of a second later, and misses changes until
    then. It polls where file notifications are unavailable: uvicorn's own ends with a traceback, and leaves the server
    running. It kills a server that does not end. And a second Ctrl-C at any moment leaves it working.
    """

    def __init__(self, config: Config, target: Callable[[list[socket] | None], None], sockets: list[socket]) -> None:
        """Arguments as of uvicorn's supervisor."""
        super().__init__(config, target, sockets)
        self.should_exit = SignalledEvent()

    def startup(self) -> None:
        """Watch the files, then start the server."""
        self._watch()
        for number in HANDLED_SIGNALS:
            signal.signal(number, self.signal_handler)
        self._start()

    def should_restart(self) -> list[Path] | None:
        """Return the files that have changed since the last call."""
        try:
            return super().should_restart()
        except _WATCH_ERRORS as error:
            _poll_from_now_on(error)
            self._watch()
            # Any file may have changed in between.
            return list(self.reload_dirs)

    def restart(self) -> None:
        """End the server and start it again."""
        with self._killed_if_late():
            if sys.platform == "win32":
                super().restart()
                return
            self.process.terminate()
            self.process.join()
        self._start()

    def shutdown(self) -> None:
        """End the server."""
        with self._killed_if_late():
            super().shutdown()

    def _start(self) -> None:
        """Start the server with SIGINT blocked: this process handles Ctrl-C until the child has its own handler.

        Without that, Ctrl-C would print a traceback while the child's interpreter imports this package. Blocked and not
        ignored, because this process would ignore a Ctrl-C at that moment as well.
        """
        target = partial(_run_unblocked, self.target)
        self.process = get_subprocess(config=self.config, target=target, sockets=self.sockets)
        with _sigint_blocked():
            self.process.start()

    def _watch(self) -> None:
        try:
            self._begin()
        except _WATCH_ERRORS as error:
            _poll_from_now_on(error)
            self._begin()

    def _begin(self) -> None:
        self.watcher = watch(
            *self.reload_dirs,
            watch_filter=None,
            stop_event=self.should_exit,
            rust_timeout=WAIT_MS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        # watchfiles begins to watch at the first `next`.
        next(self.watcher, None)

    @contextmanager
    def _killed_if_late(self) -> Iterator[None]:
        """Kill the server if it has not ended in time: during its import or start it may ignore every other signal."""
        killing = threading.Timer(END_SECONDS, self._kill, [self.process])
        killing.daemon = True
        killing.start()
        try:
            yield
        finally:
            killing.cancel()

    def _kill(self, server: SpawnProcess) -> None:
        logger.warning("The server has not ended within %g seconds; killing it", END_SECONDS)
        server.kill()


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block SIGINT in this thread; a child process that is started here inherits that."""
    if sys.platform == "win32":
        yield
        return
    # Started now, because its start unblocks SIGINT.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run_unblocked(run: Callable[..., None], sockets: list[socket]) -> None:
    """Run the server in the child process. SIGINT is ignored until the server installs its own handler."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    run(sockets=sockets)


async def changes_of(
    folders: set[Path], concerns: Callable[[Change, str], bool]
) -> AsyncIterator[set[tuple[Change, str]]]:
    """Yield the changes in these folders for which `concerns(change, path)` is true, in sets, until it is cancelled.

    Raises what watchfiles raises when polling fails too.
    """
    while True:
        try:
            async for changes in awatch(*folders, watch_filter=concerns):
                yield changes
        except _WATCH_ERRORS as error:
            _poll_from_now_on(error)
        else:
            return


def _poll_from_now_on(error: Exception) -> None:
    """Make watchfiles poll. Raises `error` again if it polls already."""
    if os.environ.get(POLLING_VARIABLE):
        raise error
    os.environ[POLLING_VARIABLE] = "true"
    logger.warning("File notifications are unavailable; polling instead: %s", error)
