"""The ASGI application at `{prefix}/beacon`: the last frames of a page that is unloaded (PROTOCOL.md 2.2, 6.6).

A beacon does not own a link: it names one and proves its secret, and brings frames that the socket may not have
delivered. The link drops duplicates by their numbers. What a page leaves behind may be in several beacons, which arrive
in any order.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from webipc.access.caller import Caller
from webipc.access.origins import Origins
from webipc.core.envelope import Bye, Control
from webipc.core.errors import ProtocolError, ResetError
from webipc.core.limits import Limits
from webipc.endpoints.body import BodyEndpoint
from webipc.endpoints.body_bounds import BodyBounds
from webipc.endpoints.delivery import Delivery
from webipc.hub.hub import Hub
from webipc.link.connection import Connection

# The largest body of a beacon. No browser sends more, and a parsed value takes many times the memory of its text.
BODY_BYTES = 131_072

_LOOK_SECONDS: Final = 0.02


class BeaconEndpoint(BodyEndpoint):
    """Takes beacons."""

    def __init__(self, hub_here: Callable[[], Hub], origins: Origins, limits: Limits) -> None:
        """`hub_here` returns the hub of the running event loop."""
        time = limits.body_ms // 2
        super().__init__(hub_here, origins, limits, what="a beacon", body_bytes=BODY_BYTES, body_ms=time)

    def deliver(self, connection: Connection, caller: Caller, bounds: BodyBounds) -> Delivery:
        """Return what delivers a beacon to the link that it names."""
        return BeaconDelivery(self._hub_here(), connection, caller, bounds)

    async def respond(self, request: Request, connection: Connection, last: Control | None) -> Response:
        """Return an empty response: the page that sent the beacon is gone."""
        if last is not None and not isinstance(last, Bye):
            raise ProtocolError(f"expected numbered frames and bye behind hello, got {last.kind}")
        return Response(status_code=204)

    def reset(self, error: ResetError) -> Response:
        """Return an empty response: the link has ended, as the beacon wanted."""
        return Response(status_code=204)


class BeaconDelivery(Delivery):
    """Delivers one beacon, which waits for the beacons before it."""

    def __init__(self, hub: Hub, connection: Connection, caller: Caller, bounds: BodyBounds) -> None:
        super().__init__(hub, connection, caller)
        self._bounds = bounds

    async def await_turn(self, seq: int) -> None:
        """Wait for the beacons before this one, as long as the link would after a `bye`. Raises ResetError then."""
        # One that waits takes the place of one that arrives slowly, so there are not many.
        self._bounds.waits()
        connection = self.connection
        loop = connection.around.loop
        until = loop.time() + connection.around.limits.goodbye_ms / 1000
        while connection.link.received + 1 < seq and not connection.ended:
            if loop.time() >= until:
                raise ResetError("gap")
            await asyncio.sleep(_LOOK_SECONDS)
