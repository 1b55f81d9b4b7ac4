"""A page for the tests of your own application, in the process of the test: no browser, no socket, no port.

    async with Renderer(app) as page:
        assert await page.invoke("add", 1, 2) == 3
        page.send("ping", "hello")
        assert await page.received("pong") == ["hello"]

It is the same core as the server's, in the role of the page, over the application's own ASGI interface: routing,
middleware, the check of the origin, numbering and encoding are the real ones.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Self

from webipc.app import mounts
from webipc.core import clone
from webipc.core.calls import Calls
from webipc.core.envelope import ErrorReply, Reset, Result, Send, Welcome, decode_value, parse_control
from webipc.core.errors import CloseCode, ResetError, Then, WebipcError, then
from webipc.core.frame import EncodedMessage, decode_frame, encode_control, encode_message
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link import Link, Side
from webipc.emitter import EventEmitter
from webipc.version import SUBPROTOCOL

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
Message = MutableMapping[str, Any]

# How long anything may take before a test is told that it will not happen.
PATIENCE_SECONDS = 5.0


class InvokeError(Exception):
    """What `ipcRenderer.invoke` rejects with: Electron's text, and what the handler's error carried."""

    def __init__(self, channel: str, message: str, fields: dict[str, Any]) -> None:
        super().__init__(f"Error invoking remote method '{channel}': {message}")
        # The `code` and `data` of an IpcError, or the code of one of webipc's own refusals.
        self.code: str | None = fields.get("code")
        self.data: Any = fields.get("data")
        # Names the entry in the server's log where the text was not told.
        self.reference: str | None = fields.get("reference")


class ClosedError(WebipcError):
    """The server has closed the page's socket for good."""

    code = "closed"

    def __init__(self, close_code: int, reason: str) -> None:
        super().__init__(f"the server closed the socket with {close_code}: {reason}")
        self.close_code = close_code
        self.reason = reason


class RendererEvent:
    """The first argument of a page's listeners, as Electron's `IpcRendererEvent`."""

    __slots__ = ("ports", "sender")

    def __init__(self, sender: "Renderer") -> None:
        self.sender = sender
        self.ports: list[Any] = []


