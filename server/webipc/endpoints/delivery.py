"""`Delivery`: the frames of one body on their way into a link, each received as soon as it is whole (PROTOCOL.md 2.4).

The frames are read by body_frames.py, and what is answered is said by the endpoints.
"""

from collections.abc import Awaitable, Callable, Sequence

from webipc.access.caller import ANOTHER_USER, AnotherUserError, Caller
from webipc.core.envelope import Bye, Control, parse_control
from webipc.core.errors import CloseCode, ProtocolError, ResetError
from webipc.core.frame import Frame
from webipc.core.link.large import Arrived
from webipc.endpoints.body_bounds import ROOM_SECONDS
from webipc.endpoints.body_frames import BodyFrames
from webipc.endpoints.unpack import dispatched, frame_of, unpack
from webipc.hub.attaches import StoppingError
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.last_calls import still_taken


class Delivery:
    """Delivers one body to a link."""

    def __init__(self, hub: Hub, connection: Connection, caller: Caller, ask: Callable[[], Awaitable[Caller]]) -> None:
        """`connection` is the link that the body names, `caller` who brings it. `ask` asks for that."""
        self._hub = hub
        self._caller = caller
        self._ask = ask
        self.connection = connection

    async def run(self, frames: BodyFrames) -> Control | None:
        """Let the link receive every frame, each when it is whole. Return the control message at the end, if any.

        A frame that arrived stays received if a later one does not arrive: its messages have numbers, so it does not
        matter that the page sends them again. Raises ProtocolError, having ended the link, ResetError, and as `frames`.
        """
        connection = self.connection
        last: Control | None = None
        try:
            while not connection.ended and (data := await frames.next(self._hub.limits.socket_bytes)) is not None:
                last = await self._receive(data, last)
        except ProtocolError as error:
            connection.reset("protocol", error.close_code)
            raise
        return last

    async def is_taken(self, frame: Frame) -> bool:
        """Return whether the link gets this frame: in any case, where it is known who the body is from."""
        return True

    async def is_taken_still(self, frame: Frame) -> bool:
        """Ask once more who the body is from, and return whether the link gets this frame.

        Raises RefusedError where the user is not let in any more, and ends the link of another user.
        """
        self._hub.asks.renew(self._caller.attach_scope)
        self._caller = await self._ask()
        try:
            self._hub.attaches.admit(self.connection, self._caller)
        except AnotherUserError:
            self.connection.reset(ANOTHER_USER, CloseCode.UNAUTHORIZED)
            raise
        return True

    async def await_turn(self, seq: int) -> None:
        """Wait until messages from this number on may be received. May raise ResetError. A body has its own place."""

    async def _receive(self, data: memoryview, last: Control | None) -> Control | None:
        """Let the link receive one frame; return its control message. `last` is the one before, if there was one."""
        if last is not None:
            raise ProtocolError("expected one control message at the end of a body, got something behind it")
        connection = self.connection
        frame, is_large = await frame_of(self._hub, connection, data, ROOM_SECONDS)
        is_taken = await self.is_taken(frame)
        if is_taken and frame.messages and frame.seq > connection.link.received + 1:
            await self.await_turn(frame.seq)
        await self._dispatched()
        while is_taken and frame.messages and self._hub.asks.is_older(self._caller):
            is_taken = await self.is_taken_still(frame)
            await self._dispatched()
        if is_taken:
            await self._take(frame, is_large=is_large)
        if frame.control is None:
            return None
        if connection.last_calls is not None and connection.last_calls.has_ended:
            # What is behind a message that was not taken belongs to where the page goes on, a goodbye as well.
            raise StoppingError
        control = parse_control(frame.control)
        if isinstance(control, Bye):
            connection.bye(control.last)
        return control

    async def _dispatched(self) -> None:
        """Wait until what came meanwhile, and was received, is dispatched. Raises ResetError where the link is over."""
        connection = self.connection
        while connection.unpacking is not None:
            await dispatched(connection.unpacking)
        if connection.ended:
            raise ResetError(connection.end_reason)

    async def _take(self, frame: Frame, *, is_large: bool) -> None:
        connection = self.connection
        taken = still_taken(frame, connection.link, connection.last_calls)
        rest = connection.receive(taken, None, self._caller, is_text_large=is_large)
        if rest:
            await self._unpack(rest)

    async def _unpack(self, arrived: Sequence[Arrived]) -> None:
        """Wait until messages are dispatched that take too long for the event loop. Raises ProtocolError."""
        connection = self.connection

        def failed(error: ProtocolError) -> None:
            connection.reset("protocol", error.close_code)

        error = await dispatched(unpack(self._hub, connection, arrived, self._caller, failed))
        if error is not None:
            raise error
