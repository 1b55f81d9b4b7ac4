"""Every tab of one process: which of them a new document belongs to, and when one without a document is given up
(PROTOCOL.md 6.7).

Twin in spirit: js-client/src/page/tab-token.ts, which keeps a tab's token in the browser.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence

from webipc.access.caller import Caller
from webipc.access.visitor import Visitor
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.concurrency.fatal import contained
from webipc.electron.document import Document
from webipc.electron.ids import Ids
from webipc.electron.ipc_event import WebContentsEvent
from webipc.electron.tab import AskAgain, Tab
from webipc.groups.few import Few, added, removed
from webipc.hub.sharing import Sharing


def digest_of(token: str) -> str:
    """Return what proves that a token is that of a tab, and does not tell the token: 32 hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


class Tabs:
    """The tabs of a hub. All but `len`, `all` and `from_id` belong to the event loop's thread."""

    def __init__(self, ids: Ids, wait: float, make_ipc: Callable[[], IpcMainImpl], ask_again: AskAgain) -> None:
        """`wait`: for how many seconds a tab without a document waits for its next one. The others: see `Tab`."""
        # Gives the ids of tabs, and those of the documents in them.
        self.ids = ids
        self._wait = wait
        self._make_ipc = make_ipc
        self._ask_again = ask_again
        self._by_id: dict[int, Tab] = {}
        self._by_token: dict[str, Tab] = {}
        # By the digests of the tokens that tabs had in other processes.
        self._by_digest: dict[str, Tab] = {}
        # Those without a document, and until when they may get one; in the order of time.
        self._empty: dict[Tab, float] = {}
        # Those of each browser, because a program elsewhere names one by its principal. Empty in a single process,
        # which no such program reaches.
        self._of_principals: dict[str, Few[Tab]] = {}
        # The other processes; None in a single one.
        self.sharing: Sharing | None = None

    def __len__(self) -> int:
        """Return how many there are. From any thread."""
        return len(self._by_id)

    def all(self) -> list[Tab]:
        """Return every tab. From any thread."""
        return list(self._by_id.values())

    def from_id(self, contents_id: int) -> Tab | None:
        """Return the tab with this id. From any thread."""
        return self._by_id.get(contents_id)

    def of_principal(self, principal: str) -> Few[Tab]:
        """Return the tabs of a browser, where there are other processes. To be copied at once."""
        return self._of_principals.get(principal, ())

    def take_in(self, tab: Tab, visitor: Visitor) -> None:
        """Note which browser a tab is in, as far as its first request did not show that."""
        before = tab.principal
        tab.take_in(visitor)
        if self.sharing is not None and tab.principal != before:
            self._leave_principal(before, tab)
            self._join_principal(tab)

    def occupied(self, token: str | None, visitor: Visitor, caller: Caller) -> Tab | None:
        """Return the tab with this token, if it is this user's and a document of it is connected at this moment."""
        tab = self._named(token, visitor, caller)
        return tab if tab is not None and tab.is_occupied else None

    def tab_for(self, token: str | None, visitor: Visitor, caller: Caller) -> tuple[Tab, bool]:
        """Return the tab of a new document that shows this token, and whether the tab is new as well.

        A token counts for the user and the browser whose tab it is. For any other, what runs for the tab would send to
        a page that is not its own.
        """
        tab = self._named(token, visitor, caller)
        # A tab shows one document: where its token comes with a second live one, the tab was duplicated.
        if tab is not None and not tab.is_occupied:
            return tab, False
        ids = self.ids
        tab = Tab(
            ids.contents(),
            secrets.token_hex(16),
            visitor,
            caller,
            self._make_ipc,
            self._ask_again,
            frame_tree_node_id=ids.tree_node(),
        )
        self._add(tab)
        return tab, True

    def adopt(
        self, contents_id: int, tree_node_id: int, visitor: Visitor, caller: Caller, tokens: Sequence[str] = ()
    ) -> Tab:
        """Make a tab that was in another process, with its ids. Raises ValueError where it is here already.

        It has a new token, which its page is told when it comes. Until then that shows an older one: `tokens` are their
        digests (`digest_of`). Without a document that is shown it lives on for a while, as after its last one.
        """
        if contents_id in self._by_id:
            raise ValueError(f"expected a tab that is not here; got web contents {contents_id}, which are")
        token = secrets.token_hex(16)
        tab = Tab(contents_id, token, visitor, caller, self._make_ipc, self._ask_again, frame_tree_node_id=tree_node_id)
        tab.earlier_tokens = tuple(tokens)
        self._by_digest.update(dict.fromkeys(tokens, tab))
        self._add(tab)
        return tab

    def await_document(self, tab: Tab, now: float) -> None:
        """Give a tab without a document the time in which its next one has to come."""
        self._empty[tab] = now + (0 if tab.is_closing else self._wait)

    def release(self, tab: Tab) -> None:
        """Forget a tab that goes on elsewhere, or was not adopted whole: nothing is emitted."""
        self._remove(tab)
        self._empty.pop(tab, None)
        tab.leave()

    def _add(self, tab: Tab) -> None:
        self._by_id[tab.id] = tab
        self._by_token[tab.token] = tab
        if self.sharing is not None:
            self._join_principal(tab)
            self.sharing.tab_born(tab)

    def _join_principal(self, tab: Tab) -> None:
        self._of_principals[tab.principal] = added(self._of_principals.get(tab.principal, ()), tab)

    def _leave_principal(self, principal: str, tab: Tab) -> None:
        left = removed(self._of_principals.get(principal, ()), tab)
        if left:
            self._of_principals[principal] = left
        else:
            self._of_principals.pop(principal, None)

    def _remove(self, tab: Tab) -> None:
        if self.sharing is not None:
            self._leave_principal(tab.principal, tab)
        del self._by_id[tab.id]
        del self._by_token[tab.token]
        for digest in tab.earlier_tokens:
            self._by_digest.pop(digest, None)

    def with_token(self, token: str | None) -> Tab | None:
        """Return the tab of which a page shows this token, or has shown it in another process."""
        if token is None:
            return None
        tab = self._by_token.get(token)
        return self._by_digest.get(digest_of(token)) if tab is None and self._by_digest else tab

    def _named(self, token: str | None, visitor: Visitor, caller: Caller) -> Tab | None:
        tab = self.with_token(token)
        return tab if tab is not None and tab.is_for(visitor, caller) else None

    def take(self, document: Document) -> None:
        """Note a document that begins. Its tab is not given up while it is there, also if no socket ever carries it."""
        if document.parent is None:
            document.tab.take(document)
            self._empty.pop(document.tab, None)

    def show(self, document: Document) -> None:
        """Make this document the one that its tab shows. A document in an iframe keeps no tab without a main one."""
        if document.parent is None:
            document.tab.show(document)
            self._empty.pop(document.tab, None)

    def forget(self, document: Document, now: float) -> None:
        """Forget a document whose link is over. A tab that has none left lives on for a while."""
        tab = document.tab
        if tab.forget(document) and not tab.destroyed:
            self.await_document(tab, now)

    def overdue(self, now: float) -> Iterator[Tab]:
        """Yield each tab whose next document has not connected in time: the caller destroys it."""
        for tab in [tab for tab, until in self._empty.items() if now >= until]:
            del self._empty[tab]
            yield tab

    def destroy(self, tab: Tab) -> None:
        """Forget a tab, which leaves its groups, and emit `destroyed` of its web contents."""
        self._remove(tab)
        tab.destroyed = True
        tab.leave()
        if self.sharing is not None:
            self.sharing.tab_destroyed(tab)
        with contained("A listener for 'destroyed' of %r raised", tab):
            tab.contents.emit("destroyed", WebContentsEvent(tab.contents))
