"""Prints the address of the page when the application has started, and opens a browser there once (`webipc dev`).

The process that serves restarts after every change of the program. A marker file, whose path is in the environment,
says that a browser has been opened before.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import webbrowser
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from webipc.mount import mounts
from webipc.servers.scope import request_scope

# The address that a person can open; only `dev` sets it.
ADDRESS_VARIABLE = "WEBIPC_ADDRESS"
# The path of the marker file; "no" when no browser is wanted.
OPENED_VARIABLE = "WEBIPC_OPENED"

# How many seconds the application may take to answer "/". If it takes longer, there is a page.
ANSWER_SECONDS = 2.0


async def announce(app: FastAPI) -> None:
    """Print the address of the page, and open a browser there, unless an earlier process has done so."""
    address = os.environ[ADDRESS_VARIABLE] + await _best_path(app)
    if not _has_ipc(app):
        print("webipc: no IpcMain is mounted, so no page can connect: call ipc_main.mount(app)", file=sys.stderr)
    opened = os.environ.get(OPENED_VARIABLE, "no")
    if opened != "no" and Path(opened).exists():
        return
    print(f"webipc: open {address}", flush=True)
    if opened != "no":
        _mark(Path(opened))
        await asyncio.to_thread(_open, address)


def _has_ipc(app: FastAPI) -> bool:
    """Tell whether an IpcMain is mounted on this application, or on an application that is mounted on it."""
    return bool(mounts(app)) or any(mounts(getattr(route, "app", None)) for route in app.router.routes)


async def _best_path(app: FastAPI) -> str:
    """Return "/", or the path of the playground if "/" is not found."""
    for mount in mounts(app):
        if await _status(app, "/") == HTTPStatus.NOT_FOUND:
            return f"{mount.prefix}/"
    return "/"


async def _status(app: FastAPI, path: str) -> int | None:
    """Request a path from the application in this process, because the server may not listen yet.

    Return the status of the answer; None when the application fails, or does not answer in time. The body is not read,
    because it may never end.
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

    headers = [(b"host", b"localhost")]
    scope = request_scope("http", path, headers, client=("127.0.0.1", 0), server=("127.0.0.1", 80))
    asked: asyncio.Future[Any] = asyncio.ensure_future(app(scope, receive, send))
    either: set[asyncio.Future[Any]] = {asked, status}
    await asyncio.wait(either, timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    return status.result() if status.done() else None


def _open(address: str) -> None:
    """Open a browser, except on a Linux machine without a display: over SSH or in a container."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)


def new_marker() -> Path:
    """Return the path of a marker file, in a new temporary directory. The file itself does not exist yet.

    It exists once a browser has been opened, and not before: if the temporary directory is cleared, the address is
    printed once too often, and not never.
    """
    return Path(tempfile.mkdtemp(prefix="webipc-")) / "opened"


def _mark(opened: Path) -> None:
    opened.parent.mkdir(exist_ok=True)
    opened.touch()


def remove_marker(opened: Path) -> None:
    """Remove the marker file and its directory."""
    shutil.rmtree(opened.parent, ignore_errors=True)
