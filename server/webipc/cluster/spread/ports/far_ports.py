"""`FarPorts`: ports between a worker and pages of other workers: `remote(id).post_message`, and what goes through them.

Each channel has an end at two workers, with one random name. What is posted at the one is said to the other, in order;
so much of it may be on its way or wait there, and the rest waits here, at the expense of the page that has posted it.
Where something of it may be lost, with a worker or in a gap, the channel is closed at both.
"""

import logging
import secrets
import threading
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final

from pydantic import Field

from webipc.cluster.bus.kinds import HeadModel
from webipc.cluster.spread.messages import WrongMessageError, carrier_of, rows_of
from webipc.cluster.spread.ports.far_end import WINDOW, FarEnd, Taken
from webipc.cluster.spread.ports.posting import POST, Posting, post_here
from webipc.cluster.spread.ways import Ways
from webipc.cluster.worker import Worker
from webipc.concurrency.loops import run_in
from webipc.core.envelope import Port, Post
from webipc.core.errors import BufferFullError, LimitError
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.limits import Limits
from webipc.ports.ends import LocalEnd, PortMessage, entangle

logger = logging.getLogger("webipc")

SAY: Final = "port-say"
TOOK: Final = "port-took"
SHUT: Final = "port-shut"

Uid = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class PostHead(HeadModel):
    """The head of a message with ports for a tab."""

    contents: int
    ports: list[Uid]


class SayHead(HeadModel):
    """The head of a message through a port."""

    port: Uid
    ports: list[Uid]


class TookHead(HeadModel):
    """The head of what tells how many bytes were taken."""

    port: Uid
    size: Annotated[int, Field(gt=0)]


class ShutHead(HeadModel):
    """The head of the close of a channel."""

    port: Uid


