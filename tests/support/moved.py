"""A hub with a few pages, and the same one whose tabs are written down and go on in another hub when a test says so.

`World` is either: `move` closes what a move closes, and takes the tabs to a new hub only where `moves` is true. So two
worlds that are told the same have to show their pages the same.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.support.hubs import NOBODY, Socket, visitor
from tests.support.waiting import settled
from webipc.access.caller import Caller
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.cluster.moves.moving import links_of, snapshot
from webipc.cluster.moves.snapshot import FORMAT, Snapshot
from webipc.cluster.shared import Shared
from webipc.core import clone
from webipc.core.envelope import Hello
from webipc.core.frame import EncodedMessage, decode_frame, encode_message
from webipc.core.limits import Limits
from webipc.core.link import Link, Side
from webipc.electron.message_port_main import MessageChannelMain
from webipc.electron.tab import Tab
from webipc.groups.group import Group, UserTabs
from webipc.hub.hub import Hub
from webipc.hub.settings import Settings
from webipc.link.connection import Connection

LIMITS = Limits(
    part_bytes=60,
    message_bytes=700,
    frame_messages=3,
    frame_bytes=200,
    socket_bytes=300,
    ack_messages=5,
    ack_bytes=400,
    # What is written or ends by time would not come in the same step in two worlds, on a slow machine.
    ack_ms=3_600_000,
    answer_server_ms=3_600_000,
    heartbeat_ms=3_600_000,
    goodbye_ms=3_600_000,
)
VISITOR = visitor("192.0.2.1")


def comparable(one: Snapshot) -> Snapshot:
    """Return a snapshot without what each move changes: there is one more token, and another bus."""
    contents = one.head.contents.model_copy(update={"tokens": []})
    return one._replace(head=one.head.model_copy(update={"contents": contents, "heard": None}))


class Meanwhile(NamedTuple):
    """Something that is said to a group, a user, and to all."""

    name: str
    value: Any
    # By the worker that the tabs leave, or by the one to which they go.
    by_the_old: bool = False
    # Before the tabs are parked.
    is_late: bool = False


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """Serve nothing: what arrives is not relayed."""


class RecordingSocket(Socket):
    """A socket that keeps what the server has written."""

    def __init__(self, attempt: int) -> None:
        super().__init__(attempt)
        self.frames: list[str | bytes] = []

    def write(self, frame: str | bytes) -> None:
        self.frames.append(frame)


class Page:
    """One document in a browser, with the page's end of its link."""

    def __init__(
        self, number: int, user: str | None, above: "Page | None" = None, opener: "Page | None" = None
    ) -> None:
        """`above` embeds it. `opener` is a document of the same tab, whose token it shows."""
        self.id = f"{number:032x}"
        self.above, self.opener = above, opener
        self.caller = NOBODY if user is None else Caller(NOBODY.attach_scope, user, user)
        self.link = Link(Side.RENDERER, LIMITS)
        self.socket: RecordingSocket | None = None
        self.token: str | None = None
        self.attempt = 0
        self.call_id, self.port_id = -1, -1
        self.sync_id = 0
        # What it has read behind `welcome`, and what has arrived of it.
        self.read: list[str | bytes] = []
        self.arrived: list[Any] = []

    def post(self, *fields: Any, value: Any = None, ports: tuple[int, ...] | None = None) -> None:
        """Number and keep a message."""
        tail = [] if ports is None else [list(ports)]
        self.link.post(encode_message(list(fields), clone.encode(value), None, tail))

    def take(self) -> None:
        """Read what the server has written."""
        assert self.socket is not None
        frames, self.socket.frames = self.socket.frames, []
        for data in frames:
            frame = decode_frame(data, LIMITS)
            if frame.control is None:
                self.read.append(data)
                self.arrived += self.link.receive(frame, self.attempt)
            else:
                _, fields = frame.control
                self.token = fields["token"]
                self.link.attach(self.attempt, fields["received"])


