"""`WebSocketProtocol`: RFC 6455 on the transport itself, for a socket whose handshake a server has finished.

Messages in one frame, pings and pongs are read and written here. At any other byte a `ForeignFrames` is made for this
socket, and reads with the `websockets` library until it is between messages again. When bytes are split is decided by
`Ready`. Reasons and costs: docs/adr/0018-our-own-websocket-protocol.md
"""

import asyncio
from collections.abc import Hashable, MutableSet
from typing import Any, Final

from websockets.frames import Close, CloseCode

from webipc.servers.foreign_frames import ForeignFrames
from webipc.servers.frame_socket import FrameReader, FrameWriter, Terms
from webipc.servers.newcomers import UNKNOWN, Newcomers
from webipc.servers.websocket_frames import (
    BINARY,
    CLOSE,
    COPIED_BYTES,
    PING,
    PONG,
    TEXT,
    FrameSplitter,
    control_payload,
    encode_header,
)

TURN_FRAMES: Final = 128
"""The most frames of one socket that are split in one turn."""
AT_ONCE_BYTES: Final = 4_096
"""So many bytes are split at once when nothing waits; more have to wait for their turn."""
UNSPLIT_BYTES: Final = 65_536
"""With this many bytes that were not split, a socket is not read until they are."""

# What RFC 6455 calls a socket that ended without a close frame.
_NO_STATUS: Final = 1005


