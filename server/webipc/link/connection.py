"""`Connection`: one link of the server, on whatever socket carries it at the moment.

Owns what the link in core/link does not know: the socket, when it last wrote and was heard, whose document it is, and
the application's calls that run for it (PROTOCOL.md 6 and 7).
Twin in spirit, not in shape: js-client/src/link/connection.ts
"""

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from webipc.budget.account import Account
from webipc.budget.backlog import Backlog
from webipc.concurrency.flusher import Flusher
from webipc.concurrency.job_queue import JobQueue
from webipc.core.calls import Answers
from webipc.core.envelope import Envelope, Hello
from webipc.core.errors import BufferFullError, CloseCode, LinkEndedError, ProtocolError
from webipc.core.frame import EncodedMessage, Frame, encode_control
from webipc.core.limits import Limits
from webipc.core.link import Link, Side
from webipc.core.link.large import LIGHT_BYTES, Arrived, first_large
from webipc.link.features import known_features
from webipc.link.holdings import FIRST_ROOM, Holdings
from webipc.link.last_calls import LastCalls
from webipc.link.outgoing_calls import OutgoingCalls
from webipc.link.sync_calls import SyncCalls
from webipc.link.transport import Transport
from webipc.ports.allowance import Allowance
from webipc.ports.link_ports import LinkPorts

if TYPE_CHECKING:
    from webipc.electron.document import Document

logger = logging.getLogger("webipc")


class Owner(Protocol):
    """Keeps the connection, and is called when its socket or its link ends (the hub)."""

    def lost(self, connection: "Connection") -> None:
        """The link has no socket any more."""

    def end(self, connection: "Connection", reason: str) -> None:
        """The link is over: forget it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every connection of a process works with; one object for all of them."""

    loop: asyncio.AbstractEventLoop
    # The id of the loop's thread.
    thread_id: int
    limits: Limits
    # Writes what was posted in one turn of the event loop together.
    flusher: Flusher
    # Routes what has arrived, in order. Raises ProtocolError when a message is wrong.
    dispatch: "Callable[[Connection, Sequence[Envelope]], None]"
    owner: Owner
    # What all links of the process hold.
    account: Account
    # What threads have sent and the loop has not taken.
    backlog: Backlog


