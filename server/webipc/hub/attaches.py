"""`Attaches`: the ways into the links of a hub, of a socket, a synchronous request and a beacon (PROTOCOL.md 6.1, 6.4).

Each is asked who it is from, behind its secret and before anything else of it is looked at; then it is compared with
the user of the link that it names (docs/adr/0043). How a link begins is in births.py.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from webipc.access.attach_scope import AttachScope
from webipc.access.caller import ANOTHER_USER, AnotherUserError, Caller
from webipc.access.visitor import RefusedError, Visitor
from webipc.concurrency.loops import home_loop
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode, ResetError
from webipc.hub.births import Births
from webipc.hub.links import Links
from webipc.identity.ask import Asks
from webipc.identity.outcome import ask_again, later
from webipc.link.connection import Connection
from webipc.link.surroundings import Surroundings
from webipc.link.transport import Transport

_ASKS: Final = 2
"""How often a request is asked who it is from."""


class StoppingError(Exception):
    """The hub ends: it takes no page any more, and the page may ask the process that serves next."""


class Attaches:
    """Lets sockets and requests into links. All methods belong to the event loop's thread."""

    def __init__(
        self,
        around: Surroundings[Connection],
        links: Links,
        births: Births,
        asks: Asks,
        show: Callable[[Connection], None],
        welcome_of: Callable[[Connection], dict[str, Any]],
    ) -> None:
        """`show` makes the document of a link the one that its tab shows; `welcome_of` tells what the page is told."""
        self._around = around
        self._links = links
        self._births = births
        self._asks = asks
        self._show = show
        self._welcome_of = welcome_of
        # By the ids of links: how many of their sockets and requests are under way, as `visit` says.
        self._visits: Counter[str] = Counter()
        # The hub ends, and lets no page in any more.
        self.is_stopping = False

    async def ask(self, hello: Hello, visitor: Visitor, attach_scope: AttachScope) -> Caller:
        """Return who a socket or a request is from, before anything else of it is looked at.

        Only who knows the secret of a link is asked about it. The link may be another one behind this, or over. Raises
        RefusedError, AskRefusedError and ResetError, StoppingError when the hub ends. To cancel it does not cancel what
        the application does.
        """
        self._enter()
        self._links.find(hello)
        try:
            with self.visit(hello.link):
                return await self._asks.ask(visitor, attach_scope, hello.auth)
        except RefusedError:
            if self.is_stopping:
                raise StoppingError from None
            raise

    @contextmanager
    def visit(self, link_id: str) -> Iterator[None]:
        """Count a socket or a request that is under way to a link: it is asked about, or its body arrives."""
        self._visits[link_id] += 1
        try:
            yield
        finally:
            self._visits[link_id] -= 1
            if not self._visits[link_id]:
                del self._visits[link_id]

    def is_visited(self, link_id: str) -> bool:
        """Tell whether a socket or a request is under way to a link."""
        return link_id in self._visits

    async def wait_for_place(self, hello: Hello, visitor: Visitor, caller: Caller) -> None:
        """Wait until a new document may have its tab: see `Births.wait_for_place`."""
        await self._births.wait_for_place(hello, visitor, caller)

    async def identified(
        self,
        hello: Hello,
        visitor: Visitor,
        attach_scope: AttachScope,
        claim: Callable[[], Awaitable[None]] | None = None,
    ) -> tuple[Connection, Caller]:
        """Return the link that a request names, and who the request is from. Raises as `ask` and `identify` do.

        `claim` is called before a link begins, where there are other processes, and what it raises is raised.

        One that the application has asked for again meanwhile is asked once more: a beacon does not come again.
        """
        for _ in range(_ASKS):
            caller = await self.ask(hello, visitor, attach_scope)
            await self.wait_for_place(hello, visitor, caller)
            if claim is not None and hello.link not in self._links:
                await claim()
            if not self._asks.is_older(caller):
                return self.identify(hello, visitor, caller), caller
            self._asks.renew(attach_scope)
        raise later()

    def attach(self, hello: Hello, visitor: Visitor, caller: Caller, transport: Transport) -> Connection:
        """Let a socket carry the link that it names.

        Raises RefusedError and ResetError with the reason to tell, StoppingError when the hub ends,
        AskRefusedError with ASK_AGAIN where the application has asked for this user again meanwhile. Where `caller` is
        another user than the link's, the link ends.
        """
        self._enter()
        found = self._links.find(hello)
        # Compared here, behind all that is waited for.
        if self._asks.is_older(caller):
            raise ask_again()
        # A socket that was asked about for so long that the next one has the link is superseded, from any user.
        if found is not None and transport.attempt > found.link.claimed:
            self._compare(found, visitor, caller)
        if found is None and self._links.has_ended(hello.parent):
            # That document does not know it yet, or it has just begun another link: its frames come again behind it.
            raise RefusedError(CloseCode.TRY_LATER, "the link of the document that embeds this one has ended")
        connection = found or self._births.create(hello, visitor, caller, by_request=False)
        connection.claims_last(hello.last)
        link = connection.link
        if not link.claim(transport.attempt):
            if found is None:
                # An attempt that no link accepts must not leave one behind.
                self._around.owner.end(connection, "ended")
            raise RefusedError(CloseCode.SUPERSEDED, f"attempt {transport.attempt} is not larger than all before it")
        if not link.can_resume(hello.first, hello.received):
            self._around.owner.end(connection, "gap")
            raise ResetError("gap")
        self._asked(connection, caller)
        self._show(connection)
        self._links.attached(connection)
        connection.attach(transport, hello, self._welcome_of(connection))
        return connection

    def identify(self, hello: Hello, visitor: Visitor, caller: Caller) -> Connection:
        """Return the link that a request names, without letting the request own it. Raises as `attach` does.

        A page that goes away before its socket was welcomed connects first by a request.
        """
        self._enter()
        found = self._links.find(hello)
        if found is not None:
            self._compare(found, visitor, caller)
        connection = found or self._births.create(hello, visitor, caller, by_request=True)
        connection.claims_last(hello.last)
        self._asked(connection, caller)
        return connection

    def known(self, hello: Hello) -> Connection | None:
        """Return the link that a beacon names, if it is here, before it is known who the beacon is from.

        Raises RefusedError and ResetError as `attach` does, StoppingError when the hub ends.
        """
        self._enter()
        found = self._links.find(hello)
        if found is not None:
            found.claims_last(hello.last)
        return found

    def admit(self, connection: Connection, caller: Caller) -> None:
        """Note whose messages a beacon brings. Raises AnotherUserError: then none of them may run."""
        if connection.document.tab.identity != caller.identity:
            raise AnotherUserError
        self._asked(connection, caller)

    def _asked(self, connection: Connection, caller: Caller) -> None:
        """Note who has attached, and when that is to be asked again."""
        connection.document.attached_by(caller.user)
        connection.ask_due = self._asks.due(caller)

    def _compare(self, connection: Connection, visitor: Visitor, caller: Caller) -> None:
        """End a link that another user names who has its secret, so that nothing of it is ever theirs."""
        tab = connection.document.tab
        if tab.identity != caller.identity:
            connection.reset(ANOTHER_USER, CloseCode.UNAUTHORIZED)
            raise AnotherUserError
        self._births.take_in(tab, visitor)

    def _enter(self) -> None:
        if self.is_stopping:
            raise StoppingError
        # In the context of the task that serves the socket or request. Every message that it brings runs in a copy, and
        # so ports that a handler makes in a thread find this loop.
        home_loop.set(self._around.loop)
