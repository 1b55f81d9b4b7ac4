"""The ports of one link: forwards messages between them and their other ends in this process (PROTOCOL.md 4.4).

Gives a port its id when it is sent over the link, and makes the ends of ports that are received. Either side of a link
can use it: `webipc.testing` does for the page's. Twin in spirit: js-client/src/ports/link-ports.ts
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from webipc.budget.backlog import Backlog
from webipc.concurrency.loops import run_in
from webipc.core.envelope import Port, PortClose
from webipc.core.errors import BufferFullError, LimitError, ProtocolError
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.limits import Limits
from webipc.core.link import Side
from webipc.core.ports import Ports
from webipc.ports.allowance import Allowance
from webipc.ports.ends import End, LocalEnd, PortMessage, entangle, entangling

logger = logging.getLogger("webipc")

Post = Callable[[EncodedMessage], None]


class RemoteEnd(End):
    """An end on the other side of the link."""

    __slots__ = ("_ports", "port_id")

    def __init__(self, ports: "LinkPorts") -> None:
        super().__init__()
        self._ports = ports
        # Set when the port crosses the link.
        self.port_id = 0

    @property
    def limits(self) -> Limits:
        """See End."""
        return self._ports.limits

    def deliver(self, message: PortMessage) -> None:
        """See End."""
        self._ports.queue(self, message)

    def admit(self, message: PortMessage) -> PortMessage:
        """See End."""
        return self._ports.admit(message)

    def peer_closed(self) -> None:
        """See End."""
        self._ports.queue(self, None)

    def delivered(self) -> None:
        """See End."""
        self._ports.wake()


class LinkPorts:
    """The open ports of a link. All but `admit`, `queue` and `wake` belong to the event loop's thread."""

    __slots__ = (
        "_allowance",
        "_backlog",
        "_ended",
        "_is_sending",
        "_loop",
        "_post",
        "_queued",
        "_table",
        "_thread_id",
        "limits",
    )

    def __init__(
        self,
        side: Side,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        post: Post,
        allowance: Allowance[LocalEnd] | None = None,
        backlog: Backlog | None = None,
    ) -> None:
        """`post` numbers and keeps a message: it raises LimitError when that is too large, and does nothing when the
        link is over. `allowance` bounds what waits here of the other side's messages, `backlog` what other threads have
        posted and the loop has not taken; None for no bound.
        """
        self.limits = limits
        self._loop = loop
        self._thread_id = threading.get_ident()
        self._backlog = backlog
        self._post = post
        self._allowance = allowance
        self._table: Ports[RemoteEnd] = Ports(side, limits)
        self._ended = False
        # What is to be sent to the other side, in the order in which it was posted here; None is a close.
        self._queued: deque[tuple[RemoteEnd, PortMessage | None]] = deque()
        self._is_sending = False

    def __len__(self) -> int:
        return len(self._table)

    @property
    def is_sending(self) -> bool:
        """Whether something is on its way to the other side that has no number of the link yet."""
        return self._is_sending or bool(self._queued)

    def admit(self, message: PortMessage) -> PortMessage:
        """See `End.admit`: in any thread."""
        backlog = self._backlog
        # A loop that is closed takes nothing, and has no pages any more.
        if backlog is None or threading.get_ident() == self._thread_id or self._loop.is_closed():
            return message
        admitted = backlog.admit(message.held)
        if admitted is None:
            raise BufferFullError("memory", backlog.held + message.held, backlog.limit)
        return message._replace(admitted=admitted)

    def queue(self, end: RemoteEnd, message: PortMessage | None) -> None:
        """Queue a message of the other end of a port, or its close (None). Called under the lock, in any thread."""
        self._queued.append((end, message))

    def wake(self) -> None:
        """Send what was queued: at once in the event loop's thread, otherwise in a later turn of the loop."""
        # A loop that is closed has no pages any more: then nothing is sent.
        run_in(self._loop, self._send_queued)

    def _send_queued(self) -> None:
        if self._is_sending:
            # A call of this method further up the stack is sending, and sends what was queued meanwhile in its order.
            return
        self._is_sending = True
        try:
            while self._queued:
                end, message = self._queued.popleft()
                if message is None:
                    self._send_close(end)
                else:
                    message.taken()
                    self._forward(end, message)
        finally:
            self._is_sending = False

    def send(self, fields: Sequence[Any], message: PortMessage) -> None:
        """Send a message with its ports: each end is replaced by one on the other side.

        When the link is over, the ends are closed instead. Raises LimitError for too many ports and for too large a
        message; then the ends are closed as well.
        """
        if self._ended:
            message.close_ends()
            return
        try:
            successors = self._cross(fields, message)
        except LimitError:
            message.close_ends()
            raise
        if self._ended:
            # The page does not acknowledge fast enough: posting this has reset the link.
            message.close_ends()
            return
        # After the message that transfers them: what waits in a port is sent over the link from now on.
        for end, successor in zip(message.ends, successors, strict=True):
            if end.peer is None and not end.pending:
                # A closed port arrives dead (as in Electron).
                self._send_close(successor)
            else:
                end.move_to(successor)

    def _cross(self, fields: Sequence[Any], message: PortMessage) -> list[RemoteEnd]:
        """Post it with an open port for each end in it. Raises LimitError; then none of the ports is open."""
        self._table.room_for(len(message.ends))
        successors = [RemoteEnd(self) for _ in message.ends]
        for successor in successors:
            successor.port_id = self._table.open(successor)
        try:
            ids = [successor.port_id for successor in successors]
            self._post(encode_message(fields, message.value.forwarded(), None, [ids]))
        except LimitError:
            for successor in successors:
                self._table.close(successor.port_id)
            raise
        return successors

    def _forward(self, end: RemoteEnd, message: PortMessage) -> None:
        """Send a message of the other end of a port. If that fails, the port is closed: no message is skipped."""
        if self._table.get(end.port_id) is None:
            message.close_ends()
            return
        try:
            self.send(["port", end.port_id], message)
        except LimitError as error:
            self._fails(end, "could not be forwarded", error)

    def _fails(self, end: RemoteEnd, why: str, error: LimitError) -> None:
        logger.warning("A message through a port %s (%s): the port is closed", why, error)
        self._send_close(end)
        end.close()

    def _send_close(self, end: RemoteEnd) -> None:
        """Tell the other side that a port is closed, unless it is closed there already."""
        if self._table.close(end.port_id) is not None:
            self._post(encode_message(["port-close", end.port_id]))

    def accept(self, ids: Sequence[int]) -> tuple[LocalEnd, ...]:
        """Make the ends of ports that the other side has sent. Raises ProtocolError for a wrong id and too many."""
        ends = []
        for port_id in ids:
            remote = RemoteEnd(self)
            remote.port_id = port_id
            self._table.accept(port_id, remote)
            local = LocalEnd()
            entangle(remote, local)
            ends.append(local)
        return tuple(ends)

    def receive(self, envelope: Port) -> int:
        """Deliver a message of a port to its other end. Raises ProtocolError when there was never such a port.

        Returns how many ports were closed, because more waits in ports without a consumer than the allowance permits.
        """
        remote = self._table.get(envelope.port)
        message = PortMessage.received(envelope, self.accept(envelope.ports), self._allowance)
        if remote is None:
            message.close_ends()
            return 0
        try:
            remote.post(message)
        except LimitError as error:
            message.close_ends()
            self._fails(remote, "could not be queued", error)
        return self._close_excess()

    def _close_excess(self) -> int:
        """Close the ports in which most waits, until the rest is within the allowance. Return how many."""
        allowance = self._allowance
        if allowance is None or not allowance.is_exceeded:
            return 0
        return self._close_while(lambda: allowance.is_exceeded)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait in ports without a consumer."""
        return 0 if self._allowance is None else self._allowance.bytes

    def close_fullest(self, size: int) -> int:
        """Close the ports in which most waits until so many bytes are free. Return how many ports."""
        most = self.waiting_bytes - size
        return self._close_while(lambda: self.waiting_bytes > most)

    def _close_while(self, is_too_much: Callable[[], bool]) -> int:
        assert self._allowance is not None
        with entangling:
            ends = self._allowance.by_size()
        count = 0
        for end in ends:
            if not is_too_much():
                break
            count += end.close_unstarted()
        return count

    def has_consumer(self, port_id: int) -> bool:
        """Tell whether the messages of a port are taken at once, in this process. From any thread; it may change."""
        try:
            remote = self._table.get(port_id)
        except ProtocolError:
            # It may be in a message that has not been dispatched.
            return False
        peer = None if remote is None else remote.peer
        return isinstance(peer, LocalEnd) and peer.takes_at_once

    def receive_close(self, envelope: PortClose) -> None:
        """Close a port that the other side has closed. Raises ProtocolError when there was never such a port."""
        if self._table.get(envelope.port) is not None:
            remote = self._table.close(envelope.port)
            assert remote is not None
            remote.close()

    def close_all(self) -> None:
        """Close all ports on both sides: the link goes on where their other ends are not."""
        for _, remote in self._table.snapshot()["open"]:
            self._send_close(remote)
            remote.close()

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers behind which new ports of both sides have theirs, for `go_on_from`."""
        state = self._table.snapshot()
        return {"next": state["next"], "last": state["last"]}

    def go_on_from(self, numbers: dict[str, int]) -> None:
        """Go on with no open port, behind these numbers."""
        side = Side.MAIN if numbers["next"] % 2 == 0 else Side.RENDERER
        self._table = Ports.restore(side, self.limits, {**numbers, "open": []})

    def end(self) -> None:
        """Close all ports, because the link is over."""
        self._ended = True
        for remote in self._table.close_all():
            remote.close()
