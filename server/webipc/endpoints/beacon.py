"""The ASGI application at `{prefix}/beacon`: the last frames of a page that is unloaded (PROTOCOL.md 2.2, 6.6).

A beacon does not own a link: it names one and proves its secret, and brings frames that the socket may not have
delivered. The link drops duplicates by their numbers.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from webipc.access.origins import Origins
from webipc.core.envelope import Bye, Control
from webipc.core.errors import ProtocolError, ResetError
from webipc.core.limits import Limits
from webipc.endpoints.body import BodyEndpoint
from webipc.hub.hub import Hub
from webipc.link.connection import Connection

# The largest body of a beacon. No browser sends more, and a parsed value takes many times the memory of its text.
BODY_BYTES = 131_072


class BeaconEndpoint(BodyEndpoint):
    """Takes beacons."""

    def __init__(self, hub_here: Callable[[], Hub], origins: Origins, limits: Limits) -> None:
        """`hub_here` returns the hub of the running event loop."""
        time = limits.body_ms // 2
        super().__init__(hub_here, origins, limits, what="a beacon", body_bytes=BODY_BYTES, body_ms=time)

    async def respond(self, request: Request, connection: Connection, last: Control | None) -> Response:
        """Return an empty response: the page that sent the beacon is gone."""
        if last is not None and not isinstance(last, Bye):
            raise ProtocolError(f"expected numbered frames and bye behind hello, got {last.kind}")
        return Response(status_code=204)

    def reset(self, error: ResetError) -> Response:
        """Return an empty response: the link has ended, as the beacon wanted."""
        return Response(status_code=204)
