"""What the application says to the page of one link, from whatever thread it does so.

Encodes in the caller's thread, then hands over to the connection in the event loop's. Must not know sockets, nor what
becomes of a message once the connection has it.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Any

from webipc.core import clone
from webipc.core.errors import DestroyedError, LimitError, LinkEndedError
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.limits import Limits
from webipc.core.link.sizes import check_channel, check_size
from webipc.link.connection import Connection, Owner
from webipc.ports.ends import PortMessage

logger = logging.getLogger("webipc")


class LinkOutlet:
    """The `Outlet` of a document that is a link of this process. All but `invoke` may be called from any thread."""

    __slots__ = ("_owner", "connection")

    def __init__(self, connection: Connection, owner: Owner) -> None:
        """`owner` is the connection's."""
        self.connection = connection
        self._owner = owner

    @property
    def features(self) -> Sequence[str]:
        """What the page can take, by the names of PROTOCOL.md 6.1."""
        return self.connection.features

    @property
    def limits(self) -> Limits:
        """What the application has set."""
        return self._owner.limits

    @property
    def attached(self) -> bool:
        """Whether a socket carries the link."""
        return self.connection.transport is not None

    def encode_send(self, channel: str, args: tuple[Any, ...]) -> EncodedMessage:
        """Encode a `send`. Raises CloneError and LimitError; nothing has been sent then."""
        return encode_send(channel, args, self._owner.limits)

    def post(self, message: EncodedMessage) -> None:
        """Number and keep a message, and send it with whatever else is posted in this turn.

        Raises LinkEndedError when the page is gone, DestroyedError when the event loop is closed.
        """
        connection = self.connection
        if connection.ended:
            raise LinkEndedError
        owner = self._owner
        if threading.get_ident() == owner.thread_id:
            connection.post_here(message)
            return
        try:
            owner.loop.call_soon_threadsafe(connection.post_here, message)
        except RuntimeError:
            raise DestroyedError("Object has been destroyed: the event loop of the server is closed") from None

    def post_ported(self, channel: str, message: PortMessage) -> None:
        """Send a message with ports to the page's listeners, as `post` does.

        Raises LimitError when the link has no room for so many ports; in another thread than the event loop's that is
        logged. Whatever is raised, the ports are closed.
        """
        connection = self.connection
        if connection.ended:
            message.close_ends()
            raise LinkEndedError
        owner = self._owner
        if threading.get_ident() == owner.thread_id:
            connection.ports.send(["post", channel], message)
            return
        try:
            owner.loop.call_soon_threadsafe(self._post_ported_later, channel, message)
        except RuntimeError:
            message.close_ends()
            raise DestroyedError("Object has been destroyed: the event loop of the server is closed") from None

    def _post_ported_later(self, channel: str, message: PortMessage) -> None:
        connection = self.connection
        try:
            connection.ports.send(["post", channel], message)
        except LimitError:
            logger.exception(
                "What was posted to %r on '%s' cannot be sent, and its ports are closed", connection.frame, channel
            )

    async def invoke(self, channel: str, *args: Any) -> Any:
        """Call something that the page allows. Raises as `PageCalls.invoke`, and LinkEndedError."""
        if self.connection.ended:
            raise LinkEndedError
        return await self.connection.page_calls.invoke(channel, *args)


def encode_send(channel: str, args: tuple[Any, ...], limits: Limits) -> EncodedMessage:
    """Encode a `send` for any page. Raises CloneError and LimitError."""
    check_channel(channel, limits)
    message = encode_message(["send", channel], clone.encode(list(args), limits))
    check_size(message, limits)
    return message
