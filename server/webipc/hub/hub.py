"""Who is connected: every link and every tab of one process, in one event loop.

Gives links to sockets that say hello, and tabs to links, and ends both when their time is over (PROTOCOL.md section
6). Must not know what becomes of a message (dispatch/dispatcher.py), nor HTTP, WebSockets or FastAPI.
"""

import asyncio
import hmac
import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from webipc.access.visitor import RefusedError, Visitor
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.concurrency.flusher import Flushable, Flusher
from webipc.concurrency.job_queue import JobQueue
from webipc.concurrency.keyed_event import KeyedEvent
from webipc.concurrency.loops import home_loop
from webipc.core.envelope import Envelope, Hello
from webipc.core.errors import CloseCode, DestroyedError, ResetError
from webipc.core.frame import EncodedMessage
from webipc.dispatch.dispatcher import FEATURES, Dispatcher
from webipc.dispatch.router import Router
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import WebFrameMain
from webipc.hub.settings import Settings
from webipc.hub.tabs import Tabs
from webipc.link.connection import Connection, Transport
from webipc.link.outlet import LinkOutlet, encode_send
from webipc.version import VERSION

logger = logging.getLogger("webipc")

# How long the application's code may take to end when the server does.
LAST_SECONDS = 0.5

# Threads for `def` handlers: as many as FastAPI gives to `def` endpoints, and none of them FastAPI's.
THREADS = 40

# How long a document that comes with the token of a tab waits for the one before it to let go. The older socket's end
# was sent first, but nothing says that it is read first.
OVERLAP_SECONDS = 1.0