class FarPorts:
    """Of one worker. All but `queue`, `admit` and `wake` belong to the event loop's thread."""

    def __init__(self, worker: Worker, ways: Ways) -> None:
        """`worker` is this one."""
        self._hub, self._bus = worker.hub, worker.bus
        self._ways = ways
        self._thread_id = threading.get_ident()
        self._ends: dict[str, FarEnd] = {}
        # What is to be sent, in the order in which it was posted here; None is a close.
        self._queued: deque[tuple[FarEnd, PortMessage | None]] = deque()
        self._is_sending = False
        mailbox = worker.mailbox
        mailbox.on(POST, PostHead, self._posted)
        mailbox.on(SAY, SayHead, self._said)
        mailbox.on(TOOK, TookHead, self._took)
        mailbox.on(SHUT, ShutHead, self._shut)

    def __len__(self) -> int:
        """Return how many channels lead to other workers."""
        return len(self._ends)

    @property
    def limits(self) -> Limits:
        """What the application has set."""
        return self._hub.limits

    # --- what is posted here --------------------------------------------------------------------------------------

    def post(self, contents_id: int, channel: str, message: PortMessage) -> None:
        """Send a message with ports to a tab, wherever it is."""
        self._ways.go(contents_id, Posting(contents_id, channel, message, self._post))

    def _post(self, worker: str, posting: Posting) -> None:
        self.send(worker, POST, {"contents": posting.contents_id}, posting.encoded(), posting.message.ends)

    def queue(self, end: FarEnd, message: PortMessage | None) -> None:
        """See `Far`."""
        self._queued.append((end, message))

    def admit(self, message: PortMessage) -> PortMessage:
        """See `Far`. Raises BufferFullError in a thread that has waited in vain."""
        if threading.get_ident() == self._thread_id or self._hub.loop.is_closed():
            return message
        backlog = self._hub.backlog
        admitted = backlog.admit(message.held)
        if admitted is None:
            raise BufferFullError("memory", backlog.held + message.held, backlog.limit)
        return message._replace(admitted=admitted)

    def wake(self) -> None:
        """See `Far`: at once in the event loop's thread, otherwise in a later turn of the loop."""
        run_in(self._hub.loop, self._send_queued)

    def _send_queued(self) -> None:
        if self._is_sending:
            # A call of this method further up the stack sends what was queued meanwhile in its order.
            return
        self._is_sending = True
        try:
            while self._queued:
                end, message = self._queued.popleft()
                if message is not None:
                    message.taken()
                self._pass(end, message)
        finally:
            self._is_sending = False

    def _pass(self, end: FarEnd, message: PortMessage | None) -> None:
        """Send a message or a close, or let it wait behind what is beyond the window."""
        if self._ends.get(end.uid) is not end:
            if message is not None:
                message.close_ends()
        elif not end.waiting and (message is None or end.in_flight < WINDOW):
            self._say(end, message)
        elif message is None:
            end.waiting.append(None)
        else:
            self._keep(end, message)

    def _keep(self, end: FarEnd, message: PortMessage) -> None:
        try:
            end.keep(message)
        except LimitError as error:
            message.close_ends()
            self._fails(end, str(error))
            return
        if end.held > self.limits.kept_bytes:
            self._fails(end, f"more than {self.limits.kept_bytes:,} bytes wait")

    def _say(self, end: FarEnd, message: PortMessage | None) -> None:
        if message is None:
            self.shut(end)
            return
        try:
            encoded = encode_message(["port", 1], message.value.forwarded(), None, [[]])
        except LimitError as error:
            message.close_ends()
            self._fails(end, str(error))
            return
        end.in_flight += encoded.size
        self.send(end.worker, SAY, {"port": end.uid}, encoded, message.ends)

    def _fails(self, end: FarEnd, why: str) -> None:
        logger.warning("A port to a page of another worker is closed: %s", why)
        self.shut(end)
        self._close(end)

    def send(
        self, worker: str, kind: str, head: dict[str, Any], message: EncodedMessage, ends: Sequence[LocalEnd]
    ) -> None:
        """Say a message to a worker; each of its ports is replaced by one that leads there."""
        successors = [self._opened(worker, secrets.token_hex(16)) for _ in ends]
        self._bus.post(worker, kind, {**head, "ports": [one.uid for one in successors]}, rows_of(message))
        # After the message that transfers them: what waits in a port follows it.
        for end, successor in zip(ends, successors, strict=True):
            if end.peer is None and not end.pending:
                # A closed port arrives dead (as in Electron).
                self.shut(successor)
            else:
                end.move_to(successor)

    def _opened(self, worker: str, uid: str) -> FarEnd:
        end = self._ends[uid] = FarEnd(self, worker, uid)
        return end

    def shut(self, end: FarEnd) -> None:
        """See `Far`."""
        if self._ends.get(end.uid) is end:
            del self._ends[end.uid]
            self._bus.post(end.worker, SHUT, {"port": end.uid})

    # --- what comes from other workers ----------------------------------------------------------------------------

    def _posted(self, origin: str, head: PostHead, rows: Sequence[bytes]) -> None:
        tab = self._hub.tabs.from_id(head.contents)
        try:
            envelope = carrier_of(rows, Post, self.limits)
            ends = self._accepted(origin, head.ports)
        except WrongMessageError as error:
            self._refuse(origin, head.ports, str(error))
            return
        message = PortMessage.received(envelope, ends)
        if tab is None:
            logger.warning("a message with ports for page #%d did not arrive: it has gone from here", head.contents)
            message.close_ends()
        else:
            post_here(tab, envelope.channel, message)

    def _said(self, origin: str, head: SayHead, rows: Sequence[bytes]) -> None:
        end = self._end_of(origin, head.port)
        if end is None:
            self._refuse(origin, head.ports, "the port that it came through is closed")
            return
        try:
            envelope = carrier_of(rows, Port, self.limits)
            ends = self._accepted(origin, head.ports)
        except WrongMessageError as error:
            self._refuse(origin, head.ports, str(error))
            self._fails(end, str(error))
            return
        size = sum(map(len, rows))
        taken = Taken(self.limits, partial(self._taken_later, end, size))
        message = PortMessage.received(envelope, ends, taken)
        try:
            end.post(message)
        except LimitError as error:
            message.close_ends()
            self._fails(end, str(error))
            return
        if not taken.waits:
            self._taken(end, size)

    def _end_of(self, origin: str, uid: str) -> FarEnd | None:
        """Return the end with this name that is at this worker. What any other says of it does not count."""
        end = self._ends.get(uid)
        return end if end is not None and end.worker == origin else None

    def _accepted(self, origin: str, uids: Sequence[str]) -> tuple[LocalEnd, ...]:
        """Make the ends of ports that another worker has sent. Raises WrongMessageError where a name is taken."""
        if len(set(uids)) != len(uids) or any(uid in self._ends for uid in uids):
            raise WrongMessageError("expected new names of ports, got one that is taken")
        ends = []
        for uid in uids:
            local = LocalEnd()
            entangle(self._opened(origin, uid), local)
            ends.append(local)
        return tuple(ends)

    def _refuse(self, origin: str, uids: Sequence[str], why: str) -> None:
        """Drop a message, and close the ports that would have come with it."""
        logger.debug("a message with %d ports of another worker is dropped: %s", len(uids), why)
        for uid in uids:
            if uid not in self._ends:
                self._bus.post(origin, SHUT, {"port": uid})

    def _taken_later(self, end: FarEnd, size: int) -> None:
        self._hub.loop.call_soon_threadsafe(self._taken, end, size)

    def _taken(self, end: FarEnd, size: int) -> None:
        """Tell the other worker how much was taken, when it is a good part of the window."""
        end.taken += size
        if end.taken >= WINDOW // 4 and self._ends.get(end.uid) is end:
            self._bus.post(end.worker, TOOK, {"port": end.uid, "size": end.taken})
            end.taken = 0

    def _took(self, origin: str, head: TookHead, rows: Sequence[bytes]) -> None:
        end = self._end_of(origin, head.port)
        if end is None:
            return
        end.in_flight = max(0, end.in_flight - head.size)
        while end.waiting and end.in_flight < WINDOW and self._ends.get(end.uid) is end:
            self._say(end, end.next())

    def _shut(self, origin: str, head: ShutHead, rows: Sequence[bytes]) -> None:
        end = self._end_of(origin, head.port)
        if end is not None:
            del self._ends[head.port]
            self._close(end)

    @staticmethod
    def _close(end: FarEnd) -> None:
        end.close()
        end.drop_waiting()

    # --- what is lost ---------------------------------------------------------------------------------------------

    def close_all(self, worker: str | None = None) -> None:
        """Close every channel, or those to one worker: a message may be lost, or a worker ends."""
        for end in [end for end in self._ends.values() if worker in (None, end.worker)]:
            self.shut(end)
            self._close(end)
