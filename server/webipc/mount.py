"""Mounts an `IpcMain` into a FastAPI application: its routes and its lifespan.

Only this file knows Starlette's routing. The endpoints are in endpoints/, the files for the browser in pages/.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from webipc.access.origins import Origins
from webipc.endpoints.beacon import BeaconEndpoint
from webipc.endpoints.sync import SyncEndpoint
from webipc.endpoints.websocket.endpoint import WebSocketEndpoint
from webipc.hub.hub import Hub
from webipc.hub.provider import HubProvider
from webipc.pages.assets import CLIENT_FILES
from webipc.pages.preload import Preload
from webipc.pages.scripts import ClientFile, PreloadScript

HubHere = Callable[[], Hub]

LEAVE_SECONDS: Final = 10.0
"""How long what runs may take under a server that only ends the lifespan. Such servers kill after 30 s or more."""


class _Attempt(Convertor[str]):
    """The number of a socket in its path. Starlette's own `int` raises for one of 5,000 digits. It is not used."""

    regex = "[0-9]{1,16}"

    def convert(self, value: str) -> str:
        """Return the digits."""
        return value

    def to_string(self, value: str) -> str:
        """Return the digits."""
        return value


register_url_convertor("webipc_attempt", _Attempt())


async def _no_such_socket(websocket: WebSocket) -> None:
    """Answer 404 to a path that is no socket. Starlette would answer 403."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(PlainTextResponse("Not Found", status_code=404))
    else:
        await websocket.close()


def routes(hub_here: HubHere, origins: Origins, limits: Any) -> list[BaseRoute]:
    """Return the routes under the prefix: the client, the socket, the beacon and the synchronous request."""
    files: list[BaseRoute] = [
        Route(f"/{name}", ClientFile(name, content_type, origins), methods=["GET"], include_in_schema=False)
        for name, content_type in CLIENT_FILES.items()
    ]
    socket = WebSocketEndpoint(hub_here, origins, limits)
    return [
        WebSocketRoute("/socket", socket),
        # The number in the path is for the browser; `hello` has the one that counts (PROTOCOL.md 2.1).
        WebSocketRoute("/socket/{attempt:webipc_attempt}", socket),
        WebSocketRoute("/socket/{anything:path}", _no_such_socket),
        Route("/beacon", BeaconEndpoint(hub_here, origins, limits), include_in_schema=False),
        Route("/sync", SyncEndpoint(hub_here, origins, limits), include_in_schema=False),
        *files,
    ]


def preload_route(preload: Preload, origins: Origins, debug: Callable[[], bool]) -> BaseRoute:
    """Return the route of the application's preload scripts. While `debug()` is true, each request reads the files."""
    return Route("/preload.js", PreloadScript(preload, origins, debug), methods=["GET"], include_in_schema=False)


class IpcMount(Mount):
    """The routes of one `IpcMain` in an application, and what the command line needs of it."""

    def __init__(
        self,
        prefix: str,
        served: list[BaseRoute],
        pages: Path | None,
        preload: Preload,
        provider: HubProvider,
        hosts: frozenset[str],
    ) -> None:
        super().__init__(prefix, routes=served, name="webipc")
        # The path of the routes, as it was given to `mount`.
        self.prefix = prefix
        # The folder at "/", or None.
        self.pages = pages
        # The files of the preload scripts.
        self.preload = preload.paths
        # The hosts of the origins that are listed.
        self.hosts = hosts
        self._provider = provider
        # Makes the process one of several: takes what makes its bus. Only before it runs.
        self.share: Callable[[Callable[..., Any]], None] = _cannot_be_shared

    def running(self) -> bool:
        """Return whether pages can connect now."""
        return self._provider.running

    def memory(self) -> int:
        """Return how many bytes pages may make the process hold; 0 while no page can connect."""
        return self._provider.memory

    def reload_pages(self) -> None:
        """Ask every page to reload."""
        self._provider.reload_pages()

    async def drain(self, seconds: float, hurry: asyncio.Event) -> None:
        """Let what runs end within so many seconds, or until `hurry` is set; then close every socket."""
        await self._provider.drain(seconds, hurry)


def _cannot_be_shared(_: Callable[..., Any]) -> None:
    raise RuntimeError("these routes belong to no IpcMain")


def mounts(app: Any) -> list[IpcMount]:
    """Return the mounts of an application; none for an application that is not Starlette's."""
    found = getattr(getattr(app, "router", None), "routes", [])
    return [route for route in found if isinstance(route, IpcMount)]


def mount_routes(app: FastAPI, mount: IpcMount) -> None:
    """Add the routes before all others, so that a catch-all route of the application does not hide them."""
    app.router.routes.insert(0, mount)


def wrap_lifespan(app: FastAPI, provider: HubProvider) -> None:
    """Make the hub before the application's own lifespan begins, and end it after that, so that a shutdown can send.

    Tabs that go on in other processes leave before it ends: their handlers may need what it closes. A server that has
    let them leave before (servers/server.py) finds nothing left to do.
    """
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(scope_app: Any) -> AsyncIterator[Any]:
        await provider.begin()
        try:
            async with inner(scope_app) as state:
                provider.keep(state)
                try:
                    yield state
                finally:
                    await provider.leave(LEAVE_SECONDS)
        finally:
            await provider.end()

    app.router.lifespan_context = lifespan
