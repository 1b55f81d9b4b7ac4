"""`Renderer`: one document of one tab that a test controls."""

import asyncio
import logging
from collections.abc import Mapping
from types import EllipsisType
from typing import Any, Self

from webipc.channels.emitter import EventEmitter
from webipc.concurrency.fatal import FATAL
from webipc.core import clone
from webipc.core.envelope import ErrorReply, Port, PortClose, Post, Result, Send, Welcome, decode_value
from webipc.core.errors import ProtocolError, UnreadableError
from webipc.core.frame import encode_message
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.electron.message_port_main import MessagePortMain, TransferError, TransferTypeError
from webipc.electron.post_message import checked_ports, conversion_failure
from webipc.mount import mounts
from webipc.ports.ends import PortMessage
from webipc.ports.value import PortValue
from webipc.testing.arrivals import Arrivals
from webipc.testing.client import ASGIApp, Client
from webipc.testing.connection import PATIENCE_SECONDS, PageConnection
from webipc.testing.errors import InvokeError, SyncError
from webipc.testing.lifespan import Lifespan
from webipc.testing.page_link import checked_token
from webipc.testing.renderer_event import RendererEvent

logger = logging.getLogger("webipc")


class Renderer(EventEmitter):
    """One document of one tab. Use it as an asynchronous context manager; its listeners get `(event, *args)`.

    An exception in a listener is an uncaught error of the page: the event loop's exception handler gets it, and later
    messages are dispatched as usual.
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
        token: str | None = None,
        limits: Limits = DEFAULT_LIMITS,
        client: Client | None = None,
    ) -> None:
        """Create a page that is not connected yet, in a new browser with its own cookies; `open` adds tabs to it.

        `base_url`, `prefix`, `origin`, `headers`, `cookies` and `limits` are those of `Browser`. `token` is the bearer
        token that the page gives, as `connection.token` of the client. `client` is for `Browser.open`. Raises
        ValueError when `base_url` is no address, or the token none.
        """
        super().__init__()
        found = mounts(app)
        # Each mount puts its routes before those that are there.
        path = prefix if prefix is not None else (found[-1].prefix if found else "/ipc")
        its_client = client or Client(app, base_url=base_url, origin=origin, headers=headers, cookies=cookies)
        self._connection = PageConnection(its_client, path, limits, self._deliver)
        self.token = token
        self._limits = limits
        self._lifespan = Lifespan(app)
        # The documents in iframes of this one.
        self._frames: list[Renderer] = []
        # Messages that `received` has not returned yet.
        self._arrived: Arrivals[tuple[RendererEvent, list[Any]]] = Arrivals()

    @property
    def welcome(self) -> Welcome | None:
        """The last `welcome` of the server; None before the first."""
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

    @property
    def at(self) -> int:
        """Which of `Workers` the page's next socket, and its `send_sync`, reach; 0 for a single application.

        To set it to no worker raises ValueError.
        """
        return self._connection.client.place

    @at.setter
    def at(self, place: int) -> None:
        self._connection.client = self._connection.client.at(place)

    @property
    def token(self) -> str | None:
        """The bearer token that every socket and `send_sync` gives from now on; None for none.

        To set what is no token (RFC 6750, at most 8 KiB) raises ValueError.
        """
        return self._connection.token

    @token.setter
    def token(self, token: str | None) -> None:
        self._connection.token = checked_token(token)

    async def __aenter__(self) -> Self:
        """Start the application, unless it runs already, and connect. Raises ClosedError when the page is refused."""
        await self._lifespan.start()
        try:
            await self.connect()
        except BaseException:
            await self._lifespan.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Say goodbye, and stop the application if this page has started it."""
        await self.close()
        await self._lifespan.stop()

    # --- the browser ----------------------------------------------------------------------------------------------

    def open(self, *, token: str | None = None, at: int | None = None) -> "Renderer":
        """Return another tab of the same browser, with the same cookies. Use it with `async with`, or `connect` it.

        `at` is the worker that it reaches first; None for that of this page.
        """
        return self._open(token, None, at)

    def open_frame(self, *, token: str | None = None, at: int | None = None) -> "Renderer":
        """Return a document of the same origin in an iframe of this one. Use it with `async with`, or `connect` it.

        It is closed when this document is closed or reloaded. `at` is as for `open`.
        """
        frame = self._open(token, self._connection, at)
        self._frames.append(frame)
        return frame

    def _open(self, token: str | None, parent: PageConnection | None, at: int | None) -> "Renderer":
        connection = self._connection
        client = connection.client if at is None else connection.client.at(at)
        other = Renderer(client.app, prefix=connection.prefix, limits=self._limits, token=token, client=client)
        if parent is not None:
            other._connection.join(parent)
        return other

    async def connect(self) -> None:
        """Open a socket and send `hello`: a new link after a refusal, a reset and `close`, otherwise the same one.

        So it is what `connection.open()` of the client is, and what a page does after a lost socket and the close code
        4411. Raises ClosedError with the `close_code` of a refusal, ResetError and TimeoutError.
        """
        await self._connection.connect()

    async def closed(self, *, within: float = PATIENCE_SECONDS) -> int:
        """Wait until the server has closed the page's socket, and return the close code (PROTOCOL.md section 8).

        After 4411 a page connects again: `await page.connect()`. Raises TimeoutError after `within` seconds.
        """
        async with asyncio.timeout(within):
            return await self._connection.closed_with()

    async def disconnect(self) -> None:
        """Lose the socket without a goodbye, as a network failure does. Messages wait for `connect`."""
        await self._connection.disconnect()

    async def reconnect(self, *, at: int | None = None) -> None:
        """Lose the socket and connect again, at a worker: `disconnect` and `connect`. None for where it was."""
        await self.disconnect()
        if at is not None:
            self.at = at
        await self.connect()

    async def reload(self) -> None:
        """Load a new document in the same tab. Pending calls of the old one fail with ResetError."""
        await self._close_frames()
        await self._connection.reload()

    async def close(self) -> None:
        """Say goodbye, as a closed tab does. Messages sent before arrive."""
        await self._close_frames()
        await self._connection.close()

    async def _close_frames(self) -> None:
        frames, self._frames = self._frames, []
        for frame in frames:
            await frame.close()

    # --- ipcRenderer ----------------------------------------------------------------------------------------------

    def send(self, channel: str, *args: Any) -> None:
        """Send a message to the listeners of the channel: Electron's `ipcRenderer.send`.

        Raises CloneError and LimitError when the arguments cannot be sent, LinkEndedError after `close`.
        """
        self._connection.post(encode_message(["send", channel], self._cloned(channel, args)))

    async def invoke(self, channel: str, *args: Any) -> Any:
        """Call a handler and return its answer: Electron's `ipcRenderer.invoke`.

        Raises InvokeError with the text that a page would get, ResetError when the link ends before the answer,
        CloneError and LimitError when the arguments cannot be sent. Cancelling it does not cancel the handler.
        """
        return await self._connection.call(channel, self._cloned(channel, args))

    async def send_sync(self, channel: str, *args: Any) -> Any:
        """Return the `event.return_value` that a listener sets: Electron's `ipcRenderer.sendSync`.

        As in a blocked page, messages from the server are dispatched after the answer. When no listener can answer any
        more, the answer is `{"error": "reply was never sent"}`, as in Electron. Raises SyncError when none has answered
        within the server's limit, or the page may not use the channel; ResetError when the link ends, UnansweredError
        when the application does not serve synchronous requests, CloneError and LimitError when the arguments cannot be
        sent.
        """
        cloned = self._cloned(channel, args)
        self._connection.require("sync")
        answer = await self._connection.call_sync(channel, cloned)
        value = self._value(answer)
        if isinstance(answer, Result):
            return value
        raise SyncError(value["message"], value)

    def post_message(self, channel: str, message: Any, transfer: Any = ()) -> None:
        """Send one value and ports, which listeners find in `event.ports`: Electron's `ipcRenderer.postMessage`.

        `transfer` is a list of ports of a MessageChannelMain, which stands for the page's own MessageChannel. Raises
        TransferError, which is a TypeError here, with the text `Invalid value for transfer`, for anything else;
        CloneError and LimitError when the message cannot be sent.
        """
        cloned = self._cloned(channel, message, 0, "message")
        self._connection.require("ports")
        try:
            ports = checked_ports(transfer)
        except TransferError:
            # A browser has one class and one text for every error in the list.
            raise TransferTypeError("Invalid value for transfer") from None
        ends = tuple(port.neuter() for port in ports)
        carried = PortMessage(PortValue(cloned.skeleton, cloned.fixups, cloned.segments), ends)
        self._connection.page.ports.send(["post", channel], carried)

    def send_to(self, web_contents_id: int, channel: str, *args: Any) -> None:
        """Send to the main document of another tab of the same browser: `ipcRenderer.sendTo` of Electron 27.

        The message is dropped when there is no such tab, or the application does not allow it. Raises TypeError when
        the id is not an integer, CloneError and LimitError when the arguments cannot be sent.
        """
        if type(web_contents_id) is not int:
            raise conversion_failure(1, web_contents_id)
        cloned = self._cloned(channel, args, 2)
        self._connection.require("send-to")
        if web_contents_id > 0:
            self._connection.post(encode_message(["send-to", web_contents_id, channel], cloned))

    async def received(self, channel: str, *, within: float = PATIENCE_SECONDS) -> list[Any]:
        """Wait for the next message on `channel` that was not returned yet, and return its arguments.

        Raises TimeoutError after `within` seconds; its text lists the channels on which messages have arrived.
        """
        return (await self.arrival(channel, within=within))[1]

    async def arrival(self, channel: str, *, within: float = PATIENCE_SECONDS) -> tuple[RendererEvent, list[Any]]:
        """Wait as `received`, and return the event and the arguments of the message: the event has its ports."""
        return await self._arrived.take(channel, within)

    def _cloned(self, channel: object, value: Any, index: int = 1, root: str = "args") -> clone.Cloned:
        if not isinstance(channel, str):
            raise conversion_failure(index, channel)
        return clone.encode(list(value) if root == "args" else value, self._limits, root)

    # --- what the server sends ------------------------------------------------------------------------------------

    def _deliver(self, envelope: Any) -> None:
        try:
            self._dispatch(envelope)
        except UnreadableError as error:
            self._unreadable(envelope, error)

    def _unreadable(self, envelope: Any, error: UnreadableError) -> None:
        """Let a message fail alone, as a page does (PROTOCOL.md section 5)."""
        if isinstance(envelope, Result):
            self._reject(envelope, {"message": str(error), "code": error.code})
        elif isinstance(envelope, ErrorReply):
            self._reject(envelope, {"message": envelope.value["message"]})
        else:
            if isinstance(envelope, Post):
                for end in self._connection.page.ports.accept(envelope.ports):
                    end.close()
            logger.warning("A message for '%s' is dropped: %s", envelope.channel, error)

    def _dispatch(self, envelope: Any) -> None:
        if isinstance(envelope, Send):
            self._receive_send(envelope)
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

    def _receive_send(self, envelope: Send) -> None:
        meta = envelope.meta or {}
        sender_id = meta.get("senderId")
        try:
            args = self._args(envelope)
        except ProtocolError as error:
            if sender_id is None:
                raise
            # Another page sent it, and the server did not check it: the link stays open.
            logger.warning("A message of web contents %s is dropped: %s", sender_id, error.detail)
            return
        is_main = meta.get("senderIsMainFrame")
        self._arrive(
            envelope.channel, RendererEvent(self, sender_id=sender_id or 0, sender_is_main_frame=is_main), args
        )

    def _arrive(self, channel: str, event: RendererEvent, args: list[Any]) -> None:
        self._arrived.add(channel, (event, args))
        try:
            self.emit(channel, event, *args)
        except FATAL:
            raise
        except BaseException as error:  # noqa: BLE001 - an uncaught error of the page, as in a browser
            # Caught, because it must not stop later messages, nor reach the server, which runs this call.
            text = f"Uncaught error in a page's listener for {channel!r}"
            asyncio.get_running_loop().call_exception_handler({"message": text, "exception": error})

    def _settle(self, envelope: Result | ErrorReply) -> None:
        # Decoded first: an invalid value ends the link, and that fails the call.
        value = self._value(envelope)
        if isinstance(envelope, ErrorReply):
            self._reject(envelope, value)
            return
        record = self._connection.settle(envelope.id)
        if record is not None and not record[1].done():
            record[1].set_result(value)

    def _reject(self, envelope: Result | ErrorReply, value: Any) -> None:
        record = self._connection.settle(envelope.id)
        if record is not None and not record[1].done():
            record[1].set_exception(InvokeError(record[0], value["message"], value))

    def _args(self, envelope: Send) -> list[Any]:
        args = self._value(envelope)
        if type(args) is not list:
            raise ProtocolError("expected the array of arguments as the value, got something else")
        return args

    def _value(self, carrier: Any) -> Any:
        return decode_value(carrier, self._limits)
