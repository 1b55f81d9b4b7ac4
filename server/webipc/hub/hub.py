"""`Hub`: every page of one process, in one event loop.

Puts everything together that a page needs, and ends links (PROTOCOL.md section 6). Who gets into a link is in
attaches.py, how one begins in births.py, which links there are in links.py, which tabs in tabs.py.
"""

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVarTuple

from webipc.access.caller import ANOTHER_USER
from webipc.budget.account import Account
from webipc.budget.backlog import Backlog
from webipc.budget.machine import default_memory
from webipc.budget.share import Share
from webipc.budget.threads import BORROWED_THREADS, FairThreads
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.concurrency.agenda import Agenda
from webipc.concurrency.clock import Clock
from webipc.concurrency.flusher import Flusher
from webipc.concurrency.loops import running_loop
from webipc.concurrency.stalls import Stalls
from webipc.core.envelope import SendTo
from webipc.core.errors import CloseCode
from webipc.core.frame import EncodedMessage
from webipc.core.link.held import held_by
from webipc.dispatch.cycles import Cycles
from webipc.dispatch.dispatcher import FEATURES, Dispatcher
from webipc.dispatch.replies import Replies
from webipc.dispatch.router import Router
from webipc.electron.document import Document
from webipc.electron.ids import Ids
from webipc.electron.tab import Tab
from webipc.groups.groups import Groups
from webipc.groups.shared_messages import SharedMessages
from webipc.hub.attaches import Attaches
from webipc.hub.births import Application, Births
from webipc.hub.drain import Drain
from webipc.hub.links import MOVED, Links
from webipc.hub.reauthentication import Reauthentication
from webipc.hub.settings import Settings
from webipc.hub.sharing import Sharing
from webipc.hub.stats import stats_of
from webipc.hub.sweeper import Sweeper, period_of
from webipc.hub.tabs import Tabs
from webipc.identity.ask import Asks
from webipc.link.connection import Connection
from webipc.link.outlet import LinkOutlet, encode_send
from webipc.link.surroundings import Surroundings
from webipc.version import VERSION

logger = logging.getLogger("webipc")

Args = TypeVarTuple("Args")

# How long the application's code may take to end when the server does.
LAST_SECONDS = 0.5


# Bodies of requests that are read at a time, and how many of them each address may send in any case.
BODIES = 64
LEAST_BODIES = 2


