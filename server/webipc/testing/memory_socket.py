"""A WebSocket of the application under test, without a network. It does not decode frames: connection.py does."""

import asyncio
from typing import Protocol

from webipc.core.errors import CloseCode, WebipcError
from webipc.testing.client import Client, Message
from webipc.version import SUBPROTOCOL


class ClosedError(WebipcError):
    """The server has closed the page's socket for good."""

    code = "closed"

    def __init__(self, close_code: int, reason: str) -> None:
        super().__init__(f"the server closed the socket with {close_code}: {reason}")
        # The code with which the socket was closed (PROTOCOL.md section 8), and the text that came with it.
        self.close_code = close_code
        self.reason = reason


class Page(Protocol):
    """What a socket reports to."""

    def take(self, socket: "MemorySocket", data: str | bytes) -> None:
        """Process a frame from the server."""

    def closed(self, socket: "MemorySocket", code: int, reason: str) -> None:
        """Process the end of the socket."""


class MemorySocket:
    """One WebSocket of the application, without a network."""

    def __init__(self, client: Client, path: str, page: Page) -> None:
        self._client = client
        self._scope = {**client.scope("websocket", path), "subprotocols": [SUBPROTOCOL]}
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
            await self._client.app(self._scope, self._incoming.get, self._send)
        except Exception as error:  # noqa: BLE001 - raised again where the test awaits
            self._fail(error)
        finally:
            self._end(CloseCode.ABNORMAL, "the application returned without closing the socket")

    def _fail(self, error: Exception) -> None:
        for future in (self._accepted, self.greeted):
            _fail(future, error)

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self._client.keep_cookies(message.get("headers", ()), self._scope["path"])
            self._accepted.set_result(None)
        elif message["type"] == "websocket.send":
            data = message.get("text")
            self._page.take(self, data if data is not None else message["bytes"])
        elif message["type"] == "websocket.close":
            self._incoming.put_nowait({"type": "websocket.disconnect", "code": message["code"]})
            self._end(message["code"], message.get("reason") or "")

    def _end(self, code: int, reason: str) -> None:
        _fail(self._accepted, ClosedError(code, reason))
        self.open = False
        self._page.closed(self, code, reason)

    def write(self, frame: str | bytes) -> None:
        """Send a frame to the application."""
        kind = "text" if isinstance(frame, str) else "bytes"
        self._incoming.put_nowait({"type": "websocket.receive", kind: frame})

    def refuse(self, error: Exception) -> None:
        """Fail `greeted`, unless it is done."""
        _fail(self.greeted, error)

    def shut(self, code: int) -> None:
        """End the socket from the page's side."""
        self.open = False
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": int(code)})

    async def cut(self, code: int) -> None:
        """End the socket from the page's side, and wait until the application has left it."""
        self.shut(code)
        if self._task is not None:
            await asyncio.wait([self._task])


def _fail(future: "asyncio.Future[None]", error: Exception) -> None:
    """Let a future raise an error, unless it is done."""
    if not future.done():
        future.set_exception(error)
        # A socket that is never accepted is not greeted either, and only one of the two is awaited.
        future.exception()
