"""Serves the application's own folder of pages at `/`."""

import os
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from webipc.pages.program import located


def existing_folder(folder: str | os.PathLike[str], program: Path | None) -> Path:
    """Return the absolute path of a folder. Raises FileNotFoundError, whose text has the path.

    A relative path begins in `program`, the folder of the program.
    """
    path = located(folder, program)
    if not path.is_dir():
        raise FileNotFoundError(f"the folder of the pages does not exist: {path}")
    return path


def serve_pages(app: Starlette, folder: Path) -> None:
    """Serve a folder at `/`, after every route of the application, also those that are added later."""
    # The default is used when no route matches. A route would hide those that are added after it.
    app.router.default = _Pages(folder, app.router.default)


class _Pages:
    """A folder of pages as an ASGI application; what is not HTTP goes to the previous default."""

    def __init__(self, folder: Path, otherwise: ASGIApp) -> None:
        self._files = StaticFiles(directory=folder, html=True)
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._otherwise(scope, receive, send)
            return
        await self._files(scope, receive, _revalidated(send))


def _revalidated(send: Send) -> Send:
    """Add `Cache-Control: no-cache`, so that browsers revalidate: a page must not be older than its server."""

    async def send_revalidated(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [(key, value) for key, value in message["headers"] if key.lower() != b"cache-control"]
            message = {**message, "headers": [*headers, (b"cache-control", b"no-cache")]}
        await send(message)

    return send_revalidated
