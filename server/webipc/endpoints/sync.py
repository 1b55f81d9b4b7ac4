"""The ASGI application at `{prefix}/sync`: a page that is blocked in `sendSync` posts its unacknowledged frames, and
waits for one answer (PROTOCOL.md 2.3 and 4.6).

A request does not own a link: it names one and proves its secret.
Twin in spirit: js-client/src/transports/sync-request.ts
"""

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from webipc.access.origins import Origins
from webipc.core.envelope import Await, Control
from webipc.core.errors import ProtocolError, ResetError
from webipc.core.frame import EncodedMessage, binary_form, encode_parcel
from webipc.core.limits import Limits
from webipc.endpoints.body import BodyEndpoint, disconnected
from webipc.endpoints.delivery import Delivery
from webipc.endpoints.responses import stopping
from webipc.hub.hub import Hub
from webipc.link.calls.sync_calls import SyncCall
from webipc.link.connection import Connection

# Any byte that does not begin a byte order mark. A page reads the answer as text, and browsers remove such a mark.
_GUARD = b"\x01"


class SyncEndpoint(BodyEndpoint):
    """Answers `sendSync`."""

    def __init__(self, hub_here: Callable[[], Hub], origins: Origins, limits: Limits) -> None:
        """`hub_here` returns the hub of the running event loop."""
        super().__init__(
            hub_here,
            origins,
            limits,
            what="a synchronous request",
            body_bytes=limits.body_bytes,
            body_ms=limits.body_ms,
        )

    async def respond(self, request: Request, delivery: Delivery, last: Control | None) -> Response:
        """Wait for the answer to the call that the request names, and return it."""
        connection = delivery.connection
        if not isinstance(last, Await) and not (last is None and connection.ended):
            raise ProtocolError("expected await as the last frame of a synchronous request, got something else")
        if last is None or connection.ended:
            # Where the link ended before the last frame, the rest was not read.
            raise ResetError(connection.end_reason)
        call = connection.syncs.get(last.id)
        # The request may arrive before the page's first socket, and its document is shown all the same.
        self._hub_here().show(connection)
        message = await self._answer_of(call, request)
        if message is None:
            return stopping()
        body = _body(connection, message)
        return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})

    async def _answer_of(self, call: SyncCall, request: Request) -> EncodedMessage | None:
        """Wait for the answer, and tell the call when the client disconnects meanwhile. See `SyncCall.wait`."""
        call.asked()
        # A task costs more than a listener: there is none where the answer is there at once.
        watching: asyncio.Task[None] | None = None

        def watch() -> None:
            nonlocal watching
            watching = self._hub_here().loop.create_task(disconnected(request))
            watching.add_done_callback(lambda _: call.left())

        try:
            # Also after a disconnect: some middleware reports one for every request, and an unread answer is cheap.
            return await call.wait(watch)
        finally:
            if watching is None:
                call.left()
            else:
                watching.cancel()


def _body(connection: Connection, message: EncodedMessage) -> bytes:
    frame = binary_form(connection.link.bare_frame())
    return b"".join((_GUARD, len(frame).to_bytes(4, "little"), frame, encode_parcel(message)))
