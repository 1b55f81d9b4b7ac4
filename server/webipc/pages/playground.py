"""The playground: a page at `{prefix}/` that lists the application's channels and calls them by hand.

Like FastAPI's `/docs`: it is served in debug mode, otherwise only if the application enables it. Every request checks
that, because debug mode may change after `mount`. The page is in static/playground. It is an ordinary page of the
application, without any additional rights: its files are open, and the list of channels asks who reads it, as a socket
of the page is asked.
"""

from collections.abc import Awaitable, Callable
from importlib.resources.abc import Traversable
from pathlib import PurePath
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from webipc.access.visitor import RefusedError
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.errors import CloseCode
from webipc.pages.assets import content_of, page_folder

# The page may load files of this server only. `'self'` includes its WebSocket.
POLICY: Final = (
    "default-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
# The page that the playground embeds; no other site may.
GUEST: Final = "guest.html"
GUEST_HEADERS: Final = {
    **HEADERS,
    "Content-Security-Policy": POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
}
# Not from `mimetypes`: on Windows the registry may have another type for .js, and then browsers refuse the module.
CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# What is answered to a client that the application does not let in.
STATUS: Final = {CloseCode.UNAUTHORIZED: 401, CloseCode.FORBIDDEN: 403, CloseCode.TRY_LATER: 503}
# The titles of an application that has not been given one.
UNNAMED: Final = ("", "FastAPI")


class Playground:
    """The page, its files and the list of channels, as routes under the prefix."""

    def __init__(
        self, ipc_main: IpcMainImpl, is_open: Callable[[], bool], ask: Callable[[Scope], Awaitable[None]]
    ) -> None:
        """`is_open` is called at every request; while it returns False, the answer is 404.

        `ask` raises RefusedError where the application does not let in the client of a request.
        """
        self._ipc_main = ipc_main
        self._is_open = is_open
        self._ask = ask

    def routes(self) -> list[BaseRoute]:
        """Return the routes under the prefix."""
        return [
            Route("/", self._page, include_in_schema=False),
            Route("/channels.json", self._channels, include_in_schema=False),
            Route("/playground/{name}", self._file, include_in_schema=False),
        ]

    async def _page(self, request: Request) -> Response:
        return self._answer("index.html")

    async def _file(self, request: Request) -> Response:
        return self._answer(request.path_params["name"])

    async def _channels(self, request: Request) -> Response:
        if not self._is_open():
            return _not_found()
        try:
            await self._ask(request.scope)
        except RefusedError as error:
            status = STATUS.get(error.code, 500)
            return JSONResponse({"detail": error.reason}, status_code=status, headers=HEADERS)
        title = getattr(request.scope.get("app"), "title", "")
        return JSONResponse(
            {"title": "webipc" if title in UNNAMED else title, "channels": self._ipc_main.channels()}, headers=HEADERS
        )

    def _answer(self, name: str) -> Response:
        path = self._find(name) if self._is_open() else None
        if path is None:
            return _not_found()
        headers = GUEST_HEADERS if name == GUEST else HEADERS
        media_type = CONTENT_TYPES[PurePath(path.name).suffix]
        return Response(content_of(path).data, media_type=media_type, headers=headers)

    def _find(self, name: str) -> Traversable | None:
        """Return a file of the page. The name is compared with a listing, so that it cannot leave the folder."""
        for path in page_folder("playground").iterdir():
            if path.name == name and PurePath(name).suffix in CONTENT_TYPES:
                return path
        return None


def _not_found() -> Response:
    return JSONResponse({"detail": "Not Found"}, status_code=404)
