"""`Births`: how a link begins, with its document and, where it is new, its tab (PROTOCOL.md 6.1 and 6.7).

A connection that comes from here is whole: nothing of it is set afterwards.
"""

import asyncio
import functools
import logging
import secrets
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from webipc.access.caller import Caller
from webipc.access.payers import ProxyHint, payer_of
from webipc.access.visitor import Visitor
from webipc.concurrency.job_queue import JobQueue
from webipc.concurrency.keyed_event import KeyedEvent
from webipc.core.envelope import Hello
from webipc.core.errors import ResetError
from webipc.dispatch.listener_jobs import CallJob
from webipc.dispatch.router import Router
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.groups.roster import Rosters
from webipc.hub.links import Links
from webipc.hub.tabs import Tabs
from webipc.link.connection import Connection
from webipc.link.features import LinkName, named_by
from webipc.link.outlet import LinkOutlet
from webipc.link.surroundings import Surroundings

logger = logging.getLogger("webipc")

# How long a new document waits for the end of the one before it in its tab, or for its parent. The older socket's end
# was sent first, but it may be read later.
OVERLAP_SECONDS = 1.0

# What is kept of the claims of a page.
URL_LENGTH = 2_048
NAME_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Application:
    """The application's code, as a new link needs it."""

    router: Router
    # Gives the listeners for new web contents.
    created: Callable[[], Sequence[Callable[..., Any]]]
    # What runs of it.
    tasks: set[asyncio.Task[Any]]
    # The tabs of each of its users.
    users: Rosters[Tab]
    debug: bool


class Births:
    """Makes the links of a hub."""

    def __init__(
        self, process: str, around: Surroundings[Connection], links: Links, tabs: Tabs, application: Application
    ) -> None:
        """`process` names this process to pages: another one does not know its links."""
        self._process = process
        self._around = around
        self._links = links
        self._tabs = tabs
        self._application = application
        # Documents that wait for the one before them in their tab.
        self._next_in_tab: KeyedEvent[Tab] = KeyedEvent(around.loop, OVERLAP_SECONDS)
        # Documents in iframes that wait for their parent, by the id of its link.
        self._orphans: KeyedEvent[str] = KeyedEvent(around.loop, OVERLAP_SECONDS)
        self._proxies = ProxyHint(links)

    async def wait_for_place(self, hello: Hello, visitor: Visitor, caller: Caller) -> None:
        """Wait up to `OVERLAP_SECONDS` until the tab that a new document names has let its last one go, or until the
        document that embeds it is here.

        A document that is still there afterwards belongs to another tab: the tab was duplicated (`Tabs.tab_for`).
        """
        if hello.link in self._links:
            return
        if hello.parent is not None:
            # An iframe may be faster than the document that embeds it, whose hello is on its way.
            if hello.parent not in self._links and not self._links.has_ended(hello.parent):
                await self._orphans.wait(hello.parent)
        elif (tab := self._tabs.occupied(hello.token, visitor, caller)) is not None:
            await self._next_in_tab.wait(tab)

    def leave_place(self, tab: Tab) -> None:
        """Let in the document that waits for the last one of this tab."""
        self._next_in_tab.set(tab)

    def create(self, hello: Hello, visitor: Visitor, caller: Caller, *, by_request: bool) -> Connection:
        """Make the link that a `hello` names, and run the listeners for what is new with it.

        `by_request`: a request makes it, not a socket. Raises ResetError when the page resumes a link that is not here,
        RefusedError when the process is full, or the visitor's address has its share of it.
        """
        if not hello.fresh:
            raise ResetError(self._why_unknown(hello, visitor))
        payer = payer_of(visitor)
        self._links.make_room(payer, by_request=by_request)
        parent = self._parent_of(hello, visitor, caller)
        tab, is_new = (parent.tab, False) if parent else self._tabs.tab_for(hello.token, visitor, caller)
        self._tabs.take_in(tab, visitor)
        application = self._application
        make = functools.partial(self._document, hello, visitor.origin, caller, tab, parent)
        connection = self._begin(named_by(hello), make, payer)
        self._tabs.take(connection.document)
        if is_new and tab.identity is not None:
            application.users.add(tab.identity, tab)
        if is_new or parent is not None:
            jobs = connection.jobs
            jobs.put(application.router.created(connection.document, application.created(), is_new_tab=is_new))
            jobs.start()
        return connection

    def take_in(self, tab: Tab, visitor: Visitor) -> None:
        """See `Tabs.take_in`."""
        self._tabs.take_in(tab, visitor)

    def announce(self, tab: Tab) -> asyncio.Future[None]:
        """Run the listeners for new tabs for one that has come from another process. Done when each has begun."""
        application, loop = self._application, self._around.loop
        jobs = JobQueue(loop, application.tasks, self._around.flusher, debug=application.debug)
        begun: asyncio.Future[None] = loop.create_future()
        jobs.put(application.router.adopted(tab, application.created()))
        jobs.put_call(CallJob("The arrival of a tab", begun.set_result, None))
        jobs.start()
        return begun

    def adopt(self, name: LinkName, make: Callable[[Connection], Document], payer: Hashable) -> Connection:
        """Make a link that was in another process. No listener runs. Raises RefusedError as `create` does."""
        self._links.make_room(payer, by_request=False)
        return self._begin(name, make, payer)

    def _begin(self, name: LinkName, make: Callable[[Connection], Document], payer: Hashable) -> Connection:
        application, around = self._application, self._around
        jobs = JobQueue(around.loop, application.tasks, around.flusher, debug=application.debug)
        connection = Connection(around, name, jobs, make, payer)
        self._links.add(connection)
        connection.due = around.agenda.plan_next(connection.link_id)
        self._proxies.look_at(payer)
        self._orphans.set(name.link_id)
        return connection

    def _document(
        self,
        hello: Hello,
        origin: str,
        caller: Caller,
        tab: Tab,
        parent: Document | None,
        connection: Connection,
    ) -> Document:
        ids = self._tabs.ids
        return Document(
            tab,
            LinkOutlet(connection, self._around),
            routing_id=ids.routing(),
            frame_tree_node_id=tab.frame_tree_node_id if parent is None else ids.tree_node(),
            frame_token=secrets.token_hex(16),
            origin=origin,
            url=(hello.url or "")[:URL_LENGTH],
            name=(hello.name or "")[:NAME_LENGTH],
            user=caller.user,
            parent=parent,
        )

    def _parent_of(self, hello: Hello, visitor: Visitor, caller: Caller) -> Document | None:
        """Return the document that embeds a new one. Only a document of the same origin can know its link, and one of
        another user has a tab of its own.
        """
        connection = self._links.get(hello.parent)
        if connection is None:
            return None
        parent = connection.document
        return parent if parent.origin == visitor.origin and parent.tab.is_for(visitor, caller) else None

    def _why_unknown(self, hello: Hello, visitor: Visitor) -> str:
        """Return the reason of the reset for a link that is not here, and log it (PROTOCOL.md 6.5)."""
        if hello.process is None or hello.process == self._process:
            logger.info("%s resumes a link that this process does not know (too late, or of another one)", visitor.peer)
            return "unknown-link"
        logger.info(
            "%s resumes a link of another process: the server was restarted, or several processes serve this address "
            "without knowing each other (`webipc run --workers` and `--redis` let them), and a link lives in the one "
            "that made it",
            visitor.peer,
        )
        return "another-process"
