"""`WebFrameMain`: one document in a browser that loaded the client, as the server sees it.

A document is a link. What the page says of itself (`url`, `name`) is its own claim; `origin` is the browser's word.
Must not know sockets: it posts to its connection, which knows whether there is one.
"""

import itertools
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from webipc.channels.emitter import UNSET
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.errors import CloneError, DestroyedError, FeatureError, LimitError, LinkEndedError
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link.sizes import check_channel
from webipc.electron.message_port_main import take_end
from webipc.electron.post_message import checked_message, checked_ports
from webipc.ports.ends import PortMessage

if TYPE_CHECKING:
    from webipc.core.frame import EncodedMessage
    from webipc.electron.web_contents import WebContents

logger = logging.getLogger("webipc")

DISPOSED = "Render frame was disposed before WebFrameMain could be accessed"

_routing_ids = itertools.count(1)
_tree_node_ids = itertools.count(1)


class DisposedError(DestroyedError):
    """The document is gone. The text is Electron's."""

    def __init__(self) -> None:
        super().__init__(DISPOSED)

    def __reduce__(self) -> tuple[type["DisposedError"], tuple[()]]:
        return type(self), ()


class Outlet(Protocol):
    """Where messages for one page go: to the connection that owns the link, by link/outlet.py."""

    @property
    def features(self) -> Sequence[str]:
        """What the page can take, by the names of PROTOCOL.md 6.1."""

    @property
    def limits(self) -> Limits:
        """What the application has set."""

    @property
    def attached(self) -> bool:
        """Whether a socket carries the link."""

    def encode_send(self, channel: str, args: tuple[Any, ...]) -> "EncodedMessage":
        """Encode a `send`, in the calling thread."""

    def post(self, message: "EncodedMessage") -> None:
        """Number and keep a message, from any thread."""

    def post_ported(self, channel: str, message: PortMessage) -> None:
        """Send a message with ports, from any thread."""

    async def invoke(self, channel: str, *args: Any) -> Any:
        """Call something that the page allows, in the event loop."""