class WebSocketProtocol(asyncio.Protocol):
    """One socket: the protocol of its transport, and a `FrameSocket`."""

    __slots__ = (
        "_close_timer",
        "_connections",
        "_foreign",
        "_is_busy",
        "_is_closing",
        "_is_deaf",
        "_is_greeted",
        "_loop",
        "_max_size",
        "_most",
        "_pong",
        "_splitter",
        "_terms",
        "end_code",
        "frames",
        "heard",
        "is_gone",
        "is_paused",
        "newcomers",
        "outlives_call",
        "payer",
        "reader",
        "transport",
        "turns_of",
        "writer",
    )

    end_code: int | None
    newcomers: Newcomers | None
    reader: FrameReader | None
    writer: FrameWriter | None

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        connections: MutableSet[Any],
        max_size: int,
        turns_of: Hashable,
        terms: Terms,
    ) -> None:
        """Take over a transport.

        `connections` are the open connections of the server, each with a method `shutdown`. `max_size` is the largest
        message in bytes. `turns_of` is whose turns this socket uses.
        """
        self._loop = loop
        self.transport = transport
        self._connections = connections
        self._max_size = max_size
        self._terms = terms
        self.turns_of = turns_of
        self.reader = self.writer = None
        self.end_code = None
        self.is_gone = False
        self.heard = terms.clock.now
        self.outlives_call = False
        # Until `greeted`: the list of connections that this one is in. `DirectWebSocket` sets both.
        self.newcomers, self.payer = None, UNKNOWN
        # The first message was accepted. Until then it is split alone, and may not be large.
        self._is_greeted = False
        # How many frames are split in one turn.
        self._most = 1
        self._splitter = FrameSplitter(min(max_size, terms.first_bytes))
        # At most those of one turn.
        self.frames: list[str | bytes] = []
        # Busy: it waits for its turn, has its turn, or is read; what arrives now is split later.
        self._is_busy = self.is_paused = False
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

    def greeted(self) -> None:
        """See `FrameSocket`."""
        self._is_greeted = True
        self._most = TURN_FRAMES
        self._splitter.max_size = self._max_size
        self.leave_newcomers()

    def done(self) -> None:
        """See `FrameSocket`."""
        if (
            self.frames
            or (self._splitter.segment and not self._is_deaf)
            or (self.end_code is not None and self.reader is not None)
        ):
            self._terms.ready.put(self)
            return
        self._is_busy = False
        if self.is_gone:
            self._end(_NO_STATUS)
        elif self.is_paused:
            self.is_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    @property
    def buffered(self) -> int:
        """See `FrameSocket`."""
        return self.transport.get_write_buffer_size()

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
        self.frames.clear()
        self._send_close(foreign.close(code, reason))
        # From here on the answer of the client is read, behind what it has sent before.
        self._end(code)

    def abort(self) -> None:
        """See `FrameSocket`."""
        if not self.is_gone:
            self.transport.abort()

    def release(self) -> None:
        """End the connection, unless the closing handshake is under way: the ASGI call has returned."""
        if not self._is_closing and not self.outlives_call:
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
        self.leave_newcomers()
        self.is_gone = True
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None
        if not self._is_busy:
            self._end(_NO_STATUS)

    def pause_writing(self) -> None:
        """Mark the writer as blocked: the transport's write buffer is full."""
        if self.writer is not None:
            self.writer.pause_writing()

    def resume_writing(self) -> None:
        """Let the writer continue, behind the answer to a ping."""
        if self.writer is not None:
            self.writer.blocked = False
            self._answer_ping()
            self.writer.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Split a segment at once where that is little work and nothing waits; otherwise when it is its turn."""
        terms = self._terms
        self.heard = terms.clock.now
        ready = terms.ready
        if ready.is_quiet and not self._is_busy and (len(data) <= AT_ONCE_BYTES or self._splitter.is_part(data)):
            ready.serve(self, data)
        else:
            self._hold(data)

    # --- turns ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """See `ReadySocket`."""
        self._is_busy = True
        self._split(self._splitter.feed(data, self.frames, self._most))

    def advance(self) -> None:
        """See `ReadySocket`."""
        is_split = self.frames or self._is_deaf
        self._split(None if is_split else self._splitter.resume(self.frames, self._most))

    def _hold(self, data: bytes) -> None:
        """Keep a segment for a later turn."""
        self._splitter.hold(data)
        if not self._is_busy:
            self._is_busy = True
            self._terms.ready.put(self)
        if self._splitter.unsplit >= UNSPLIT_BYTES and not self.is_paused and not self.transport.is_closing():
            self.is_paused = True
            self.transport.pause_reading()

    def _split(self, foreign: bytes | None) -> None:
        """Handle foreign bytes and split what is behind them, up to the most of a turn; then tell the reader."""
        frames = self.frames
        # Not what the client sent before a close frame of its own.
        is_dropped = self._is_closing
        if foreign is not None:
            self._split_behind(foreign)
        if is_dropped:
            frames.clear()
        if self.reader is not None and (frames or self.end_code is not None):
            self.reader.frames_came()
        else:
            frames.clear()
            self.done()

    def _split_behind(self, foreign: bytes | None) -> None:
        splitter, frames = self._splitter, self.frames
        left = self._most - len(frames)
        while foreign is not None:
            self._receive_foreign(foreign)
            left -= 1
            if self._is_deaf:
                break
            split = len(frames)
            foreign = splitter.resume(frames, left)
            left -= len(frames) - split
        if self._pong is not None:
            self._answer_ping()

    # --- the end, and other frames --------------------------------------------------------------------------------

    def leave_newcomers(self) -> None:
        """See `FrameSocket`."""
        if self.newcomers is not None:
            self.newcomers.leave(self)
            self.newcomers = None
            self.payer = UNKNOWN

    def _end(self, code: int) -> None:
        """Set the close code, and tell the reader in its turn. The reader itself may be closing the socket."""
        if self.end_code is not None:
            return
        self.end_code = code
        if not self._is_busy and self.reader is not None:
            self._is_busy = True
            self._terms.ready.put(self)

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
        self._close_timer = self._loop.call_later(self._terms.close_seconds, self.abort)

    def _receive_foreign(self, data: bytes) -> None:
        """Receive a frame that the splitter does not read, or a part of one."""
        foreign = self._foreign
        if foreign is None:
            payload = control_payload(data)
            if payload is not None:
                if data[0] == PING:
                    self._pong = payload
                return
            foreign = self._foreign = ForeignFrames(self._splitter.max_size)
        payload = foreign.receive(data, self.frames)
        if payload is not None:
            self._pong = payload
        if foreign.has_ended:
            self._finish(foreign)
        elif self._splitter.is_between_messages and not self._is_closing:
            self._foreign = None

    def _finish(self, foreign: ForeignFrames) -> None:
        """End the connection: the client has closed, answered our close, or violated RFC 6455 or a limit."""
        self._is_deaf = True
        code, close_frame = foreign.code, foreign.close_frame
        if foreign.is_too_large and not self._is_greeted:
            code = self._terms.first_code
            payload = Close(code, self._terms.first_reason).serialize()
            close_frame = encode_header(CLOSE, len(payload)) + payload
        self._end(code)
        if not self._is_closing and not self.transport.is_closing():
            self._answer_ping()
            self._send_close(close_frame)
        self.transport.close()
