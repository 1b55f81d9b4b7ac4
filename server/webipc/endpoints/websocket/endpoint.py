"""The ASGI application at `{prefix}/socket`: admits or refuses a WebSocket (PROTOCOL.md 2.1, 2.5).

Checks origin and version before anything is created. Then the socket is served by its server's `FrameSocket`, or by
`receive` and `send` where the server has none.
"""

import logging
from collections.abc import Callable

from starlette.types import Message, Receive, Scope, Send

from webipc.access.attach_scope import AttachScope
from webipc.access.caller import Caller
from webipc.access.origins import Origins
from webipc.access.payers import payer_of
from webipc.access.visitor import RefusedError, Visitor, check_origin, visitor_of
from webipc.core.errors import CloseCode, fit_reason
from webipc.core.limits import Limits
from webipc.endpoints.websocket.asgi import AsgiSession, AsgiSource
from webipc.endpoints.websocket.readers import Readers
from webipc.endpoints.websocket.transport import AsgiTransport
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
        # Of the hub of the last socket; None before the first.
        self._readers: Readers | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket. Returns before its end where nothing around this call stays open as long as the call."""
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
        await send(_accepted(visitor))
        offer = frame_socket_offer_of(scope)
        if offer is not None or visitor.relayed is None:
            hub.connection_counts = None if offer is None else offer.connection_counts
        readers = self._readers_of(hub)
        caller = Caller(AttachScope(scope, hub.asks.again.moment))
        frame_socket = None if offer is None else offer.begin(readers.terms, payer_of(visitor))
        if offer is None or frame_socket is None:
            transport = AsgiTransport(send, visitor.peer, hub)
            source = AsgiSource(receive, hub.flusher)
            await AsgiSession(hub, self._limits, visitor, caller, transport, source).serve()
            return
        session = readers.admit(frame_socket, visitor, caller)
        frame_socket.outlives_call = offer.call_may_end()
        if not frame_socket.outlives_call:
            await session.serve()

    def _readers_of(self, hub: Hub) -> Readers:
        if self._readers is None or self._readers.hub is not hub:
            self._readers = Readers(hub, self._limits)
        return self._readers


def _accepted(visitor: Visitor) -> Message:
    cookies = [] if visitor.cookie is None else [(b"set-cookie", visitor.cookie.encode())]
    return {"type": "websocket.accept", "subprotocol": SUBPROTOCOL, "headers": cookies}


def _check_version(offered: list[str]) -> None:
    if SUBPROTOCOL not in offered:
        versions = ", ".join(offered) or "none"
        raise RefusedError(CloseCode.VERSION, f"server {VERSION} speaks {SUBPROTOCOL}, the page offers {versions}")


async def _refuse(send: Send, offered: list[str], refused: RefusedError, visitor: Visitor) -> None:
    """Accept with the first offered subprotocol, then close: browsers show the close code of no other refusal (2.1)."""
    logger.info("%s at %s was refused: %s", visitor.peer, visitor.origin, refused.logged)
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    await send({"type": "websocket.close", "code": int(refused.code), "reason": fit_reason(refused.reason)})