class World:
    """Two documents of a tab, a third one in an iframe of the first, and a tab of another user."""

    def __init__(self, *, moves: bool) -> None:
        self.moves = moves
        # How often its tabs have moved.
        self.moved = 0
        self.ipc = IpcMainImpl()
        self.heard: list[Any] = []
        self.ports: list[Any] = []
        self.calls: list[asyncio.Task[Any]] = []
        self.ipc.on("say", self._hear)
        self.ipc.on("sync", lambda event, value: setattr(event, "return_value", value))
        self.ipc.on("port", lambda event, value: self.ports.extend(event.ports))
        self.ipc.handle("ask", self._never)
        self.hub = self._made()
        self._past: list[Hub] = []
        # While the tabs move.
        self._shared: dict[Hub, Shared] = {}
        first = Page(1, "ada")
        self.pages = [first, Page(2, "ada", opener=first), Page(3, "ada", above=first), Page(4, None)]

    def _made(self) -> Hub:
        settings = Settings(LIMITS, debug=False, max_links=99, max_unattached_links=99, may_send_to=None)
        return Hub(asyncio.get_running_loop(), self.ipc, list, settings)

    def _hear(self, event: Any, value: Any) -> None:
        self.heard.append((event.sender.id, event.sender_frame.routing_id, value))

    async def _never(self, event: Any, value: Any) -> None:
        # What moves has no handler any more: it is the test that answers.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()

    def connection(self, page: Page) -> Connection | None:
        """Return the link of a page, while there is one."""
        return self.hub.links.get(page.id)

    # --- what pages do

    def connect(self, page: Page) -> None:
        """Open a socket, newer than the last; not where its link has ended, or that of the document above."""
        if any(one.attempt and self.connection(one) is None for one in (page, page.above) if one is not None):
            return
        page.attempt += 1
        page.socket = RecordingSocket(page.attempt)
        hello = Hello(
            link=page.id,
            secret="b" * 32,
            attempt=page.attempt,
            received=page.link.received,
            first=page.link.first,
            fresh=page.attempt == 1,
            features=["ports", "invoke"],
            url=f"http://localhost/{page.id}",
            token=None if page.opener is None else page.opener.token,
            parent=None if page.above is None else page.above.id,
        )
        self.hub.attaches.attach(hello, VISITOR, page.caller, page.socket)
        page.take()

    def lose(self, page: Page) -> None:
        """Lose the socket, with what is on its way."""
        connection = self.connection(page)
        if connection is not None and connection.transport is not None:
            connection.lost(connection.transport)
        if page.socket is not None:
            page.link.detach(page.attempt)
            page.socket = None

    def write(self, page: Page, most: int) -> None:
        """Let at most so many frames of the page arrive, or an acknowledgement where it has none."""
        connection = self.connection(page)
        if connection is None or page.socket is None:
            return
        frames = [frame for _ in range(most) if (frame := page.link.take_frame()) is not None]
        for frame in frames or [page.link.bare_frame()]:
            if not connection.ended:
                connection.receive(decode_frame(frame, LIMITS), page.attempt, page.caller)
                connection.jobs.start()

    def read(self, page: Page) -> None:
        """Let what the server has written arrive."""
        if page.socket is not None:
            page.take()

    def bye(self, page: Page, missing: int) -> None:
        """Say goodbye, behind so many messages more than have arrived."""
        connection = self.connection(page)
        if connection is not None:
            connection.bye(connection.link.received + missing)

    # --- what the server does

    def answer(self, page: Page, value: Any) -> None:
        """Answer the oldest open call."""
        connection = self.connection(page)
        if connection is not None and connection.answers:
            call_id = connection.answers.open_ids[0]
            assert connection.answers.finish(call_id)
            connection.post_here(encode_message(["result", call_id], clone.encode(value)))

    def call(self, page: Page, value: Any) -> None:
        """Call the page, which may answer later."""
        connection = self.connection(page)
        if connection is not None:
            self.calls.append(asyncio.ensure_future(connection.outgoing_calls.invoke("do", value)))

    def send(self, page: Page, value: Any) -> None:
        """Send to the document."""
        connection = self.connection(page)
        if connection is not None:
            connection.document.frame.send("news", value)

    def send_port(self, page: Page, value: Any) -> None:
        """Send a port to the document, and something through it."""
        connection = self.connection(page)
        if connection is not None:
            channel = MessageChannelMain()
            connection.document.frame.post_message("port", value, [channel.port2])
            channel.port1.post_message(value)
            self.ports.append(channel.port1)

    def join(self, page: Page, name: str, *, tab: bool) -> None:
        """Take a page, or its tab, into a group."""
        connection = self.connection(page)
        if connection is not None:
            document = connection.document
            Group(lambda: self.hub.groups, name).add(document.tab.contents if tab else document.frame)

    def leave(self, page: Page, name: str) -> None:
        """Let a page and its tab go."""
        connection = self.connection(page)
        if connection is not None:
            group = Group(lambda: self.hub.groups, name)
            group.discard(connection.document.tab.contents)
            group.discard(connection.document.frame)

    def tell(self, name: str, value: Any) -> None:
        """Send to a group, to a user, and to every page."""
        self._tell_all(self.hub, [Meanwhile(name, value)])

    # --- the move

    async def move(self, meanwhile: Sequence[Meanwhile] = ()) -> None:
        """Lose every socket, close what does not move, and go on: in another hub, in a world that moves.

        `meanwhile` is said to many while the tabs are at neither.
        """
        await settled()
        connections = list(self.hub.links)
        if any(c.document.parent is not None and c.document.parent.is_gone for c in connections):
            return
        for page in self.pages:
            self.lose(page)
        for call in self.calls:
            call.cancel()
        for connection in connections:
            if connection.ports_if_made is not None:
                connection.ports_if_made.close_all()
        await settled()
        if not self.moves:
            self._tell_all(self.hub, meanwhile)
            return
        before, self.hub = self.hub, await self._next_hub()
        await self._moved(before, meanwhile)
        for hub in (before, self.hub):
            # What is said between two moves has no bus.
            await self._shared.pop(hub).end()
            hub.groups.elsewhere = None
        self._past.append(before)
        self.moved += 1

    async def _next_hub(self) -> Hub:
        """Make the hub to which the tabs go, and let both of them join one bus."""
        board, hub = Switchboard(time.monotonic), self._made()
        ids = self.hub.tabs.ids
        for each in (self.hub, hub):
            shared = self._shared[each] = Shared(each, MemoryBus(board, each.process, (FORMAT,)), _nothing)
            each.sharing = shared
            await shared.begin()
        self.hub.tabs.ids = hub.tabs.ids = ids
        await self._noted(self.hub)
        return hub

    async def _noted(self, hub: Hub) -> None:
        """Write into the directory what began before there was one."""
        for tab in hub.tabs.all():
            hub.sharing.tab_born(tab)  # type: ignore[union-attr] # it was set
        await settled()

    async def _moved(self, before: Hub, meanwhile: Sequence[Meanwhile]) -> None:
        leaving = self._shared[before].parking._leaving
        tabs = before.tabs.all()
        written = {tab.id: snapshot(before, tab) for tab in tabs}
        for tab in tabs:
            leaving.begin(tab, list(links_of(before, tab)))
        if not any(one.is_late for one in meanwhile):
            await leaving.settled()
        for one in meanwhile:
            self._tell_all(before if one.by_the_old else self.hub, [one])
        await leaving.settled()
        for contents_id, snapshot_before in written.items():
            assert await self._shared[self.hub].taking.take(contents_id, VISITOR)
            moved = self.hub.tabs.from_id(contents_id)
            assert moved is not None
            if not meanwhile:
                assert comparable(snapshot(self.hub, moved)) == comparable(snapshot_before)
            # Who has it now is asked when they come.
            assert moved.user is None

    def _tell_all(self, hub: Hub, meanwhile: Sequence[Meanwhile]) -> None:
        for one in meanwhile:
            Group(lambda: hub.groups, one.name).send("group", one.value)
            UserTabs(lambda: hub.groups, "ada").send("user", one.value)
            hub.broadcast("all", (one.value,))

    # --- what it shows

    def shown(self) -> dict[str, Any]:
        """Return all that its pages and its handlers have seen, and what it holds of each tab."""
        return {
            "read": [page.read for page in self.pages],
            "arrived": [page.arrived for page in self.pages],
            "heard": self.heard,
            "tabs": [self._state_of(tab) for tab in self.hub.tabs.all()],
            "answers": [self._kept_of(page) for page in self.pages],
            "members": [tab.id for tab in self.hub.groups.users.members("ada")],
            "links": self.hub.links.counts(),
        }

    def _state_of(self, tab: Tab) -> Any:
        frames = [self._frame_of(connection) for connection in links_of(self.hub, tab)]
        named = self.hub.groups.named
        shown = [document.routing_id for document in tab.documents]
        return tab.id, tab.identity, tab.principal, named.names_of(tab), shown, frames

    def _frame_of(self, connection: Connection) -> Any:
        document, link = connection.document, connection.link
        kept = [(message.json, [*map(bytes, message.segments)]) for message in link.kept.values()]
        parcel = None if link.parcel is None else (bytes(link.parcel.pieces), link.parcel.remaining)
        numbers = (link.first, link.next, link.handed, link.received, link.claimed, link.owed_messages, link.owed_bytes)
        return {
            "ids": (document.routing_id, document.frame_tree_node_id, document.url, document.origin),
            "parent": None if document.parent is None else document.parent.routing_id,
            "groups": self.hub.groups.named.names_of(document),
            "link": (numbers, kept, parcel, link.kept_bytes, link.attempt),
            "calls": connection.answers.snapshot(),
            "own calls": None if connection.outgoing_calls_if_made is None else connection.outgoing_calls.next_id,
            "ports": None if connection.ports_if_made is None else connection.ports.numbers,
            "bye": (connection.page_last, connection.bye_deadline is not None),
            "flags": (connection.was_attached, connection.features, connection.transport is not None),
        }

    def _kept_of(self, page: Page) -> list[tuple[int, str, EncodedMessage]]:
        connection = self.connection(page)
        return [] if connection is None or connection.syncs_if_made is None else connection.syncs.kept

    async def end(self) -> None:
        """End every hub."""
        for call in self.calls:
            call.cancel()
        for port in self.ports:
            port.close()
        for hub in (*self._past, self.hub):
            await hub.stop()
