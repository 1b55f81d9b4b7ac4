"""uvicorn's WebSocket protocol with a way past ASGI, for `webipc run`: `uvicorn.run(app, ws=DirectWebSocket)`.

The handshake, control frames, fragments, closing and every refusal stay those of uvicorn and of `websockets` below it.
Once the endpoint has begun, messages in one frame, which is to say nearly everything, are unmasked and handed on here,
and what goes out is written here. All else is given to `websockets` as it came, byte by byte.

Must not know links, nor what frames say. Why it is there, and what it costs: docs/adr/0010-our-own-class-for-uvicorn.md
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from webipc.servers.frame_socket import EXTENSION, FrameWriter
from webipc.servers.wakeup import Wakeup

try:
    from websockets.speedups import apply_mask
except ImportError:  # where nobody has compiled it
    from websockets.utils import apply_mask

# The first byte of a frame (RFC 6455, 5.2): FIN, reserved bits, opcode. These two are a whole message of each sort.
_TEXT: Final = 0x81
_BINARY: Final = 0x82
_FIN: Final = 0x80
_OPCODE: Final = 0x0F
_DATA: Final = frozenset({0x0, 0x1, 0x2})
_CONTROL: Final = frozenset({0x8, 0x9, 0xA})

# The second byte: whether there is a mask, and a length, or where the length is.
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_IN_2_BYTES: Final = 126
_IN_8_BYTES: Final = 127

# Up to here a payload is copied, with its header or out of what came; beyond, it is handed on as it is.
_COPIED_BYTES: Final = 16_384


class DirectWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's own class, which offers a `FrameSocket`. An endpoint that does not ask for it notices nothing."""

    # Set by `begin`, with what follows here.
    _writer: FrameWriter | None = None
    _arrived: "deque[str | bytes]"
    wakeup: Wakeup
    # What has come of a frame that is not whole, and how many bytes it needs to be looked at again.
    _begun: bytearray
    _wanted = 0
    # How many bytes are still to come of the frame that `websockets` reads.
    _foreign = 0
    # A message in several frames has begun, all of which `websockets` reads.
    _in_fragments = False
    # Nothing is read until what has arrived was taken.
    _is_held = False
    # The peer has said something before `begin`, so `websockets` may be in the middle of a frame.
    _has_spoken = False
    # Told by uvicorn with every close frame that it sends or receives, and with the end of the connection.
    end_code: int | None = None

    def handle_connect(self, event: Request) -> None:
        """Offer the way past ASGI in the scope of the socket."""
        super().handle_connect(event)
        if not self.handshake_complete:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    def shutdown(self) -> None:
        """End the socket with the server. One that its peer has just closed ends by itself.

        uvicorn would close it a second time, which `websockets` refuses; and that error ends the server before the
        application has ended.
        """
        if not self.transport.is_closing():
            super().shutdown()

    # --- what the endpoint asks -----------------------------------------------------------------------------------

    def begin(self, writer: FrameWriter) -> bool:
        """See `FrameSocket`."""
        # With an extension, such as compression, frames are not written as they are.
        is_open = self.handshake_complete and self.conn.state is State.OPEN and not self.transport.is_closing()
        if self._has_spoken or not is_open or self.conn.extensions or not self.queue.empty():
            return False
        self._writer = writer
        self._arrived = deque()
        self.wakeup = Wakeup(self.loop)
        self._begun = bytearray()
        # What uvicorn has to say to the application goes the same way, and does not stop the reading by itself.
        self.queue = _Past(self._tell)  # type: ignore[assignment]
        self.read_paused = True
        return True

    def take(self) -> str | bytes | None:
        """See `FrameSocket`."""
        arrived = self._arrived
        if not arrived:
            return None
        data = arrived.popleft()
        if self._is_held and not arrived:
            self._is_held = False
            if not self.transport.is_closing():
                self.transport.resume_reading()
        return data

    def write(self, frame: str | bytes) -> None:
        """See `FrameSocket`."""
        transport = self.transport
        if self.end_code is not None or transport.is_closing():
            return
        first, payload = (_TEXT, frame.encode()) if isinstance(frame, str) else (_BINARY, frame)
        header = _header(first, len(payload))
        if len(payload) <= _COPIED_BYTES:
            transport.write(header + payload)
        else:
            transport.writelines([header, payload])

    def abort(self) -> None:
        """See `FrameSocket`."""
        if not self.disconnected:
            self.transport.abort()

    # --- what the transport says ----------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Tell the writer that the network takes no more."""
        super().pause_writing()
        if self._writer is not None:
            self._writer.blocked = True

    def resume_writing(self) -> None:
        """Let the writer go on."""
        super().resume_writing()
        if self._writer is not None:
            self._writer.blocked = False
            self._writer.go_on()

    def data_received(self, data: bytes) -> None:
        """Take what has come, and let whoever reads have all of it at once."""
        if self._writer is None:
            self._has_spoken = self.handshake_initiated
            super().data_received(data)
            return
        if self._arrived and not self._is_held:
            # Who reads has not taken what came before. One more piece is kept, and no third one.
            self._is_held = True
            self.transport.pause_reading()
        self._split(data)
        if self._arrived:
            self.wakeup.report()

    # --- frames ---------------------------------------------------------------------------------------------------

    def _split(self, data: bytes | bytearray) -> None:
        """Take apart what has come; what is no whole frame yet is kept."""
        if self._begun:
            self._begun += data
            if len(self._begun) < self._wanted:
                return
            data, self._begun = self._begun, bytearray()
        at, end = 0, len(data)
        while at < end:
            if self._foreign or self.end_code is not None:
                at = self._hand_over(data, at)
                continue
            header, size = _measured(data, at)
            is_whole = size >= 0 and at + header + size <= end
            if not is_whole and self._may_be_kept(data, at, size):
                self._begun, self._wanted = bytearray(data[at:]), header + max(size, 0)
                return
            if is_whole and self._is_ours(data, at, size) and self._arrive(data, at, header, size):
                at += header + size
            else:
                self._leave(data[at], header + size if size >= 0 else end - at)

    def _is_ours(self, data: bytes | bytearray, at: int, size: int) -> bool:
        """Tell whether a frame is a whole message: masked, no reserved bit, within the limit, not between fragments."""
        is_message = data[at] in (_TEXT, _BINARY) and data[at + 1] >= _MASKED
        return is_message and size <= self.config.ws_max_size and not self._in_fragments

    def _may_be_kept(self, data: bytes | bytearray, at: int, size: int) -> bool:
        """Tell whether the rest of a frame may be waited for, because `websockets` would wait for it as well."""
        if size >= 0:
            return self._is_ours(data, at, size)
        if len(data) - at < 2:  # noqa: PLR2004 - the first two bytes of a header
            return True
        # A header whose length is not whole yet: what is wrong already is refused already.
        return data[at] & _OPCODE in _DATA | _CONTROL and data[at + 1] >= _MASKED

    def _arrive(self, data: bytes | bytearray, at: int, header: int, size: int) -> bool:
        """Unmask a message and have it taken. False, and nothing done, when it is no text though it claims to be."""
        start = at + header
        # A view costs as much as a copy of some hundred bytes.
        payload = data[start : start + size] if size <= _COPIED_BYTES else memoryview(data)[start : start + size]
        message = apply_mask(payload, data[start - 4 : start])
        if data[at] == _BINARY:
            self._arrived.append(message)
            return True
        try:
            self._arrived.append(message.decode())
        except UnicodeDecodeError:
            return False
        return True

    def _tell(self, message: Any) -> None:
        """Take what uvicorn has for the application: a message that came in fragments, or the end of the socket."""
        if message["type"] == "websocket.receive":
            text = message.get("text")
            self._arrived.append(text if text is not None else message["bytes"])
        elif self.end_code is None:
            self.end_code = message["code"]
            # Not in this turn: it may be the reader itself who closes the socket.
            self.loop.call_soon(self.wakeup.report)

    def _leave(self, first: int, size: int) -> None:
        """Let `websockets` have the next frame: it answers, joins, or refuses with the right code."""
        self._foreign = size
        if first & _OPCODE in _DATA:
            self._in_fragments = not first & _FIN

    def _hand_over(self, data: bytes | bytearray, at: int) -> int:
        """Give `websockets` what belongs to the frame it reads; return where the next one begins."""
        end = len(data)
        if self.end_code is None:
            end = min(at + self._foreign, end)
            self._foreign -= end - at
        super().data_received(bytes(data[at:end]))
        # Behind the end of the socket nothing is read (RFC 6455, 5.5.1 and 7.1.7).
        return len(data) if self.transport.is_closing() else end


class _Past:
    """Stands where uvicorn has its queue for the application, and keeps nothing."""

    __slots__ = ("put_nowait",)

    def __init__(self, put_nowait: Callable[[Any], None]) -> None:
        self.put_nowait = put_nowait


def _measured(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return how many bytes the header of the frame at `at` has, mask included, and its payload.

    A payload of -1 is not known yet, and needs as many bytes as are told of the header.
    """
    if len(data) - at < 2:  # noqa: PLR2004 - the first two bytes of a header
        return 2, -1
    size = data[at + 1] & _LENGTH
    if size < _IN_2_BYTES:
        return 6, size
    lengths = 4 if size == _IN_2_BYTES else 10
    if len(data) - at < lengths:
        return lengths, -1
    return lengths + 4, int.from_bytes(data[at + 2 : at + lengths], "big")


def _header(first: int, size: int) -> bytes:
    """Return what stands before a payload that a server sends, which has no mask."""
    if size < _IN_2_BYTES:
        return bytes((first, size))
    if size < 1 << 16:
        return bytes((first, _IN_2_BYTES)) + size.to_bytes(2, "big")
    return bytes((first, _IN_8_BYTES)) + size.to_bytes(8, "big")
