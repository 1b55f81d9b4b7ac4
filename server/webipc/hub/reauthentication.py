"""`Reauthentication`: has the pages of a user, or of a tab, come again, so that they are asked who their user is now.

For a logout, a role that has changed, a ban. Pages whose session still holds resume and lose nothing; the others are
refused.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from webipc.concurrency.loops import done_in
from webipc.electron.tab import Tab
from webipc.hub.links import Links
from webipc.identity.ask import Asks
from webipc.link.timeouts import ask_again

SECONDS: Final = 2.0
"""After this time a caller in another event loop is told that this one is busy."""


class Reauthentication:
    """All that is awaited may be awaited in any event loop."""

    __slots__ = ("_asks", "_links", "_loop", "elsewhere")

    def __init__(self, loop: asyncio.AbstractEventLoop, asks: Asks, links: Links) -> None:
        """`loop` is that of the links."""
        self._loop = loop
        self._asks = asks
        self._links = links
        # Has the other processes of the server do the same; None in a single one.
        self.elsewhere: Callable[[str], None] | None = None

    async def of_user(self, identity: str) -> None:
        """Ask every page of a user again. Raises TimeoutError where the loop is busy: then they are asked later."""
        await done_in(self._loop, SECONDS, self._of_user, identity)

    async def of_tab(self, tab: Tab) -> None:
        """Ask every document of a tab again. Raises as `of_user` does."""
        await done_in(self._loop, SECONDS, self._of_tab, tab)

    def _of_user(self, identity: str) -> None:
        self.of_user_here(identity)
        if self.elsewhere is not None:
            self.elsewhere(identity)

    def of_user_here(self, identity: str) -> None:
        """Ask every page of a user again that is in this process. In the event loop."""
        self._asks.again.note(identity)
        for connection in self._links.of_user(identity):
            ask_again(connection)

    def _of_tab(self, tab: Tab) -> None:
        # What attaches at this moment for the same user is asked again, too: it may be a document of this tab.
        self._asks.again.note(tab.identity)
        for connection in self._links if tab.identity is None else self._links.of_user(tab.identity):
            if connection.document.tab is tab:
                ask_again(connection)
