"""`Connection`: one link of the server, on whatever socket carries it at the moment.

Owns what the link in core/link does not know: the socket, when it last wrote and was heard, whose document it is, and
the application's calls that run for it (PROTOCOL.md 6 and 7). What few links have is in calls/calls_and_ports.py.
Twin in spirit, not in shape: js-client/src/link/connection.ts
"""

import asyncio
import logging
import math
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from webipc.access.caller import Caller
from webipc.concurrency.job_queue import JobQueue
from webipc.core.calls import Answers
from webipc.core.envelope import Hello
from webipc.core.errors import AfterClose, BufferFullError, CloseCode, LinkEndedError, ProtocolError, after_close
from webipc.core.frame import EncodedMessage, Frame, encode_control
from webipc.core.link import Link, Side
from webipc.core.link.large import Arrived, first_large
from webipc.core.link.steps import FEW_BYTES, is_light
from webipc.link.calls.calls_and_ports import CallsAndPorts
from webipc.link.features import LinkName, known_features, load_for
from webipc.link.holdings import FIRST_ROOM, Holdings
from webipc.link.last_calls import LastCalls
from webipc.link.surroundings import Surroundings
from webipc.link.transport import Transport

if TYPE_CHECKING:
    from webipc.electron.document import Document

logger = logging.getLogger("webipc")