class Hub:
    """Every page of one process. All methods belong to the event loop's thread, but those that say otherwise."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ipc_main: IpcMainImpl,
        created: Callable[[], Sequence[Callable[..., Any]]],
        settings: Settings,
    ) -> None:
        """`created` gives the listeners for new web contents."""
        self.loop = loop
        self.thread_id = threading.get_ident()
        self.limits = settings.limits
        self.debug = settings.debug
        self._settings = settings
        self._created = created
        # Names this process to pages; another one does not know this one's links.
        self.process = secrets.token_hex(8)
        self._links: dict[str, Connection] = {}
        # Those of them that have no socket, the longest away first.
        self._away: dict[Connection, None] = {}
        # Ids of links that have ended, and until when they are refused; in the order of time.
        self._ended: dict[str, float] = {}
        self.tabs = Tabs(settings.limits.goodbye_ms / 1000)
        # Documents that wait for the one before them in their tab.
        self._next_in_tab: KeyedEvent[WebContents] = KeyedEvent(loop, OVERLAP_SECONDS)
        # Documents in iframes that wait for their parent, by the id of its link.
        self._orphans: KeyedEvent[str] = KeyedEvent(loop, OVERLAP_SECONDS)
        self._executor: ThreadPoolExecutor | None = None
        # What runs of the application's code.
        self.tasks: set[asyncio.Task[Any]] = set()
        # Holds back what is said while calls run.
        self.flusher = Flusher(loop)
        self._router = Router(ipc_main, self._threads, self.tasks, settings.limits, debug=settings.debug)
        self._dispatcher = Dispatcher(self._router, settings.limits, self.tabs.from_id, settings.may_send_to)
        self._sweeper = loop.create_task(self._sweep_for_ever(), name="webipc sweeper")

    # --- pages ----------------------------------------------------------------------------------------------------

    def broadcast(self, channel: str, args: tuple[Any, ...]) -> None:
        """Send to every page, encoded once. From any thread. Raises CloneError, LimitError, DestroyedError."""
        message = encode_send(channel, args, self.limits)
        if threading.get_ident() == self.thread_id:
            self._broadcast(message)
            return
        try:
            self.loop.call_soon_threadsafe(self._broadcast, message)
        except RuntimeError:
            raise DestroyedError("Object has been destroyed: the event loop of the server is closed") from None

    def _broadcast(self, message: EncodedMessage) -> None:
        for connection in list(self._links.values()):
            connection.post_here(message)

    def reload_pages(self) -> None:
        """Ask every connected page to load itself again (PROTOCOL.md 6.8)."""
        for connection in self._links.values():
            connection.control("reload")

    # --- sockets --------------------------------------------------------------------------------------------------

    async def make_way(self, hello: Hello) -> None:
        """Wait until the tab that a new document names has let its last one go, or its parent is here, for a moment.

        A document that still is there afterwards is another tab's: the tab was duplicated (see `Tabs.tab_for`).
        """
        if hello.link in self._links:
            return
        if hello.parent is not None:
            # An iframe may be faster than the document that embeds it, whose hello is on its way.
            if hello.parent not in self._links and hello.parent not in self._ended:
                await self._orphans.wait(hello.parent)
        elif (contents := self.tabs.occupied(hello.token)) is not None:
            await self._next_in_tab.wait(contents)

    def hello(self, hello: Hello, visitor: Visitor, transport: Transport) -> Connection:
        """Let a socket carry the link that it names. Raises RefusedError, and ResetError with the reason to tell."""
        self._become_home()
        connection = self._known(hello)
        if connection is None and hello.parent in self._ended:
            # That document does not know it yet, or it has just begun another link: its frames come again behind it.
            raise RefusedError(CloseCode.TRY_LATER, "the link of the document that embeds this one has ended")
        connection = connection or self._born(hello, visitor)
        link = connection.link
        if not link.claim(transport.attempt):
            raise RefusedError(CloseCode.SUPERSEDED, f"attempt {transport.attempt} is not larger than all before it")
        if not link.can_resume(hello.first, hello.received):
            self.end(connection, "gap")
            raise ResetError("gap")
        self.show(connection)
        self._away.pop(connection, None)
        connection.attach(transport, hello, self._welcome(connection))
        return connection

    def show(self, connection: Connection) -> None:
        """Make its document the one that its tab shows. A document in an iframe keeps no tab whose main one is gone."""
        if connection.frame._parent is None:  # noqa: SLF001 - its link may be over already
            self.tabs.shown(connection.frame)

    def lost(self, connection: Connection) -> None:
        """A link has no socket any more."""
        self._away[connection] = None
        self._bound_away()
        self._next_in_tab.set(connection.frame.web_contents)

    def identify(self, hello: Hello, visitor: Visitor) -> Connection:
        """Return the link that a request names, without letting the request own it. Raises as `hello` does.

        A page that goes away before its socket was welcomed comes first with a request.
        """
        self._become_home()
        connection = self._known(hello) or self._born(hello, visitor)
        self._bound_away()
        return connection

    def _become_home(self) -> None:
        """Let ports that handlers make in threads find this loop: in the context of the task that serves a socket or a
        request, which every message that it brings gets a copy of.
        """
        home_loop.set(self.loop)

    def _known(self, hello: Hello) -> Connection | None:
        connection = self._links.get(hello.link)
        if connection is None:
            if hello.link in self._ended:
                raise ResetError("ended")
            return None
        if not hmac.compare_digest(connection.secret, hello.secret.encode()):
            raise RefusedError(CloseCode.FORBIDDEN, "the secret is not this link's")
        return connection

    def _born(self, hello: Hello, visitor: Visitor) -> Connection:
        if not hello.fresh:
            raise ResetError(self._why_unknown(hello, visitor))
        self._make_room()
        connection = Connection(self, hello.link, hello.secret.encode())
        connection.features = hello.features
        parent = self._parent_of(hello, visitor)
        contents, is_new = (parent.web_contents, False) if parent else self.tabs.tab_for(hello.token, visitor.principal)
        connection.frame = WebFrameMain(
            contents,
            LinkOutlet(connection, self),
            frame_token=secrets.token_hex(16),
            origin=visitor.origin,
            url=hello.url or "",
            name=hello.name or "",
            parent=parent,
        )
        connection.jobs = JobQueue(self.loop, self.tasks, self.flusher, debug=self.debug)
        self._links[hello.link] = connection
        self._away[connection] = None
        self._orphans.set(hello.link)
        if is_new or parent is not None:
            connection.jobs.put(self._router.created(connection.frame, self._created(), is_new_tab=is_new))
            connection.jobs.start()
        return connection

    def _parent_of(self, hello: Hello, visitor: Visitor) -> WebFrameMain | None:
        """Return the document that embeds a new one. Only a document of the same origin can know its link."""
        parent = self._links.get(hello.parent) if hello.parent is not None else None
        return parent.frame if parent is not None and parent.frame.origin == visitor.origin else None

    def _why_unknown(self, hello: Hello, visitor: Visitor) -> str:
        """Return the reason of the reset for a link that is not here, and say it in the log (PROTOCOL.md 6.5)."""
        if hello.process is None or hello.process == self.process:
            logger.info("%s resumes a link that this process does not know (too late, or of another one)", visitor.peer)
            return "unknown-link"
        logger.info(
            "%s resumes a link of another process: the server was restarted, or several processes serve this address "
            "(workers, replicas), and a link lives in the one that made it",
            visitor.peer,
        )
        return "another-process"

    def _make_room(self) -> None:
        """Hold the process within its bounds (PROTOCOL.md 8, 4503): who is away goes first, the longest away."""
        max_links = self._settings.max_links
        if len(self._links) < max_links:
            return
        if not self._away:
            raise RefusedError(CloseCode.TRY_LATER, f"the server holds its {max_links} links")
        self.end(next(iter(self._away)), "ended")

    def _bound_away(self) -> None:
        """Hold the pages without a socket within their own bound: the longest away goes, perhaps the one just seen."""
        if len(self._away) > self._settings.max_unattached_links:
            self.end(next(iter(self._away)), "ended")

    def _welcome(self, connection: Connection) -> dict[str, Any]:
        contents = connection.frame.web_contents
        welcome = {
            "features": FEATURES,
            "process": self.process,
            "webContentsId": contents.id,
            "token": contents._token,  # noqa: SLF001 - the tab is told its own
            "frameToken": connection.frame.frame_token,
            "messageBytes": self.limits.message_bytes,
            "version": VERSION,
        }
        return {**welcome, "debug": True} if self.debug else welcome

    # --- what a connection asks for -------------------------------------------------------------------------------

    def wake(self, flushable: Flushable) -> None:
        """Flush it in the next turn of the loop."""
        self.flusher.wake(flushable)

    def hurry(self, flushable: Flushable) -> None:
        """Flush it at once, where that is possible."""
        self.flusher.hurry(flushable)

    def dispatch(self, connection: Connection, envelopes: Sequence[Envelope]) -> None:
        """Route what has arrived, in order. Raises ProtocolError at the first that is wrong; those before it stay."""
        self._dispatcher.dispatch(connection, envelopes)

    def end(self, connection: Connection, reason: str) -> None:
        """End a link, and its document with it; the tab lives on for a while without one (PROTOCOL.md 6.7)."""
        if connection.ended:
            return
        given_up = connection.close()
        now = self.loop.time()
        self._links.pop(connection.link_id, None)
        self._away.pop(connection, None)
        self._ended[connection.link_id] = now + self.limits.grace_ms / 1000
        frame = connection.frame
        # What came before the end is still to be run, from a frame that is detached and not yet gone.
        connection.jobs.put(self._router.gone(frame))
        connection.jobs.start()
        self.tabs.gone(frame, now)
        self._next_in_tab.set(frame.web_contents)
        if connection.bye_last is None:
            self._end_below(frame)
        logger.debug("%r: link ended (%s), %d messages given up", frame, reason, given_up)

    def _end_below(self, frame: WebFrameMain) -> None:
        """End what is embedded in a document whose link is over while it is still there: it comes again behind it.

        Whoever says goodbye takes the others along; they say it themselves.
        """
        if not frame._children:  # noqa: SLF001 - its link is over
            return
        connections = {known.frame: known for known in self._links.values()}
        # The innermost first, so that none has anything below it any more when it ends, however deep they go.
        for below in reversed(list(frame._descendants())):  # noqa: SLF001 - as above
            if (connection := connections.get(below)) is not None:
                connection.reset("ended")

    # --- time -----------------------------------------------------------------------------------------------------

    async def _sweep_for_ever(self) -> None:
        """One timer for everything: a timer for each page would cost memory per page, and nothing here is urgent."""
        limits = self.limits
        shortest = min(limits.ack_ms, limits.heartbeat_ms, limits.silence_ms, limits.grace_ms, limits.goodbye_ms)
        while True:
            await asyncio.sleep(shortest / 2000)
            try:
                self._sweep(self.loop.time())
            except Exception:
                logger.exception("The tabs could not be looked after; the next turn is in a moment")

    def _sweep(self, now: float) -> None:
        for connection in list(self._links.values()):
            try:
                connection.sweep(now)
            except Exception:
                logger.exception("%r could not be looked after; the others are not affected", connection.frame)
        for link_id in [link_id for link_id, until in self._ended.items() if now >= until]:
            del self._ended[link_id]
        for contents in self.tabs.overdue(now):
            for connection in [known for known in self._links.values() if known.frame.web_contents is contents]:
                # A document in an iframe whose parent is gone has nobody to belong to.
                self.end(connection, "ended")
            self.tabs.destroy(contents)

    # --- the end --------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """End the process's part: sockets close with 1001, so that pages come back; what runs is cancelled."""
        self._sweeper.cancel()
        await self.flusher.stop()
        for connection in list(self._links.values()):
            transport = connection.transport
            if transport is not None:
                connection.lost(transport)
                transport.close(CloseCode.GOING_AWAY, "the server ends")
            self.end(connection, "ended")
        # What has arrived begins; what then still waits for something is cancelled.
        await asyncio.sleep(0)
        for task in list(self.tasks):
            task.cancel()
        if self.tasks:
            await asyncio.wait(list(self.tasks), timeout=LAST_SECONDS)
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _threads(self) -> Executor:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="webipc")
        return self._executor
