"""`BoundedH11`: uvicorn's HTTP class for h11, which bounds how long a request head may take.

For where httptools is not installed. h11 itself bounds the size of a head, to 16 KiB, and answers 400.
"""

from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from webipc.servers.http.connection import BoundedConnection


class BoundedH11(BoundedConnection, H11Protocol):
    """One connection, until it becomes a WebSocket."""

    def data_received(self, data: bytes) -> None:
        """Parse a segment: the head may be whole then."""
        if self.is_refused:
            return
        super().data_received(data)
        if self.is_upgraded or self.transport.is_closing():
            return
        if self.is_between_requests:
            self.enter_again()
        else:
            self.newcomers.leave(self)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Leave the connection to the WebSocket class."""
        self.is_upgraded = True
        self.newcomers.leave(self)
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Let the connection give way to others while it is idle. The next request may have begun already."""
        super().on_response_complete()
        self.rest()
