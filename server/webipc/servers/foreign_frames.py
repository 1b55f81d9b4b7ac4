"""`ForeignFrames`: the frames that `FrameSplitter` does not read, by the protocol object of the `websockets` library.

The library knows which bytes RFC 6455 allows, and which close code each violation has. Fragments are joined here.
One object serves one socket while it is needed. It does no I/O.
"""

from typing import Final

from websockets.exceptions import PayloadTooBig
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from webipc.servers.websocket_frames import Messages

_DATA: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class ForeignFrames:
    """The frames of one socket, from the first byte of a frame on."""

    __slots__ = ("_fragments", "_is_text", "_library", "close_frame", "has_ended")

    def __init__(self, max_size: int) -> None:
        """`max_size` is the largest message in bytes."""
        self._library = ServerProtocol(state=State.OPEN, max_size=max_size)
        # The message that is not complete. One buffer: a list would grow with empty fragments, which no limit counts.
        self._fragments = bytearray()
        self._is_text = False
        # Nothing is read any more: the client has closed, or violated RFC 6455.
        self.has_ended = False
        # The bytes to answer the end with; empty behind a close frame of ours.
        self.close_frame = b""

    @property
    def code(self) -> int:
        """The close code of a socket that has ended: the client's, or ours after a violation."""
        library = self._library
        has_failed = library.close_rcvd is None or library.parser_exc is not None
        close = library.close_sent if has_failed else library.close_rcvd
        return CloseCode.ABNORMAL_CLOSURE if close is None else close.code

    @property
    def is_too_large(self) -> bool:
        """Whether a message of the client was larger than `max_size`."""
        return isinstance(self._library.parser_exc, PayloadTooBig)

    def receive(self, data: bytes, messages: Messages) -> bytes | None:
        """Receive a frame or a part of one, and append the message that it completes.

        Returns the payload of a ping, which the caller answers. Messages behind a close frame of ours are dropped.
        """
        library = self._library
        was_open = library.state is State.OPEN
        library.receive_data(data)
        ping: bytes | None = None
        for frame in library.events_received():
            if not isinstance(frame, Frame):
                continue
            if frame.opcode is Opcode.PING:
                ping = bytes(frame.data)
                # The library's own answer.
                library.data_to_send()
            elif frame.opcode in _DATA and was_open:
                self._join(frame, messages)
        if library.close_rcvd is not None or library.parser_exc is not None or (was_open and self._has_closed()):
            self.has_ended = True
            self.close_frame = b"".join(library.data_to_send())
        return ping

    def close(self, code: int, reason: str) -> bytes:
        """Return our close frame. From now on only pings and the client's close frame are received."""
        self._library.send_close(code, reason)
        return b"".join(self._library.data_to_send())

    def _has_closed(self) -> bool:
        return self._library.state is not State.OPEN

    def _join(self, frame: Frame, messages: Messages) -> None:
        """Join a fragment with those before it. A text that is not UTF-8 closes the socket."""
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._fragments += frame.data
        if not frame.fin:
            return
        message, self._fragments = bytes(self._fragments), bytearray()
        if not self._is_text:
            messages.append(message)
            return
        try:
            messages.append(message.decode())
        except UnicodeDecodeError:
            self._library.send_close(CloseCode.INVALID_DATA)
