"""The process that serves an application for the command line: loads it, tells its address, watches its pages.

With `webipc dev` this is a child process, started anew after every change; what it has to know comes through the
environment. Must not know the command's options.
"""

import asyncio
import contextlib
import gc
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Self

from fastapi import FastAPI

from webipc.cli.program import ImportFailedError, StartError, Target, load
from webipc.mount import IpcMount, mounts

TARGET_VARIABLE = "WEBIPC_TARGET"
# The address that a person can open; set by `dev` alone.
ADDRESS_VARIABLE = "WEBIPC_ADDRESS"
# A file that exists once a browser has been opened; "no" when none is wanted.
OPENED_VARIABLE = "WEBIPC_OPENED"

# How long the process waits, after everything has ended in good order, for threads that run the application's code.
LAST_SECONDS = 0.5

# How long an application may take to say what there is at "/". One that takes longer has something there.
ANSWER_SECONDS = 2.0


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
        with _Impatience() as impatience:
            async with inner(scope_app) as state:
                impatience.rest()
                _freeze()
                if os.environ.get(ADDRESS_VARIABLE):
                    tasks = [asyncio.create_task(_announce(app)), asyncio.create_task(_watch_pages(mounts(app)))]
                try:
                    yield state
                finally:
                    for task in tasks:
                        task.cancel()
                    impatience.wake()
            threading.Thread(target=_leave_anyway, daemon=True).start()

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


def _leave_anyway() -> None:
    """End the process although a thread still runs the application's code: Ctrl-C ends within a second."""
    time.sleep(LAST_SECONDS)
    if any(thread.name.startswith("webipc") for thread in threading.enumerate()):
        sys.stderr.flush()
        os._exit(0)


async def _announce(app: FastAPI) -> None:
    """Say where the page is, and open it once."""
    address = os.environ[ADDRESS_VARIABLE] + await _best_path(app)
    if not _has_ipc(app):
        print("webipc: no page can connect, because no IpcMain is mounted: ipc_main.mount(app)", file=sys.stderr)
    opened = os.environ.get(OPENED_VARIABLE, "no")
    if opened != "no" and Path(opened).exists():
        return
    print(f"webipc: open {address}", flush=True)
    if opened != "no":
        _mark(Path(opened))
        await asyncio.to_thread(_open, address)


def _has_ipc(app: FastAPI) -> bool:
    """Tell whether an IpcMain is mounted on this application, or on one that is mounted on it."""
    return bool(mounts(app)) or any(mounts(getattr(route, "app", None)) for route in app.router.routes)


async def _best_path(app: FastAPI) -> str:
    """Return "/", or the playground where "/" answers nothing."""
    for mount in mounts(app):
        if await _status(app, "/") == 404:  # noqa: PLR2004 - HTTP's own number
            return f"{mount.prefix}/"
    return "/"


async def _status(app: FastAPI, path: str) -> int | None:
    """Ask the application itself, in this process: the socket may not listen yet.

    None where it does not say in time, or fails. Only its first word is waited for: an answer may have no end.
    """
    status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    requests: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not requests:
            await asyncio.Future()
        return requests.pop()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and not status.done():
            status.set_result(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    asked: asyncio.Future[Any] = asyncio.ensure_future(app(scope, receive, send))
    either: set[asyncio.Future[Any]] = {asked, status}
    await asyncio.wait(either, timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    return status.result() if status.done() else None


def _open(address: str) -> None:
    """Open a browser where there is one to see: not over ssh, not in a container."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)


def new_marker() -> Path:
    """Return where the file will be that says that a browser has been opened.

    Not one that says the contrary: whoever clears temporary files away would have the address told to nobody.
    """
    return Path(tempfile.mkdtemp(prefix="webipc-")) / "opened"


def _mark(opened: Path) -> None:
    opened.parent.mkdir(exist_ok=True)
    opened.touch()


def remove_marker(opened: Path) -> None:
    """Leave nothing of it behind."""
    shutil.rmtree(opened.parent, ignore_errors=True)


async def _watch_pages(found: list[IpcMount]) -> None:
    """Let pages load themselves again when a file of theirs changes."""
    # Development alone needs it, and an application that is served otherwise may not have it.
    from webipc.cli.reloader import changes_of

    folders = {folder for mount in found for folder in _folders(mount)}
    if not folders:
        return
    # Folders, because many editors replace a file, and whoever watches the file itself would watch the old one.
    async for changes in changes_of(folders, lambda _, path: _concerns(found, path)):
        for mount in found:
            if any(_concerns([mount], path) for _, path in changes):
                mount.reload_pages()


def _folders(mount: IpcMount) -> list[Path]:
    pages = [mount.pages] if mount.pages is not None else []
    return [*pages, *(path.parent for path in mount.preload)]


def _concerns(found: list[IpcMount], path: str) -> bool:
    """Tell whether a file belongs to a page: it lies in its folder, or is one of its preload scripts."""
    changed = Path(path)
    return any(changed in mount.preload or _is_page(changed, mount.pages) for mount in found)


def _is_page(changed: Path, pages: Path | None) -> bool:
    """Tell whether a page may show a file: not what editors and version control keep beside it."""
    if pages is None or not changed.is_relative_to(pages):
        return False
    parts = changed.relative_to(pages).parts
    return not any(part.startswith(".") or part.endswith("~") for part in parts)