class Connection(CallsAndPorts):
    """One link. Everything belongs to the event loop's thread: what may come from another is in outlet.py."""

    __slots__ = (
        "answers",
        "ask_due",
        "asked_at",
        "bye_deadline",
        "dirty",
        "document",
        "due",
        "end_reason",
        "features",
        "jobs",
        "last_calls",
        "last_heard",
        "last_sent",
        "link",
        "link_id",
        "lost_at",
        "owes_frame",
        "owes_since",
        "page_last",
        "secret_digest",
        "transport",
        "unpacking",
        "was_attached",
    )

    around: "Surroundings[Connection]"
    # Why the link has ended, by the words of PROTOCOL.md 6.5; set at its end.
    end_reason: str
    due: int  # the row of the agenda in which the link is looked at next

    def __init__(
        self,
        around: "Surroundings[Connection]",
        name: LinkName,
        jobs: JobQueue,
        document_of: "Callable[[Connection], Document]",
        payer: Hashable,
    ) -> None:
        """`name` is that of the link. `jobs` runs the application's code. `document_of` makes the document of the link.

        `payer` is whose links and bytes are counted together.
        """
        limits = around.limits
        # What it holds of the memory of the process.
        super().__init__(around, Holdings(self, around.account, payer, limits))
        self.link_id = name.link_id
        # Of the secret that proves that a socket or a request belongs to this link.
        self.secret_digest = name.secret_digest
        self.link = Link(Side.MAIN, limits, self.holdings, FIRST_ROOM)
        # The page's calls that wait for an answer.
        self.answers = Answers(Side.MAIN, limits)
        # What the page can take, and how it writes numbers, by the names of PROTOCOL.md 6.1.
        self.features, self.link.load = name.features, load_for(name.features)
        # The socket that owns the link; None while there is none.
        self.transport: Transport | None = None
        # A socket has carried it; a link that only requests have named is given less time.
        self.was_attached = False
        # Times of the clock by which peers are judged, in seconds: when the last frame came by a socket or a request,
        # when the last socket was lost, and when the page was asked for a sign of life.
        self.last_heard = self.lost_at = self.asked_at = around.clock.now
        # A time of the event loop: what the page is owed is due even if the process stood still.
        self.last_sent = around.loop.time()
        # When the page is to be asked again who its user is, by the event loop's time: see timeouts.py.
        self.ask_due = math.inf
        # Since when something was received and not yet acknowledged, by the clock; None when all is.
        self.owes_since: float | None = None
        # The next flush must write at least a bare frame; and the link is on the flusher's list.
        self.owes_frame = self.dirty = False
        # The last number that the page has used, as far as it has told; and after its `bye` when the link ends without
        # what is missing of it, None before.
        self.page_last = 0
        self.bye_deadline: float | None = None
        # Done when what has arrived is decoded and dispatched, with the error if it was wrong: nothing that arrives
        # later is received before (endpoints/unpack.py). None while nothing is decoded outside of the event loop.
        self.unpacking: asyncio.Future[ProtocolError | None] | None = None
        # What is still taken while the process ends; None before.
        self.last_calls: LastCalls | None = None
        self.jobs = jobs
        self.document = document_of(self)

    # --- what is sent ---------------------------------------------------------------------------------------------

    def post_here(self, message: EncodedMessage, shared: bool = False) -> None:  # noqa: FBT001, FBT002 - for speed
        """Number and keep a message. It is sent with what else is posted in this turn, or once a frame is full.

        `shared` is for a `SharedMessage`. After the end of the link it is dropped silently.
        """
        if self.ended:
            return
        link = self.link
        try:
            seq = link.post(message, shared)
        except LinkEndedError:  # just now, to make room for this message
            return
        except BufferFullError as error:
            # Its text: the error holds the message, by its traceback, as long as a log keeps its records.
            logger.warning("%r does not read what is sent to it (%s): its link is reset", self.document, str(error))
            self.reset("overflow", CloseCode.OVERFLOW)
            return
        if not self.dirty:
            self.around.flusher.wake(self)
        elif seq + 1 - link.next >= self.around.limits.frame_messages:
            # As `link.is_full`, which would be a call more for each message of a burst.
            self.around.flusher.hurry(self)

    def flush(self, *, beyond_window: bool = False) -> None:
        """Write what was not written on this socket yet, until the network applies backpressure, or the window of the
        link is full. `beyond_window`: no acknowledgement is waited for.
        """
        transport = self.transport
        if transport is None:
            return
        link = self.link
        wrote = False
        while not transport.blocked and (frame := link.take_frame(beyond_window=beyond_window)) is not None:
            transport.write(frame)
            wrote = True
        if not wrote and not transport.blocked and (self.owes_frame or link.ack_due):
            transport.write(link.bare_frame())
            wrote = True
        if wrote:
            self.owes_frame = False
            self.owes_since = None
            self.last_sent = self.around.loop.time()
            if link.under_way >= link.piece:
                link.measure(self.last_sent * 1000)

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
        self.features = known_features(hello.features)
        self.link.load = load_for(self.features)
        if not self.features:  # as the smallest peer of PROTOCOL.md 12
            self.link.keep_whole()
        self.link.attach(transport.attempt, hello.received)
        self.last_heard = self.around.clock.now
        transport.write(encode_control(self.link.received, "welcome", {"received": self.link.received, **welcome}))
        self.flush()

    def receive(
        self, frame: Frame, attempt: int | None, caller: Caller, *, is_text_large: bool = False
    ) -> Sequence[Arrived]:
        """Take a frame of the socket with this attempt, or of a request (None). Raises ProtocolError.

        `caller` has brought the frame, and so every message that is complete with it.

        Returns what takes too long to decode in the event loop, and what is behind it: to be unpacked by the caller
        (endpoints/unpack.py). `unpacking` must be None then; `is_text_large` as in large.py.
        """
        link, holdings = self.link, self.holdings
        if attempt is not None and attempt != link.attempt:
            return ()
        now = self.around.clock.now
        self.last_heard = now
        looks_light = link.parcel is None and (frame.size <= FEW_BYTES or is_light(frame.data, frame.size))
        arrived = link.receive(frame, attempt)
        if link.parcel is not None or holdings.parts:
            holdings.count_parts()
        rest: Sequence[Arrived] = ()
        if arrived:
            holdings.arrived(frame.data)
            if not looks_light:
                count = first_large(arrived, is_text_large=is_text_large)
                arrived, rest = arrived[:count], arrived[count:]
            self.around.dispatch(self, arrived, caller)  # type: ignore[arg-type] # nothing large is left in it
        if attempt is None:
            self._received_body(now)
        if not self.ended:
            self._acknowledge(frame, now)
        if not rest:
            holdings.data = ""
            self.end_after_bye()
        return rest

    def _received_body(self, now: float) -> None:
        # A page that blocks has no socket for as long as it makes requests.
        self.lost_at = now
        # The next body of a page that has gone may be on its way.
        if self.bye_deadline is not None:
            self._await_rest()
        # A request has no reader that would run the calls, as a socket has (endpoints/websocket/session.py).
        self.jobs.start()

    def _acknowledge(self, frame: Frame, now: float) -> None:
        around, link = self.around, self.link
        # Most frames have messages: that is seen without a call.
        if not frame.messages and frame.is_bare:
            silence = around.loop.time() - self.last_sent
            self.owes_frame = self.owes_frame or silence >= around.limits.answer_server_ms / 1000
        if link.owed_messages and self.owes_since is None:
            self.owes_since = now
            if self.due > around.agenda.next:
                self.look_soon()
        if link.since:  # so much was under way that the window may have held something back
            link.measure(around.loop.time() * 1000)
            around.flusher.wake(self)
        elif self.owes_frame or link.ack_due:
            around.flusher.wake(self)

    def part(self) -> Transport | None:
        """Take the socket away from the link, which goes on in another process, and return it.

        Everything that was received is acknowledged on it, and nothing that it still brings is taken.
        """
        transport = self.transport
        if transport is not None:
            self.flush()
            transport.write(self.link.bare_frame())
            self.transport = None
            self.link.detach(transport.attempt)
            self.lost_at = self.around.clock.now
        return transport

    def lost(self, transport: Transport) -> None:
        """Note that a socket is lost: the link waits for the next one. A socket without the link is ignored."""
        if self.transport is transport:
            self.transport = None
            self.link.detach(transport.attempt)
            self.lost_at = self.around.clock.now
            self.holdings.scope(0)
            self.look_soon()
            self.around.owner.lost(self)

    def bye(self, last: int) -> None:
        """Note the `bye` of the page: the link ends when everything up to `last` has arrived (PROTOCOL.md 6.6)."""
        self.claims_last(last)
        if self.bye_deadline is None:
            self._await_rest()
        self.end_after_bye()

    def claims_last(self, last: int | None) -> None:
        """Note the last number that the page says it has used."""
        if last is not None and last > self.page_last:
            self.page_last = last

    def _await_rest(self) -> None:
        self.bye_deadline = self.around.clock.now + self.around.limits.goodbye_ms / 1000
        self.look_soon()

    def end_after_bye(self) -> None:
        """End the link if the page has said `bye` and all its messages are dispatched."""
        if self.bye_deadline is None or self.ended or self.unpacking is not None:
            return
        if self.missing == 0:
            self.around.owner.end(self, "ended")

    @property
    def missing(self) -> int:
        """How many messages the page has numbered, as far as it has told, that did not arrive."""
        return max(0, self.page_last - self.link.received)

    def look_soon(self) -> None:
        """Have the next sweep look at the link: it owes something, or holds what it may give back."""
        if self.due > self.around.agenda.next:
            self.due = self.around.agenda.plan_next(self.link_id)

    # --- the end --------------------------------------------------------------------------------------------------

    def reset(self, reason: str, code: CloseCode = CloseCode.RESET) -> None:
        """End the link with a `reset` to the page (PROTOCOL.md 6.5), or with a code behind which it gives up."""
        if self.ended:
            return
        transport = self.transport
        # A page that does not read would read the `reset` last, and perhaps never. It is told when it comes back.
        if transport is not None and not (transport.blocked and transport.drop()):
            if after_close(code) is not AfterClose.GIVE_UP:
                transport.write(encode_control(self.link.received, "reset", {"reason": reason}))
            transport.close(code, reason)
        self.around.owner.end(self, reason)

    def close(self, reason: str) -> int:
        """Release everything; for the owner, when the link ends. Return how many messages are dropped."""
        self.ended = True
        self.end_reason = reason
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.close(CloseCode.NORMAL, "the link has ended")
        self.end_calls_and_ports(reason)
        given_up = self.link.end()
        self.holdings.close()
        return given_up
