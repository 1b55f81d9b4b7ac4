"""`WebFrameMain`: one document in a browser that loaded the client, as handlers see it.

What the page says of itself (`url`, `name`) is its own claim; `origin` is the browser's word. What the server keeps of
a document is in document.py.
"""

import logging
from typing import TYPE_CHECKING, Any

from webipc.channels.emitter import UNSET
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.errors import CloneError, DestroyedError, FeatureError, LimitError, LinkEndedError
from webipc.core.limits import DEFAULT_LIMITS
from webipc.core.link.sizes import check_channel
from webipc.electron.post_message import checked_message, checked_ports
from webipc.ports.ends import PortMessage

if TYPE_CHECKING:
    from webipc.electron.document import Document
    from webipc.electron.web_contents import WebContents

logger = logging.getLogger("webipc")

DISPOSED = "Render frame was disposed before WebFrameMain could be accessed"


class DisposedError(DestroyedError):
    """The document is gone. The text is Electron's."""

    def __init__(self) -> None:
        super().__init__(DISPOSED)

    def __reduce__(self) -> tuple[type["DisposedError"], tuple[()]]:
        return type(self), ()


class WebFrameMain:
    """One document, of a tab or of an iframe in it. Ends with it: what is loaded after it has a frame of its own.

    Once it is gone, and the listeners have had its last message, what describes it raises DisposedError, as in
    Electron. Only `is_destroyed`, `detached`, `ipc`, `web_contents` and `send` still work, and `send` is logged.
    """

    __slots__ = ("__weakref__", "_document")

    def __init__(self, document: "Document") -> None:
        """For the document itself: a program never makes one."""
        self._document = document

    def _living(self) -> "Document":
        if self._document.disposed:
            raise DisposedError
        return self._document

    @property
    def web_contents(self) -> "WebContents":
        """The tab that shows the document."""
        return self._document.tab.contents

    @property
    def frame_token(self) -> str:
        """Random, unique for this document."""
        return self._living().frame_token

    @property
    def origin(self) -> str:
        """The `Origin` that the browser sent; "null" where it sent none."""
        return self._living().origin

    @property
    def url(self) -> str:
        """The page's own claim, for logs and for people: not to be trusted with a decision."""
        return self._living().url

    @property
    def name(self) -> str:
        """Of the window or the iframe: a claim, as `url`."""
        return self._living().name

    @property
    def user(self) -> Any:
        """Who uses the document, as `event.user` of its newest attach; None for nobody. Electron has none."""
        return self._living().user

    @property
    def routing_id(self) -> int:
        """Unique for the life of the application."""
        return self._living().routing_id

    @property
    def frame_tree_node_id(self) -> int:
        """Stays the same when a tab shows another main document; an iframe's is new with each document."""
        return self._living().frame_tree_node_id

    @property
    def process_id(self) -> int:
        """The id of the tab: the nearest thing to a renderer process."""
        return self._living().tab.id

    @property
    def parent(self) -> "WebFrameMain | None":
        """The document that embeds this one; None for a tab's main one. Of the same origin: no other is known."""
        parent = self._living().parent
        return None if parent is None else parent.frame

    @property
    def detached(self) -> bool:
        """True once the document is gone; its last messages may still be on their way to their listeners."""
        return self._document.outlet is None

    @property
    def ipc(self) -> "IpcMainImpl":
        """Listeners and handlers for messages of this frame alone.

        Those of a tab's main frame outlive the document, as in Electron; those of an iframe end with it.
        """
        return self._document.ipc

    @property
    def top(self) -> "WebFrameMain":
        """The main document above this one, or this one itself."""
        return self._living().top.frame

    @property
    def frames(self) -> "list[WebFrameMain]":
        """The documents in iframes of this one that load the client too, in the order in which they connected."""
        return [child.frame for child in self._living().children]

    @property
    def frames_in_subtree(self) -> "list[WebFrameMain]":
        """This document, and all below it."""
        return [document.frame for document in self._living().subtree()]

    def is_destroyed(self) -> bool:
        """Return whether the document is gone, and the listeners have had everything that it sent."""
        return self._document.disposed

    def send(self, channel: str, *args: Any) -> None:
        """Send a message to this document; its `ipcRenderer.on(channel)` listeners get `args`.

        Raises TypeError when `channel` is not a string. As in Electron, arguments that cannot be sent and a document
        that is gone are logged and not raised. Arguments are encoded before this returns, so later changes are not
        seen. May be called from any thread; what one thread sends arrives in order (PROTOCOL.md section 10).
        """
        if not isinstance(channel, str):
            raise TypeError("Missing required channel argument")
        send_to(self._document, channel, args)

    def post_message(self, channel: Any = UNSET, message: Any = UNSET, transfer: Any = UNSET) -> None:
        """Send one value and ports to this document; its `ipcRenderer.on(channel)` listeners get `(event, message)`.

        The ports of `transfer` are the page's from now on (`event.ports` there), and cannot be used here any more.
        Raises what Electron throws: TypeError without a channel that is a string, or without a message; CloneError;
        TransferError for a list that is none, or holds anything but usable ports; DisposedError when the document is
        gone, and then the ports are lost. Raises LimitError for too long a channel, too large a message and too many
        ports, and FeatureError when the page's client is too old for ports. Order and threads as `send`.
        """
        outlet = self._document.outlet
        limits = DEFAULT_LIMITS if outlet is None else outlet.limits
        value = PortMessage.encode(checked_message(channel, message), limits)
        check_channel(channel, limits)
        carried = value.with_ends(port.neuter() for port in checked_ports(transfer))
        if outlet is None:
            carried.close_ends()
            raise DisposedError
        if "ports" not in outlet.features:
            carried.close_ends()
            raise FeatureError("ports")
        try:
            outlet.post_ported(channel, carried)
        except LinkEndedError:
            raise DisposedError from None

    async def execute_javascript(self, code: str) -> Any:
        """Run code in this document and return its value, awaited there if it is a promise.

        Only where the page has allowed it (`allow('executeJavaScript')` of commands.js), which is off by default, and
        its content security policy lets it. In the event loop. Raises the JSError that the page has thrown, also when
        it does not allow this; DisposedError when the document is gone; ResetError when it goes before it has answered.
        A page that is blocked in `sendSync` runs it afterwards: a listener that waits for it cannot answer that call.
        Electron's `executeJavaScript`.
        """
        return await self._document.command("executeJavaScript", code)

    def __repr__(self) -> str:
        return repr(self._document)


def send_to(document: "Document", channel: str, args: tuple[Any, ...]) -> None:
    """Send a message to a document, for `WebFrameMain.send` and `WebContents.send`, which have checked the channel."""
    try:
        document.living_outlet().send(channel, args)
    except (CloneError, LimitError):
        logger.exception("Error sending from webFrameMain: Error: Failed to serialize arguments")
    except (DestroyedError, LinkEndedError):
        logger.exception("Error sending from webFrameMain: Error: %s", DISPOSED)
