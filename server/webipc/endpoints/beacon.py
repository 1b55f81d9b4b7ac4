"""The ASGI application at `{prefix}/beacon`: the last frames of a page that is unloaded (PROTOCOL.md 2.2, 6.6).

A beacon does not own a link: it names one and proves its secret, and brings frames that the socket may not have
delivered. The link drops duplicates by their numbers. What a page leaves behind may be in several beacons, which arrive
in any order.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from webipc.access.attach_scope import AttachScope
from webipc.access.caller import ANOTHER_USER, AnotherUserError, Caller
from webipc.access.origins import Origins
from webipc.access.visitor import RefusedError, Visitor
from webipc.core.envelope import Bye, Control, Hello
from webipc.core.errors import ProtocolError, ResetError
from webipc.core.frame import Frame
from webipc.core.limits import Limits
from webipc.endpoints.body import BodyEndpoint
from webipc.endpoints.body_bounds import BodyBounds
from webipc.endpoints.body_frames import BodyFrames
from webipc.endpoints.delivery import Delivery
from webipc.endpoints.responses import WHO, stopping
from webipc.hub.attaches import StoppingError
from webipc.hub.hub import Hub
from webipc.identity.outcome import AskRefusedError
from webipc.link.connection import Connection

# The largest body of a beacon. No browser sends more, and a parsed value takes many times the memory of its text.
BODY_BYTES = 131_072

_DROPPED: Final = "%r: %d messages of a beacon are dropped: %s%s"

_LOOK_SECONDS: Final = 0.02
_MOVING_SECONDS: Final = 0.1
TRY_AGAIN: Final = 503
"""The status of a process that does not have the tab any more, or not yet."""


class BeaconEndpoint(BodyEndpoint):
    """Takes beacons."""

    def __init__(self, hub_here: Callable[[], Hub], origins: Origins, limits: Limits) -> None:
        """`hub_here` returns the hub of the running event loop."""
        time = limits.body_ms // 2
        super().__init__(hub_here, origins, limits, what="a beacon", body_bytes=BODY_BYTES, body_ms=time)

    async def begin(self, hello: Hello, visitor: Visitor, attach_scope: AttachScope, bounds: BodyBounds) -> Delivery:
        """Return what delivers a beacon. Of one for a link that is here it may not be known yet who it is from."""
        hub = self._hub_here()
        ask = functools.partial(hub.attaches.ask, hello, visitor, attach_scope)
        known = hub.attaches.known(hello)
        if known is not None:
            return BeaconDelivery(hub, known, Caller(attach_scope), ask, bounds, is_asked=False)
        connection, caller = await self._identified(hello, visitor, attach_scope)
        return BeaconDelivery(hub, connection, caller, ask, bounds, is_asked=True)

    async def respond(self, request: Request, delivery: Delivery, last: Control | None) -> Response:
        """Return an empty response: the page that sent the beacon is gone."""
        if last is not None and not isinstance(last, Bye):
            raise ProtocolError(f"expected numbered frames and bye behind hello, got {last.kind}")
        return Response(status_code=204)

    async def answer(self, request: Request, visitor: Visitor, frames: BodyFrames, bounds: BodyBounds) -> Response:
        """See `BodyEndpoint.answer`. A beacon does not come again: it follows a tab that moves to another process."""
        hub = self._hub_here()
        if hub.sharing is None or visitor.relayed is not None:
            return await super().answer(request, visitor, frames, bounds)
        frames.refuse_announced(request.headers.getlist("content-length"))
        body = await _whole(frames)
        until = hub.loop.time() + self._limits.goodbye_ms / 1000
        while True:
            response: Response | None = None
            with contextlib.suppress(StoppingError):
                response = await super().answer(request, visitor, self.frames_of(_again(body), bounds), bounds)
                if response.status_code != TRY_AGAIN:
                    return response
            if hub.attaches.is_stopping or hub.loop.time() >= until:
                return stopping() if response is None else response
            await asyncio.sleep(_MOVING_SECONDS)

    def reset(self, error: ResetError) -> Response:
        """Return an empty response: the link has ended, as the beacon wanted."""
        return Response(status_code=204)

    def refuse(self, visitor: Visitor, error: RefusedError) -> Response:
        """Return an empty response to a user who is not let in: nothing of the beacon has run, and no page reads it."""
        response = super().refuse(visitor, error)
        is_user = isinstance(error, AskRefusedError | AnotherUserError) and error.code in WHO
        return Response(status_code=204) if is_user else response


class BeaconDelivery(Delivery):
    """Delivers one beacon, which waits for the beacons before it.

    A page that leaves through a logout posts its last words with the cookies from after the logout. So `bye` is obeyed
    for the secret alone, and the application is asked who the beacon is from when a message is in it that has not come
    in another way.
    """

    def __init__(
        self,
        hub: Hub,
        connection: Connection,
        caller: Caller,
        ask: Callable[[], Awaitable[Caller]],
        bounds: BodyBounds,
        *,
        is_asked: bool,
    ) -> None:
        """`is_asked` tells whether it is known that the beacon is from `caller`."""
        super().__init__(hub, connection, caller, ask)
        self._bounds = bounds
        self._is_asked = is_asked
        # Why the messages are dropped, and how many; None while they are not.
        self._refused: RefusedError | None = None
        self._dropped = 0

    async def run(self, frames: BodyFrames) -> Control | None:
        """See `Delivery.run`. Raises what the ask raises where that is no refusal of the user."""
        last: Control | None = None
        try:
            last = await super().run(frames)
        finally:
            if self._refused is not None:
                self._conclude(self._refused, has_bye=isinstance(last, Bye))
        if self._refused is not None and self._refused.code not in WHO:
            raise self._refused
        return last

    def _conclude(self, refused: RefusedError, *, has_bye: bool) -> None:
        connection = self.connection
        facts = (connection.document, self._dropped, refused.logged)
        self._hub.asks.log(connection.holdings.payer, logging.INFO, _DROPPED, *facts)
        # With `bye`, the socket may still bring what its own user has sent.
        if isinstance(refused, AnotherUserError) and not has_bye:
            connection.reset(ANOTHER_USER, refused.code)

    async def is_taken(self, frame: Frame) -> bool:
        """Ask who the beacon is from when the first new message is there. Returns False where it is not let in."""
        if not self._is_asked and _new_in(frame, self.connection):
            self._is_asked = True
            await self._admit()
        return self._counted(frame)

    async def is_taken_still(self, frame: Frame) -> bool:
        """Ask once more. Returns False where the beacon is not let in any more."""
        if not self._is_asked:
            # Nothing new is in it.
            return True
        self._hub.asks.renew(self._caller.attach_scope)
        await self._admit()
        return self._counted(frame)

    async def _admit(self) -> None:
        try:
            self._caller = await self._ask()
            self._hub.attaches.admit(self.connection, self._caller)
        except RefusedError as refused:
            self._refused = refused

    def _counted(self, frame: Frame) -> bool:
        """Return whether the frame is taken; count its messages where it is not."""
        if self._refused is None:
            return True
        self._dropped += _new_in(frame, self.connection)
        return False

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


async def _whole(frames: BodyFrames) -> bytes:
    pieces = []
    while (piece := await frames.piece()) is not None:
        pieces.append(piece)
    return b"".join(pieces)


def _again(body: bytes) -> Receive:
    """Return what receives a body that was read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _new_in(frame: Frame, connection: Connection) -> int:
    """Return how many messages of a frame the link has not received."""
    count = len(frame.messages)
    return min(count, max(0, frame.seq + count - 1 - connection.link.received))
