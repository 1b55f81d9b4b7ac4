"""The reading half of one WebSocket: through ASGI's `receive`, or past it where the server offers that
(servers/frame_socket.py).

The task that reads holds the flusher, so that answers go out together; it releases the flusher while it waits for the
next frame. The writing half: websocket_transport.py
"""

from typing import Any, Protocol

from starlette.types import Message, Receive

from webipc.concurrency.flusher import Flusher
from webipc.concurrency.started_coroutine import StartedCoroutine
from webipc.core.errors import CloseCode
from webipc.servers.frame_socket import FrameSocket


class Source(Protocol):
    """What a socket brings, in order."""

    @property
    def code(self) -> int:
        """The code with which the socket has ended; "abnormal" until it is known."""

    async def first(self) -> str | bytes | None:
        """Wait for the first frame. None when the socket has ended."""

    async def next(self) -> str | bytes | None:
        """Return the next frame; None when the socket has ended.

        What is to be sent goes out when none is there: several that came together are answered together, and the last
        of them without another turn of the loop. To be called by whoever holds the flusher.
        """


class AsgiSource:
    """Reads by `receive`."""

    __slots__ = ("_flusher", "_receive", "code")

    def __init__(self, receive: Receive, flusher: Flusher) -> None:
        self._receive = receive
        self._flusher = flusher
        self.code: int = CloseCode.ABNORMAL

    async def first(self) -> str | bytes | None:
        """See `Source`."""
        return self._frame_of(await self._receive())

    async def next(self) -> str | bytes | None:
        """See `Source`."""
        # Every ASGI server's `receive` is a coroutine function, though its type says less.
        receiving: Any = self._receive()
        try:
            waits_for = receiving.send(None)
        except StopIteration as stop:
            return self._frame_of(stop.value)
        self._flusher.release()
        try:
            message = await StartedCoroutine(receiving, waits_for)
        finally:
            self._flusher.hold()
        return self._frame_of(message)

    def _frame_of(self, message: Message) -> str | bytes | None:
        if message["type"] != "websocket.receive":
            self.code = message.get("code", self.code)
            return None
        text = message.get("text")
        frame: str | bytes = text if text is not None else message["bytes"]
        return frame


class DirectSource:
    """Reads past ASGI."""

    __slots__ = ("_frame_socket", "_flusher")

    def __init__(self, frame_socket: FrameSocket, flusher: Flusher) -> None:
        self._frame_socket = frame_socket
        self._flusher = flusher

    @property
    def code(self) -> int:
        """See `Source`."""
        code = self._frame_socket.end_code
        return CloseCode.ABNORMAL if code is None else code

    async def first(self) -> str | bytes | None:
        """See `Source`."""
        frame_socket = self._frame_socket
        while (frame := frame_socket.take()) is None and frame_socket.end_code is None:
            await frame_socket.wakeup
        return frame

    async def next(self) -> str | bytes | None:
        """See `Source`."""
        frame_socket = self._frame_socket
        frame = frame_socket.take()
        if frame is None and frame_socket.end_code is None:
            self._flusher.release()
            try:
                while (frame := frame_socket.take()) is None and frame_socket.end_code is None:
                    await frame_socket.wakeup
            finally:
                self._flusher.hold()
        return frame
