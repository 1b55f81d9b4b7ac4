"""The process that serves an application for the command line: loads it, tells its address, watches its pages.

With `webipc dev` this is a child process, started anew after every change; what it has to know comes through the
environment. Must not know the command's options.
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

from webipc.cli.announce import ADDRESS_VARIABLE, announce
from webipc.cli.page_reload import watch_pages
from webipc.cli.program import ImportFailedError, StartError, Target, load
from webipc.mount import mounts

TARGET_VARIABLE = "WEBIPC_TARGET"

# The prefix of the names of the threads that run `def` handlers (the hub's executor names them).
HANDLER_THREADS = "webipc"
# How long the process waits for these threads when everything else has ended.
LAST_SECONDS = 0.5


def served() -> FastAPI:
    """Return the application to serve (uvicorn calls this in the process that serves)."""
    _end_with_parent()
    try:
        app = load(Target.from_text(os.environ[TARGET_VARIABLE]))
    except StartError as error:
        _give_up(error)
    _watch_lifespan(app)
    return app


def _end_with_parent() -> None:
    """Let this process end when that which watches the files is gone: nobody could start it anew, or stop it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def _give_up(error: StartError) -> NoReturn:
    if isinstance(error, ImportFailedError):
        print(error.trace, end="", file=sys.stderr)
    print(f"webipc: {error}", file=sys.stderr)
    if os.environ.get(ADDRESS_VARIABLE):
        print("webipc: waiting for a file to change", file=sys.stderr)
    raise SystemExit(1)


def _watch_lifespan(app: FastAPI) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(scope_app: Any) -> AsyncIterator[Any]:
        tasks = []
        with ExitStack() as ended, _Impatience() as impatience:
            async with inner(scope_app) as state:
                ended.callback(_end_despite_threads)
                impatience.rest()
                _freeze()
                if os.environ.get(ADDRESS_VARIABLE):
                    tasks = [asyncio.create_task(announce(app)), asyncio.create_task(watch_pages(mounts(app)))]
                try:
                    yield state
                finally:
                    for task in tasks:
                        task.cancel()
                    impatience.wake()

    app.router.lifespan_context = lifespan


class _Impatience:
    """Lets Ctrl-C end the process while the application starts or ends, which may take for ever.

    The server notes a signal then, and looks at it when the application is done. So the first one while it starts is
    answered by a sentence, the second one ends the process, and so does any while it ends.
    """

    def __init__(self) -> None:
        self._server: Any = None
        self._asked = False

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *error: object) -> None:
        self.rest()

    def rest(self) -> None:
        """Leave signals to the server."""
        if self._server is not None:
            signal.signal(signal.SIGINT, self._server)
            self._server = None

    def wake(self) -> None:
        """The application begins to end: the first Ctrl-C has been, or somebody else has asked for the end."""
        self._asked = True
        self._listen()

    def _listen(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._server = signal.signal(signal.SIGINT, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            sys.stderr.flush()
            os._exit(1)
        self._asked = True
        print("webipc: ends as soon as the application has started; Ctrl-C again ends it at once", file=sys.stderr)
        if callable(self._server):
            self._server(number, frame)


def _freeze() -> None:
    """Let no collection of garbage look again at what was there before the first page (docs/adr/0015)."""
    gc.collect()
    gc.freeze()


def _end_despite_threads() -> None:
    """Let the process end soon, although a `def` handler may still run: Python itself waits for such threads."""
    threading.Thread(target=_outlive_handlers, daemon=True).start()


def _outlive_handlers() -> None:
    end = time.monotonic() + LAST_SECONDS
    for thread in _handler_threads():
        thread.join(end - time.monotonic())
    if _handler_threads():
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _handler_threads() -> list[threading.Thread]:
    # By their names, because an executor does not tell its threads.
    return [thread for thread in threading.enumerate() if thread.name.startswith(HANDLER_THREADS)]
