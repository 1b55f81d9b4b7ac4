"""The application's own folder of pages, served at `/`."""

import os
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send


def existing_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a folder. Raises FileNotFoundError, which names it, when there is none."""
    path = Path(folder).absolute()
    if not path.is_dir():
        raise FileNotFoundError(f"the folder of the pages does not exist: {path}")
    return path


def serve_pages(app: Starlette, folder: Path) -> None:
    """Serve a folder at `/`, behind every route that the application has or will get."""
    # Starlette asks the default when no route matches: the one place behind routes that are added later.
    app.router.default = _Pages(folder, app.router.default)


class _Pages:
    """A folder of pages; what is not in it is answered by whoever answered before."""

    def __init__(self, folder: Path, otherwise: ASGIApp) -> None:
        self._files = StaticFiles(directory=folder, html=True)
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._otherwise(scope, receive, send)
            return
        await self._files(scope, receive, _revalidated(send))


def _revalidated(send: Send) -> Send:
    """Let browsers keep pages but ask each time: a page that is older than its server is a trap."""

    async def send_revalidated(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [(key, value) for key, value in message["headers"] if key.lower() != b"cache-control"]
            message = {**message, "headers": [*headers, (b"cache-control", b"no-cache")]}
        await send(message)

    return send_revalidated