class WebFrameMain:
    """One document, of a tab or of an iframe in it. Ends with it: what is loaded after it has a frame of its own.

    Once it is gone, and its last message has been heard, what describes it raises DisposedError, as in Electron; only
    `is_destroyed`, `detached`, `ipc`, `web_contents` and `send`, which is logged then, go on.
    """

    __slots__ = (
        "__weakref__",
        "_children",
        "_disposed",
        "_frame_token",
        "_frame_tree_node_id",
        "_ipc",
        "_name",
        "_origin",
        "_outlet",
        "_parent",
        "_routing_id",
        "_url",
        "web_contents",
    )

    def __init__(  # noqa: PLR0913 - what is known of a document, by name
        self,
        web_contents: "WebContents",
        outlet: Outlet,
        *,
        frame_token: str,
        origin: str,
        url: str,
        name: str,
        parent: "WebFrameMain | None" = None,
    ) -> None:
        # The tab that shows the document.
        self.web_contents = web_contents
        self._parent = parent
        # The documents that this one embeds and that are there, in the order in which they came.
        self._children: list[WebFrameMain] = []
        if parent is not None:
            parent._children.append(self)  # noqa: SLF001 - of its own class
        # Of a document in an iframe; that of the main one is the tab's. Made when first asked for.
        self._ipc: IpcMainImpl | None = None
        # None once the document is gone.
        self._outlet: Outlet | None = outlet
        # True once its last message has been heard.
        self._disposed = False
        self._frame_token = frame_token
        self._origin = origin
        self._url = url
        self._name = name
        self._routing_id = next(_routing_ids)
        self._frame_tree_node_id = web_contents.frame_tree_node_id if parent is None else next_tree_node_id()

    def _check_there(self) -> None:
        if self._disposed:
            raise DisposedError

    @property
    def frame_token(self) -> str:
        """Random, unique for this document."""
        self._check_there()
        return self._frame_token

    @property
    def origin(self) -> str:
        """The `Origin` that the browser sent; "null" where it sent none."""
        self._check_there()
        return self._origin

    @property
    def url(self) -> str:
        """The page's own claim, for logs and for people: not to be trusted with a decision."""
        self._check_there()
        return self._url

    @property
    def name(self) -> str:
        """Of the window or the iframe: a claim, as `url`."""
        self._check_there()
        return self._name

    @property
    def routing_id(self) -> int:
        """Unique in this process."""
        self._check_there()
        return self._routing_id

    @property
    def frame_tree_node_id(self) -> int:
        """Stays the same when a tab shows another main document; an iframe's is new with each document."""
        self._check_there()
        return self._frame_tree_node_id

    @property
    def process_id(self) -> int:
        """The id of the tab: the nearest thing to a renderer process."""
        self._check_there()
        return self.web_contents.id

    @property
    def parent(self) -> "WebFrameMain | None":
        """The document that embeds this one; None for a tab's main one. Of the same origin: no other is known."""
        self._check_there()
        return self._parent

    @property
    def detached(self) -> bool:
        """True once the document is gone; its last messages may still be on their way to their listeners."""
        return self._outlet is None

    @property
    def ipc(self) -> "IpcMainImpl":
        """Listeners and handlers for messages of this frame alone.

        Those of a tab's main frame outlive the document, as in Electron; those of an iframe end with it.
        """
        if self._parent is None:
            return self.web_contents.main_frame_ipc
        if self._ipc is None:
            self._ipc = IpcMainImpl()
        return self._ipc

    @property
    def _ipc_if_made(self) -> "IpcMainImpl | None":
        """An `ipc` that nobody has asked for has no listeners."""
        return self.web_contents._main_frame_ipc if self._parent is None else self._ipc  # noqa: SLF001 - one mechanism

    @property
    def top(self) -> "WebFrameMain":
        """The main document above this one, or this one itself."""
        self._check_there()
        top = self
        while top._parent is not None:
            top = top._parent
        return top

    @property
    def frames(self) -> "list[WebFrameMain]":
        """The documents in iframes of this one that load the client too, in the order in which they came."""
        self._check_there()
        return list(self._children)

    @property
    def frames_in_subtree(self) -> "list[WebFrameMain]":
        """This document, and all below it."""
        return list(self._subtree())

    def _subtree(self) -> "Iterator[WebFrameMain]":
        self._check_there()
        yield self
        yield from self._descendants()

    def _descendants(self) -> "Iterator[WebFrameMain]":
        # Without recursion: a page says itself whose frame it is, and may say so a thousand times over.
        waiting = self._children[::-1]
        while waiting:
            frame = waiting.pop()
            yield frame
            waiting += reversed(frame._children)  # noqa: SLF001 - of its own class

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

    def post_message(self, channel: Any = UNSET, message: Any = UNSET, transfer: Any = UNSET) -> None:
        """Send one value and ports to this document; its `ipcRenderer.on(channel)` listeners get `(event, message)`.

        The ports of `transfer` are the page's from now on (`event.ports` there), and cannot be used here any more.
        Raises what Electron throws: TypeError without a channel that is a string, or without a message; CloneError;
        TransferError for a list that is none, or holds anything but usable ports; DisposedError when the document is
        gone, and then the ports are lost. Raises LimitError for too long a channel, too large a message and too many
        ports, and FeatureError when the page's client is too old for ports. Order and threads as `send`.
        """
        outlet = self._outlet
        limits = DEFAULT_LIMITS if outlet is None else outlet.limits
        value = PortMessage.of(checked_message(channel, message), limits)
        check_channel(channel, limits)
        carried = value.with_ends(take_end(port) for port in checked_ports(transfer))
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
        Electron's `executeJavaScript`.
        """
        return await self._command("executeJavaScript", code)

    async def _command(self, name: str, *args: Any) -> Any:
        outlet = self._living_outlet()
        if "invoke" not in outlet.features:
            raise FeatureError("invoke")
        return await outlet.invoke(f"webipc:{name}", *args)

    def _pass_on(self, message: "EncodedMessage") -> None:
        """Post what another page has said. A document that is gone hears nothing."""
        if self._outlet is not None:
            self._outlet.post(message)

    def _living_outlet(self) -> Outlet:
        if self._outlet is None:
            raise DisposedError
        return self._outlet

    def _is_attached(self) -> bool:
        return self._outlet is not None and self._outlet.attached

    def _detach(self) -> None:
        self._outlet = None
        if self._parent is not None:
            siblings = self._parent._children  # noqa: SLF001 - of its own class
            if self in siblings:
                siblings.remove(self)

    def _dispose(self) -> None:
        self._disposed = True

    def __repr__(self) -> str:
        gone = ", gone" if self._outlet is None else ""
        return f"<WebFrameMain {self._routing_id} of WebContents #{self.web_contents.id} at {self._origin}{gone}>"


def next_tree_node_id() -> int:
    """Return a `frame_tree_node_id` that no frame of this process has had."""
    return next(_tree_node_ids)
