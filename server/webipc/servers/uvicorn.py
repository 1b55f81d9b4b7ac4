"""`DirectWebSocket`: uvicorn's WebSocket protocol, which offers a `FrameSocket`. `uvicorn.run(app, ws=DirectWebSocket)`

uvicorn and `websockets` keep the handshake and every refusal. `begin` gives the transport to a `WebSocketProtocol`.
Reasons and costs: docs/adr/0018-our-own-websocket-protocol.md, docs/adr/0020-idle-sockets-have-no-task.md
"""

from collections.abc import Callable, Hashable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request
from websockets.protocol import State

from webipc.servers.asgi_call import is_called_by_framework
from webipc.servers.frame_socket import EXTENSION, FrameSocket, Terms
from webipc.servers.newcomers import newcomers_of
from webipc.servers.websocket_protocol import WebSocketProtocol


class DirectWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's own class, which also offers a `FrameSocket`. Other endpoints work as with uvicorn's class."""

    # The client sent bytes before `begin`, so `websockets` may have part of a frame.
    _has_received = False

    def __init__(self, config: Config, server_state: ServerState, *args: Any, **more: Any) -> None:
        super().__init__(config, server_state, *args, **more)
        self._newcomers = newcomers_of(server_state)

    def handle_connect(self, event: Request) -> None:
        """Offer this object as an extension in the scope of the socket."""
        super().handle_connect(event)
        if not self.handshake_complete:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    def shutdown(self) -> None:
        """Close the socket when the server stops. Does nothing when the client has just closed it.

        uvicorn would close it a second time. `websockets` raises for that, and the exception would end the server
        before the application's shutdown.
        """
        if not self.transport.is_closing():
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Pass a segment to uvicorn's class."""
        self._has_received = self.handshake_initiated
        super().data_received(data)

    @property
    def connection_counts(self) -> Callable[[], dict[str, int]] | None:
        """See `FrameSocketOffer`."""
        return None if self._newcomers is None else self._newcomers.counts

    def begin(self, terms: Terms, turns_of: Hashable) -> FrameSocket | None:
        """See `FrameSocketOffer`."""
        is_open = self.handshake_complete and self.conn.state is State.OPEN and not self.transport.is_closing()
        # An extension, such as compression, changes the payload of frames.
        if self._has_received or not is_open or self.conn.extensions or not self.queue.empty():
            return None
        self.connections.discard(self)
        protocol = WebSocketProtocol(
            self.loop, self.transport, self.connections, self.config.ws_max_size, turns_of, terms
        )
        self._count(protocol)
        self._leave_to(protocol)
        return protocol

    def call_may_end(self) -> bool:
        """See `FrameSocketOffer`."""
        return is_called_by_framework(_OUTERMOST)

    def _count(self, protocol: WebSocketProtocol) -> None:
        """Bound the sockets without a `hello`, by the address that a trusted proxy has reported."""
        if self._newcomers is not None:
            client = self.scope["client"]
            protocol.payer = self._newcomers.payer_of(None if client is None else client[0])
            protocol.newcomers = self._newcomers
            self._newcomers.enter(protocol, is_timed=False)

    def _leave_to(self, protocol: WebSocketProtocol) -> None:
        """Keep only what uvicorn uses when the ASGI call returns. A socket that is idle costs its memory."""
        if hasattr(self, "stop_keepalive"):
            # uvicorn's pings, which not every version has. A link has a heartbeat of its own (PROTOCOL.md 9).
            self.stop_keepalive()
        # uvicorn's `send` raises now, as on a socket that is gone.
        self.disconnected = True
        self.transport = _Left(protocol)  # type: ignore[assignment]
        for name in _NOT_USED:
            self.__dict__.pop(name, None)


# The code that calls the ASGI application.
_OUTERMOST = WebSocketsSansIOProtocol.run_asgi.__code__

_NOT_USED = ("_newcomers", "conn", "frames", "queue", "request", "response", "scope")


class _Left:
    """Replaces the transport for uvicorn, which closes it when the ASGI call has returned."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol

    def close(self) -> None:
        """End the connection, unless it closes already."""
        self._protocol.release()

    def is_closing(self) -> bool:
        """Return True: uvicorn writes nothing more."""
        return True
