"""The connection of one document of `webipc.testing` with its application: hello, resume, blocking, goodbye.

It passes envelopes on to a callback and does not interpret them. There is no timer and no backoff: the test decides
when a socket is opened and lost. Twin: js-client/src/link/connection.ts
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from webipc.core import clone
from webipc.core.envelope import Envelope, Reset, Welcome, parse, parse_control
from webipc.core.errors import (
    AfterClose,
    CloseCode,
    FeatureError,
    ProtocolError,
    ResetError,
    UnansweredError,
    after_close,
    reset_reason,
)
from webipc.core.frame import (
    EncodedMessage,
    decode_frame,
    decode_parcel,
    encode_body,
    encode_control,
    encode_message,
)
from webipc.core.frame.json_text import load_array
from webipc.core.limits import Limits
from webipc.core.link.large import Whole
from webipc.core.link.pace import LEAST_WINDOW
from webipc.testing.client import Client
from webipc.testing.memory_socket import ClosedError, MemorySocket
from webipc.testing.page_link import Call, PageLink

logger = logging.getLogger("webipc")

# How many seconds to wait by default before a TimeoutError.
PATIENCE_SECONDS = 5.0

CONTENT_TYPE = "application/vnd.webipc.v1"

# There is no timer that would acknowledge, and a server may have no more than this under way (core/link/pace.py).
_ACK_BYTES = LEAST_WINDOW

# The close codes of a refusal begin here.
_FIRST_CODE = 4_000


@dataclass(slots=True)
class Tab:
    """What a browser stores for a tab in `sessionStorage`, for all documents in it."""

    token: str | None = None


class PageConnection:
    """The link of one document, over one socket after another."""

    def __init__(self, client: Client, prefix: str, limits: Limits, deliver: Callable[[Envelope], None]) -> None:
        """`deliver` is called with each message. It raises ProtocolError for an invalid value, which ends the link."""
        self.client = client
        self.prefix = prefix
        self.limits = limits
        self._deliver = deliver
        self.tab = Tab()
        # The connection of the document that embeds this one.
        self.parent: PageConnection | None = None
        # The bearer token of every attach from now on.
        self.token: str | None = None
        # The last `welcome` of the server.
        self.welcome: Welcome | None = None
        self.page = self._new_page()
        self._socket: MemorySocket | None = None
        # With which code the server has closed the last socket; None while one is open.
        self._close_code: int | None = None
        self._closed = asyncio.Event()
        # Frames and ends of sockets that wait while the page is blocked; None while it is not.
        self._held: list[Callable[[], None]] | None = None
        # A page is blocked by one call at a time.
        self._blocking = asyncio.Lock()

    def join(self, parent: "PageConnection") -> None:
        """Become a document in an iframe of another one, before the first socket."""
        self.parent = parent
        self.tab = parent.tab

    def _new_page(self) -> PageLink:
        return PageLink(self.limits, self._wake)

    @property
    def connected(self) -> bool:
        """Whether a socket carries the page's link."""
        return self._socket is not None and self._socket.open

    @property
    def _parent_link(self) -> str | None:
        return None if self.parent is None else self.parent.page.link_id

    # --- what the page sends --------------------------------------------------------------------------------------

    def require(self, feature: str) -> None:
        """Raise FeatureError if the last `welcome` did not name a feature."""
        if self.welcome is not None and feature not in self.welcome.features:
            raise FeatureError(feature)

    def post(self, message: EncodedMessage) -> int:
        """Send a message, now or when there is a socket; return its number. Raises LinkEndedError, BufferFullError."""
        return self.page.post(message)

    def call(self, channel: str, cloned: clone.Cloned) -> "asyncio.Future[Any]":
        """Send an `invoke`; return the future of its answer."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        call_id = self.page.calls.open((channel, answer))
        self.post(encode_message(["invoke", call_id, channel], cloned))
        return answer

    def settle(self, call_id: int) -> Call | None:
        """Remove and return the pending call of an answer; None if there is none."""
        return self.page.calls.settle(call_id)

    async def call_sync(self, channel: str, cloned: clone.Cloned) -> Envelope:
        """Send a `sync`, and return its answer. Raises ResetError, and UnansweredError where there is no endpoint."""
        async with self._blocking:
            page = self.page
            # The answer is in the response, so no future waits for it. The table of calls needs one.
            unused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            unused.cancel()
            call_id = page.calls.open((channel, unused))
            try:
                seq = self.post(encode_message(["sync", call_id, channel], cloned))
                with self._blocked():
                    answer = await self._ask(page, call_id)
                if answer is None:
                    page.link.replace(seq, encode_message(["void"]))
                    raise UnansweredError(channel)
                self.post(encode_message(["sync-done", call_id]))
                return answer
            finally:
                page.calls.settle(call_id)

    @contextmanager
    def _blocked(self) -> Iterator[None]:
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            for action in held:
                action()

    async def _ask(self, page: PageLink, call_id: int) -> Envelope | None:
        body = encode_body(page.body(call_id, self._claims()))
        answer = await self.client.post(f"{self.prefix}/sync", CONTENT_TYPE, body)
        if answer.status == HTTPStatus.OK and answer.body.startswith(b"\x01"):
            end = 5 + int.from_bytes(answer.body[1:5], "little")
            page.link.receive(decode_frame(answer.body[5:end], self.limits, load_array), None)
            return parse([decode_parcel(answer.body[end:], self.limits, load_array)], self.limits)[0]
        refusal = _refusal_in(answer.body)
        if refusal is None:
            return None
        code, text = refusal
        reason = reset_reason(code, text)
        if after_close(code) in (AfterClose.NEW_LINK, AfterClose.GIVE_UP):
            self._end_link(reason)
        raise ResetError(reason)

    def _wake(self) -> None:
        asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if self._socket is not None and self._socket.open:
            self._write_to(self._socket)

    def _write_to(self, socket: MemorySocket, *, beyond_window: bool = False) -> None:
        while (frame := self.page.link.take_frame(beyond_window=beyond_window)) is not None:
            socket.write(frame)
        self.page.link.measure(time.monotonic() * 1000)

    # --- sockets and the end of the link --------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open a socket and send `hello`. Raises ClosedError, ResetError and TimeoutError."""
        if self.page.ended:
            self.page = self._new_page()
        page = self.page
        page.attempt += 1
        self._close_code = None
        self._closed.clear()
        socket = self._socket = MemorySocket(self.client, f"{self.prefix}/socket", self)
        await socket.start()
        hello = page.hello(page.attempt, self._claims())
        socket.write(encode_control(page.link.received, "hello", hello))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await socket.greeted

    async def closed_with(self) -> int:
        """Wait until the server has closed the last socket, and return its close code."""
        while self._close_code is None:
            await self._closed.wait()
        return self._close_code

    def _claims(self) -> dict[str, str | None]:
        process = None if self.welcome is None else self.welcome.process
        return {"token": self.tab.token, "parent": self._parent_link, "process": process, "auth": self.token}

    async def disconnect(self) -> None:
        """Lose the socket without a goodbye, as a network failure does. Messages wait for `connect`."""
        socket, self._socket = self._socket, None
        self.page.link.detach(self.page.attempt)
        if socket is not None:
            await socket.cut(CloseCode.ABNORMAL)

    async def reload(self) -> None:
        """Load a new document in the same tab. Pending calls of the old one fail with ResetError."""
        await self.close()
        self.page = self._new_page()
        await self.connect()

    async def close(self) -> None:
        """Say goodbye, as a closed tab does. Messages sent before arrive."""
        socket, self._socket = self._socket, None
        page = self.page
        if socket is not None and socket.open:
            self._write_to(socket, beyond_window=True)
            socket.write(encode_control(page.link.received, "bye", page.link.last))
            await socket.cut(CloseCode.NORMAL)
        page.end("ended")

    def _end_link(self, reason: str) -> None:
        """End the link, and replace it by a new one."""
        self.page.end(reason)
        self.page = self._new_page()

    # --- what the server sends ------------------------------------------------------------------------------------

    def take(self, socket: MemorySocket, data: str | bytes) -> None:
        """Process a frame; only the socket calls this."""
        if self._held is not None:
            self._held.append(lambda: self.take(socket, data))
            return
        if socket is not self._socket:
            return
        try:
            self._take(socket, data)
        except ProtocolError as error:
            logger.warning("A page of webipc.testing received an invalid frame: %s", error.detail)
            socket.shut(error.close_code)
            self._end_link("protocol")

    def _take(self, socket: MemorySocket, data: str | bytes) -> None:
        page = self.page
        frame = decode_frame(data, self.limits, load_array)
        if frame.control is not None:
            self._control(socket, parse_control(frame.control))
            return
        arrived = page.link.receive(frame, page.attempt)
        page.link.measure(time.monotonic() * 1000)
        for envelope in arrived:
            assert not isinstance(envelope, Whole), "the side of a page opens every parcel"
            self._deliver(envelope)
        if page is not self.page:
            return
        # What the window has held back.
        self._flush()
        if page.link.ack_due or page.link.owed_bytes >= _ACK_BYTES or frame.is_bare:
            socket.write(page.link.bare_frame())

    def _control(self, socket: MemorySocket, control: Any) -> None:
        if isinstance(control, Welcome):
            self.welcome = control
            self.tab.token = control.token
            self.page.known = True
            self.page.link.attach(self.page.attempt, control.received)
            socket.open = True
            socket.greeted.set_result(None)
            self._flush()
        elif isinstance(control, Reset):
            self._end_link(control.reason)
            socket.refuse(ResetError(control.reason))

    def closed(self, socket: MemorySocket, code: int, reason: str) -> None:
        """Process the end of a socket; only the socket calls this."""
        if self._held is not None:
            self._held.append(lambda: self.closed(socket, code, reason))
            return
        socket.refuse(ClosedError(code, reason))
        if self._socket is socket:
            self._socket = None
            self._close_code = code
            self._closed.set()
            self.page.link.detach(self.page.attempt)
            if after_close(code) in (AfterClose.NEW_LINK, AfterClose.GIVE_UP):
                self._end_link(reset_reason(code, reason))


def _refusal_in(body: bytes) -> tuple[int, str] | None:
    """Return code and reason of a refusal of the endpoint; None for any other response (PROTOCOL.md 2.4)."""
    try:
        refusal = orjson.loads(body)
        code, reason = refusal["code"], refusal["reason"]
    except (ValueError, KeyError, TypeError):
        return None
    return (code, reason) if type(code) is int and code >= _FIRST_CODE and type(reason) is str and reason else None
