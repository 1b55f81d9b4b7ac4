"""The process that serves an application for the command line: finds it, tells its address, watches its pages.

With `webipc dev` this is a child process, started anew after every change; what it has to know comes through the
environment. Must not know the command's options.
"""

import asyncio
import contextlib
import gc
import importlib
import os
import shutil
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from fastapi import FastAPI

from webipc.app import IpcMount, mounts

TARGET_VARIABLE = "WEBIPC_TARGET"
# The address that a person can open; set by `dev` alone.
ADDRESS_VARIABLE = "WEBIPC_ADDRESS"
# A file that exists once a browser has been opened; "no" when none is wanted.
OPENED_VARIABLE = "WEBIPC_OPENED"

# How long the process waits, after everything has ended in good order, for threads that run the application's code.
LAST_SECONDS = 0.5

# How long an application may take to say what there is at "/". One that takes longer has something there.
ANSWER_SECONDS = 2.0


class StartError(Exception):
    """The application cannot be served; the text is one sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an application is."""

    # What has to be on the import path, and what `dev` watches.
    folder: Path
    # Name of the module below it.
    module: str
    # Name of the application in the module; None: `app`, or else the only FastAPI there.
    attribute: str | None

    @property
    def text(self) -> str:
        """Return it as one string for the environment."""
        return "\n".join([str(self.folder), self.module, self.attribute or ""])

    @classmethod
    def from_text(cls, text: str) -> "Target":
        """Return what `text` was made from."""
        folder, module, attribute = text.split("\n")
        return cls(Path(folder), module, attribute or None)


def find_target(name: str) -> Target:
    """Return where `main.py`, `main.py:app` or `package.module:app` is.

    Raises StartError when a file is not there, naming its absolute path.
    """
    path_text, attribute = _split(name)
    path = Path(path_text)
    if path_text.endswith(".py") or path.is_file():
        return _file_target(path.absolute(), attribute)
    if "/" in path_text or "\\" in path_text:
        raise StartError(f"expected a file that ends with .py or package.module:app, got {name}")
    return Target(Path.cwd(), path_text, attribute)


def _split(name: str) -> tuple[str, str | None]:
    """Part a name at its last colon, but not at that of a Windows drive."""
    head, colon, tail = name.rpartition(":")
    if colon and tail.isidentifier() and len(head) > 1:
        return head, tail
    return name, None


def _file_target(path: Path, attribute: str | None) -> Target:
    if not path.is_file():
        raise StartError(f"there is no file {path}")
    names = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return Target(folder, ".".join(names), attribute)


def served() -> FastAPI:
    """Return the application to serve (uvicorn calls this in the process that serves)."""
    target = Target.from_text(os.environ[TARGET_VARIABLE])
    if str(target.folder) not in sys.path:
        sys.path.insert(0, str(target.folder))
    module = importlib.import_module(target.module)
    app = _application(module, target)
    _watch_lifespan(app)
    return app


def _application(module: Any, target: Target) -> FastAPI:
    if target.attribute is not None:
        app: object = getattr(module, target.attribute, None)
        if app is None:
            _give_up(f"{target.module} has no {target.attribute}")
    else:
        found = [value for value in vars(module).values() if isinstance(value, FastAPI)]
        app = getattr(module, "app", found[0] if len(found) == 1 else None)
        if app is None:
            _give_up(f"{target.module} has no FastAPI application called app; name it: {target.module}:name")
    if not isinstance(app, FastAPI):
        _give_up(f"expected a FastAPI application, found {type(app).__name__} in {target.module}")
    return app


def _give_up(text: str) -> NoReturn:
    print(f"webipc: {text}", file=sys.stderr)
    raise SystemExit(1)


def _watch_lifespan(app: FastAPI) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(scope_app: Any) -> AsyncIterator[Any]:
        tasks = []
        try:
            async with inner(scope_app) as state:
                _freeze()
                if os.environ.get(ADDRESS_VARIABLE):
                    tasks = [asyncio.create_task(_announce(app)), asyncio.create_task(_watch_pages(mounts(app)))]
                yield state
        finally:
            for task in tasks:
                task.cancel()
            threading.Thread(target=_leave_anyway, daemon=True).start()

    app.router.lifespan_context = lifespan


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
    opened = os.environ.get(OPENED_VARIABLE, "no")
    if opened != "no" and Path(opened).exists():
        return
    print(f"webipc: open {address}", flush=True)
    if opened != "no":
        _mark(Path(opened))
        await asyncio.to_thread(_open, address)


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
    from webipc.watching import changes_of

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
    return any(
        changed in mount.preload or (mount.pages is not None and changed.is_relative_to(mount.pages)) for mount in found
    )
