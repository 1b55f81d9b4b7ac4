"""`Renderer`: one document of one tab, as a test drives it; `RendererEvent`: what its listeners get first."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Self

from webipc.channels.emitter import EventEmitter
from webipc.concurrency.fatal import FATAL
from webipc.core import clone
from webipc.core.envelope import ErrorReply, Port, PortClose, Post, Result, Send, Welcome, decode_value
from webipc.core.errors import ProtocolError
from webipc.core.frame import encode_message
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.electron.message_port_main import MessagePortMain, TransferError, TransferTypeError
from webipc.electron.post_message import checked_ports, conversion_failure
from webipc.mount import mounts
from webipc.ports.ends import PortMessage
from webipc.testing.browser import ASGIApp, Browser
from webipc.testing.connection import PATIENCE_SECONDS, PageConnection
from webipc.testing.errors import InvokeError, SyncError
from webipc.testing.lifespan import Lifespan

logger = logging.getLogger("webipc")


class RendererEvent:
    """What is known of a message besides its arguments: the first argument of a listener (`IpcRendererEvent`)."""

    __slots__ = ("ports", "sender", "sender_id", "sender_is_main_frame")

    def __init__(
        self,
        sender: "Renderer",
        ports: Sequence[MessagePortMain] = (),
        *,
        sender_id: int = 0,
        sender_is_main_frame: bool | None = None,
    ) -> None:
        # The page that received the message.
        self.sender = sender
        # The ports that came with a message of `post_message`: they stand for the page's own MessagePorts.
        self.ports = list(ports)
        # Of a message of `send_to`: the web contents of its sender, and whether that is no iframe. Else 0 and None.
        self.sender_id = sender_id
        self.sender_is_main_frame = sender_is_main_frame


class Renderer(EventEmitter):
    """One document of one tab. Use it as an asynchronous context manager; its listeners get `(event, *args)`.

    What a listener raises is an uncaught error of the page: the event loop's exception handler gets it, and what came
    behind that message goes on.
    """

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
        `headers` are what the browser would send; an `origin` of None sends none. Each Renderer that is made like this
        is a browser of its own, with its own cookies; `open` makes further tabs of it.
        """
        super().__init__()
        found = mounts(app)
        sent = {"host": "testserver", **(headers or {}), **({} if origin is None else {"origin": origin})}
        path = prefix if prefix is not None else (found[0].prefix if found else "/ipc")
        self._connection = PageConnection(Browser(app, sent), path, limits, self._deliver)
        self._limits = limits
        self._lifespan = Lifespan(app)
        # The documents in iframes of this one.
        self._frames: list[Renderer] = []
        # Messages that no `received` has taken yet, by channel.
        self._arrived: dict[str, list[tuple[RendererEvent, list[Any]]]] = {}
        self._news = asyncio.Event()

    @property
    def welcome(self) -> Welcome | None:
        """What the server said at the last greeting; None before."""
        return self._connection.welcome

    @property
    def web_contents_id(self) -> int:
        """The id of this page's tab, as `ipc_main.from_id` takes it."""
        assert self.welcome is not None, "the page is not connected yet"
        return self.welcome.web_contents_id

    @property
    def connected(self) -> bool:
        """Whether a socket carries the page's link."""
        return self._connection.connected

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

    # --- the browser ----------------------------------------------------------------------------------------------

    def open(self) -> "Renderer":
        """Return another tab of the same browser, which brings its cookies; enter it, or `connect` it."""
        return self._open(None)

    def open_frame(self) -> "Renderer":
        """Return a document in an iframe of this one, of the same origin; enter it, or `connect` it.

        It closes with this one.
        """
        frame = self._open(self._connection)
        self._frames.append(frame)
        return frame

    def _open(self, parent: PageConnection | None) -> "Renderer":
        connection = self._connection
        other = Renderer(connection.browser.app, prefix=connection.prefix, limits=self._limits)
        other._connection.join(connection.browser, parent)
        return other

    async def connect(self) -> None:
        """Open a socket and greet: at first, and after `disconnect`. Raises ClosedError, or ResetError."""
        await self._connection.connect()

    async def disconnect(self) -> None:
        """Lose the socket, as a network does: nothing is said, and what is sent now waits for `connect`."""
        await self._connection.disconnect()

    async def reload(self) -> None:
        """Load the document anew in the same tab: calls of the old one are never answered."""
        await self._close_frames()
        await self._connection.reload()

    async def close(self) -> None:
        """Go away, as a closed tab does. What was sent before arrives."""
        await self._close_frames()
        await self._connection.close()

    async def _close_frames(self) -> None:
        frames, self._frames = self._frames, []
        for frame in frames:
            await frame.close()

    # --- ipcRenderer ----------------------------------------------------------------------------------------------

    def send(self, channel: str, *args: Any) -> None:
        """Send a message; listeners of `ipc_main.on(channel)` get it. Raises CloneError and LimitError."""
        self._connection.post(encode_message(["send", channel], self._cloned(channel, args)))

    async def invoke(self, channel: str, *args: Any) -> Any:
        """Call a handler and return its answer.

        Raises InvokeError with the text that a page would read, ResetError when the link ended before the answer,
        CloneError and LimitError when the arguments cannot be sent.
        """
        return await self._connection.call(channel, self._cloned(channel, args))

    async def send_sync(self, channel: str, *args: Any) -> Any:
        """Ask as `ipcRenderer.sendSync` does, and return what a listener has set as `event.return_value`.

        A page would be blocked: what the server sends meanwhile is dispatched when the answer is there. Where nobody
        answers and nobody can, that is `{"error": "reply was never sent"}`, as in Electron. Raises SyncError when
        nobody has answered within the server's limit, ResetError when the link ended, UnansweredError where the
        application has no such endpoint, CloneError and LimitError when the arguments cannot be sent.
        """
        cloned = self._cloned(channel, args)
        self._connection.require("sync")
        answer = await self._connection.call_sync(channel, cloned)
        value = self._value(answer)
        if isinstance(answer, Result):
            return value
        raise SyncError(value["message"], value)

    def post_message(self, channel: str, message: Any, transfer: Any = ()) -> None:
        """Send one value and ports, as `ipcRenderer.postMessage`; `event.ports` of the listeners has the ports.

        `transfer` holds ports of a MessageChannelMain, which stands for the page's own MessageChannel. Raises
        TransferTypeError, `Invalid value for transfer`, for anything else; CloneError and LimitError.
        """
        cloned = self._cloned(channel, message, 0, "message")
        self._connection.require("ports")
        ends = tuple(port.neuter() for port in _ports_of(transfer))
        carried = PortMessage(cloned.skeleton, cloned.fixups, cloned.segments, ends)
        self._connection.page.ports.send(["post", channel], carried)

    def send_to(self, web_contents_id: int, channel: str, *args: Any) -> None:
        """Send to the main document of another tab of the same browser, as `ipcRenderer.sendTo` of Electron 27.

        Nobody is told when there is no such tab, or the application does not allow it.
        """
        if type(web_contents_id) is not int:
            raise conversion_failure(1, web_contents_id)
        cloned = self._cloned(channel, args, 2)
        self._connection.require("send-to")
        if web_contents_id > 0:
            self._connection.post(encode_message(["send-to", web_contents_id, channel], cloned))

    async def received(self, channel: str, *, within: float = PATIENCE_SECONDS) -> list[Any]:
        """Return the arguments of the next message on `channel` that was not returned yet.

        `within` is in seconds; TimeoutError afterwards, which tells what has arrived on other channels.
        """
        return (await self.arrival(channel, within=within))[1]

    async def arrival(self, channel: str, *, within: float = PATIENCE_SECONDS) -> tuple[RendererEvent, list[Any]]:
        """Return the event and the arguments of the next message, as `received`: the event has its ports."""
        try:
            async with asyncio.timeout(within):
                while not self._arrived.get(channel):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            waiting = sorted(name for name, messages in self._arrived.items() if messages)
            raise TimeoutError(f"nothing came on {channel!r} within {within} s; waiting: {waiting}") from None
        return self._arrived[channel].pop(0)

    def _cloned(self, channel: object, value: Any, index: int = 1, root: str = "args") -> clone.Cloned:
        if not isinstance(channel, str):
            raise conversion_failure(index, channel)
        return clone.encode(list(value) if root == "args" else value, self._limits, root)

    # --- what the server says -------------------------------------------------------------------------------------

    def _deliver(self, envelope: Any) -> None:
        if isinstance(envelope, Send):
            self._send_came(envelope)
        elif isinstance(envelope, Result | ErrorReply):
            self._settle(envelope)
        elif isinstance(envelope, Post):
            message = self._value(envelope)
            ends = self._connection.page.ports.accept(envelope.ports)
            event = RendererEvent(self, [MessagePortMain(end) for end in ends])
            self._arrive(envelope.channel, event, [message])
        elif isinstance(envelope, Port):
            self._connection.page.ports.receive(envelope)
        elif isinstance(envelope, PortClose):
            self._connection.page.ports.receive_close(envelope)

    def _send_came(self, envelope: Send) -> None:
        meta = envelope.meta or {}
        sender_id = meta.get("senderId")
        try:
            args = self._args(envelope)
        except ProtocolError as error:
            if sender_id is None:
                raise
            # Another page's lie, which the server has not looked at, is not the end of this link.
            logger.warning("A message of web contents %s is dropped: %s", sender_id, error.detail)
            return
        is_main = meta.get("senderIsMainFrame")
        self._arrive(
            envelope.channel, RendererEvent(self, sender_id=sender_id or 0, sender_is_main_frame=is_main), args
        )

    def _arrive(self, channel: str, event: RendererEvent, args: list[Any]) -> None:
        self._arrived.setdefault(channel, []).append((event, args))
        self._news.set()
        try:
            self.emit(channel, event, *args)
        except FATAL:
            raise
        except BaseException as error:  # noqa: BLE001 - an uncaught error of the page, as in a browser
            # What came behind it is not of its business, and neither is the server, whose call this is.
            text = f"A page's listener for {channel!r} raised, which is an uncaught error there"
            asyncio.get_running_loop().call_exception_handler({"message": text, "exception": error})

    def _settle(self, envelope: Result | ErrorReply) -> None:
        # First the value: if it lies, the call waits for the end of the link.
        value = self._value(envelope)
        record = self._connection.settle(envelope.id)
        if record is None:
            return
        channel, answer = record
        if answer.done():
            return
        if isinstance(envelope, Result):
            answer.set_result(value)
        else:
            answer.set_exception(InvokeError(channel, value["message"], value))

    def _args(self, envelope: Send) -> list[Any]:
        args = self._value(envelope)
        if type(args) is not list:
            raise ProtocolError("expected the array of arguments as the value, got something else")
        return args

    def _value(self, carrier: Any) -> Any:
        return decode_value(carrier, self._limits)


def _ports_of(transfer: Any) -> list[MessagePortMain]:
    """Return the ports to send. A page has one text, and a TypeError, for everything that is wrong with them."""
    try:
        return checked_ports(transfer)
    except TransferError:
        raise TransferTypeError("Invalid value for transfer") from None
