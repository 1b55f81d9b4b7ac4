"""The ASGI application at `{prefix}/socket`: one socket from its handshake to its end.

Checks who comes before anything is made (PROTOCOL.md 2.1, 2.5), reads `hello`, then hands every frame to the
connection. It reads in the endpoint's own task and never waits for a handler.
"""

import logging
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from webipc.access.origins import REMEDY, Origins
from webipc.access.visitor import RefusedError, Visitor, header, visitor_of
from webipc.core.errors import CloseCode, fit_reason
from webipc.core.limits import Limits
from webipc.endpoints.websocket_reader import AsgiSource, DirectSource, Source
from webipc.endpoints.websocket_session import WebSocketSession
from webipc.endpoints.websocket_transport import DirectTransport, WebSocketTransport
from webipc.hub.hub import Hub
from webipc.servers.frame_socket import frame_socket_of
from webipc.version import SUBPROTOCOL, VERSION

logger = logging.getLogger("webipc")


class WebSocketEndpoint:
    """Admits sockets and serves each of them."""

    def __init__(self, hub_here: Callable[[], Hub], origins: Origins, limits: Limits) -> None:
        """`hub_here` gives the hub of the running event loop."""
        self._hub_here = hub_here
        self._origins = origins
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, from its handshake to its end."""
        visitor = visitor_of(scope)
        await receive()  # websocket.connect
        offered: list[str] = scope.get("subprotocols") or []
        try:
            self._admit(scope, visitor, offered)
        except RefusedError as refused:
            await _refuse(send, offered, refused, visitor)
            return
        hub = self._hub_here()
        cookies = [] if visitor.cookie is None else [(b"set-cookie", visitor.cookie.encode())]
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL, "headers": cookies})
        transport, source = _halves(scope, receive, send, hub, visitor)
        await WebSocketSession(hub, self._limits, visitor, transport, source).serve()

    def _admit(self, scope: Scope, visitor: Visitor, offered: list[str]) -> None:
        if not self._origins.allows(header(scope, b"origin"), scope["scheme"], header(scope, b"host")):
            raise RefusedError(CloseCode.FORBIDDEN, f"origin {visitor.origin} is not allowed", REMEDY)
        if SUBPROTOCOL not in offered:
            versions = ", ".join(offered) or "none"
            raise RefusedError(CloseCode.VERSION, f"server {VERSION} speaks {SUBPROTOCOL}, the page offers {versions}")


def _halves(
    scope: Scope, receive: Receive, send: Send, hub: Hub, visitor: Visitor
) -> tuple[WebSocketTransport, Source]:
    """Return what writes and what reads on a socket that was just accepted."""
    frame_socket = frame_socket_of(scope)
    if frame_socket is not None:
        transport = DirectTransport(frame_socket, send, visitor.peer, hub.loop, hub.tasks)
        if frame_socket.begin(transport):
            return transport, DirectSource(frame_socket, hub.flusher)
    return WebSocketTransport(send, visitor.peer, hub.loop, hub.tasks), AsgiSource(receive, hub.flusher)


async def _refuse(send: Send, offered: list[str], refused: RefusedError, visitor: Visitor) -> None:
    """Accept with the first offered subprotocol and close at once: a browser shows no other refusal's code (2.1)."""
    logger.info("%s at %s was refused: %s", visitor.peer, visitor.origin, refused.logged)
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    await send({"type": "websocket.close", "code": int(refused.code), "reason": fit_reason(refused.reason)})
