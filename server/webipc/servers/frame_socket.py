"""What a server may offer beyond ASGI: frames that pass between it and a link without an ASGI message for each.

A server that has it puts an object of this shape into the scope of a WebSocket, as an extension; without it everything
goes through ASGI's `receive` and `send`, and only takes longer. Must not know who offers it (uvicorn.py does)
nor who takes it (endpoints/websocket_reader.py reads, endpoints/websocket_transport.py writes).
"""

from collections.abc import Awaitable
from typing import Any, Protocol

from starlette.types import Scope

EXTENSION = "webipc.direct"


class FrameWriter(Protocol):
    """Who writes on a frame_socket socket, and is told how the network takes it."""

    # True while the network does not take what was written.
    blocked: bool

    def go_on(self) -> None:
        """The network takes more again."""


class FrameSocket(Protocol):
    """One accepted WebSocket. Everything belongs to the event loop's thread."""

    # The code with which the socket has ended; None while it is open.
    end_code: int | None
    # What the one task that reads awaits while there is nothing to take; it may be woken for nothing. It goes on before
    # the turn of the event loop ends in which the frame came.
    wakeup: Awaitable[None]

    def begin(self, writer: FrameWriter) -> bool:
        """Take everything past ASGI from now on: to be called once, in the turn in which the socket was accepted.

        Returns False, and changes nothing, where that is impossible: the peer has spoken already, or is gone.
        """

    def write(self, frame: str | bytes) -> None:
        """Hand a frame to the network. Never raises and never waits; a socket that closes takes nothing."""

    def abort(self) -> None:
        """End the connection at once, whatever was written and not taken. Does nothing where it has ended."""

    def take(self) -> str | bytes | None:
        """Return the next frame that has come; None when there is none, now or, with an `end_code`, ever."""


def frame_socket_of(scope: Scope) -> FrameSocket | None:
    """Return what the server offers for this socket, or None."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    frame_socket: FrameSocket | None = extensions.get(EXTENSION)
    return frame_socket
