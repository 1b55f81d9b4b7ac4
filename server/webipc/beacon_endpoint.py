"""The ASGI application at `{prefix}/beacon`: what a page sends with its last breath (PROTOCOL.md 2.2, 6.6).

A beacon owns no link: it names one, proves its secret, and brings what the socket may not have delivered. The link
drops by number what came twice.
"""

import logging
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from webipc.connection import Connection
from webipc.core.envelope import Bye, Hello, parse_control
from webipc.core.errors import CloseCode, ProtocolError, ResetError
from webipc.core.frame import Frame, decode_body
from webipc.core.limits import Limits
from webipc.hub import Hub
from webipc.origins import Origins
from webipc.visitor import RefusedError, Visitor, header, visitor_of

logger = logging.getLogger("webipc")

CONTENT_TYPE = "application/vnd.webipc.v1"

# The largest body of a beacon: no browser sends more, and what is parsed takes many times the memory of its text.
BODY_BYTES = 131_072

_STATUS = {
    CloseCode.FORBIDDEN: 403,
    CloseCode.UNAUTHORIZED: 403,
    CloseCode.TOO_LARGE: 413,
    CloseCode.TRY_LATER: 503,
}


class BeaconEndpoint:
    """Takes beacons."""

    def __init__(self, hub_here: Callable[[], Hub], origins: Origins, limits: Limits) -> None:
        """`hub_here` gives the hub of the running event loop."""
        self._hub_here = hub_here
        self._origins = origins
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        for name, value in self._origins.cors(header(scope, b"origin")).items():
            response.headers[name] = value
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        origin = request.headers.get("origin")
        if not self._origins.allows(origin, request.scope["scheme"], request.headers.get("host")):
            return _refusal(CloseCode.FORBIDDEN, f"origin {origin} is not allowed", 403)
        if request.method == "OPTIONS":
            return Response(status_code=204)
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "POST, OPTIONS"})
        if request.headers.get("content-type") != CONTENT_TYPE:
            return _refusal(CloseCode.PROTOCOL_ERROR, f"expected the content type {CONTENT_TYPE}", 415)
        return await self._take(request)

    async def _take(self, request: Request) -> Response:
        visitor = visitor_of(request.scope)
        try:
            frames = decode_body(await self._body(request), self._limits)
            self._deliver(self._hub_here(), frames, visitor)
        except ClientDisconnect:
            return Response(status_code=400)
        except ResetError:
            # The link is over already: there is nobody left to tell, and nothing left to do.
            return Response(status_code=204)
        except ProtocolError as error:
            logger.warning("%s at %s sent a wrong beacon: %s", visitor.peer, visitor.origin, error.detail)
            return _refusal(error.close_code, error.detail, _STATUS.get(error.close_code, 400))
        except RefusedError as refused:
            logger.info("%s at %s was refused: %s", visitor.peer, visitor.origin, refused.reason)
            return _refusal(refused.code, refused.reason, _STATUS.get(refused.code, 403))
        return Response(status_code=204)

    async def _body(self, request: Request) -> bytes:
        """Read no more than is allowed: a length is only a claim."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES:
                raise ProtocolError(f"a beacon of more than {BODY_BYTES} bytes", CloseCode.TOO_LARGE)
        return bytes(body)

    def _deliver(self, hub: Hub, frames: list[Frame], visitor: Visitor) -> None:
        if not frames or frames[0].control is None:
            raise ProtocolError("expected hello as the first frame of a body, got something else")
        hello = parse_control(frames[0].control)
        if not isinstance(hello, Hello):
            raise ProtocolError("expected hello as the first frame of a body, got another control message")
        connection = hub.identify(hello, visitor)
        try:
            for frame in frames[1:]:
                _take_frame(connection, frame)
        except ProtocolError:
            connection.reset("protocol", CloseCode.PROTOCOL_ERROR)
            raise


def _take_frame(connection: Connection, frame: Frame) -> None:
    if connection.ended:
        return
    connection.receive(frame, None)
    if frame.control is None:
        return
    control = parse_control(frame.control)
    if not isinstance(control, Bye):
        raise ProtocolError(f"expected numbered frames and bye behind hello, got {control.kind}")
    connection.bye(control.last)


def _refusal(code: CloseCode, reason: str, status: int) -> Response:
    return JSONResponse({"code": int(code), "reason": reason}, status_code=status)
