"""`Browser`: one person's browser in a test. It logs in by HTTP as a page would, and opens pages with its cookies."""

from collections.abc import Mapping
from types import EllipsisType
from typing import Any, Final, Self
from urllib.parse import urlencode

import orjson

from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.testing.client import ASGIApp, Client, Response
from webipc.testing.lifespan import Lifespan
from webipc.testing.renderer import Renderer

_NOTHING: Final = object()


class Browser:
    """One browser: its cookies, its requests and its pages. A second person is a second Browser.

        async with Browser(app) as browser:
            await browser.post("/login", json={"name": "ada", "password": "..."})
            async with browser.open() as page:
                assert await page.invoke("whoami") == "ada"

    The context manager starts the application, unless it runs already, and stops it if it has started it. Without it,
    the first page that connects does.
    """

    def __init__(  # noqa: PLR0913 - settings, each by its name
        self,
        app: ASGIApp,
        *,
        base_url: str = "http://testserver",
        prefix: str | None = None,
        origin: str | EllipsisType | None = ...,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Make a browser that has sent nothing yet.

        `base_url` is where the application is reached: cookies with `Secure` are stored and sent only for
        `"https://testserver"`. `prefix` is the path of the IpcMain (default: that of the first one that is mounted on
        `app`). `origin` is that of its pages (default: that of `base_url`; None: none is sent). `headers` are sent with
        every request and socket. `cookies` are there from the beginning. `limits`: PROTOCOL.md section 9, as for
        `IpcMain`. Raises ValueError when `base_url` is no address.
        """
        self._client = Client(app, base_url=base_url, origin=origin, headers=headers, cookies=cookies)
        self._prefix = prefix
        self._limits = limits
        self._lifespan = Lifespan(app)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that are stored at this moment, by name; also those with `HttpOnly`."""
        return self._client.cookies.values()

    def open(self, *, token: str | None = None) -> Renderer:
        """Return a new tab with this browser's cookies. Use it with `async with`, or `connect` it.

        `token` is its bearer token: see `Renderer`.
        """
        app = self._client.app
        return Renderer(app, prefix=self._prefix, limits=self._limits, token=token, client=self._client)

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Response:
        """Send a GET request: see `request`."""
        return await self.request("GET", path, headers=headers)

    async def post(
        self,
        path: str,
        *,
        json: Any = _NOTHING,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a POST request: see `request`."""
        return await self.request("POST", path, json=json, data=data, content=content, headers=headers)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = _NOTHING,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request with the browser's cookies, store those of the response, and return it.

        `path` begins with a slash and may end with a query. The body is one of these: `json`, a value; `data`, the
        fields of a form; `content`, bytes. A redirect is returned, not followed. Background tasks have ended when this
        returns. Raises what the application raises, as FastAPI's TestClient does; ValueError for a path without a
        slash, TypeError for two bodies.
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
        return await self._client.request(
            method, path, {**({"content-type": kind} if kind else {}), **(headers or {})}, body
        )

    async def __aenter__(self) -> Self:
        """Start the application, unless it runs already. Raises RuntimeError when it does not start."""
        await self._lifespan.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the application, if this browser has started it."""
        await self._lifespan.stop()