class Connection:
    """One link. Everything belongs to the event loop's thread: what may come from another is in outlet.py."""

    __slots__ = (
        "_around",
        "_outgoing_calls",
        "_owes_frame",
        "_owes_since",
        "_syncs",
        "answers",
        "bye_deadline",
        "bye_last",
        "dirty",
        "document",
        "ended",
        "features",
        "holdings",
        "jobs",
        "last_calls",
        "last_heard",
        "last_sent",
        "link",
        "link_id",
        "lost_at",
        "ports_if_made",
        "secret",
        "transport",
        "unpacking",
        "was_attached",
    )

    def __init__(
        self,
        around: Surroundings,
        hello: Hello,
        jobs: JobQueue,
        document_of: "Callable[[Connection], Document]",
        payer: Hashable,
    ) -> None:
        """`hello` names the link. `jobs` runs the application's code. `document_of` makes the document of the link.

        `payer` is whose links and bytes are counted together.
        """
        self._around = around
        limits = around.limits
        self.link_id = hello.link
        # Proves that a socket or a request belongs to this link. Never logged.
        self.secret = hello.secret.encode()
        # What it holds of the memory of the process.
        self.holdings = Holdings(self, around.account, payer, limits)
        self.link = Link(Side.MAIN, limits, self.holdings, FIRST_ROOM)
        # The page's calls that wait for an answer.
        self.answers = Answers(Side.MAIN, limits)
        # What the page can take, by the names of PROTOCOL.md 6.1.
        self.features = known_features(hello)
        # Made when they are needed: most pages have none, and there may be thousands of pages.
        self.ports_if_made: LinkPorts | None = None
        self._syncs: SyncCalls | None = None
        self._outgoing_calls: OutgoingCalls | None = None
        # The socket that owns the link; None while there is none.
        self.transport: Transport | None = None
        # A socket has carried it; a link that only requests have named is given less time.
        self.was_attached = False
        # Times of the event loop's clock, in seconds.
        self.last_heard = self.last_sent = self.lost_at = around.loop.time()
        # Since when something was received and not yet acknowledged; None when all is.
        self._owes_since: float | None = None
        # The next flush must write at least a bare frame.
        self._owes_frame = False
        # After the page's `bye`: the last number that it used, and when the link ends without it.
        self.bye_last: int | None = None
        self.bye_deadline = 0.0
        # Done when what has arrived is decoded and dispatched, with the error if it was wrong: nothing that arrives
        # later is received before (endpoints/unpack.py). None while nothing is decoded outside of the event loop.
        self.unpacking: asyncio.Future[ProtocolError | None] | None = None
        # What is still taken while the process ends; None before.
        self.last_calls: LastCalls | None = None
        # On the flusher's list.
        self.dirty = False
        self.ended = False
        self.jobs = jobs
        self.document = document_of(self)

    @property
    def ports(self) -> LinkPorts:
        """The ports of the link."""
        if self.ports_if_made is None:
            limits = self._around.limits
            self.ports_if_made = LinkPorts(
                Side.MAIN, limits, self._around.loop, self.post_here, Allowance(limits, self.holdings.purse)
            )
            if self.ended:
                self.ports_if_made.end()
        return self.ports_if_made

    @property
    def outgoing_calls(self) -> OutgoingCalls:
        """The server's calls in the page."""
        if self._outgoing_calls is None:
            self._outgoing_calls = OutgoingCalls(self._around.limits, self._around.loop, self.post_here)
        return self._outgoing_calls

    @property
    def syncs(self) -> SyncCalls:
        """The page's calls of `sendSync`."""
        if self._syncs is None:
            self._syncs = SyncCalls(self.holdings.purse)
        return self._syncs

    # --- what is sent ---------------------------------------------------------------------------------------------

    def post_here(self, message: EncodedMessage, shared: bool = False) -> None:  # noqa: FBT001, FBT002 - for speed
        """Number and keep a message. It is sent with all that is posted in this turn of the event loop, or once a frame
        is full.

        `shared` is for a `SharedMessage`. After the end of the link it is dropped silently.
        """
        if self.ended:
            return
        try:
            self.link.post(message, shared)
        except LinkEndedError:
            # It has been ended just now, to make room for this message.
            return
        except BufferFullError as error:
            logger.warning("%r does not read what is sent to it (%s): its link is reset", self.document, error)
            self.reset("overflow", CloseCode.OVERFLOW)
            return
        if not self.dirty:
            self._around.flusher.wake(self)
        elif self.link.is_full:
            self._around.flusher.hurry(self)

    def flush(self) -> None:
        """Write what was not written on this socket yet, until the network applies backpressure."""
        transport = self.transport
        if transport is None:
            return
        link = self.link
        wrote = False
        while not transport.blocked and (frame := link.take_frame()) is not None:
            transport.write(frame)
            wrote = True
        if not wrote and not transport.blocked and (self._owes_frame or link.ack_due):
            transport.write(link.bare_frame())
            wrote = True
        if wrote:
            self._owes_frame = False
            self._owes_since = None
            self.last_sent = self._around.loop.time()

    def control(self, name: str) -> None:
        """Write a control message without fields, if there is a socket. It is not repeated on the next one."""
        if self.transport is not None:
            self.transport.write(encode_control(self.link.received, name, {}))

    # --- what arrives ---------------------------------------------------------------------------------------------

    def attach(self, transport: Transport, hello: Hello, welcome: dict[str, Any]) -> None:
        """Let this socket carry the link (PROTOCOL.md 6.4). The one before it is closed with 4409."""
        older, self.transport = self.transport, transport
        if older is not None:
            older.close(CloseCode.SUPERSEDED, "another socket of this link has a higher attempt")
        self.was_attached = True
        self.features = known_features(hello)
        self.link.attach(transport.attempt, hello.received)
        self.last_heard = self._around.loop.time()
        transport.write(encode_control(self.link.received, "welcome", {"received": self.link.received, **welcome}))
        self.flush()

    def receive(self, frame: Frame, attempt: int | None, *, is_text_large: bool = False) -> Sequence[Arrived]:
        """Take a frame of the socket with this attempt, or of a request (None). Raises ProtocolError.

        Returns what takes too long to decode in the event loop, and what is behind it: to be unpacked by the caller
        (endpoints/unpack.py). `unpacking` must be None then; `is_text_large` as in large.py.
        """
        if attempt is not None and attempt != self.link.attempt:
            return ()
        now = self._around.loop.time()
        self.last_heard = now
        is_light = frame.size <= LIGHT_BYTES and self.link.parcel is None
        arrived = self.link.receive(frame, attempt)
        if self.link.parcel is not None or self.holdings.has_parts:
            self.holdings.count_parts()
        rest: Sequence[Arrived] = ()
        if arrived:
            self.holdings.arrived(frame.data)
            if not is_light:
                count = first_large(arrived, is_text_large=is_text_large)
                arrived, rest = arrived[:count], arrived[count:]
            self.dispatch(arrived)  # type: ignore[arg-type] # nothing large is left in it
        if attempt is None:
            # A page that blocks has no socket for as long as it makes requests.
            self.lost_at = now
            # A request has no reader that would run the calls, as a socket has (endpoints/websocket/session.py).
            self.jobs.start()
        if not self.ended:
            self._acknowledge(frame, now)
        if not rest:
            self.holdings.data = ""
            self.end_after_bye()
        return rest

    def dispatch(self, envelopes: Sequence[Envelope]) -> None:
        """Route messages that have arrived. Raises ProtocolError at the first that is wrong; those before it stay."""
        self._around.dispatch(self, envelopes)

    def _acknowledge(self, frame: Frame, now: float) -> None:
        if frame.is_bare and now - self.last_sent >= self._around.limits.answer_server_ms / 1000:
            self._owes_frame = True
        if self._owes_since is None and self.link.ack_owed:
            self._owes_since = now
        if self._owes_frame or self.link.ack_due:
            self._around.flusher.wake(self)

    def lost(self, transport: Transport) -> None:
        """Note that a socket is lost: the link waits for the next one. A socket without the link is ignored."""
        if self.transport is transport:
            self.transport = None
            self.link.detach(transport.attempt)
            self.lost_at = self._around.loop.time()
            self._around.owner.lost(self)

    def bye(self, last: int) -> None:
        """Note the `bye` of the page: the link ends when everything up to `last` has arrived (PROTOCOL.md 6.6)."""
        if self.bye_last is None:
            self.bye_last = last
            self.bye_deadline = self._around.loop.time() + self._around.limits.goodbye_ms / 1000
        self.end_after_bye()

    def end_after_bye(self) -> None:
        """End the link if the page has said `bye` and all its messages are dispatched."""
        if self.bye_last is None or self.ended or self.unpacking is not None:
            return
        if self.link.received >= self.bye_last:
            self._around.owner.end(self, "ended")

    # --- the end --------------------------------------------------------------------------------------------------

    def reset(self, reason: str, code: CloseCode = CloseCode.RESET) -> None:
        """End the link with a `reset` to the page (PROTOCOL.md 6.5)."""
        if self.ended:
            return
        if self.transport is not None:
            self.transport.write(encode_control(self.link.received, "reset", {"reason": reason}))
            self.transport.close(code, reason)
        self._around.owner.end(self, reason)

    def close(self) -> int:
        """Release everything; for the owner, when the link ends. Return how many messages are dropped."""
        self.ended = True
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.close(CloseCode.NORMAL, "the link has ended")
        if self.ports_if_made is not None:
            self.ports_if_made.end()
        if self._syncs is not None:
            self._syncs.end()
        if self._outgoing_calls is not None:
            self._outgoing_calls.end()
        given_up = self.link.end()
        self.holdings.close()
        return given_up

    # --- time -----------------------------------------------------------------------------------------------------

    def sweep(self, now: float, patience: float) -> None:
        """Do what is due: acknowledge, send a heartbeat, close a silent socket, end a link in time (PROTOCOL.md 7).

        `patience` is the part of its time, from 0 to 1, that a link without a socket is given.
        """
        limits = self._around.limits
        transport = self.transport
        self.holdings.sweep(transport.buffered if transport is not None and transport.blocked else 0)
        if self.unpacking is not None or (self._syncs is not None and self._syncs.block):
            # Nothing is read while something is unpacked, and a blocked page is silent.
            self.last_heard = self.lost_at = now
        if self.bye_last is not None and now >= self.bye_deadline and self.unpacking is None:
            missing = self.bye_last - self.link.received
            logger.warning("%r has gone; %d of its last messages did not arrive", self.document, missing)
            self._around.owner.end(self, "ended")
        elif self.transport is None:
            grace = limits.grace_ms if self.was_attached else limits.unattached_grace_ms
            if now - self.lost_at >= grace * patience / 1000:
                self._around.owner.end(self, "ended")
        elif now - self.last_heard >= limits.silence_ms / 1000:
            transport = self.transport
            self.lost(transport)
            transport.close(CloseCode.GOING_AWAY, "nothing heard for too long")
        elif self._beat_due(now):
            self._owes_frame = True
            self._around.flusher.wake(self)

    def _beat_due(self, now: float) -> bool:
        limits = self._around.limits
        if now - self.last_sent >= limits.heartbeat_ms / 1000:
            return True
        return self._owes_since is not None and now - self._owes_since >= limits.ack_ms / 1000
