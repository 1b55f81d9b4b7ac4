"""`FrameSocket`: frames of a WebSocket without an ASGI message for each of them.

A server that offers it puts an object of this shape into the scope of a WebSocket, as an extension. Without the
extension frames go through ASGI's `receive` and `send`, which costs more time.
Implemented by uvicorn.py; read by endpoints/websocket_reader.py, written by endpoints/websocket_transport.py.
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

    # The close code of the socket; None while it is open.
    end_code: int | None
    # Await it in the one task that reads, while `take` returns None. It may wake up without a frame. It resumes the
    # task before the turn of the event loop ends in which the frame came.
    wakeup: Awaitable[None]

    def begin(self, writer: FrameWriter) -> bool:
        """Let all frames bypass ASGI from now on. Call it once, in the turn in which the socket was accepted.

        Returns False and changes nothing where that is impossible: the client has sent data already, or is gone.
        """

    def write(self, frame: str | bytes) -> None:
        """Write one frame. Never raises and never waits; ignored on a socket that closes."""

    def abort(self) -> None:
        """Drop the connection at once, and what is in the write buffer. Does nothing after the end."""

    def take(self) -> str | bytes | None:
        """Return the next received frame, or None: there is none yet or, with an `end_code`, there will be none."""


def frame_socket_of(scope: Scope) -> FrameSocket | None:
    """Return the `FrameSocket` that the server offers for this socket, or None."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    frame_socket: FrameSocket | None = extensions.get(EXTENSION)
    return frame_socket
