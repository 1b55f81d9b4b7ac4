"""How `webipc dev` sees that a file has changed: one of the program, to start it anew, or one of its pages.

The system tells; where it does not, because others have used up what it has for that, files are looked at again and
again. Must not know what is served, nor what a change means to a page (worker.py).
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from pathlib import Path

from uvicorn._subprocess import get_subprocess
from uvicorn.supervisors.basereload import HANDLED_SIGNALS
from uvicorn.supervisors.watchfilesreload import WatchFilesReload
from watchfiles import Change, awatch, watch

logger = logging.getLogger("webipc")

# watchfiles' own: set, it looks at the files itself. Processes that are started from here on have it as well.
POLLING_VARIABLE = "WATCHFILES_FORCE_POLLING"

# How long one look for changes of the program takes at most, in milliseconds; each is followed by uvicorn's own pause.
LOOK_MS = 50

# How long the program may take to end before it is started anew.
END_SECONDS = 10.0

# What watchfiles raises: its own error is a RuntimeError.
_TROUBLES = (OSError, RuntimeError)


class Restarter(WatchFilesReload):
    """Starts the program anew after every change, and sees one from before the program has been read.

    uvicorn's own begins to watch a quarter of a second after it has started the program, and ends with a traceback,
    while the program goes on without anybody who could start it anew, where the system lets it watch nothing.
    """

    def startup(self) -> None:
        """Begin to watch, then start the program."""
        self._watch()
        for number in HANDLED_SIGNALS:
            signal.signal(number, self.signal_handler)
        self._start()

    def should_restart(self) -> list[Path] | None:
        """Return what has changed since this was asked before."""
        try:
            return super().should_restart()
        except _TROUBLES as error:
            _look_from_now_on(error)
            self._watch()
            # Whatever has changed in between.
            return list(self.reload_dirs)

    def restart(self) -> None:
        """End the program, and start it anew."""
        with self._patience():
            if sys.platform == "win32":
                super().restart()
                return
            self.process.terminate()
            self.process.join()
        self._start()

    def shutdown(self) -> None:
        """End the program for good."""
        with self._patience():
            super().shutdown()

    def _start(self) -> None:
        """Start the program, deaf to Ctrl-C until it hears to it: this process hears, and ends it.

        While its interpreter imports us there is nobody in it who could do so but with a traceback.
        """
        self.process = get_subprocess(config=self.config, target=self.target, sockets=self.sockets)
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self.process.start()
        finally:
            signal.signal(signal.SIGINT, handler)

    def _watch(self) -> None:
        try:
            self._begin()
        except _TROUBLES as error:
            _look_from_now_on(error)
            self._begin()

    def _begin(self) -> None:
        self.watcher = watch(
            *self.reload_dirs,
            watch_filter=None,
            stop_event=self.should_exit,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        # It watches from its first look on.
        next(self.watcher, None)

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Kill the program if it does not end: one that waits while it is read or starts takes no other signal."""
        killing = threading.Timer(END_SECONDS, self._kill, [self.process])
        killing.daemon = True
        killing.start()
        try:
            yield
        finally:
            killing.cancel()

    def _kill(self, program: SpawnProcess) -> None:
        logger.warning("The program has not ended within %g seconds, and is killed", END_SECONDS)
        program.kill()


async def changes_of(
    folders: set[Path], concerns: Callable[[Change, str], bool]
) -> AsyncIterator[set[tuple[Change, str]]]:
    """Yield what has changed in these folders, as often as something has."""
    while True:
        try:
            async for changes in awatch(*folders, watch_filter=concerns):
                yield changes
        except _TROUBLES as error:
            _look_from_now_on(error)
        else:
            return


def _look_from_now_on(error: Exception) -> None:
    """Let watchfiles do without the system. Raises the error again where it did so already."""
    if os.environ.get(POLLING_VARIABLE):
        raise error
    os.environ[POLLING_VARIABLE] = "true"
    logger.warning("The system does not tell when files change, so they are looked at again and again: %s", error)
