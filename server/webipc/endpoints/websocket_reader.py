"""The reading half of one WebSocket: through ASGI's `receive`, or past it where the server offers a `FrameSocket`.

The task that reads holds the flusher, so that the answers of one segment leave together. It releases the flusher while
it waits for the next frame. The writing half: websocket_transport.py
"""

from typing import Any, Protocol

from starlette.types import Message, Receive

from webipc.concurrency.flusher import Flusher
from webipc.concurrency.started_coroutine import StartedCoroutine, start
from webipc.core.errors import CloseCode
from webipc.servers.frame_socket import FrameSocket


class Source(Protocol):
    """The frames of a socket, in order."""

    @property
    def code(self) -> int:
        """The close code of the socket; `ABNORMAL` while it is open."""

    async def first(self) -> str | bytes | None:
        """Wait for the first frame. Returns None when the socket has ended."""

    async def next(self) -> str | bytes | None:
        """Return the next frame, or None when the socket has ended. The caller holds the flusher.

        Only when no frame is there, the flusher is released: frames that arrived together are answered together, and
        the answers leave without another turn of the loop.
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
        # Every ASGI server's `receive` is a coroutine function, though its type promises only an awaitable.
        receiving: Any = self._receive()
        message: Message | StartedCoroutine[Message] = start(receiving)
        if isinstance(message, StartedCoroutine):
            self._flusher.release()
            try:
                message = await message
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
    """Reads from a `FrameSocket`."""

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
                # The same loop as in `first`, which would cost a coroutine for every frame.
                while (frame := frame_socket.take()) is None and frame_socket.end_code is None:
                    await frame_socket.wakeup
            finally:
                self._flusher.hold()
        return frame
