"""`BoundedHttp`: uvicorn's HTTP class for httptools, which bounds what a request head costs.

uvicorn itself waits for a head without end, and keeps whatever arrives of it. Here a head is whole in time and of a
bounded size, and connections that have sent none are bounded (newcomers.py). Everything else is uvicorn's.
Reasons and figures: docs/adr/0024-before-the-application.md
"""

from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from webipc.servers.http.connection import BoundedConnection


class _TooLargeError(Exception):
    """A head has more lines or bytes than it may have: the parser ends, and reports it as an invalid request."""


class BoundedHttp(BoundedConnection, HttpToolsProtocol):
    """One connection, until it becomes a WebSocket."""

    def __init__(self, config: Config, server_state: ServerState, *args: Any, **more: Any) -> None:
        super().__init__(config, server_state, *args, **more)
        # Bytes of segments in which nothing became whole: the parser keeps what it has of a line.
        self._kept = 0
        # Bytes of all segments since the one in which the head began: the head has at most as many.
        self._arrived = 0
        # The size of the segment that is being parsed.
        self._segment = 0
        # In that segment a head began, or something became whole.
        self._has_progress = False
        self._is_too_large = False

    def data_received(self, data: bytes) -> None:
        """Parse a segment."""
        if self.is_refused:
            return
        self._has_progress = False
        self._segment = len(data)
        super().data_received(data)
        if self.is_upgraded or self.transport.is_closing():
            return
        self._arrived += self._segment
        if self._has_progress:
            self._kept = 0
        else:
            self._kept += self._segment
            self._check_rest()
        self.enter_again()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the WebSocket class."""
        self.is_upgraded = True
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        """Let the connection give way to others while it is idle."""
        super().on_response_complete()
        self.rest()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser has not accepted: 400, or 431 where it was too large."""
        if self._is_too_large:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    # --- called by the parser -------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._has_progress = True
        self._arrived = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Let the application begin: the head is whole."""
        self._has_progress = True
        bounds = self.newcomers.bounds
        may_be_large = self._arrived + self._segment > bounds.head_bytes
        if len(self.headers) > bounds.head_lines or (may_be_large and self._head_bytes > bounds.head_bytes):
            self._is_too_large = True
            raise _TooLargeError
        self.newcomers.leave(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        self._has_progress = True
        super().on_body(body)

    # --------------------------------------------------------------------------------------------------------------

    @property
    def _head_bytes(self) -> int:
        return len(self.url) + sum([len(name) + len(value) + 4 for name, value in self.headers])

    def _check_rest(self) -> None:
        """Refuse a head that grows above its bounds, or the trailer behind a body, which the parser adds to it."""
        bounds = self.newcomers.bounds
        if self._kept > bounds.head_bytes or len(self.headers or ()) > bounds.head_lines:
            self._refuse_head()

    def _refuse_head(self) -> None:
        self.newcomers.leave(self)
        if not self.is_between_requests:
            # Another answer is under way.
            self.transport.abort()
            return
        bounds = self.newcomers.bounds
        text = f"expected a request head of at most {bounds.head_bytes} bytes and {bounds.head_lines} lines\n".encode()
        head = (
            "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + text)
        self.transport.close()
