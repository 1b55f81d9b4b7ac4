"""One socket of a link: its `hello`, its frames and its end (PROTOCOL.md 6.1, 8). Who calls this, and in which task, is
in readers.py for a `FrameSocket`, and in asgi.py for every other server.

Twin: js-client/src/link/socket-session.ts
"""

import logging
from functools import partial
from typing import Any

from webipc.access.caller import AnotherUserError, Caller
from webipc.access.visitor import RefusedError, Visitor
from webipc.core.envelope import Bye, Hello, parse_control
from webipc.core.errors import AfterClose, CloseCode, ProtocolError, ResetError, after_close
from webipc.core.frame import Frame, decode_frame, encode_control
from webipc.core.limits import Limits
from webipc.endpoints.elsewhere import ElsewhereError, claim, place
from webipc.endpoints.hello import hello_of
from webipc.endpoints.unpack import frame_of, unpack
from webipc.endpoints.websocket.transport import WebSocketTransport
from webipc.hub.attaches import StoppingError
from webipc.hub.hub import Hub
from webipc.hub.sharing import Arrival, Relay, Sharing
from webipc.identity.outcome import AskRefusedError
from webipc.link.connection import Connection
from webipc.link.decoding import NoRoomError
from webipc.link.last_calls import still_taken

logger = logging.getLogger("webipc")

STOPPING = "the server ends"
FAILED_REASON = "the server failed"
FAILED = "Reading a socket of %s failed: it is closed; no other page is affected"


