"""A browser on an application's ASGI interface, in this process: cookies, requests, and WebSockets without a network.

It does not decode frames: connection.py does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal, Protocol

from webipc.core.errors import CloseCode, WebipcError
from webipc.servers.scope import request_scope
from webipc.version import SUBPROTOCOL

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
Message = MutableMapping[str, Any]


class ClosedError(WebipcError):
    """The server has closed the page's socket for good."""

    code = "closed"

    def __init__(self, close_code: int, reason: str) -> None:
        super().__init__(f"the server closed the socket with {close_code}: {reason}")
        self.close_code = close_code
        self.reason = reason


class Page(Protocol):
    """What a socket reports to."""

    def take(self, socket: "MemorySocket", data: str | bytes) -> None:
        """Process a frame from the server."""

    def closed(self, socket: "MemorySocket", code: int, reason: str) -> None:
        """Process the end of the socket."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The application's response to a request."""

    status: int
    body: bytes


class Browser:
    """What the tabs of one browser share: the application, and the cookies that it has set."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        """`headers` are sent with every request; a `cookie` among them holds the first cookies of the browser."""
        self.app = app
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._cookies: dict[str, str] = {}
        self._keep(self._headers.pop("cookie", ""))

    def scope(self, kind: Literal["http", "websocket"], path: str) -> dict[str, Any]:
        """Return the ASGI scope of a request, with the current cookies."""
        headers = dict(self._headers)
        if self._cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        encoded = ((name.encode(), value.encode("latin-1")) for name, value in headers.items())
        return request_scope(kind, path, encoded, client=("testclient", 50000), server=("testserver", 80))

    def keep_cookies(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Store the cookies of these response headers."""
        for name, value in headers:
            if name.lower() == b"set-cookie":
                self._keep(value.decode("latin-1"))

    def _keep(self, text: str) -> None:
        try:
            cookies = SimpleCookie(text)
        except CookieError:
            return
        for name, morsel in cookies.items():
            self._cookies[name] = morsel.value

    async def post(self, path: str, content_type: str, body: bytes) -> Answer:
        """Send a POST request and return the response. Raises what the application raises."""
        scope = self.scope("http", path)
        scope["method"] = "POST"
        scope["headers"].append((b"content-type", content_type.encode()))
        incoming: asyncio.Queue[Message] = asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": body, "more_body": False})
        start: Message = {}
        chunks: list[bytes] = []

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                self.keep_cookies(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))

        me = asyncio.current_task()
        cancelled_before = 0 if me is None else me.cancelling()
        await self.app(scope, incoming.get, send)
        if me is not None and me.cancelling() > cancelled_before:
            # The caller of this method was cancelled, but the application caught the error and answered.
            raise asyncio.CancelledError
        return Answer(start["status"], b"".join(chunks))


class MemorySocket:
    """One WebSocket of the application, without a network."""

    def __init__(self, browser: Browser, path: str, page: Page) -> None:
        self._browser = browser
        self._scope = {**browser.scope("websocket", path), "subprotocols": [SUBPROTOCOL]}
        self._page = page
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._accepted = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        # Done after `welcome`; has the exception when there is none.
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # True from `welcome` to the end.
        self.open = False

    async def start(self) -> None:
        """Open the socket. Raises ClosedError, or what the application raised."""
        self._incoming.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._run())
        await self._accepted

    async def _run(self) -> None:
        try:
            await self._browser.app(self._scope, self._incoming.get, self._send)
        except Exception as error:  # noqa: BLE001 - raised again where the test awaits
            self._fail(error)
        finally:
            self._end(CloseCode.ABNORMAL, "the application returned without closing the socket")

    def _fail(self, error: Exception) -> None:
        for future in (self._accepted, self.greeted):
            if not future.done():
                future.set_exception(error)
                # Only one of the two is awaited. This marks the exception of the other as retrieved.
                future.exception()

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self._browser.keep_cookies(message.get("headers", ()))
            self._accepted.set_result(None)
        elif message["type"] == "websocket.send":
            data = message.get("text")
            self._page.take(self, data if data is not None else message["bytes"])
        elif message["type"] == "websocket.close":
            self._incoming.put_nowait({"type": "websocket.disconnect", "code": message["code"]})
            self._end(message["code"], message.get("reason") or "")

    def _end(self, code: int, reason: str) -> None:
        if not self._accepted.done():
            self._accepted.set_exception(ClosedError(code, reason))
        self.open = False
        self._page.closed(self, code, reason)

    def write(self, frame: str | bytes) -> None:
        """Send a frame to the application."""
        kind = "text" if isinstance(frame, str) else "bytes"
        self._incoming.put_nowait({"type": "websocket.receive", kind: frame})

    def refuse(self, error: Exception) -> None:
        """Fail `greeted`, unless it is done."""
        if not self.greeted.done():
            self.greeted.set_exception(error)

    def shut(self, code: int) -> None:
        """End the socket from the page's side."""
        self.open = False
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": int(code)})

    async def cut(self, code: int) -> None:
        """End the socket from the page's side, and wait until the application has left it."""
        self.shut(code)
        if self._task is not None:
            await asyncio.wait([self._task])
