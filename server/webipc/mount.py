"""Mounts an `IpcMain` into a FastAPI application: routes, files, lifespan.

Everything that knows Starlette's routing is here. The endpoints themselves are in endpoints/websocket.py,
endpoints/beacon.py and endpoints/sync.py; what they serve is the hub's.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from webipc.access.origins import Origins
from webipc.access.visitor import visitor_of
from webipc.endpoints.beacon import BeaconEndpoint
from webipc.endpoints.sync import SyncEndpoint
from webipc.endpoints.websocket import WebSocketEndpoint
from webipc.hub.hub import Hub
from webipc.pages.assets import CLIENT_FILES, PRELOAD_RUNTIME, client_file
from webipc.pages.preload import Preload

HubHere = Callable[[], Hub]


def routes(hub_here: HubHere, origins: Origins, limits: Any) -> list[BaseRoute]:
    """Return what is served under the prefix: the client, the socket, the beacon and the synchronous request."""
    files: list[BaseRoute] = [
        Route(f"/{name}", _ClientFile(name, content_type, origins), methods=["GET"], include_in_schema=False)
        for name, content_type in CLIENT_FILES.items()
    ]
    socket = WebSocketEndpoint(hub_here, origins, limits)
    return [
        WebSocketRoute("/socket", socket),
        # `hello` says which attempt it is: the path is for the browser alone (PROTOCOL.md 2.1).
        WebSocketRoute("/socket/{attempt:int}", socket),
        Route("/beacon", BeaconEndpoint(hub_here, origins, limits), include_in_schema=False),
        Route("/sync", SyncEndpoint(hub_here, origins, limits), include_in_schema=False),
        *files,
    ]


def preload_route(preload: Preload, origins: Origins, debug: Callable[[], bool]) -> BaseRoute:
    """Return the route of the application's preload scripts; while `debug` says yes, they are read at each request."""
    return Route("/preload.js", _PreloadScript(preload, origins, debug), methods=["GET"], include_in_schema=False)


class Mounted(Protocol):
    """What is mounted: an `IpcMain`."""

    @property
    def running(self) -> bool:
        """Whether pages can connect."""

    def reload_pages(self) -> None:
        """Ask every page to load itself again."""


class IpcMount(Mount):
    """The routes of one `IpcMain` in an application, and what the command line wants to know of them."""

    def __init__(
        self, prefix: str, served: list[BaseRoute], pages: Path | None, preload: Preload, owner: "Mounted"
    ) -> None:
        super().__init__(prefix, routes=served, name="webipc")
        # Where the routes are, as `mount` was given it.
        self.prefix = prefix
        # The folder at "/", or None.
        self.pages = pages
        # The files of the preload scripts.
        self.preload = preload.paths
        self._owner = owner

    def running(self) -> bool:
        """Return whether its pages can connect at this moment."""
        return self._owner.running

    def reload_pages(self) -> None:
        """Ask every page to load itself again."""
        self._owner.reload_pages()


def mounts(app: Any) -> list[IpcMount]:
    """Return what is mounted into an application."""
    found = getattr(getattr(app, "router", None), "routes", [])
    return [route for route in found if isinstance(route, IpcMount)]


def mount_routes(app: FastAPI, mount: IpcMount) -> None:
    """Serve these before a catch-all route that the application may have or get."""
    app.router.routes.insert(0, mount)


def wrap_lifespan(app: FastAPI, begin: Callable[[], Awaitable[None]], end: Callable[[], Awaitable[None]]) -> None:
    """Let `begin` run before the application's own lifespan, and `end` after it, so that it can still send."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(scope_app: Any) -> AsyncIterator[Any]:
        await begin()
        try:
            async with inner(scope_app) as state:
                yield state
        finally:
            await end()

    app.router.lifespan_context = lifespan


def existing_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a folder. Raises FileNotFoundError, which names it, when there is none."""
    path = Path(folder).absolute()
    if not path.is_dir():
        raise FileNotFoundError(f"the folder of the pages does not exist: {path}")
    return path


def serve_pages(app: FastAPI, folder: Path) -> None:
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


class _Script:
    """What a page loads of ours before it opens a socket."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = self._response(request)
        # The first response that a browser gets of us names it: two sockets at once would get two names.
        if (cookie := visitor_of(scope).cookie) is not None:
            response.headers["Set-Cookie"] = cookie
        for name, value in self._origins.cors(request.headers.get("origin")).items():
            response.headers[name] = value
        await response(scope, receive, send)

    def _response(self, request: Request) -> Response:
        raise NotImplementedError


class _ClientFile(_Script):
    """One built file of the client, with an ETag of its content."""

    def __init__(self, name: str, content_type: str, origins: Origins) -> None:
        super().__init__(origins)
        self._name = name
        self._content_type = content_type

    def _response(self, request: Request) -> Response:
        path = client_file(self._name)
        etag = _etag(path, path.stat().st_mtime_ns)
        headers = {"Cache-Control": "no-cache", "ETag": etag}
        if self._name.endswith(".js"):
            # What a comment at the end of the file would say, without a byte in it.
            headers["SourceMap"] = f"{self._name}.map"
        if etag in (request.headers.get("if-none-match") or ""):
            return Response(status_code=304, headers=headers)
        return FileResponse(path, media_type=self._content_type, headers=headers)


class _PreloadScript(_Script):
    """The application's preload scripts and what runs them, or the part that is asked for, each with an ETag."""

    def __init__(self, preload: Preload, origins: Origins, debug: Callable[[], bool]) -> None:
        super().__init__(origins)
        self._preload = preload
        self._debug = debug

    def _response(self, request: Request) -> Response:
        if not self._preload.paths:
            text = "this application has no preload scripts: IpcMain(preload=[...]) names them\n"
            return Response(text, status_code=404, media_type="text/plain", headers={"Cache-Control": "no-cache"})
        if self._debug():
            self._preload.refresh()
        script = self._preload.script(_runtime, request.query_params.get("part")).encode()
        headers = {"Cache-Control": "no-cache", "ETag": _digest(script)}
        if headers["ETag"] in (request.headers.get("if-none-match") or ""):
            return Response(status_code=304, headers=headers)
        return Response(script, media_type="text/javascript; charset=utf-8", headers=headers)


def _runtime() -> str:
    return client_file(PRELOAD_RUNTIME).read_text(encoding="utf-8")


_etags: dict[tuple[Path, int], str] = {}


def _etag(path: Path, changed: int) -> str:
    key = (path, changed)
    if key not in _etags:
        _etags[key] = _digest(path.read_bytes())
    return _etags[key]


def _digest(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
