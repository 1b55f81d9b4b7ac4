"""The ASGI application at `{prefix}/socket`: admits or refuses a WebSocket (PROTOCOL.md 2.1, 2.5).

Checks origin and version before anything is created, then serves the socket as a `WebSocketSession`.
"""

import logging
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from webipc.access.origins import Origins
from webipc.access.visitor import RefusedError, Visitor, check_origin, visitor_of
from webipc.core.errors import CloseCode, fit_reason
from webipc.core.limits import Limits
from webipc.endpoints import websocket_transport
from webipc.endpoints.websocket_reader import AsgiSource, DirectSource, Source
from webipc.endpoints.websocket_session import WebSocketSession
from webipc.endpoints.websocket_transport import DirectTransport, WebSocketTransport
from webipc.hub.hub import Hub
from webipc.servers.frame_socket import frame_socket_offer_of
from webipc.version import SUBPROTOCOL, VERSION

logger = logging.getLogger("webipc")


class WebSocketEndpoint:
    """Admits sockets and serves each of them."""

    def __init__(self, hub_here: Callable[[], Hub], origins: Origins, limits: Limits) -> None:
        """`hub_here` returns the hub of the running event loop."""
        self._hub_here = hub_here
        self._origins = origins
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, from its handshake to its end."""
        visitor = visitor_of(scope)
        await receive()  # websocket.connect
        offered: list[str] = scope.get("subprotocols") or []
        try:
            check_origin(scope, visitor, self._origins)
            _check_version(offered)
        except RefusedError as refused:
            await _refuse(send, offered, refused, visitor)
            return
        hub = self._hub_here()
        cookies = [] if visitor.cookie is None else [(b"set-cookie", visitor.cookie.encode())]
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL, "headers": cookies})
        transport, source = _halves(scope, receive, send, hub, visitor)
        await WebSocketSession(hub, self._limits, visitor, transport, source).serve()


def _check_version(offered: list[str]) -> None:
    if SUBPROTOCOL not in offered:
        versions = ", ".join(offered) or "none"
        raise RefusedError(CloseCode.VERSION, f"server {VERSION} speaks {SUBPROTOCOL}, the page offers {versions}")


async def _refuse(send: Send, offered: list[str], refused: RefusedError, visitor: Visitor) -> None:
    """Accept with the first offered subprotocol, then close: browsers show the close code of no other refusal (2.1)."""
    logger.info("%s at %s was refused: %s", visitor.peer, visitor.origin, refused.logged)
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    await send({"type": "websocket.close", "code": int(refused.code), "reason": fit_reason(refused.reason)})


def _halves(
    scope: Scope, receive: Receive, send: Send, hub: Hub, visitor: Visitor
) -> tuple[WebSocketTransport, Source]:
    """Return the writing and the reading half of a socket that was just accepted."""
    offer = frame_socket_offer_of(scope)
    frame_socket = None if offer is None else offer.begin(websocket_transport.CLOSE_SECONDS)
    if frame_socket is not None:
        transport = DirectTransport(frame_socket, send, visitor.peer, hub.loop, hub.tasks)
        return transport, DirectSource(frame_socket, hub.flusher)
    return WebSocketTransport(send, visitor.peer, hub.loop, hub.tasks), AsgiSource(receive, hub.flusher)
