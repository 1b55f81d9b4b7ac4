"""`Shared`: one worker among several, with all its parts. It is what a hub tells and asks (`Sharing`), what the bus
tells (`Receiver`), and what the application sees as `ipc_main.shared`.

What is done is done by the parts. Here is which of them does what.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.types import ASGIApp

from webipc.access.visitor import RefusedError, Visitor
from webipc.cluster.bus.bus import Bus, BusError, Member, Said, SaidToAll
from webipc.cluster.bus.kinds import Kinds
from webipc.cluster.bus.questions import Questions
from webipc.cluster.bus_room import BusRoom
from webipc.cluster.edge.hand_on import HandOn
from webipc.cluster.edge.noting import Noting
from webipc.cluster.edge.placing import Placing
from webipc.cluster.edge.relay import Relays
from webipc.cluster.edge.upward import Upwards
from webipc.cluster.home.requests import HomeRequests
from webipc.cluster.home.sockets import HomeSockets
from webipc.cluster.moves.parking import BATCH, BATCH_SECONDS, Parking
from webipc.cluster.moves.taking import Taking
from webipc.cluster.page_count import PageCount
from webipc.cluster.spread.spread import Spread
from webipc.cluster.worker import Part, Worker
from webipc.core.envelope import Hello, SendTo
from webipc.core.errors import CloseCode
from webipc.core.frame import EncodedMessage
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.hub.attaches import StoppingError
from webipc.hub.hub import Hub
from webipc.hub.sharing import Arrival, HandedBack, Relay, RelayTransport
from webipc.link.connection import Connection

logger = logging.getLogger("webipc")

_ASK_AGAIN: Final = 503
"""The status by which a page that is blocked is told to ask again (PROTOCOL.md 2.3)."""


class Shared:
    """One worker among several. The methods for the hub and the bus belong to the event loop's thread."""

    def __init__(self, hub: Hub, bus: Bus, application: ASGIApp, prefix: str = "/ipc") -> None:
        """`application` is what the `IpcMain` is mounted on, under `prefix`. Nothing is told before `begin`."""
        self._hub = hub
        self._bus = bus
        self._mailbox, self._to_all = Kinds(), Kinds()
        self._questions = Questions(bus, self._mailbox)
        worker = Worker(hub, bus, self._mailbox, self._to_all, self._questions, application, prefix)
        self._noting = Noting(worker)
        # What is sent to many, or to pages elsewhere.
        self.spread = Spread(worker)
        # Tabs that come, and those that go.
        self.taking = Taking(worker, self.spread.broadcasts.catch_up, self.spread.saying.deliver_words)
        self.parking = Parking(hub, bus, self.spread.saying.send)
        self._placing = Placing(worker, self._noting, self.taking)
        room = BusRoom(worker)
        upwards = Upwards(worker, room)
        self._relays, self._hand_on = Relays(worker, upwards), HandOn(worker, upwards)
        self._page_count = PageCount(worker)
        self._parts: tuple[Part, ...] = (
            self._page_count,
            self._noting,
            self._placing,
            self._relays,
            self._hand_on,
            HomeSockets(worker, room),
            HomeRequests(worker),
            self.spread,
            self.taking,
            self.parking,
        )
        self._counts: Counter[str] = Counter()
        self._beginning: asyncio.Task[None] | None = None
        self._has_begun = False

    # --- what the application sees --------------------------------------------------------------------------------

    @property
    def worker(self) -> str:
        """The name of this process among the others: 16 hexadecimal digits, new at each start. From any thread."""
        return self._bus.worker

    @property
    def workers(self) -> tuple[Member, ...]:
        """The processes that live, as far as this one knows, itself among them, by their ordinals. From any thread."""
        return tuple(self._bus.members)

    @property
    def connected(self) -> bool:
        """Whether the others can be reached at this moment, as far as this process knows. From any thread."""
        return self._bus.is_connected

    @property
    def is_first(self) -> bool:
        """Whether this process has the lowest ordinal of those that live: for what only one of them should do.

        A hint, and no lock: for a moment two processes may think so, or none. From any thread.
        """
        return next((member.worker == self.worker for member in self._bus.members), False)

    def stats(self) -> Mapping[str, Any]:
        """Return numbers since the start for a monitoring system, as plain values. From any thread.

        docs/workers.md says what each of them is. Those under `bus` are of the way to the others, and differ with it.
        """
        # Copied whole first: the event loop's thread may count meanwhile.
        dropped = Counter(dict(self._mailbox.dropped)) + Counter(dict(self._to_all.dropped))
        numbers = {"bus": self._bus.stats(), "dropped": dict(dropped), "questions": len(self._questions)}
        for part in self._parts:
            numbers.update(part.stats())
        return {**numbers, **{name: self._counts[name] for name in ("gaps", "missed", "lapsed")}}

    # --- its beginning and its end --------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Become a member, before the first page. Raises BusError where that is impossible; then it may be tried again.

        Calls that come while it begins wait for the same.
        """
        if self._beginning is None:
            self._beginning = self._hub.loop.create_task(self._begin(), name="webipc joins the other workers")
        task = self._beginning
        try:
            await asyncio.shield(task)
        except Exception:
            if self._beginning is task:
                self._beginning = None
            raise

    async def _begin(self) -> None:
        await self._bus.begin(self)
        self._hub.join(self._bus.ordinal, self)
        self._page_count.begin()
        self._has_begun = True

    async def _begin_late(self) -> None:
        """Become a member with the first page, where no lifespan has run. Raises RefusedError where that fails."""
        try:
            await self.begin()
        except BusError as error:
            logger.error("This process cannot join the others, and its pages are told to try again: %s", error)  # noqa: TRY400 - the text says it
            raise RefusedError(CloseCode.TRY_LATER, "this process has not joined the others yet") from None

    async def drain(self, seconds: float, hurry: asyncio.Event) -> None:
        """See `Sharing`."""
        await self.parking.run(seconds, hurry)
        await self._let_relays_go()

    async def _let_relays_go(self) -> None:
        """Close the relayed sockets. Last, because a proxy may bring them here again until it notices the end."""
        while self._relays.close_some(BATCH, CloseCode.SERVICE_RESTART, "the server ends"):  # noqa: ASYNC110 - a pace
            await asyncio.sleep(BATCH_SECONDS)

    async def end(self) -> None:
        """See `Sharing`."""
        for part in self._parts:
            part.end()
        if self._beginning is not None:
            await asyncio.wait([self._beginning])
        if self._has_begun:
            await self._bus.end()

    # --- what attaches --------------------------------------------------------------------------------------------

    async def place(self, hello: Hello, visitor: Visitor, *, is_relayed: bool) -> str | None:
        """See `Sharing`."""
        if not self._has_begun:
            await self._begin_late()
        await self.parking.wait_for(hello)
        return await self._placing.place(hello, visitor, is_relayed=is_relayed)

    async def claim(self, hello: Hello, visitor: Visitor, *, is_relayed: bool) -> str | None:
        """See `Sharing`."""
        await self.parking.wait_for(hello)
        return await self._placing.claim(hello, visitor, is_relayed=is_relayed)

    def release(self, hello: Hello) -> None:
        """See `Sharing`."""
        self._placing.release(hello)

    def relay(self, worker: str, arrival: Arrival, first: str | bytes, transport: RelayTransport) -> Relay:
        """See `Sharing`."""
        return self._relays.relay(worker, arrival, first, transport)

    async def hand_on(
        self, worker: str, arrival: Arrival, body: AsyncIterator[bytes], gone: Callable[[], Awaitable[Any]]
    ) -> HandedBack:
        """See `Sharing`."""
        try:
            response = await self._hand_on.hand_on(worker, arrival, body, gone)
        except StoppingError:
            await self._placing.until_moved(worker, arrival.hello)
            raise
        if response.status == _ASK_AGAIN:
            await self._placing.until_moved(worker, arrival.hello)
        return response

    # --- what begins and ends -------------------------------------------------------------------------------------

    def link_ended(self, connection: Connection) -> None:
        """See `Sharing`."""
        self._noting.link_ended(connection)

    def tab_born(self, tab: Tab) -> None:
        """See `Sharing`."""
        self._noting.tab_born(tab)

    def tab_destroyed(self, tab: Tab) -> None:
        """See `Sharing`."""
        self._noting.tab_destroyed(tab)

    # --- what is sent to many, or to pages elsewhere --------------------------------------------------------------

    def broadcast(self, message: EncodedMessage) -> None:
        """See `Sharing`."""
        self.spread.broadcast(message)

    def group(self, name: str, message: EncodedMessage, excluded: frozenset[Tab | Document]) -> None:
        """See `Sharing`."""
        self.spread.group(name, message, excluded)

    def user(self, identity: str, message: EncodedMessage, excluded: frozenset[Tab | Document]) -> None:
        """See `Sharing`."""
        self.spread.user(identity, message, excluded)

    def reauthenticate(self, identity: str) -> None:
        """See `Sharing`."""
        self.spread.reauthenticate(identity)

    def send_to(self, sender: Document, envelope: SendTo) -> None:
        """See `Sharing`."""
        self.spread.send_to(sender, envelope)

    def leads_elsewhere(self, contents_id: int) -> bool:
        """See `Sharing`."""
        return self.spread.leads_elsewhere(contents_id)

    # --- what the bus tells ---------------------------------------------------------------------------------------

    def received(self, said: Said) -> None:
        """See `Receiver`."""
        self._mailbox.take(said)

    def received_by_all(self, message: SaidToAll) -> None:
        """See `Receiver`."""
        self.spread.received_by_all(message)

    def gap(self) -> None:
        """See `Receiver`."""
        self._counts["gaps"] += 1
        self._questions.gap()
        self._tell(lambda part: part.gap())

    def missed(self, count: int) -> None:
        """See `Receiver`."""
        self._counts["missed"] += count
        self._tell(lambda part: part.missed(count))

    def lost(self, worker: str) -> None:
        """See `Receiver`."""
        self._questions.lost(worker)
        self._tell(lambda part: part.lost(worker))

    def forgotten(self) -> None:
        """See `Receiver`."""
        self._tell(lambda part: part.forgotten())

    def lapsed(self) -> None:
        """See `Receiver`."""
        self._counts["lapsed"] += 1
        self._tell(lambda part: part.lapsed())

    def _tell(self, what: Callable[[Part], None]) -> None:
        for part in self._parts:
            what(part)
