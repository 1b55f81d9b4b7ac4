"""`Browser`: one person's browser in a test. It logs in by HTTP as a page would, and opens pages with its cookies."""

from collections.abc import Mapping, Sequence
from types import EllipsisType
from typing import Any, Final, Self
from urllib.parse import urlencode

import orjson

from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.testing.client import ASGIApp, Client, Response
from webipc.testing.lifespan import Lifespan
from webipc.testing.renderer import Renderer
from webipc.testing.workers import Workers

_NOTHING: Final = object()


class Browser:
    """One browser: its cookies, its requests and its pages. A second person is a second Browser.

        async with Browser(app) as browser:
            await browser.post("/login", json={"name": "ada", "password": "..."})
            async with browser.open() as page:
                assert await page.invoke("whoami") == "ada"

    The context manager starts the application, unless it runs already, and stops it if it has started it. Without it,
    the first page that connects does.

    A browser of `Workers` reaches several workers; `at` says which, by its place.
    """

    def __init__(  # noqa: PLR0913 - settings, each by its name
        self,
        app: ASGIApp | Workers,
        *,
        base_url: str = "http://testserver",
        prefix: str | None = None,
        origin: str | EllipsisType | None = ...,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Make a browser that has sent nothing yet. `app` is the application, or `Workers` that have started.

        `base_url` is where the application is reached: cookies with `Secure` are stored and sent only for
        `"https://testserver"`. `prefix` is the path of the IpcMain (default: that of the first one that is mounted on
        `app`). `origin` is that of its pages (default: that of `base_url`; None: none is sent). `headers` are sent with
        every request and socket. `cookies` are there from the beginning. `limits`: PROTOCOL.md section 9, as for
        `IpcMain`. Raises ValueError when `base_url` is no address.
        """
        workers: Sequence[ASGIApp] = app if isinstance(app, Workers) else [app]
        if not workers:
            raise ValueError("expected workers that have started: async with Workers(make_app) as workers")
        first = workers[0]
        self._client = Client(first, base_url=base_url, origin=origin, headers=headers, cookies=cookies)
        self._client.workers = workers
        self._prefix = prefix
        self._limits = limits
        self._lifespan = None if isinstance(app, Workers) else Lifespan(first)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that are stored at this moment, by name; also those with `HttpOnly`."""
        return self._client.cookies.values()

    def open(self, *, token: str | None = None, at: int = 0) -> Renderer:
        """Return a new tab with this browser's cookies. Use it with `async with`, or `connect` it.

        `token` is its bearer token: see `Renderer`. `at` is the worker that it reaches first. Raises ValueError where
        there is no such worker.
        """
        client = self._client.at(at)
        return Renderer(client.app, prefix=self._prefix, limits=self._limits, token=token, client=client)

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None, at: int = 0) -> Response:
        """Send a GET request: see `request`."""
        return await self.request("GET", path, headers=headers, at=at)

    async def post(
        self,
        path: str,
        *,
        json: Any = _NOTHING,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        at: int = 0,
    ) -> Response:
        """Send a POST request: see `request`."""
        return await self.request("POST", path, json=json, data=data, content=content, headers=headers, at=at)

    async def request(  # noqa: PLR0913 - as `post`
        self,
        method: str,
        path: str,
        *,
        json: Any = _NOTHING,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        at: int = 0,
    ) -> Response:
        """Send a request with the browser's cookies, store those of the response, and return it.

        `path` begins with a slash and may end with a query. `at` is the worker that gets the request. The body is one
        of these: `json`, a value; `data`, the fields of a form; `content`, bytes. A redirect is returned, not followed.
        Background tasks have ended when this returns. Raises what the application raises, as FastAPI's TestClient does;
        ValueError for a path without a slash and for no worker, TypeError for two bodies.
        """
        if not path.startswith("/"):
            raise ValueError(f"expected a path that begins with a slash, such as '/login'; got {path!r}")
        bodies = [
            *([("application/json", orjson.dumps(json))] if json is not _NOTHING else []),
            *([("application/x-www-form-urlencoded", urlencode(data).encode())] if data is not None else []),
            *([("application/octet-stream", content)] if content is not None else []),
        ]
        if len(bodies) > 1:
            raise TypeError("expected one of json=, data= and content=; a request has one body")
        kind, body = bodies[0] if bodies else ("", b"")
        return await self._client.at(at).request(
            method, path, {**({"content-type": kind} if kind else {}), **(headers or {})}, body
        )

    async def __aenter__(self) -> Self:
        """Start the application, unless it runs already. Raises RuntimeError when it does not start."""
        if self._lifespan is not None:
            await self._lifespan.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the application, if this browser has started it."""
        if self._lifespan is not None:
            await self._lifespan.stop()