class WebSocketSession:
    """One admitted socket."""

    __slots__ = ("_connection", "_hub", "_limits", "_relay", "_transport", "_visitor", "caller")

    def __init__(
        self, hub: Hub, limits: Limits, visitor: Visitor, caller: Caller, transport: WebSocketTransport
    ) -> None:
        """`transport` is the writing half of the socket, which was just accepted."""
        # Who brings the messages of this socket.
        self.caller = caller
        self._hub = hub
        self._limits = limits
        # None behind the first frame: an idle socket costs its memory.
        self._visitor: Visitor | None = visitor
        self._transport = transport
        # The link that the socket carries; None before its `hello` was accepted.
        self._connection: Connection | None = None
        # What passes the frames on, where another process has the tab.
        self._relay: Relay | None = None

    def refuse_silence(self) -> None:
        """Close a socket whose `hello` did not come in time."""
        reason = f"expected hello within {self._limits.hello_ms} ms of opening the socket, nothing came"
        origin = "unknown" if self._visitor is None else self._visitor.origin
        logger.info("%s at %s was refused: %s", self._transport.peer, origin, reason)
        self._transport.close(CloseCode.HELLO_TIMEOUT, reason)

    def refuse_stopping(self) -> None:
        """Close a socket that has no link, because the server ends."""
        self._transport.close(CloseCode.GOING_AWAY, STOPPING)

    async def greet(self, data: str | bytes) -> None:
        """Attach the socket to the link that its first frame names, or close it."""
        transport, visitor = self._transport, self._visitor
        assert visitor is not None, "a socket has one first frame"
        self._visitor = None
        try:
            carried = await self._attach(data, visitor)
        except ProtocolError as error:
            logger.warning("%s at %s violated the protocol: %s", visitor.peer, visitor.origin, error.detail)
            transport.close(error.close_code, error.detail)
        except RefusedError as refused:
            self._refuse(visitor, refused)
        except StoppingError:
            transport.close(CloseCode.GOING_AWAY, STOPPING)
        except ResetError as reset:
            transport.write(encode_control(0, "reset", {"reason": reset.reason}))
            transport.close(CloseCode.RESET, reset.reason)
        except Exception as error:  # noqa: BLE001 - it is logged
            self._failed(error)
        else:
            self._carry(carried)

    def _carry(self, carried: Connection | Relay) -> None:
        self._transport.carry(carried)
        if isinstance(carried, Connection):
            self._connection = carried
            carried.holdings.scope(self.caller.attach_scope.size)
        else:
            self._relay = carried

    def _refuse(self, visitor: Visitor, refused: RefusedError) -> None:
        if isinstance(refused, AnotherUserError):
            self._hub.asks.log_refused(visitor, refused)
        elif not isinstance(refused, AskRefusedError):
            logger.info("%s at %s was refused: %s", visitor.peer, visitor.origin, refused.reason)
        self._transport.close(refused.code, refused.reason)

    async def _attach(self, data: str | bytes, visitor: Visitor) -> Connection | Relay:
        hello = hello_of(data, self._limits)
        self._transport.attempt = hello.attempt
        self._transport.said_hello()
        if (sharing := self._hub.sharing) is None:
            return await self._attach_here(hello, visitor, None)
        try:
            await place(sharing, hello, visitor)
            return await self._attach_here(hello, visitor, sharing)
        except ElsewhereError as elsewhere:
            arrival = Arrival(hello, visitor, self.caller.attach_scope)
            return sharing.relay(elsewhere.worker, arrival, data, self._transport)

    async def _attach_here(self, hello: Hello, visitor: Visitor, sharing: Sharing | None) -> Connection:
        hub = self._hub
        caller = self.caller = await hub.attaches.ask(hello, visitor, self.caller.attach_scope)
        await hub.attaches.wait_for_place(hello, visitor, caller)
        if sharing is None or hello.link in hub.links:
            return hub.attaches.attach(hello, visitor, caller, self._transport)
        try:
            await claim(sharing, hello, visitor)
            return hub.attaches.attach(hello, visitor, caller, self._transport)
        except BaseException:
            sharing.release(hello)
            raise

    def receive(self, connection: Connection, data: str | bytes) -> None:
        """Receive a frame behind `hello`. One of a socket that does not carry the link any more is dropped.

        Not while something is unpacked, and not a large one: see `receive_later`.
        """
        if connection.transport is not self._transport:
            return
        try:
            self._take(connection, decode_frame(data, self._limits, connection.link.load), is_large=False)
        except ProtocolError as error:
            self._violated(connection, error)
        except Exception as error:  # noqa: BLE001 - an error of webipc itself must not stop the reader of other sockets
            self._failed(error)

    async def receive_later(self, connection: Connection, data: str | bytes) -> None:
        """Receive a frame that is large, or behind something that is."""
        try:
            frame, is_large = await frame_of(self._hub, connection, data)
            if connection.transport is self._transport:
                self._take(connection, frame, is_large=is_large)
        except ProtocolError as error:
            self._violated(connection, error)
        except NoRoomError as full:
            logger.warning("%r: %s: its link is reset, overflow", connection.document, full)
            connection.reset("overflow", CloseCode.OVERFLOW)
        except Exception as error:  # noqa: BLE001 - it is logged
            self._failed(error)

    def _take(self, connection: Connection, frame: Frame, *, is_large: bool) -> None:
        control = frame.control
        if connection.last_calls is not None:
            frame = still_taken(frame, connection.link, connection.last_calls)
        rest = connection.receive(frame, self._transport.attempt, self.caller, is_text_large=is_large)
        if rest:
            unpack(self._hub, connection, rest, self.caller, partial(self._violated, connection))
        # A goodbye behind a message that was not taken comes with that message to where the page goes on.
        if control is not None and not (connection.last_calls is not None and connection.last_calls.has_ended):
            _bye(connection, control)

    def _violated(self, connection: Connection, error: ProtocolError) -> None:
        """End the link, because the page has sent what is wrong."""
        logger.warning(
            "%r (%s) violated the protocol: %s. Its link was ended; no other page is affected",
            connection.document,
            self._transport.peer,
            error.detail,
        )
        if connection.transport is self._transport:
            self._transport.close(error.close_code, error.detail)
            self._hub.end(connection, "protocol")
        else:
            # A newer socket carries the link by now, or none.
            connection.reset("protocol", error.close_code)

    def _failed(self, error: Exception) -> None:
        logger.error(FAILED, self._transport.peer, exc_info=error)
        self._transport.close(CloseCode.INTERNAL_ERROR, FAILED_REASON)

    def end(self, code: int) -> None:
        """Detach the socket from its link, if it has one; `code` is its close code."""
        connection, transport = self._connection, self._transport
        if self._relay is not None:
            self._relay.gone(code)
        if connection is None:
            return
        if connection.transport is transport and after_close(code) is AfterClose.NEW_LINK:
            # The page refused a frame of this link, which would only be sent again (PROTOCOL.md 8).
            self._hub.end(connection, "protocol")
        if code == CloseCode.SERVICE_RESTART:
            # uvicorn closes all sockets with this code when it begins to stop, and browsers never use it. It is the
            # only sign before uvicorn cancels the synchronous requests that wait.
            connection.syncs.turn_away()
        connection.lost(transport)


def _bye(connection: Connection, fields: list[Any]) -> None:
    control = parse_control(fields)
    if not isinstance(control, Bye):
        raise ProtocolError(f"expected bye as the only control message behind hello, got {control.kind}")
    connection.bye(control.last)
