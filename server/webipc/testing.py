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
from typing import Any, Self

from webipc.app import mounts
from webipc.core import clone
from webipc.core.calls import Calls
from webipc.core.envelope import ErrorReply, Reset, Result, Send, Welcome, decode_value, parse_control
from webipc.core.errors import CloseCode, ResetError, Then, then
from webipc.core.frame import EncodedMessage, decode_frame, encode_control, encode_message
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link import Link, Side
from webipc.emitter import EventEmitter
from webipc.in_memory import ASGIApp, ClosedError, Lifespan, MemorySocket

# How long anything may take before a test is told that it will not happen.
PATIENCE_SECONDS = 5.0

__all__ = ["ClosedError", "InvokeError", "Renderer", "RendererEvent"]


class InvokeError(Exception):
    """What `ipcRenderer.invoke` rejects with: Electron's text, and what the handler's error carried."""

    def __init__(self, channel: str, message: str, fields: dict[str, Any]) -> None:
        super().__init__(f"Error invoking remote method '{channel}': {message}")
        # The `code` and `data` of an IpcError, or the code of one of webipc's own refusals.
        self.code: str | None = fields.get("code")
        self.data: Any = fields.get("data")
        # Names the entry in the server's log where the text was not told.
        self.reference: str | None = fields.get("reference")


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
        self._socket: MemorySocket | None = None
        self._lifespan = Lifespan(app)
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
        socket = self._socket = MemorySocket(self._app, f"{self._prefix}/socket", self._headers, self)
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

    def _write_to(self, socket: MemorySocket) -> None:
        while (frame := self._document.link.take_frame()) is not None:
            socket.write(frame)

    def take(self, socket: MemorySocket, data: str | bytes) -> None:
        """Take a frame: for the socket alone to call."""
        frame = decode_frame(data, self._limits)
        if frame.control is not None:
            self._control(socket, parse_control(frame.control))
            return
        document = self._document
        for envelope in document.link.receive(frame, document.attempt):
            self._arrive(envelope)
        if document.link.ack_due or frame.is_bare:
            socket.write(document.link.bare_frame())

    def _control(self, socket: MemorySocket, control: Any) -> None:
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

    def closed(self, socket: MemorySocket, code: int, reason: str) -> None:
        """Note the end of a socket: for the socket alone to call."""
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
