"""The ASGI application at `{prefix}/beacon`: what a page sends with its last breath (PROTOCOL.md 2.2, 6.6).

A beacon owns no link: it names one, proves its secret, and brings what the socket may not have delivered. The link
drops by number what came twice. What a body is and who may post one is in body.py.
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

# The largest body of a beacon: no browser sends more, and what is parsed takes many times the memory of its text.
BODY_BYTES = 131_072


class BeaconEndpoint(BodyEndpoint):
    """Takes beacons."""

    def __init__(self, hub_here: Callable[[], Hub], origins: Origins, limits: Limits) -> None:
        """`hub_here` gives the hub of the running event loop."""
        super().__init__(hub_here, origins, limits, what="a beacon", body_bytes=BODY_BYTES)

    async def respond(self, request: Request, connection: Connection, last: Control | None) -> Response:
        """Answer nothing: nobody is left who could read it."""
        if last is not None and not isinstance(last, Bye):
            raise ProtocolError(f"expected numbered frames and bye behind hello, got {last.kind}")
        return Response(status_code=204)

    def reset(self, error: ResetError) -> Response:
        """Answer nothing: the link is over already, there is nobody to tell and nothing left to do."""
        return Response(status_code=204)
