"""Mounts an `IpcMain` into a FastAPI application: its routes and its lifespan.

Everything that knows Starlette's routing is here. The endpoints themselves are in endpoints/websocket.py,
endpoints/beacon.py and endpoints/sync.py; what they serve is the hub's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from webipc.access.origins import Origins
from webipc.endpoints.beacon import BeaconEndpoint
from webipc.endpoints.sync import SyncEndpoint
from webipc.endpoints.websocket import WebSocketEndpoint
from webipc.hub.hub import Hub
from webipc.pages.assets import CLIENT_FILES
from webipc.pages.preload import Preload
from webipc.pages.scripts import ClientFile, PreloadScript

HubHere = Callable[[], Hub]


def routes(hub_here: HubHere, origins: Origins, limits: Any) -> list[BaseRoute]:
    """Return what is served under the prefix: the client, the socket, the beacon and the synchronous request."""
    files: list[BaseRoute] = [
        Route(f"/{name}", ClientFile(name, content_type, origins), methods=["GET"], include_in_schema=False)
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
    return Route("/preload.js", PreloadScript(preload, origins, debug), methods=["GET"], include_in_schema=False)


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
