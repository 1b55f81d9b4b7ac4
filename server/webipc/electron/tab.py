"""`Tab`: what the server keeps of one tab of one browser. `WebContents` is what handlers see of it.

It outlives its documents: the id stays over reload and navigation (docs/electron-parity.md, identity). Belongs to the
event loop's thread, except for what `WebContents` says of other threads.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from webipc.access.caller import Caller
from webipc.access.visitor import Visitor
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.electron.document import Document
from webipc.electron.member import Member
from webipc.electron.web_contents import WebContents

AskAgain = Callable[["Tab"], Awaitable[None]]


class Tab(Member):
    """One tab: its documents, and who may show another one in it."""

    __slots__ = (
        "ask_again",
        "contents",
        "destroyed",
        "documents",
        "earlier_tokens",
        "frame_tree_node_id",
        "id",
        "identity",
        "ipc_if_made",
        "make_ipc",
        "is_closing",
        "main_frame_ipc_if_made",
        "principal",
        "principal_was_shown",
        "token",
        "user",
    )

    def __init__(  # noqa: PLR0913 - what is known of a tab
        self,
        contents_id: int,
        token: str,
        visitor: Visitor,
        caller: Caller,
        make_ipc: Callable[[], IpcMainImpl],
        ask_again: AskAgain,
        *,
        frame_tree_node_id: int,
    ) -> None:
        """The ids are those of `Ids`; the page shows `token` when its next document loads.

        `make_ipc` makes where listeners and handlers for one tab or one document are registered. `ask_again` has all
        documents of a tab come again, so that they are asked who their user is.
        """
        super().__init__()
        self.make_ipc = make_ipc
        self.ask_again = ask_again
        self.id = contents_id
        # That of the main frame, whatever document it shows.
        self.frame_tree_node_id = frame_tree_node_id
        # Whose it is, by `Caller.identity`: from its birth to its end, and of all its documents.
        self.identity = caller.identity
        # Which browser it is in, and whether that has sent it as a cookie: one that was only given to it may be lost.
        self.principal = visitor.principal
        self.principal_was_shown = visitor.shows_principal
        # Who the newest attach of the document was that it shows, or has shown last.
        self.user: Any = None
        # What a document of this tab shows at its birth to be recognised. A secret between the tab and the server.
        self.token = token
        # The digests of those that it had in other processes, which its page shows until it is told the newest.
        self.earlier_tokens: Sequence[str] = ()
        # The main documents of this tab, the one that attached last at the end: a page in the back/forward cache is a
        # document of its tab as well. What is in an iframe belongs to its parent. A tuple that is replaced takes half
        # the memory of a list with one element.
        self.documents: tuple[Document, ...] = ()
        self.destroyed = False
        # The page has been asked to close: no other document is waited for.
        self.is_closing = False
        # Made when first asked for: most tabs never need them, and there may be thousands.
        self.ipc_if_made: IpcMainImpl | None = None
        self.main_frame_ipc_if_made: IpcMainImpl | None = None
        # The object that handlers see.
        self.contents = WebContents(self)

    def is_for(self, visitor: Visitor, caller: Caller) -> bool:
        """Tell whether a document of this visitor may belong to it: one of the same user, in the same browser.

        Where no request has shown the tab's own principal, another one proves nothing: browsers without cookies have a
        new one each time, and of two first answers only one sets the cookie.
        """
        is_same_browser = visitor.principal == self.principal or not self.principal_was_shown
        return is_same_browser and caller.identity == self.identity

    def take_in(self, visitor: Visitor) -> None:
        """Note which browser it is in, as far as its first request did not show that."""
        if not self.principal_was_shown and visitor.shows_principal:
            self.principal = visitor.principal
            self.principal_was_shown = True

    def is_like(self, other: "Tab") -> bool:
        """Tell whether another tab is of the same user in the same browser."""
        return other.principal == self.principal and other.identity == self.identity

    @property
    def ipc(self) -> IpcMainImpl:
        """Listeners and handlers for messages of this tab, made when they are first asked for."""
        if self.ipc_if_made is None:
            self.ipc_if_made = self.make_ipc()
        return self.ipc_if_made

    @property
    def main_frame_ipc(self) -> IpcMainImpl:
        """Listeners and handlers for messages of its main document, whichever that is."""
        if self.main_frame_ipc_if_made is None:
            self.main_frame_ipc_if_made = self.make_ipc()
        return self.main_frame_ipc_if_made

    @property
    def shown(self) -> Document | None:
        """The main document that attached last; None between two documents."""
        return self.documents[-1] if self.documents else None

    @property
    def is_gone(self) -> bool:
        """Whether it is destroyed."""
        return self.destroyed

    @property
    def is_occupied(self) -> bool:
        """Whether a main document of this tab is connected at this moment."""
        return any(document.is_attached for document in self.documents)

    def all_documents(self) -> Iterator[Document]:
        """Yield its main documents, each with those below it."""
        for document in self.documents:
            yield from document.subtree()

    def take(self, document: Document) -> None:
        """Note a main document that begins. It is not shown before it is attached, unless it is the only one."""
        if not self.documents:
            self.user = document.user
        self.documents = (document, *self.documents)

    def show(self, document: Document) -> None:
        """Make `document`, which is none in an iframe, the one that the tab shows."""
        self.documents = (*self._without(document), document)
        self.user = document.user

    def forget(self, document: Document) -> bool:
        """Detach a document whose link is over; return whether it was the last main document."""
        document.detach()
        self.documents = self._without(document)
        return document.parent is None and not self.documents

    def _without(self, document: Document) -> tuple[Document, ...]:
        return tuple(other for other in self.documents if other is not document)

    def __repr__(self) -> str:
        return f"<WebContents #{self.id}{' destroyed' if self.destroyed else ''}>"
