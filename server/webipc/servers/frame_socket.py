"""`FrameSocket`: frames of a WebSocket without an ASGI message for each of them.

A server that offers it puts a `FrameSocketOffer` into the scope of a WebSocket, as an extension. Without the extension
frames go through ASGI's `receive` and `send`, which costs more time.
Offered by uvicorn.py, implemented by websocket_protocol.py; read by endpoints/websocket_reader.py, written by
endpoints/websocket_transport.py.
"""

from collections.abc import Awaitable
from typing import Any, Protocol

from starlette.types import Scope

EXTENSION = "webipc.direct"
"""The name of the extension in the scope."""


class FrameWriter(Protocol):
    """The object that writes to a `FrameSocket`. The socket reports backpressure to it."""

    # True while the write buffer of the network is full.
    blocked: bool

    def resume_writing(self) -> None:
        """Continue: the write buffer has room again. `blocked` is False already."""


class FrameSocket(Protocol):
    """One accepted WebSocket. Use it only in the thread of its event loop."""

    # Set it in the turn in which the socket was made.
    writer: FrameWriter | None
    # The close code of the socket; None while it is open. A socket that closes has one before the connection is gone.
    end_code: int | None
    # Whether the connection is gone: nothing arrives there any more, and nothing comes.
    is_gone: bool
    # How often bytes came, of messages, pongs and everything else. A sign of life when it grows.
    reads: int

    @property
    def wakeup(self) -> Awaitable[None]:
        """Await it in the one task that reads, while `take` returns None. It may wake up without a frame.

        It resumes the task before the turn of the event loop ends in which the frame came.
        """

    def greeted(self) -> None:
        """Count the connection as one that is known: its `hello` was accepted. See newcomers.py."""

    def write(self, frame: str | bytes) -> None:
        """Write one frame. Never raises and never waits; ignored on a socket that closes."""

    def ping(self) -> None:
        """Send a ping, which every client answers. Ignored on a socket that closes."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame behind what was written, and drop what was received and not taken.

        The connection is gone when the client has answered, or is aborted when it does not in time. Does nothing on a
        socket that closes.
        """

    def abort(self) -> None:
        """Drop the connection at once, and what is in the write buffer. Does nothing after the end."""

    def take(self) -> str | bytes | None:
        """Return the next received frame, or None: there is none yet or, with an `end_code`, there will be none."""


class FrameSocketOffer(Protocol):
    """The extension in the scope."""

    def begin(self, close_seconds: float) -> FrameSocket | None:
        """Let all frames bypass ASGI from now on. Call it once, in the turn in which the socket was accepted.

        A client that does not let the socket close within `close_seconds` is aborted.
        Returns None and changes nothing where that is impossible: the client has sent data already, or is gone.
        """


def frame_socket_offer_of(scope: Scope) -> FrameSocketOffer | None:
    """Return what the server offers for this socket, or None."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    offer: FrameSocketOffer | None = extensions.get(EXTENSION)
    return offer
