"""`MovedOutlet`: where messages go that code of this process still sends to a page whose tab has moved to another one.

They are kept until the tab can be found there, and then passed on as those to any page of another process: at most
once, and in order. What needs this process is refused: ports, and calls into the page.
"""

import logging
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any

from webipc.core.errors import LinkEndedError
from webipc.core.frame import EncodedMessage
from webipc.core.limits import Limits
from webipc.core.link.held import held_by
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.electron.web_frame_main import DisposedError
from webipc.link.connection import Connection
from webipc.link.outlet import LinkOutlet, encode_send
from webipc.link.surroundings import Surroundings
from webipc.ports.ends import PortMessage

logger = logging.getLogger("webipc")

Forward = Callable[[int, EncodedMessage], None]
"""Sends a message to the document that a tab of another process shows, by the id of the tab."""

WAITING: int = 1_000
"""Messages to one tab that wait until it can be found, at most."""


class Moved:
    """What was sent to one tab that has moved. Belongs to the event loop's thread."""

    __slots__ = ("_contents_id", "_dropped", "_forward", "_waiting")

    def __init__(self, contents_id: int, forward: Forward) -> None:
        self._contents_id = contents_id
        self._forward = forward
        # What waits until the tab can be found; None when it can.
        self._waiting: list[EncodedMessage] | None = []
        self._dropped = 0

    def send(self, message: EncodedMessage) -> None:
        """Pass on a message to the document that the tab shows."""
        if self._waiting is None:
            self._forward(self._contents_id, message)
        elif len(self._waiting) < WAITING:
            self._waiting.append(message)
        else:
            self.drop("too much waits for it")

    def drop(self, why: str) -> None:
        """Note a message that cannot be passed on."""
        self._dropped += 1
        # The first, and then each time that their number has doubled.
        if self._dropped & (self._dropped - 1) == 0:
            text = "WebContents #%d has moved to another process: %d messages to it were dropped, because %s"
            logger.warning(text, self._contents_id, self._dropped, why)

    def found(self) -> None:
        """Pass on what has waited: the tab can be found."""
        waiting, self._waiting = self._waiting or [], None
        for message in waiting:
            self._forward(self._contents_id, message)

    def lost(self) -> None:
        """Drop what has waited: the tab goes on nowhere."""
        waiting, self._waiting = self._waiting or [], []
        for _ in waiting:
            self.drop("it could not be written down")


class MovedOutlet:
    """The `Outlet` of a document whose tab has moved. All but `invoke` may be called from any thread."""

    __slots__ = ("_around", "_document", "_moved", "features")

    attached = False

    def __init__(self, document: Document, around: Surroundings[Connection], moved: Moved) -> None:
        outlet = document.living_outlet()
        self.features: Sequence[str] = outlet.features
        self._document = document
        self._around = around
        self._moved = moved

    @property
    def limits(self) -> Limits:
        """See `Outlet`."""
        return self._around.limits

    def send(self, channel: str, args: tuple[Any, ...]) -> None:
        """See `Outlet`. Raises CloneError and LimitError."""
        self.post(encode_send(channel, args, self._around.limits))

    def post(self, message: EncodedMessage) -> None:
        """See `Outlet`. Raises BufferFullError and DestroyedError in another thread, as `LinkOutlet.post` does."""
        if get_ident() == self._around.thread_id:
            self._post(message)
        else:
            self._around.hand_over(held_by(message), self._post, message)

    def _post(self, message: EncodedMessage) -> None:
        if self._document.tab.shown is self._document:
            self._moved.send(message)
        else:
            self._moved.drop("only the document that a tab shows can be reached from another process")

    def post_ported(self, channel: str, message: PortMessage) -> None:
        """Close the ports: their other ends are in this process. Raises LinkEndedError."""
        message.close_ends()
        raise LinkEndedError

    async def invoke(self, channel: str, *args: Any) -> Any:
        """Raise DisposedError, as when the document has gone: the answer would come to another process."""
        raise DisposedError


def redirect(tab: Tab, connections: Sequence[Connection], forward: Forward) -> Moved:
    """Let what is sent to the documents of a tab from now on go to where that has moved. Return what waits."""
    moved = Moved(tab.id, forward)
    for connection in connections:
        document = connection.document
        if isinstance(document.outlet, LinkOutlet):
            document.outlet = MovedOutlet(document, connection.around, moved)
    return moved
