"""`WebSocketProtocol`: RFC 6455 on the transport itself, for a socket whose handshake a server has finished.

Messages in one frame, pings and pongs are read and written here. At any other byte a `ForeignFrames` is made for this
socket, and reads with the `websockets` library until it is between messages again.
Reasons and costs: docs/adr/0018-our-own-websocket-protocol.md
"""

import asyncio
from collections.abc import MutableSet
from typing import Any, Final

from websockets.frames import CloseCode

from webipc.servers.foreign_frames import ForeignFrames
from webipc.servers.frame_socket import FrameWriter
from webipc.servers.newcomers import UNKNOWN, Newcomers
from webipc.servers.wakeup import Wakeup
from webipc.servers.websocket_frames import (
    BINARY,
    COPIED_BYTES,
    PING,
    PONG,
    TEXT,
    FrameSplitter,
    control_payload,
    encode_header,
)

TURN_FRAMES: Final = 128
"""The most frames of one socket that are split in one turn of the event loop."""
UNSPLIT_BYTES: Final = 65_536
"""With this many bytes that were not split, a socket is not read until they are."""

# What RFC 6455 calls a socket that ended without a close frame.
_NO_STATUS: Final = 1005


class WebSocketProtocol(asyncio.Protocol):
    """One socket: the protocol of its transport, and a `FrameSocket`."""

    __slots__ = (
        "_close_seconds",
        "_close_timer",
        "_connections",
        "_foreign",
        "_has_backlog",
        "_is_closing",
        "_is_deaf",
        "_is_paused",
        "_loop",
        "_max_size",
        "_messages",
        "_pong",
        "_splitter",
        "end_code",
        "is_gone",
        "newcomers",
        "payer",
        "reads",
        "transport",
        "wakeup",
        "writer",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        connections: MutableSet[Any],
        max_size: int,
        close_seconds: float,
    ) -> None:
        """Take over a transport.

        `connections` are the open connections of the server, each with a method `shutdown`. `max_size` is the largest
        message in bytes. A connection that is not gone `close_seconds` after a close frame was sent is aborted.
        """
        self._loop = loop
        self.transport = transport
        self._connections = connections
        self._max_size = max_size
        self._close_seconds = close_seconds
        self.writer: FrameWriter | None = None
        self.wakeup = Wakeup(loop)
        self.end_code: int | None = None
        self.is_gone = False
        self.reads = 0
        # Until `greeted`: the list of connections that this one is in. `DirectWebSocket` sets it.
        self.newcomers: Newcomers | None = None
        self.payer = UNKNOWN
        self._splitter = FrameSplitter(max_size)
        # Split and not taken; at most those of one turn.
        self._messages: list[str | bytes] = []
        # Bytes are not split yet, or reading is paused.
        self._has_backlog = False
        self._is_paused = False
        # The payload of the last ping that was not answered.
        self._pong: bytes | None = None
        # Reads what is not ours, until it is between messages; for good once a close frame was sent.
        self._foreign: ForeignFrames | None = None
        # A close frame was sent. Messages are dropped.
        self._is_closing = False
        # Nothing is read any more: behind a close frame or an error (RFC 6455, 5.5.1 and 7.1.7).
        self._is_deaf = False
        self._close_timer: asyncio.TimerHandle | None = None
        connections.add(self)
        transport.set_protocol(self)

    # --- for the endpoint -----------------------------------------------------------------------------------------

    def take(self) -> str | bytes | None:
        """See `FrameSocket`."""
        messages = self._messages
        if not messages:
            return None
        message = messages.pop(0)
        if self._has_backlog and not messages:
            self._advance()
        return message

    def greeted(self) -> None:
        """See `FrameSocket`."""
        if self.newcomers is not None:
            self.newcomers.leave(self)
            self.newcomers = None
            self.payer = UNKNOWN

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

    def ping(self) -> None:
        """See `FrameSocket`."""
        if self.end_code is None and not self.transport.is_closing():
            self.transport.write(encode_header(PING, 0))

    def close(self, code: int, reason: str) -> None:
        """See `FrameSocket`."""
        if self._is_closing or self.transport.is_closing():
            return
        foreign = self._foreign = self._foreign or ForeignFrames(self._max_size)
        self._end(code)
        self._send_close(foreign.close(code, reason))
        # The answer of the client is read, behind what it has sent before.
        self._messages.clear()
        self._advance()

    def abort(self) -> None:
        """See `FrameSocket`."""
        if not self.is_gone:
            self.transport.abort()

    def release(self) -> None:
        """End the connection, unless the closing handshake is under way: the ASGI call has returned."""
        if not self._is_closing:
            self.transport.close()

    # --- called by the server and by the transport ----------------------------------------------------------------

    def drop(self) -> None:
        """See `Newcomer`."""
        self.abort()

    def shutdown(self) -> None:
        """Close the socket: the server stops."""
        self.close(CloseCode.SERVICE_RESTART, "")
        self._is_deaf = True
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Mark the socket as gone. It ends behind the messages that were received."""
        self._connections.discard(self)
        self.greeted()
        self.is_gone = True
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None
        if not self._has_backlog:
            self._end(_NO_STATUS)

    def pause_writing(self) -> None:
        """Mark the writer as blocked: the transport's write buffer is full."""
        if self.writer is not None:
            self.writer.blocked = True

    def resume_writing(self) -> None:
        """Let the writer continue, behind the answer to a ping."""
        if self.writer is not None:
            self.writer.blocked = False
            self._answer_ping()
            self.writer.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Split a segment into messages, then wake the reader once for all of them."""
        self.reads += 1
        if self._has_backlog or self._messages:
            self._hold(data)
        else:
            self._split(self._splitter.feed(data, self._messages, TURN_FRAMES))

    # --- turns ----------------------------------------------------------------------------------------------------

    def _hold(self, data: bytes) -> None:
        """Keep a segment for a later turn: the reader is busy, or this turn has split enough."""
        self._splitter.hold(data)
        self._has_backlog = True
        if self._splitter.unsplit >= UNSPLIT_BYTES and not self._is_paused and not self.transport.is_closing():
            self._is_paused = True
            self.transport.pause_reading()

    def _split(self, foreign: bytes | None) -> None:
        """Handle foreign bytes and split what is behind them, up to the most of a turn."""
        splitter, messages = self._splitter, self._messages
        # Not what the client sent before a close frame of its own.
        is_dropped = self._is_closing
        left = TURN_FRAMES - len(messages)
        while foreign is not None:
            self._receive_foreign(foreign)
            left -= 1
            if self._is_deaf:
                break
            split = len(messages)
            foreign = splitter.resume(messages, left)
            left -= len(messages) - split
        if self._pong is not None:
            self._answer_ping()
        if is_dropped:
            messages.clear()
        if splitter.unsplit:
            self._has_backlog = True
        if messages:
            self.wakeup.report()
        elif self._has_backlog:
            self._advance()

    def _advance(self) -> None:
        """Split more in the next turn of the loop; if nothing is left, read more. All messages were taken."""
        if self._splitter.unsplit and not self._is_deaf:
            self._loop.call_soon(self._continue)
            return
        self._has_backlog = False
        if self.is_gone:
            self._end(_NO_STATUS)
        elif self._is_paused:
            self._is_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def _continue(self) -> None:
        self._split(self._splitter.resume(self._messages, TURN_FRAMES))

    # --- the end, and other frames --------------------------------------------------------------------------------

    def _end(self, code: int) -> None:
        if self.end_code is None:
            self.end_code = code
            # In the next turn of the loop: the reader itself may be closing the socket.
            self._loop.call_soon(self.wakeup.report)

    def _answer_ping(self) -> None:
        """Answer the last ping. A full write buffer keeps the answer here, where a later ping replaces it."""
        payload = self._pong
        if payload is None or (self.writer is not None and self.writer.blocked):
            return
        self._pong = None
        if not self.transport.is_closing():
            self.transport.write(encode_header(PONG, len(payload)) + payload)

    def _send_close(self, close_frame: bytes) -> None:
        """Write the last frame of this socket, but for answers to pings."""
        self._is_closing = True
        self.transport.write(close_frame)
        self._close_timer = self._loop.call_later(self._close_seconds, self.abort)

    def _receive_foreign(self, data: bytes) -> None:
        """Receive a frame that the splitter does not read, or a part of one."""
        foreign = self._foreign
        if foreign is None:
            payload = control_payload(data)
            if payload is not None:
                if data[0] == PING:
                    self._pong = payload
                return
            foreign = self._foreign = ForeignFrames(self._max_size)
        payload = foreign.receive(data, self._messages)
        if payload is not None:
            self._pong = payload
        if foreign.has_ended:
            self._finish(foreign)
        elif self._splitter.is_between_messages and not self._is_closing:
            self._foreign = None

    def _finish(self, foreign: ForeignFrames) -> None:
        """End the connection: the client has closed, answered our close, or violated RFC 6455."""
        self._is_deaf = True
        self._end(foreign.code)
        if not self._is_closing and not self.transport.is_closing():
            self._answer_ping()
            self._send_close(foreign.close_frame)
        self.transport.close()
