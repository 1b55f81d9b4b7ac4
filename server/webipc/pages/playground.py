"""The playground: a page at `{prefix}/` that lists the application's channels and calls them by hand.

As FastAPI's `/docs`: there in debug mode, elsewhere only where the application asks for it. Debug may be switched on
after `mount`, so each request asks anew. The page itself is in static/playground; it is an ordinary page of the
application, and may do nothing that another could not.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.pages.assets import page_folder

# Everything that the page may load is the server's own. `'self'` holds for its WebSocket as well.
POLICY: Final = (
    "default-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
# The page that the playground embeds: it, and nobody else, may.
GUEST: Final = "guest.html"
GUEST_HEADERS: Final = {
    **HEADERS,
    "Content-Security-Policy": POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
}
# By our own table: Windows may have another opinion of .js, and then browsers refuse the module.
CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# What an application is called when nobody has named it.
UNNAMED: Final = ("", "FastAPI")


class Playground:
    """The page, its files and the list of channels, as routes under the prefix."""

    def __init__(self, ipc_main: IpcMainImpl, is_open: Callable[[], bool]) -> None:
        """`is_open` is asked at each request; where it says no, nothing is there (404)."""
        self._ipc_main = ipc_main
        self._is_open = is_open

    def routes(self) -> list[BaseRoute]:
        """Return what is to be served under the prefix."""
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
            return _nothing()
        title = getattr(request.scope.get("app"), "title", "")
        return JSONResponse(
            {"title": "webipc" if title in UNNAMED else title, "channels": list(self._ipc_main.describe())},
            headers=HEADERS,
        )

    def _answer(self, name: str) -> Response:
        path = self._find(name) if self._is_open() else None
        if path is None:
            return _nothing()
        headers = GUEST_HEADERS if name == GUEST else HEADERS
        return FileResponse(path, media_type=CONTENT_TYPES[path.suffix], headers=headers)

    def _find(self, name: str) -> Path | None:
        """Return a file of the page. Compared with what is there: no name leads out of the folder."""
        for path in page_folder("playground").iterdir():
            if path.name == name and path.suffix in CONTENT_TYPES:
                return path
        return None


def _nothing() -> Response:
    return JSONResponse({"detail": "Not Found"}, status_code=404)
