"""`LinkOutlet`: how the application's code sends to the page of one link, from any thread.

Encodes in the caller's thread, because the application may change the value afterwards; posts in the event loop's.
"""

import logging
from collections.abc import Sequence
from threading import get_ident
from typing import TYPE_CHECKING, Any

from webipc.core.envelope.carriers import encode_carrier
from webipc.core.errors import LimitError, LinkEndedError, LocalError
from webipc.core.frame import EncodedMessage
from webipc.core.limits import Limits
from webipc.core.link.held import held_by
from webipc.core.link.sizes import check_channel, check_size
from webipc.link.surroundings import Surroundings
from webipc.ports.ends import PortMessage

if TYPE_CHECKING:
    from webipc.link.connection import Connection

logger = logging.getLogger("webipc")


class LinkOutlet:
    """The `Outlet` of a document that is a link of this process. All but `invoke` may be called from any thread."""

    __slots__ = ("_around", "connection")

    def __init__(self, connection: "Connection", around: "Surroundings[Connection]") -> None:
        """`around` is the connection's."""
        self.connection = connection
        self._around = around

    @property
    def features(self) -> Sequence[str]:
        """What the page can take, by the names of PROTOCOL.md 6.1."""
        return self.connection.features

    @property
    def limits(self) -> Limits:
        """What the application has set."""
        return self._around.limits

    @property
    def attached(self) -> bool:
        """Whether a socket carries the link."""
        return self.connection.transport is not None

    def send(self, channel: str, args: tuple[Any, ...]) -> None:
        """Encode a `send`, and post it. Raises as both."""
        around, connection = self._around, self.connection
        message = encode_send(channel, args, around.limits)
        if get_ident() == around.thread_id and not connection.ended:
            # As `post`, without the call.
            connection.post_here(message)
        else:
            self.post(message)

    def post(self, message: EncodedMessage) -> None:
        """Number and keep a message, and send it with whatever else is posted in this turn of the event loop.

        Raises LinkEndedError when the page is gone, DestroyedError when the event loop is closed, BufferFullError in a
        thread that has waited in vain for the event loop to take what was sent before.
        """
        connection = self.connection
        if connection.ended:
            raise LinkEndedError
        around = self._around
        # As `is_loop_thread`, without the call.
        if get_ident() == around.thread_id:
            connection.post_here(message)
        else:
            around.hand_over(held_by(message), connection.post_here, message)

    def post_ported(self, channel: str, message: PortMessage) -> None:
        """Send a message with ports to the page's listeners, as `post` does.

        Raises LimitError when the link has no room for so many ports; in another thread than the event loop's that is
        logged. Raises BufferFullError and DestroyedError there, as `post` does. Whatever is raised, the ports are
        closed.
        """
        connection = self.connection
        if connection.ended:
            message.close_ends()
            raise LinkEndedError
        around = self._around
        if around.is_loop_thread:
            connection.ports.send(["post", channel], message)
            return
        try:
            around.hand_over(message.held, self._post_ported_later, channel, message)
        except LocalError:
            message.close_ends()
            raise

    def _post_ported_later(self, channel: str, message: PortMessage) -> None:
        connection = self.connection
        try:
            connection.ports.send(["post", channel], message)
        except LimitError:
            text = "A message with ports for %r on '%s' cannot be sent, and its ports are closed"
            logger.exception(text, connection.document, channel)

    async def invoke(self, channel: str, *args: Any) -> Any:
        """Call something that the page allows. Raises as `OutgoingCalls.invoke`, and LinkEndedError."""
        if self.connection.ended:
            raise LinkEndedError
        return await self.connection.outgoing_calls.invoke(channel, *args)


def encode_send(channel: str, args: tuple[Any, ...], limits: Limits) -> EncodedMessage:
    """Encode a `send` for any page. Raises CloneError and LimitError."""
    check_channel(channel, limits)
    message = encode_carrier(["send", channel], list(args), limits)
    check_size(message, limits)
    return message
