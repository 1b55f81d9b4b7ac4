"""`DirectWebSocket`: uvicorn's WebSocket protocol, with frames that bypass ASGI. `uvicorn.run(app, ws=DirectWebSocket)`

uvicorn and `websockets` keep the handshake, control frames, fragments, closing and every refusal. After `begin`,
messages in a single frame are split and written here; all other bytes go to `websockets` unchanged.
Reasons and costs: docs/adr/0010-our-own-class-for-uvicorn.md
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from webipc.servers.frame_socket import EXTENSION, FrameWriter
from webipc.servers.wakeup import Wakeup
from webipc.servers.websocket_frames import BINARY, COPIED_BYTES, TEXT, FrameSplitter, encode_header


class DirectWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's own class, which also offers a `FrameSocket`. Other endpoints work as with uvicorn's class."""

    # Set by `begin`, with the next three.
    _writer: FrameWriter | None = None
    _messages: "deque[str | bytes]"
    _splitter: FrameSplitter
    wakeup: Wakeup
    # Reading is paused until every received message was taken.
    _is_paused = False
    # The client sent bytes before `begin`, so `websockets` may have part of a frame.
    _has_received = False
    # Set with every close frame that uvicorn sends or receives, and at the end of the connection.
    end_code: int | None = None

    def handle_connect(self, event: Request) -> None:
        """Offer this object as an extension in the scope of the socket."""
        super().handle_connect(event)
        if not self.handshake_complete:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    def shutdown(self) -> None:
        """Close the socket when the server stops. Does nothing when the client has just closed it.

        uvicorn would close it a second time. `websockets` raises for that, and the exception would end the server
        before the application's shutdown.
        """
        if not self.transport.is_closing():
            super().shutdown()

    # --- for the endpoint -----------------------------------------------------------------------------------------

    def begin(self, writer: FrameWriter) -> bool:
        """See `FrameSocket`."""
        is_open = self.handshake_complete and self.conn.state is State.OPEN and not self.transport.is_closing()
        # An extension, such as compression, changes the payload of frames.
        if self._has_received or not is_open or self.conn.extensions or not self.queue.empty():
            return False
        self._writer = writer
        self._messages = deque()
        self._splitter = FrameSplitter(self.config.ws_max_size)
        self.wakeup = Wakeup(self.loop)
        # What uvicorn puts into the application's queue is received here. The flag keeps uvicorn from pausing reads.
        self.queue = _Queue(self._receive)  # type: ignore[assignment]
        self.read_paused = True
        return True

    def take(self) -> str | bytes | None:
        """See `FrameSocket`."""
        messages = self._messages
        if not messages:
            return None
        message = messages.popleft()
        if self._is_paused and not messages:
            self._is_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()
        return message

    def write(self, frame: str | bytes) -> None:
        """See `FrameSocket`."""
        transport = self.transport
        if self.end_code is not None or transport.is_closing():
            return
        first, payload = (TEXT, frame.encode()) if isinstance(frame, str) else (BINARY, frame)
        header = encode_header(first, len(payload))
        if len(payload) <= COPIED_BYTES:
            transport.write(header + payload)
        else:
            transport.writelines([header, payload])

    def abort(self) -> None:
        """See `FrameSocket`."""
        if not self.disconnected:
            self.transport.abort()

    # --- called by the transport and by uvicorn -------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Mark the writer as blocked: the transport's write buffer is full."""
        super().pause_writing()
        if self._writer is not None:
            self._writer.blocked = True

    def resume_writing(self) -> None:
        """Let the writer continue."""
        super().resume_writing()
        if self._writer is not None:
            self._writer.blocked = False
            self._writer.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Split a segment into messages, then wake the reader once for all of them."""
        if self._writer is None:
            self._has_received = self.handshake_initiated
            super().data_received(data)
            return
        messages = self._messages
        if messages and not self._is_paused:
            # Backpressure: the reader has not taken the previous segment. This one is kept, and it is the last.
            self._is_paused = True
            self.transport.pause_reading()
        foreign = self._splitter.feed(data, messages)
        while foreign is not None:
            super().data_received(foreign)
            if self.transport.is_closing():
                # No data is read behind a close frame or an error (RFC 6455, 5.5.1 and 7.1.7).
                break
            foreign = self._splitter.resume(messages)
        if messages:
            self.wakeup.report()

    def _receive(self, message: Any) -> None:
        """Receive an ASGI message from uvicorn: a message that came in fragments, or the end of the socket."""
        if message["type"] == "websocket.receive":
            text = message.get("text")
            self._messages.append(text if text is not None else message["bytes"])
        elif self.end_code is None:
            self.end_code = message["code"]
            self._splitter.stop()
            # In the next turn of the loop: the reader itself may be closing the socket.
            self.loop.call_soon(self.wakeup.report)


class _Queue:
    """Replaces uvicorn's queue for the application; passes each message on and keeps none."""

    __slots__ = ("put_nowait",)

    def __init__(self, put_nowait: Callable[[Any], None]) -> None:
        self.put_nowait = put_nowait
