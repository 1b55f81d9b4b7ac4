"""What the two endpoints that take a body have in common (PROTOCOL.md 2.4 and 2.5): who may post, how a body begins,
and how a refusal is answered.

The frames behind the first are read by body_frames.py and delivered by delivery.py. beacon.py and sync.py say what is
answered.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from webipc.access.attach_scope import AttachScope
from webipc.access.caller import ANOTHER_USER, AnotherUserError, Caller
from webipc.access.origins import Origins
from webipc.access.visitor import RefusedError, Visitor, check_origin, cors_of, visitor_of
from webipc.core.envelope import Control, Hello, parse_control
from webipc.core.errors import CloseCode, ProtocolError, ResetError
from webipc.core.frame import decode_frame
from webipc.core.frame.json_text import load_array
from webipc.core.limits import Limits
from webipc.endpoints.body_bounds import BodyBounds
from webipc.endpoints.body_frames import LENGTH_BYTES, BodyFrames, LateError
from webipc.endpoints.delivery import Delivery
from webipc.endpoints.elsewhere import ElsewhereError, claim, place
from webipc.endpoints.hello import shortened
from webipc.endpoints.lingering import LingeringResponse
from webipc.endpoints.responses import broken_off, refusal, refused, refused_attach, stopping
from webipc.hub.attaches import StoppingError
from webipc.hub.hub import Hub
from webipc.hub.links import MOVED
from webipc.hub.sharing import Arrival, HandedBack, Sharing
from webipc.link.connection import Connection
from webipc.link.decoding import NoRoomError

logger = logging.getLogger("webipc")

CONTENT_TYPE = "application/vnd.webipc.v1"

_UNREAD = (408, 503)

_PASSED_ON: Final = frozenset({"content-type", "content-encoding", "cache-control", "retry-after"})
"""The headers of the response of another process that this one passes on."""


class BodyEndpoint:
    """Takes bodies, each for the link that its first frame names."""

    def __init__(
        self,
        hub_here: Callable[[], Hub],
        origins: Origins,
        limits: Limits,
        *,
        what: str,
        body_bytes: int,
        body_ms: int,
    ) -> None:
        """`hub_here` returns the hub of the running event loop; `what` names a request in texts.

        A body has at most `body_bytes`, and has to arrive within `body_ms`.
        """
        self._hub_here = hub_here
        self._origins = origins
        self._limits = limits
        self._what = what
        self._body_bytes = body_bytes
        self._body_ms = body_ms

    async def respond(self, request: Request, delivery: Delivery, last: Control | None) -> Response:
        """Return the response, after the link has received all frames, or has ended.

        `last` is the control message at the end of the body, if there is one. May raise ProtocolError and ResetError.
        """
        raise NotImplementedError

    async def begin(self, hello: Hello, visitor: Visitor, attach_scope: AttachScope, bounds: BodyBounds) -> Delivery:
        """Return what delivers a body to the link that its first frame names, once it is known who it is from.

        Raises as `Attaches.identified`.
        """
        hub = self._hub_here()
        connection, caller = await self._identified(hello, visitor, attach_scope)
        return Delivery(hub, connection, caller, functools.partial(hub.attaches.ask, hello, visitor, attach_scope))

    async def _identified(self, hello: Hello, visitor: Visitor, attach_scope: AttachScope) -> tuple[Connection, Caller]:
        hub = self._hub_here()
        claims = None if hub.sharing is None else functools.partial(claim, hub.sharing, hello, visitor)
        return await hub.attaches.identified(hello, visitor, attach_scope, claims)

    def reset(self, error: ResetError) -> Response:
        """Return the response for a link that cannot continue."""
        code = CloseCode.UNAUTHORIZED if error.reason == ANOTHER_USER else CloseCode.RESET
        return refusal(code, error.reason)

    def refuse(self, visitor: Visitor, error: RefusedError) -> Response:
        """Return the response where a link, a visitor or its user is refused."""
        if isinstance(error, AnotherUserError):
            self._hub_here().asks.log_refused(visitor, error)
            return refusal(error.code, error.reason)
        return refused_attach(visitor, error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        visitor = visitor_of(scope)
        bounds = BodyBounds(self._hub_here, visitor)
        try:
            response = await self._response(Request(scope, receive), visitor, bounds)
            if visitor.cookie is not None:
                response.headers["Set-Cookie"] = visitor.cookie
            for name, value in cors_of(scope, self._origins).items():
                response.headers[name] = value
            await response(scope, receive, send)
        finally:
            bounds.release()

    async def _response(self, request: Request, visitor: Visitor, bounds: BodyBounds) -> Response:
        try:
            check_origin(request.scope, visitor, self._origins)
        except RefusedError as error:
            return refused(visitor, error.code, error.reason)
        if request.method == "OPTIONS":
            return Response(status_code=204)
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "POST, OPTIONS"})
        if request.headers.get("content-type") != CONTENT_TYPE:
            return refused(visitor, CloseCode.PROTOCOL_ERROR, f"expected the content type {CONTENT_TYPE}", 415)
        frames = self.frames_of(request.receive, bounds)
        response = await self._take(request, visitor, frames, bounds)
        # What has not arrived in time, or has no place, is not read any further.
        return response if frames.is_over or response.status_code in _UNREAD else LingeringResponse(response, frames)

    def frames_of(self, receive: Receive, bounds: BodyBounds) -> BodyFrames:
        """Return what reads a body."""
        return BodyFrames(
            receive,
            bounds,
            what=self._what,
            most=self._body_bytes,
            total_ms=self._body_ms,
            silence_ms=self._limits.body_silence_ms,
        )

    async def _take(self, request: Request, visitor: Visitor, frames: BodyFrames, bounds: BodyBounds) -> Response:
        try:
            return await self.answer(request, visitor, frames, bounds)
        except (ClientDisconnect, LateError, NoRoomError) as broken:
            return broken_off(visitor, broken)
        except (StoppingError, asyncio.CancelledError):
            # A server that stops waits for a while, then cancels the requests that are left.
            return stopping()
        except ResetError as error:
            # A link that has moved is asked for at the process that has it now.
            return stopping() if error.reason == MOVED else self.reset(error)
        except ProtocolError as error:
            logger.warning("%s at %s sent %s that is wrong: %s", visitor.peer, visitor.origin, self._what, error.detail)
            return refusal(error.close_code, error.detail)
        except RefusedError as error:
            return self.refuse(visitor, error)

    async def answer(self, request: Request, visitor: Visitor, frames: BodyFrames, bounds: BodyBounds) -> Response:
        """Deliver a body and return the response. Raises what `_take` catches."""
        # Now, and not behind the first frame: a middleware may just have looked up the user.
        attach_scope = AttachScope(request.scope, self._hub_here().asks.again.moment)
        frames.refuse_announced(request.headers.getlist("content-length"))
        first, hello = await self._hello(frames)
        if (sharing := self._hub_here().sharing) is None:
            delivery = await self.begin(hello, visitor, attach_scope, bounds)
        else:
            try:
                delivery = await self._begin_here(sharing, hello, visitor, attach_scope, bounds)
            except ElsewhereError as elsewhere:
                body = _whole(first, frames, bounds)
                arrival = Arrival(hello, visitor, attach_scope)
                gone = functools.partial(disconnected, request)
                return _handed_back(await sharing.hand_on(elsewhere.worker, arrival, body, gone))
        connection = bounds.connection = delivery.connection
        if not _continues(connection, hello):
            connection.reset("gap")
            raise ResetError("gap")
        with self._hub_here().attaches.visit(connection.link_id):
            last = await delivery.run(frames)
            bounds.release()
            if connection.last_calls is not None and connection.last_calls.has_ended:
                raise StoppingError
            return await self.respond(request, delivery, last)

    async def _begin_here(
        self, sharing: Sharing, hello: Hello, visitor: Visitor, attach_scope: AttachScope, bounds: BodyBounds
    ) -> Delivery:
        """Begin where several processes serve the same pages. Raises ElsewhereError."""
        await place(sharing, hello, visitor)
        try:
            return await self.begin(hello, visitor, attach_scope, bounds)
        except BaseException:
            sharing.release(hello)
            raise

    async def _hello(self, frames: BodyFrames) -> tuple[memoryview, Hello]:
        """Return the first frame. Nothing behind it has been decoded by then."""
        data = await frames.next(self._limits.hello_bytes)
        control = None if data is None else decode_frame(data, self._limits, load_array).control
        hello = None if control is None else parse_control(control)
        if data is None or not isinstance(hello, Hello):
            raise ProtocolError("expected hello as the first frame of a body, got something else")
        return data, shortened(hello)


async def _whole(first: memoryview, frames: BodyFrames, bounds: BodyBounds) -> AsyncIterator[bytes]:
    """Return a body as it came, piece by piece; `first` is its first frame, which was read already."""
    yield len(first).to_bytes(LENGTH_BYTES, "little") + first
    while (piece := await frames.piece()) is not None:
        yield piece
    bounds.release()


def _handed_back(response: HandedBack) -> Response:
    """Return the response of another process. What concerns the connection, and cookies, are this one's."""
    headers = {name: text for name, text in response.headers if name in _PASSED_ON}
    return Response(response.body, status_code=response.status, headers=headers)


async def disconnected(request: Request) -> None:
    """Return when the client has disconnected, as far as the ASGI server reports it."""
    with contextlib.suppress(Exception):
        if (await request.receive())["type"] == "http.disconnect":
            return
    # A middleware does not pass disconnects on. Wait until this is cancelled.
    await asyncio.Event().wait()


def _continues(connection: Connection, hello: Hello) -> bool:
    """Tell whether a body can continue the link: `gap` of PROTOCOL.md 6.5 otherwise.

    Other than the `hello` of a socket, that of a body may be older than what has arrived since: `received` may be less
    than the page has acknowledged.
    """
    link = connection.link
    return hello.first <= link.received + 1 and link.was_handed(hello.received)
