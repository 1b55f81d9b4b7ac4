"""Prints the address of the page when the application has started, and opens a browser there once."""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from webipc.mount import mounts
from webipc.servers.scope import request_scope

# The address that a person can open; set by `dev` alone.
ADDRESS_VARIABLE = "WEBIPC_ADDRESS"
# A file that exists once a browser has been opened; "no" when none is wanted.
OPENED_VARIABLE = "WEBIPC_OPENED"

# How long an application may take to say what there is at "/". One that takes longer has something there.
ANSWER_SECONDS = 2.0


async def announce(app: FastAPI) -> None:
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

    headers = [(b"host", b"localhost")]
    scope = request_scope("http", path, headers, client=("127.0.0.1", 0), server=("127.0.0.1", 80))
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
