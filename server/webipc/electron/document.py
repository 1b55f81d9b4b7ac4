"""`Document`: what the server keeps of one document in a browser. `WebFrameMain` is what handlers see of it.

A document is a link. It ends with that link: what is loaded after it is another document. Belongs to the event loop's
thread, except for what `WebFrameMain` says of other threads.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.errors import FeatureError
from webipc.core.limits import Limits
from webipc.electron.member import Member
from webipc.electron.web_frame_main import DisposedError, WebFrameMain
from webipc.ports.ends import PortMessage

if TYPE_CHECKING:
    from webipc.core.frame import EncodedMessage
    from webipc.electron.tab import Tab


class Outlet(Protocol):
    """Where messages for one page go: to the connection that owns the link (link/outlet.py)."""

    @property
    def features(self) -> Sequence[str]:
        """What the page can take, by the names of PROTOCOL.md 6.1."""

    @property
    def limits(self) -> Limits:
        """What the application has set."""

    @property
    def attached(self) -> bool:
        """Whether a socket carries the link."""

    def send(self, channel: str, args: tuple[Any, ...]) -> None:
        """Encode a `send`, in the calling thread, and post it."""

    def post(self, message: "EncodedMessage") -> None:
        """Number and keep a message, from any thread."""

    def post_ported(self, channel: str, message: PortMessage) -> None:
        """Send a message with ports, from any thread."""

    async def invoke(self, channel: str, *args: Any) -> Any:
        """Call something that the page allows, in the event loop."""


class Document(Member):
    """One document, of a tab or of an iframe in it."""

    __slots__ = (
        "children",
        "disposed",
        "frame",
        "frame_token",
        "frame_tree_node_id",
        "name",
        "origin",
        "outlet",
        "own_ipc",
        "parent",
        "routing_id",
        "tab",
        "url",
        "user",
    )

    def __init__(  # noqa: PLR0913 - what is known of a document, by name
        self,
        tab: "Tab",
        outlet: Outlet,
        *,
        routing_id: int,
        frame_tree_node_id: int,
        frame_token: str,
        origin: str,
        url: str,
        name: str,
        user: Any = None,
        parent: "Document | None" = None,
    ) -> None:
        """The ids are those of `Ids`. That of the frame is the tab's own for a main document."""
        super().__init__()
        # The tab that shows the document.
        self.tab = tab
        # The document that embeds this one; None for a main document.
        self.parent = parent
        # The documents that this one embeds and that are there, in the order in which they came. A tuple that is
        # replaced, because most documents embed none, and an empty list takes 56 bytes.
        self.children: tuple[Document, ...] = ()
        if parent is not None:
            parent.children += (self,)
        # None once the link is over.
        self.outlet: Outlet | None = outlet
        # True once the listeners have had its last message, which may be later.
        self.disposed = False
        # Random, unique for this document.
        self.frame_token = frame_token
        # The `Origin` that the browser sent; "null" where it sent none.
        self.origin = origin
        # What the page says of itself: claims, for logs and for people.
        self.url = url
        self.name = name
        self.routing_id = routing_id
        self.frame_tree_node_id = frame_tree_node_id
        # Listeners and handlers of a document in an iframe; None while none was asked for.
        self.own_ipc: IpcMainImpl | None = None
        # The object that handlers see.
        self.frame = WebFrameMain(self)
        self.attached_by(user)

    @property
    def is_gone(self) -> bool:
        """Whether its link is over. The listeners may still get its last messages."""
        return self.outlet is None

    @property
    def is_attached(self) -> bool:
        """Whether a socket carries its link at this moment."""
        return self.outlet is not None and self.outlet.attached

    def attached_by(self, user: Any) -> None:
        """Note who has attached this document, which may not be shown yet."""
        self.user = user
        if self.parent is None and self.tab.shown in (None, self):
            self.tab.user = user

    @property
    def ipc(self) -> IpcMainImpl:
        """Its listeners and handlers, made when they are first asked for. Those of a main document are the tab's."""
        if self.parent is None:
            return self.tab.main_frame_ipc
        if self.own_ipc is None:
            self.own_ipc = self.tab.make_ipc()
        return self.own_ipc

    @property
    def top(self) -> "Document":
        """The main document above this one, or this one itself."""
        top = self
        while top.parent is not None:
            top = top.parent
        return top

    def descendants(self) -> "Iterator[Document]":
        """Yield every document below this one, each parent before its children."""
        # Without recursion: a page says itself whose frame it is, and may say so a thousand times over.
        waiting = [*reversed(self.children)]
        while waiting:
            document = waiting.pop()
            yield document
            waiting += reversed(document.children)

    def subtree(self) -> "Iterator[Document]":
        """Yield this document, and every one below it."""
        yield self
        yield from self.descendants()

    def living_outlet(self) -> Outlet:
        """Return where its messages go. Raises DisposedError when its link is over."""
        if self.outlet is None:
            raise DisposedError
        return self.outlet

    def pass_on(self, message: "EncodedMessage") -> None:
        """Post what another page has sent. After the end of the link it is dropped."""
        if self.outlet is not None:
            self.outlet.post(message)

    async def command(self, name: str, *args: Any) -> Any:
        """Call a command of the page (PROTOCOL.md 4.8), and return what it answers.

        Raises DisposedError when the link is over, FeatureError when the page's client is too old, and as
        `Outlet.invoke`.
        """
        outlet = self.living_outlet()
        if "invoke" not in outlet.features:
            raise FeatureError("invoke")
        return await outlet.invoke(f"webipc:{name}", *args)

    def detach(self) -> None:
        """Let go of the link, which is over, of its groups, and of the document above."""
        self.outlet = None
        self.leave()
        if self.parent is not None:
            self.parent.children = tuple(child for child in self.parent.children if child is not self)

    def dispose(self) -> None:
        """Note that the listeners have had its last message."""
        self.disposed = True

    def __repr__(self) -> str:
        gone = ", gone" if self.outlet is None else ""
        return f"<WebFrameMain {self.routing_id} of WebContents #{self.tab.id} at {self.origin}{gone}>"
