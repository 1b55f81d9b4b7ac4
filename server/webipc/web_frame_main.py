"""`WebFrameMain`: one document in a browser that loaded the client, as the server sees it.

A document is a link. What the page says of itself (`url`, `name`) is its own claim; `origin` is the browser's word.
Must not know sockets: it posts to its connection, which knows whether there is one.
"""

import itertools
import logging
from typing import TYPE_CHECKING, Any, Protocol

from webipc.core.errors import CloneError, DestroyedError, LimitError, LinkEndedError

if TYPE_CHECKING:
    from webipc.core.frame import EncodedMessage
    from webipc.ipc_main_impl import IpcMainImpl
    from webipc.web_contents import WebContents

logger = logging.getLogger("webipc")

DISPOSED = "Render frame was disposed before WebFrameMain could be accessed"

_routing_ids = itertools.count(1)


class Outlet(Protocol):
    """Where messages for one page go: the connection that owns the link."""

    @property
    def attached(self) -> bool:
        """Whether a socket carries the link."""

    def encode_send(self, channel: str, args: tuple[Any, ...]) -> "EncodedMessage":
        """Encode a `send`, in the calling thread."""

    def post(self, message: "EncodedMessage") -> None:
        """Number and keep a message, from any thread."""


class WebFrameMain:
    """One document. Ends with it: a document that is loaded after it has a frame of its own."""

    __slots__ = (
        "__weakref__",
        "_disposed",
        "_outlet",
        "frame_token",
        "name",
        "origin",
        "routing_id",
        "url",
        "web_contents",
    )

    def __init__(
        self, web_contents: "WebContents", outlet: Outlet, *, frame_token: str, origin: str, url: str, name: str
    ) -> None:
        # The tab that shows the document.
        self.web_contents = web_contents
        # None once the document is gone.
        self._outlet: Outlet | None = outlet
        # True once its last message has been heard.
        self._disposed = False
        # Random, unique for this document.
        self.frame_token = frame_token
        # The `Origin` that the browser sent; "null" where it sent none.
        self.origin = origin
        # The page's own claims, for logs and for people: not to be trusted with a decision.
        self.url = url
        self.name = name
        # Unique in this process.
        self.routing_id = next(_routing_ids)

    @property
    def process_id(self) -> int:
        """The id of the tab: the nearest thing to a renderer process."""
        return self.web_contents.id

    @property
    def frame_tree_node_id(self) -> int:
        """Stays the same when the tab shows another document."""
        return self.web_contents.id

    @property
    def detached(self) -> bool:
        """True once the document is gone; its last messages may still be on their way to their listeners."""
        return self._outlet is None

    @property
    def ipc(self) -> "IpcMainImpl":
        """Listeners and handlers for messages of this frame alone; they outlive the document, as in Electron."""
        return self.web_contents.main_frame_ipc

    def is_destroyed(self) -> bool:
        """Return whether the document is gone, and everything that it has sent has been heard."""
        return self._disposed

    def send(self, channel: str, *args: Any) -> None:
        """Send a message to this document; its `ipcRenderer.on(channel)` listeners get `args`.

        Raises TypeError when `channel` is not a string. As in Electron, arguments that cannot be sent and a document
        that is gone are logged and not raised. Arguments are encoded before this returns, so later changes are not
        seen. May be called from any thread; what one thread sends arrives in order (PROTOCOL.md section 10).
        """
        if not isinstance(channel, str):
            raise TypeError("Missing required channel argument")
        try:
            outlet = self._living_outlet()
            outlet.post(outlet.encode_send(channel, args))
        except (CloneError, LimitError):
            logger.exception("Error sending from webFrameMain: Error: Failed to serialize arguments")
        except (DestroyedError, LinkEndedError):
            logger.exception("Error sending from webFrameMain: Error: %s", DISPOSED)

    def _living_outlet(self) -> Outlet:
        if self._outlet is None:
            raise DestroyedError(DISPOSED)
        return self._outlet

    def _is_attached(self) -> bool:
        return self._outlet is not None and self._outlet.attached

    def _detach(self) -> None:
        self._outlet = None

    def _dispose(self) -> None:
        self._disposed = True

    def __repr__(self) -> str:
        gone = ", gone" if self._outlet is None else ""
        return f"<WebFrameMain {self.routing_id} of WebContents #{self.web_contents.id} at {self.origin}{gone}>"
