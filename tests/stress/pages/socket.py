"""One socket of a page in Python: hello, frames both ways, acknowledgements and heartbeat (PROTOCOL.md 6 and 7).

Twin in spirit: js-client/src/link/socket-session.ts
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidURI
from websockets.typing import Origin, Subprotocol

from tests.stress.pages.link import StressedLink
from webipc.core.envelope import Reset, Welcome, parse_control
from webipc.core.errors import CloseCode
from webipc.core.frame import Frame, decode_frame, encode_control
from webipc.core.limits import Limits
from webipc.version import SUBPROTOCOL

NO_SOCKET: Final = (ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidURI, OSError, TimeoutError, EOFError)


class Lost(Exception):  # noqa: N818 - the end of a socket is no error
    """The socket has ended."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Socket:
    """From its opening to its end, which `run` raises."""

    def __init__(self, link: StressedLink, limits: Limits, deliver: Callable[[Sequence[Any]], None]) -> None:
        self.link = link
        self._limits = limits
        self._deliver = deliver
        self._socket: ClientConnection | None = None
        self._attempt = 0
        self._sent_at = 0.0
        self._ack: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self.unblocked = asyncio.Event()
        """Cleared while the page is blocked: then it reads nothing."""
        self.unblocked.set()
        self.welcome: Welcome | None = None
        """Set from the welcome on."""
        self.greeted: Callable[[Welcome], None] = lambda welcome: None

    def wake(self) -> None:
        """Something was posted."""
        self._wake.set()

    async def run(self, url: str, origin: str, address: str, claims: dict[str, str | None]) -> None:
        """Open the socket, and serve it to its end. Raises Lost."""
        self.link.attempt += 1
        self._attempt = self.link.attempt
        try:
            async with asyncio.timeout(self._limits.hello_ms / 1000):
                self._socket = await connect(
                    f"{url}/socket/{self._attempt}",
                    origin=Origin(origin),
                    subprotocols=[Subprotocol(SUBPROTOCOL)],
                    compression=None,
                    max_size=None,
                    ping_interval=None,
                    open_timeout=None,
                    proxy=None,
                    local_addr=(address, 0),
                    close_timeout=0.1,
                )
        except NO_SOCKET:
            raise Lost(CloseCode.ABNORMAL) from None
        try:
            await self._serve(claims)
        except ConnectionClosed as closed:
            end = closed.rcvd
            raise Lost(CloseCode.ABNORMAL if end is None else end.code, "" if end is None else end.reason) from None
        except (TimeoutError, OSError):
            raise Lost(CloseCode.ABNORMAL) from None
        finally:
            await self._end()

    async def _serve(self, claims: dict[str, str | None]) -> None:
        hello = self.link.hello(self._attempt, claims)
        await self._send(encode_control(self.link.link.received, "hello", hello))
        writer = asyncio.create_task(self._write())
        try:
            while True:
                data = await self._next()
                await self.unblocked.wait()
                self._take(decode_frame(data, self._limits))
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _end(self) -> None:
        self.welcome = None
        self.link.link.detach(self._attempt)
        if self._ack is not None:
            self._ack.cancel()
        if self._socket is not None:
            self._socket.transport.abort()
            await self._socket.wait_closed()

    async def _next(self) -> str | bytes:
        """Read a frame; probe the server when it is silent, and give the socket up when it stays so."""
        assert self._socket is not None
        limits = self._limits
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout((limits.silence_ms if self.welcome else limits.hello_ms) / 1000):
                return await self._socket.recv()
        async with asyncio.timeout(limits.probe_ms / 1000):
            await self._send(self.link.link.bare_frame())
            return await self._socket.recv()

    async def _send(self, frame: str | bytes) -> None:
        assert self._socket is not None
        self._sent_at = time.monotonic()
        await self._socket.send(frame)

    async def _write(self) -> None:
        """Send what was posted, and what is to be acknowledged. Ends with the socket: the reader notices too."""
        link = self.link.link
        with contextlib.suppress(ConnectionClosed, OSError):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self.welcome is not None and (frame := link.take_frame()) is not None:
                    await self._send(frame)
                    link.measure(time.monotonic() * 1000)
                if link.ack_owed and (link.ack_due or self._ack is None):
                    await self._send(link.bare_frame())

    def _take(self, frame: Frame) -> None:
        if frame.control is not None:
            self._control(parse_control(frame.control))
            return
        link = self.link.link
        arrived = link.receive(frame, self._attempt)
        link.measure(time.monotonic() * 1000)
        if link.next <= link.last:
            # An acknowledgement may let out what waits.
            self._wake.set()
        if frame.is_bare and time.monotonic() - self._sent_at >= self._limits.answer_page_ms / 1000:
            # Whatever is owed: this is an answer.
            link.owed_messages = max(link.owed_messages, 1)
            self._acknowledge()
        elif link.ack_due:
            self._wake.set()
        elif link.ack_owed and self._ack is None:
            self._ack = asyncio.get_running_loop().call_later(self._limits.ack_ms / 1000, self._acknowledge)
        if arrived:
            self._deliver(arrived)

    def _acknowledge(self) -> None:
        if self._ack is not None:
            self._ack.cancel()
        self._ack = None
        self._wake.set()

    def _control(self, control: Any) -> None:
        if isinstance(control, Welcome):
            link = self.link.link
            # The answer of a `sync` may have arrived before, and have acknowledged more.
            link.attach(self._attempt, max(control.received, link.first - 1))
            self.link.known = True
            self.welcome = control
            self.greeted(control)
            self._wake.set()
        elif isinstance(control, Reset):
            raise Lost(CloseCode.RESET, control.reason)

    def drop(self) -> None:
        """End the socket at once: its link is over."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def leave(self) -> None:
        """Send everything and `bye`, and close for good."""
        if self.welcome is None or self._socket is None:
            return
        link = self.link.link
        with contextlib.suppress(ConnectionClosed, OSError):
            while (frame := link.take_frame(beyond_window=True)) is not None:
                await self._socket.send(frame)
            await self._socket.send(encode_control(link.received, "bye", link.last))
            await self._socket.close(CloseCode.NORMAL)
