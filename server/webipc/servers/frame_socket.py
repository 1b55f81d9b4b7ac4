"""`FrameSocket`: frames of a WebSocket without an ASGI message for each of them, and without a task for each socket.

A server that offers it puts a `FrameSocketOffer` into the scope of a WebSocket, as an extension. Without the extension
frames go through ASGI's `receive` and `send`, which costs more time and memory.
Offered by uvicorn.py, implemented by websocket_protocol.py; read by endpoints/websocket/readers.py, written by
endpoints/websocket/transport.py.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.types import Scope

from webipc.concurrency.clock import Clock
from webipc.servers.ready import Ready

EXTENSION = "webipc.direct"
"""The name of the extension in the scope."""


class FrameWriter(Protocol):
    """The object that writes to a `FrameSocket`. The socket reports backpressure to it."""

    # True while the write buffer of the network is full.
    blocked: bool

    def pause_writing(self) -> None:
        """Set `blocked`: the write buffer is full. The socket's `buffered` says how full."""

    def resume_writing(self) -> None:
        """Continue: the write buffer has room again. `blocked` is False already."""


class FrameReader(Protocol):
    """The object that reads a `FrameSocket`."""

    def frames_came(self) -> None:
        """Remove frames from `frames` now or later, then call `done`. Not called again before that.

        The socket has ended when it has an `end_code` and no frames. Then set its `reader` to None.
        """


@dataclass(frozen=True, slots=True)
class Terms:
    """How an endpoint serves its sockets; one object for all of them."""

    # Decides whose turn it is.
    ready: Ready
    # The time in which it is noted when bytes came.
    clock: Clock
    # A client that does not let the socket close within this time is aborted.
    close_seconds: float
    # The largest first message in bytes, and the close code and reason for a larger one.
    first_bytes: int
    first_code: int
    first_reason: str


class FrameSocket(Protocol):
    """One accepted WebSocket. Use it only in the thread of its event loop."""

    # The connection, to ask the kernel for it (tcp.py).
    transport: asyncio.Transport
    # Set both in the turn in which the socket was made.
    reader: FrameReader | None
    writer: FrameWriter | None
    # What was received and not read, the oldest first. Always the same list.
    frames: list[str | bytes]
    # Whose turns this socket uses: equal ones share them.
    turns_of: Hashable
    # Whether the connection stays open when the ASGI call returns that accepted it.
    outlives_call: bool
    # The close code of the socket; None while it is open. A socket that closes has one before the connection is gone.
    end_code: int | None
    # Whether the connection is gone: nothing arrives there any more, and nothing comes.
    is_gone: bool
    # Whether nothing is read from the network at the moment, because too much of what came is not split.
    is_paused: bool
    # When bytes came last, of messages, pongs and everything else, by the clock of the terms: a sign of life.
    heard: float

    @property
    def buffered(self) -> int:
        """How many bytes were written and are not in the kernel yet."""

    def leave_newcomers(self) -> None:
        """Note that the client has said what it wants, though it may not be let in: see newcomers.py."""

    def greeted(self) -> None:
        """Accept larger messages, and several in a turn: the first one was accepted."""

    def done(self) -> None:
        """Give the turn back, after `frames_came`. What is left in `frames` is reported again when it is its turn."""

    def write(self, frame: str | bytes) -> None:
        """Write one frame. Never raises and never waits; ignored on a socket that closes."""

    def ping(self) -> None:
        """Send a ping, which every client answers. Ignored on a socket that closes."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame behind what was written, and drop what was received and not read.

        The connection is gone when the client has answered, or is aborted when it does not in time. Does nothing on a
        socket that closes.
        """

    def abort(self) -> None:
        """Drop the connection at once, and what is in the write buffer. Does nothing after the end."""


class FrameSocketOffer(Protocol):
    """The extension in the scope."""

    @property
    def connection_counts(self) -> Callable[[], dict[str, int]] | None:
        """What returns how many connections the server has: see `Newcomers.counts`. Ask before `begin`.

        It may be kept longer than the socket. None where the server bounds no connections.
        """

    def begin(self, terms: Terms, turns_of: Hashable) -> FrameSocket | None:
        """Let all frames bypass ASGI from now on. Call it once, in the turn in which the socket was accepted.

        `turns_of` is whose turns the socket uses.
        Returns None and changes nothing where that is impossible: the client has sent data already, or is gone.
        """

    def call_may_end(self) -> bool:
        """Return whether the ASGI call may return before the socket ends, because only the server and the framework
        notice. Call it within the ASGI call.
        """


def frame_socket_offer_of(scope: Scope) -> FrameSocketOffer | None:
    """Return what the server offers for this socket, or None."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    offer: FrameSocketOffer | None = extensions.get(EXTENSION)
    return offer
