"""What one browser is to the application under test: requests through its ASGI interface, with the browser's cookies.

Without a network, in this process. It raises what the application raises.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers

from webipc.servers.scope import request_scope
from webipc.testing.cookies import Cookies

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
Message = MutableMapping[str, Any]

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Response:
    """The application's response to a request. A redirect is not followed."""

    status: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body as a text in UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """Return the value that the body is. Raises ValueError when it is no JSON."""
        return orjson.loads(self.body)


class Client:
    """The application, the address at which it is reached, and the cookies that it has set."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        base_url: str = "http://testserver",
        origin: str | EllipsisType | None = ...,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> None:
        """As for `Browser`. Raises ValueError when `base_url` is none."""
        url = urlsplit(base_url)
        if url.scheme not in _PORTS or not url.hostname or url.path not in ("", "/") or url.query:
            raise ValueError(f"expected a base_url such as 'https://testserver', got {base_url!r}")
        own = f"{url.scheme}://{url.netloc}"
        self.app = app
        # The workers of it, and which of them this reaches.
        self.workers: Sequence[ASGIApp] = [app]
        self.place = 0
        self._scheme = url.scheme
        self._server = (url.hostname, url.port or _PORTS[url.scheme])
        self._headers = {"host": url.netloc} | {name.lower(): value for name, value in (headers or {}).items()}
        if isinstance(origin, str):
            self._headers["origin"] = origin
        elif origin is not None:
            self._headers.setdefault("origin", own)
        self.cookies = Cookies(own, {**_cookies_in(self._headers.pop("cookie", "")), **(cookies or {})})

    def at(self, place: int) -> "Client":
        """Return the same browser, with the same cookies, as it reaches a worker. Raises ValueError for no worker."""
        if not 0 <= place < len(self.workers):
            known = f"from 0 to {len(self.workers) - 1}" if len(self.workers) > 1 else "0: there is one application"
            raise ValueError(f"expected at={known}; got {place!r}")
        if place == self.place and len(self.workers) == 1:
            return self
        other = copy.copy(self)
        other.app, other.place = self.workers[place], place
        return other

    def scope(
        self, kind: Literal["http", "websocket"], path: str, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the ASGI scope of a request, with the current cookies. `path` may end with a query."""
        path, _, query = path.partition("?")
        sent = self._headers | {name.lower(): value for name, value in (headers or {}).items()}
        if cookie := self.cookies.header(path):
            sent["cookie"] = f"{sent['cookie']}; {cookie}" if "cookie" in sent else cookie
        encoded = ((name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items())
        scope = request_scope(kind, path, encoded, client=("testclient", 50000), server=self._server)
        scope["query_string"] = query.encode()
        if self._scheme == "https":
            scope["scheme"] += "s"
        return scope

    def keep_cookies(self, headers: Iterable[tuple[bytes, bytes]], path: str = "/") -> None:
        """Store the cookies of the response headers to a request for this path."""
        self.cookies.keep((value.decode("latin-1") for name, value in headers if name.lower() == b"set-cookie"), path)

    async def post(self, path: str, content_type: str, body: bytes) -> Response:
        """Send a POST request and return the response. Raises what the application raises."""
        return await self.request("POST", path, {"content-type": content_type}, body)

    async def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """Send a request and return the response. Raises what the application raises."""
        scope = self.scope("http", path, {**({"content-length": str(len(body))} if body else {}), **(headers or {})})
        scope["method"] = method
        incoming: asyncio.Queue[Message] = asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": body, "more_body": False})
        start: Message = {}
        chunks: list[bytes] = []

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                self.keep_cookies(message.get("headers", ()), scope["path"])
            elif message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))

        me = asyncio.current_task()
        cancelled_before = 0 if me is None else me.cancelling()
        await self.app(scope, incoming.get, send)
        if me is not None and me.cancelling() > cancelled_before:
            # The caller of this method was cancelled, but the application caught the error and answered.
            raise asyncio.CancelledError
        return Response(start["status"], Headers(raw=list(start.get("headers", ()))), b"".join(chunks))


def _cookies_in(header: str) -> dict[str, str]:
    """Return the cookies of a `Cookie` header."""
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return {name: value for name, equals, value in pairs if equals}