class Renderer(EventEmitter):
    """One document of one tab. Use it as an asynchronous context manager; its listeners get `(event, *args)`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        prefix: str | None = None,
        origin: str | None = "http://testserver",
        headers: dict[str, str] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """`prefix` is where the application has mounted its IpcMain (default: where it is found); `origin` and
        `headers` are what the browser would send; an `origin` of None sends none.
        """
        super().__init__()
        self._app = app
        found = mounts(app)
        self._prefix = prefix if prefix is not None else (found[0].prefix if found else "/ipc")
        self._headers = {"host": "testserver", **(headers or {})}
        if origin is not None:
            self._headers["origin"] = origin
        self._limits = limits
        # What the server said at the last greeting.
        self.welcome: Welcome | None = None
        # The token that a browser would keep in `sessionStorage`.
        self._token: str | None = None
        self._document = _Document(limits)
        self._socket: _Socket | None = None
        self._lifespan = _Lifespan(app)
        # Messages that no `received` has taken yet, by channel.
        self._arrived: dict[str, list[list[Any]]] = {}
        self._news = asyncio.Event()

    @property
    def web_contents_id(self) -> int:
        """The id of this page's tab, as `ipc_main.from_id` takes it."""
        assert self.welcome is not None, "the page is not connected yet"
        return self.welcome.web_contents_id

    @property
    def connected(self) -> bool:
        """Whether a socket carries the page's link."""
        return self._socket is not None and self._socket.open

    async def __aenter__(self) -> Self:
        """Start the application, unless it runs already, and connect. Raises ClosedError when it does not let us in."""
        await self._lifespan.start()
        try:
            await self.connect()
        except BaseException:
            await self._lifespan.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Say goodbye, and end the application if this page has started it."""
        await self.close()
        await self._lifespan.stop()

    # --- ipcRenderer ----------------------------------------------------------------------------------------------

    def send(self, channel: str, *args: Any) -> None:
        """Send a message; listeners of `ipc_main.on(channel)` get it. Raises CloneError and LimitError."""
        self._post(encode_message(["send", channel], clone.encode(list(args), self._limits)))

    async def invoke(self, channel: str, *args: Any) -> Any:
        """Call a handler and return its answer.

        Raises InvokeError with the text that a page would read, ResetError when the link ended before the answer,
        CloneError and LimitError when the arguments cannot be sent.
        """
        document = self._document
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        call_id = document.calls.open((channel, answer))
        self._post(encode_message(["invoke", call_id, channel], clone.encode(list(args), self._limits)))
        return await answer

    async def received(self, channel: str, *, within: float = PATIENCE_SECONDS) -> list[Any]:
        """Return the arguments of the next message on `channel` that no `received` has returned yet.

        `within` is in seconds; TimeoutError afterwards, which tells what has arrived on other channels.
        """
        try:
            async with asyncio.timeout(within):
                while not self._arrived.get(channel):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            waiting = sorted(name for name, messages in self._arrived.items() if messages)
            raise TimeoutError(f"nothing came on {channel!r} within {within} s; waiting: {waiting}") from None
        return self._arrived[channel].pop(0)

    # --- the connection -------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open a socket and greet: at first, and after `disconnect`. Raises ClosedError, or ResetError."""
        document = self._document
        document.attempt += 1
        socket = self._socket = _Socket(self._app, f"{self._prefix}/socket", self._headers, self)
        await socket.start()
        socket.write(encode_control(document.link.received, "hello", document.hello(self._token)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await socket.greeted

    async def disconnect(self) -> None:
        """Lose the socket, as a network does: nothing is said, and what is sent now waits for `connect`."""
        socket, self._socket = self._socket, None
        self._document.link.detach(self._document.attempt)
        if socket is not None:
            await socket.cut(CloseCode.ABNORMAL)

    async def reload(self) -> None:
        """Load the document anew in the same tab: calls of the old one are never answered."""
        await self.close()
        self._document = _Document(self._limits)
        await self.connect()

    async def close(self) -> None:
        """Go away, as a closed tab does. What was sent before arrives."""
        socket, self._socket = self._socket, None
        document = self._document
        if socket is not None and socket.open:
            self._write_to(socket)
            socket.write(encode_control(document.link.received, "bye", document.link.last))
            await socket.cut(CloseCode.NORMAL)
        document.forget("ended")

    # --- what the socket says -------------------------------------------------------------------------------------

    def _post(self, message: EncodedMessage) -> None:
        self._document.link.post(message)
        asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if self._socket is not None and self._socket.open:
            self._write_to(self._socket)

    def _write_to(self, socket: "_Socket") -> None:
        while (frame := self._document.link.take_frame()) is not None:
            socket.write(frame)

    def _take(self, socket: "_Socket", data: str | bytes) -> None:
        frame = decode_frame(data, self._limits)
        if frame.control is not None:
            self._control(socket, parse_control(frame.control))
            return
        document = self._document
        for envelope in document.link.receive(frame, document.attempt):
            self._arrive(envelope)
        if document.link.ack_due or frame.is_bare:
            socket.write(document.link.bare_frame())

    def _control(self, socket: "_Socket", control: Any) -> None:
        if isinstance(control, Welcome):
            self.welcome = control
            self._token = control.token
            self._document.known = True
            self._document.link.attach(self._document.attempt, control.received)
            socket.open = True
            socket.greeted.set_result(None)
            self._flush()
        elif isinstance(control, Reset):
            self._document.forget(control.reason)
            self._document = _Document(self._limits)
            socket.refuse(ResetError(control.reason))

    def _arrive(self, envelope: Any) -> None:
        if isinstance(envelope, Send):
            args = decode_value(envelope, self._limits)
            self._arrived.setdefault(envelope.channel, []).append(args)
            self._news.set()
            self.emit(envelope.channel, RendererEvent(self), *args)
        elif isinstance(envelope, Result | ErrorReply):
            self._settle(envelope)

    def _settle(self, envelope: Result | ErrorReply) -> None:
        record = self._document.calls.settle(envelope.id)
        if record is None:
            return
        channel, answer = record
        value = decode_value(envelope, self._limits)
        if answer.done():
            return
        if isinstance(envelope, Result):
            answer.set_result(value)
        else:
            answer.set_exception(InvokeError(channel, value["message"], value))

    def _closed(self, socket: "_Socket", code: int, reason: str) -> None:
        socket.refuse(ClosedError(code, reason))
        if self._socket is socket:
            self._socket = None
            self._document.link.detach(self._document.attempt)
            if then(code) in (Then.NEW_LINK, Then.GIVE_UP):
                self._document.forget("protocol")
                self._document = _Document(self._limits)


class _Document:
    """What ends with a document: its link and its calls."""

    def __init__(self, limits: Limits) -> None:
        self.link_id = secrets.token_hex(16)
        self.secret = secrets.token_hex(16)
        self.attempt = 0
        # A server has welcomed this link: whoever does not know it now has forgotten it.
        self.known = False
        self.link = Link(Side.RENDERER, limits)
        self.calls: Calls[tuple[str, asyncio.Future[Any]]] = Calls(Side.RENDERER, limits)

    def hello(self, token: str | None) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "link": self.link_id,
            "secret": self.secret,
            "attempt": self.attempt,
            "received": self.link.received,
            "first": self.link.first,
            "fresh": self.link.fresh and not self.known,
            "features": [],
        }
        return fields if token is None else {**fields, "token": token}

    def forget(self, reason: str) -> None:
        """End the link; whoever waits for an answer is told."""
        self.link.end()
        for _, (_, answer) in self.calls.fail_all():
            if not answer.done():
                answer.set_exception(ResetError(reason))


class _Socket:
    """One WebSocket of the application, without a network."""

    def __init__(self, app: ASGIApp, path: str, headers: dict[str, str], page: Renderer) -> None:
        self._app = app
        self._scope = _scope(path, headers)
        self._page = page
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._accepted = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        # Done when `welcome` has come, or failed with why it has not.
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Between `welcome` and the end.
        self.open = False

    async def start(self) -> None:
        self._incoming.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._run())
        await self._accepted

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._incoming.get, self._send)
        except Exception as error:  # noqa: BLE001 - a test is told of it where it waits
            self._fail(error)
        finally:
            self._end(CloseCode.ABNORMAL, "the application has left the socket")

    def _fail(self, error: Exception) -> None:
        for future in (self._accepted, self.greeted):
            if not future.done():
                future.set_exception(error)
                # Only one of the two is waited for; the other would complain that nobody has asked it.
                future.exception()

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self._accepted.set_result(None)
        elif message["type"] == "websocket.send":
            data = message.get("text")
            self._page._take(self, data if data is not None else message["bytes"])  # noqa: SLF001 - its own page
        elif message["type"] == "websocket.close":
            self._incoming.put_nowait({"type": "websocket.disconnect", "code": message["code"]})
            self._end(message["code"], message.get("reason") or "")

    def _end(self, code: int, reason: str) -> None:
        if not self._accepted.done():
            self._accepted.set_exception(ClosedError(code, reason))
        self.open = False
        self._page._closed(self, code, reason)  # noqa: SLF001 - its own page

    def write(self, frame: str | bytes) -> None:
        kind = "text" if isinstance(frame, str) else "bytes"
        self._incoming.put_nowait({"type": "websocket.receive", kind: frame})

    def refuse(self, error: Exception) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(error)

    async def cut(self, code: int) -> None:
        """End the socket from the page's side, and wait until the application has noticed."""
        self.open = False
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": int(code)})
        if self._task is not None:
            await asyncio.wait([self._task])


class _Lifespan:
    """Starts and stops an application, unless somebody else has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._outgoing: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if any(mount.running() for mount in mounts(self._app)):
            return
        self._task = asyncio.create_task(self._run())
        self._incoming.put_nowait({"type": "lifespan.startup"})
        answer = await self._outgoing.get()
        if answer["type"] != "lifespan.startup.complete":
            raise RuntimeError(f"the application did not start: {answer.get('message')}")

    async def stop(self) -> None:
        if self._task is not None:
            self._incoming.put_nowait({"type": "lifespan.shutdown"})
            await self._task
            self._task = None

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        await self._app(scope, self._incoming.get, self._outgoing.put)


def _scope(path: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("testclient", 50000),
        "server": ("testserver", 80),
        "subprotocols": [SUBPROTOCOL],
        "state": {},
        "extensions": {},
    }