class Hub:
    """Every page of one process. All methods belong to the event loop's thread, but those that say otherwise."""

    # The other processes that serve the same pages; None in a single one. Set where the hub is made.
    sharing: Sharing | None = None
    # What the lifespan of the application has put into the state of every scope.
    lifespan_state: Mapping[str, Any] = MappingProxyType({})
    # It has begun to drain.
    is_draining = False
    # Returns how many connections the server has that the last socket came from; None where it does not tell.
    connection_counts: Callable[[], dict[str, int]] | None = None

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ipc_main: IpcMainImpl,
        created: Callable[[], Sequence[Callable[..., Any]]],
        settings: Settings,
    ) -> None:
        """`created` gives the listeners for new web contents."""
        self.loop = loop
        limits = self.limits = settings.limits
        # The time by which peers are judged.
        self.clock = Clock(loop, period_of(limits))
        self.settings = settings
        # Names this process to pages; another one does not know this one's links.
        self.process = secrets.token_hex(8)
        # What runs of the application's code.
        self.tasks: set[asyncio.Task[Any]] = set()
        # Asks the application who a client is.
        self.asks = Asks(loop, self.clock, settings.asking, limits, self.tasks)
        self.account = Account(default_memory() if settings.memory is None else settings.memory)
        self._links = Links(settings, self.account, self.end)
        self.reauthentication = Reauthentication(loop, self.asks, self._links)
        self.tabs = Tabs(Ids(), limits.goodbye_ms / 1000, ipc_main.for_pages, self.reauthentication.of_tab)
        # Holds back what is sent while calls run.
        self.flusher = Flusher(loop)
        # Runs `def` handlers. None of them is FastAPI's.
        self.threads = FairThreads(loop)
        # See `Surroundings`.
        self.unpacker = FairThreads(loop, 1)
        # The bodies of requests that are being read.
        self.bodies: Share[Hashable] = Share(BODIES, LEAST_BODIES)
        # Called once when the hub begins to stop.
        self.at_stop: list[Callable[[], None]] = []
        self._stalls = Stalls(loop)
        replies = self.replies = Replies(limits, debug=settings.debug)
        self._router = Router(
            ipc_main, replies, self.threads, self.tasks, Cycles(loop, debug=settings.debug), settings.authorization
        )
        around = self._around = Surroundings(
            loop,
            self.clock,
            Agenda(self.clock.period, loop.time()),
            threading.get_ident(),
            limits,
            self.flusher,
            Dispatcher(
                self._router, replies, limits, self._target, settings.may_send_to, self._send_elsewhere
            ).dispatch,
            self,
            self.account,
            Backlog(self.account.limit // 8),
            self.unpacker,
            FairThreads(loop, BORROWED_THREADS),
        )
        self.groups = Groups(around, SharedMessages(self.account, self._links), self._has)
        self.births = Births(
            self.process,
            around,
            self._links,
            self.tabs,
            Application(self._router, created, self.tasks, self.groups.users, settings.debug),
        )
        # The ways into the links.
        self.attaches = Attaches(around, self._links, self.births, self.asks, self.show, self._welcome)
        self._sweeper = Sweeper(around, self._links, self.tabs, self.end)

    def join(self, ordinal: int, sharing: Sharing) -> None:
        """Become one of several processes, before the first page comes. `ordinal`: see `Ids`."""
        self.tabs.ids = Ids(ordinal)
        self.tabs.sharing = sharing
        self.sharing = sharing
        self.groups.elsewhere = sharing
        self.reauthentication.elsewhere = sharing.reauthenticate

    # --- pages ----------------------------------------------------------------------------------------------------

    def broadcast(self, channel: str, args: tuple[Any, ...]) -> None:
        """Send to every page, encoded once. From any thread. Raises CloneError, and as `hand_over` does."""
        self._encode(self._broadcast, channel, args)

    def broadcast_here(self, channel: str, args: tuple[Any, ...]) -> None:
        """Send to every page of this process. As `broadcast`."""
        self._encode(self._broadcast_here, channel, args)

    def _encode(self, send: Callable[[EncodedMessage], None], channel: str, args: tuple[Any, ...]) -> None:
        message = encode_send(channel, args, self.limits)
        self.run(held_by(message), send, message)

    def run(self, size: int, function: Callable[[*Args], object], *args: *Args) -> None:
        """Call a function in the event loop, from any thread: at once where this is its thread.

        `size` is what the arguments take while they wait, in bytes. Raises as `Surroundings.hand_over` does.
        """
        if running_loop() is self.loop:
            function(*args)
        else:
            self._around.hand_over(size, function, *args)

    def _broadcast(self, message: EncodedMessage) -> None:
        self._broadcast_here(message)
        if self.groups.elsewhere is not None:
            self.groups.elsewhere.broadcast(message)

    def _broadcast_here(self, message: EncodedMessage) -> None:
        self.groups.shared.post(list(self._links), message)

    def _target(self, contents_id: int) -> Tab | None:
        """Return a tab that `sendTo` reaches here."""
        if self.sharing is not None and self.sharing.leads_elsewhere(contents_id):
            return None
        return self.tabs.from_id(contents_id)

    def _send_elsewhere(self, sender: Document, envelope: SendTo) -> None:
        if self.sharing is not None:
            self.sharing.send_to(sender, envelope)

    @property
    def backlog(self) -> Backlog:
        """What threads have sent and the event loop has not taken."""
        return self._around.backlog

    @property
    def links(self) -> Links:
        """Every link of this process."""
        return self._links

    def _has(self, tab: Tab) -> bool:
        return self.tabs.from_id(tab.id) is tab

    def reload_pages(self) -> None:
        """Ask every connected page to load itself again (PROTOCOL.md 6.8)."""
        for connection in self._links:
            connection.control("reload")

    # --- what attaches --------------------------------------------------------------------------------------------

    def show(self, connection: Connection) -> None:
        """Make its document the one that its tab shows."""
        self.tabs.show(connection.document)
        if connection.document.tab.joined:
            self.groups.charge(connection.document)

    def stats(self) -> dict[str, Any]:
        """Return what it holds now, as `IpcMain.stats` says. From any thread."""
        counts = self.connection_counts
        return stats_of(self.account, self._links, self.threads, self._stalls, None if counts is None else counts())

    def _welcome(self, connection: Connection) -> dict[str, Any]:
        tab = connection.document.tab
        welcome = {
            "features": FEATURES,
            "process": self.process,
            "webContentsId": tab.id,
            "token": tab.token,
            "frameToken": connection.document.frame_token,
            "messageBytes": self.limits.message_bytes,
            "syncMs": self.limits.sync_ms,
            "version": VERSION,
        }
        return {**welcome, "debug": True} if self.settings.debug else welcome

    # --- the end of a link ----------------------------------------------------------------------------------------

    def lost(self, connection: Connection) -> None:
        """A link has no socket any more."""
        self._links.detached(connection)
        self.births.leave_place(connection.document.tab)

    def end(self, connection: Connection, reason: str) -> None:
        """End a link, and its document with it; the tab lives on for a while without one (PROTOCOL.md 6.7)."""
        if connection.ended:
            return
        missing = self._missing_of(connection)
        given_up = connection.close(reason)
        now = self.clock.now
        self._links.remove(connection, now + self.limits.grace_ms / 1000)
        # Where all of them end with the process, the others learn that from its end.
        if self.sharing is not None and not self.attaches.is_stopping:
            self.sharing.link_ended(connection)
        document = connection.document
        # What came before the end is still to be run, from a document that is detached and not yet disposed.
        connection.jobs.put(self._router.disposed(document, missing))
        connection.jobs.start()
        self.tabs.forget(document, now)
        self.births.leave_place(document.tab)
        payer = connection.holdings.payer
        if cancelled := sum(pool.cancel(payer, connection) for pool in (self.threads, self._around.borrowed_threads)):
            logger.info("%r has gone: %d of its calls that waited for a thread were cancelled", document, cancelled)
        if missing:
            logger.warning("%r has gone; %d of its last messages did not arrive", document, missing)
        if connection.bye_deadline is None:
            self._end_below(document, reason)
        logger.debug("%r: link ended (%s), %d messages given up", document, reason, given_up)

    def _missing_of(self, connection: Connection) -> int:
        """Return how many messages are lost with a link whose page is away: it will not learn that itself.

        A page that is connected is told by a `reset`, and so is one that comes back to another process.
        """
        is_away = connection.transport is None or connection.bye_deadline is not None
        return connection.missing if is_away and not self.attaches.is_stopping else 0

    def _end_below(self, document: Document, reason: str) -> None:
        """End what is embedded in a document whose link is over while it is still there: it comes again behind it,
        unless another user has ended it.

        A page that says goodbye takes its iframes along; they say goodbye themselves.
        """
        if not document.children:
            return
        # The innermost first, so that none has anything below it any more when it ends, however deep they go.
        told = (ANOTHER_USER, CloseCode.UNAUTHORIZED) if reason == ANOTHER_USER else ("ended", CloseCode.RESET)
        for below in reversed(list(document.descendants())):
            if isinstance(below.outlet, LinkOutlet):
                below.outlet.connection.reset(*told)

    def let_go(self, tab: Tab, connections: Sequence[Connection]) -> None:
        """End the links of a tab that goes on in another process, which are all of these, and forget the tab.

        No page is told, nothing is emitted, and no link is remembered as one that has ended.
        """
        for connection in reversed(connections):
            connection.close(MOVED)
            self._links.let_go(connection)
            for pool in (self.threads, self._around.borrowed_threads):
                pool.cancel(connection.holdings.payer, connection)
            connection.document.leave()
        self.tabs.release(tab)
        self.births.leave_place(tab)

    # --- the end of the process -----------------------------------------------------------------------------------

    async def drain(self, seconds: float, hurry: asyncio.Event) -> None:
        """Let the tabs go on in other processes, where there are any; then take no page any more, let what runs end,
        and close every socket with 1012: see `Drain`. Once.
        """
        if self.is_draining:
            return
        self.is_draining = True
        end = self.loop.time() + seconds
        if self.sharing is not None:
            await self.sharing.drain(seconds, hurry)
        self.attaches.is_stopping = True
        left = max(0.0, end - self.loop.time())
        await Drain(self.loop, self._links, self.threads, self.replies).run(left, hurry)

    async def stop(self) -> None:
        """End the process's part: sockets close with 1001, so that pages come back; what runs is cancelled.

        Takes no page from the first moment on. Returns when the application's code has ended, or after `LAST_SECONDS`.
        """
        self.attaches.is_stopping = True
        for stop in self.at_stop:
            stop()
        self._sweeper.stop()
        self._stalls.stop()
        await self.flusher.stop()
        for connection in self._links:
            transport = connection.transport
            if transport is not None:
                connection.flush(beyond_window=True)
                connection.lost(transport)
                transport.close(CloseCode.GOING_AWAY, "the server ends")
            # It asks the process that serves next, which knows why the link is over.
            if connection.syncs_if_made is not None:
                connection.syncs_if_made.turn_away()
            self.end(connection, "ended")
        # What has arrived begins; what then still waits for something is cancelled.
        await asyncio.sleep(0)
        for task in list(self.tasks):
            task.cancel()
        if self.tasks:
            await asyncio.wait(list(self.tasks), timeout=LAST_SECONDS)
        self.threads.stop()
        self.unpacker.stop()
        self._around.borrowed_threads.stop()
