"""The ports of one link: what the other side says into them goes to their other ends, and back (PROTOCOL.md 4.4).

Gives ports an id when they cross the link, and makes ends for those that come. Must not know whose link it is (a
page's, or in tests a server's), nor what is listened to. Twin in spirit: js-client/src/ports/link-ports.ts
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from webipc.concurrency.loops import run_in
from webipc.core.envelope import Port, PortClose
from webipc.core.errors import LimitError
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
        # Given when the port crosses the link.
        self.port_id = 0

    def deliver(self, message: PortMessage) -> None:
        """See End."""
        self._ports.queue(self, message)

    def peer_closed(self) -> None:
        """See End."""
        self._ports.queue(self, None)

    def delivered(self) -> None:
        """See End."""
        self._ports.wake()


class LinkPorts:
    """The open ports of a link. All but `queue` and `wake` belong to the event loop's thread."""

    __slots__ = ("_allowance", "_ended", "_is_sending", "_loop", "_queued", "_post", "_table")

    def __init__(
        self,
        side: Side,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        post: Post,
        allowance: Allowance[LocalEnd] | None = None,
    ) -> None:
        """`post` numbers a message and keeps it; it says nothing when the link is over.

        It raises LimitError for a message that is too large. `allowance` bounds what of the other side may wait here;
        None: nothing does.
        """
        self._loop = loop
        self._post = post
        self._allowance = allowance
        self._table: Ports[RemoteEnd] = Ports(side, limits)
        self._ended = False
        # What is to be said to the other side, in the order in which it was said here; None is a close.
        self._queued: deque[tuple[RemoteEnd, PortMessage | None]] = deque()
        self._is_sending = False

    def __len__(self) -> int:
        return len(self._table)

    def queue(self, end: RemoteEnd, message: PortMessage | None) -> None:
        """Note what the other end of a port has said, or with None that it is closed. Called under the lock."""
        self._queued.append((end, message))

    def wake(self) -> None:
        """Say what was noted: now in the event loop's thread, from another one as soon as may be."""
        # A loop that is closed has no pages any more: then nothing is sent.
        run_in(self._loop, self._send_queued)

    def _send_queued(self) -> None:
        if self._is_sending:
            # Further up in this very call: what was noted in the middle of it has its turn behind what came before.
            return
        self._is_sending = True
        try:
            while self._queued:
                end, message = self._queued.popleft()
                if message is None:
                    self._send_close(end)
                else:
                    self._forward(end, message)
        finally:
            self._is_sending = False

    def send(self, fields: Sequence[Any], message: PortMessage) -> None:
        """Send a message with its ports: each end gives way to one on the other side.

        A link that is over closes them. Raises LimitError for too many ports and too large a message; they are closed.
        """
        if self._ended:
            message.close_ends()
            return
        try:
            heirs = self._cross(fields, message)
        except LimitError:
            message.close_ends()
            raise
        if self._ended:
            # The page does not take that much: the link has been reset.
            message.close_ends()
            return
        # Behind the message that sends them: what waits in a port is said on the link from here on.
        for end, heir in zip(message.ends, heirs, strict=True):
            if end.peer is None and not end.news:
                # A closed port arrives dead (as in Electron).
                self._send_close(heir)
            else:
                end.give_way(heir)

    def _cross(self, fields: Sequence[Any], message: PortMessage) -> list[RemoteEnd]:
        """Post it, with a port for each end that travels. Raises LimitError, and then none is open."""
        self._table.room_for(len(message.ends))
        heirs = [RemoteEnd(self) for _ in message.ends]
        for heir in heirs:
            heir.port_id = self._table.open(heir)
        try:
            self._post(encode_message(fields, message, None, [[heir.port_id for heir in heirs]]))
        except LimitError:
            for heir in heirs:
                self._table.close(heir.port_id)
            raise
        return heirs

    def _forward(self, end: RemoteEnd, message: PortMessage) -> None:
        """Pass on what the other end of a port has said. What does not fit closes the port: nothing is left out."""
        if self._table.get(end.port_id) is None:
            message.close_ends()
            return
        try:
            self.send(["port", end.port_id], message)
        except LimitError as error:
            self._fails(end, "could not be passed on", error)

    def _fails(self, end: RemoteEnd, why: str, error: LimitError) -> None:
        logger.warning("A message through a port %s (%s): the port is closed", why, error)
        self._send_close(end)
        end.close()

    def _send_close(self, end: RemoteEnd) -> None:
        """The other end of a port is closed."""
        if self._table.close(end.port_id) is not None:
            self._post(encode_message(["port-close", end.port_id]))

    def accept(self, ids: Sequence[int]) -> tuple[LocalEnd, ...]:
        """Make the ends of ports that have come. Raises ProtocolError."""
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
        """Pass on what was said into a port. Raises ProtocolError when it was never sent.

        Returns how many ports were closed, because more waits here than may and nobody listens to them.
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
            self._fails(remote, "could not wait", error)
        return self._give_up_excess()

    def _give_up_excess(self) -> int:
        """Close ports in which most waits until the rest is within the allowance."""
        allowance = self._allowance
        if allowance is None or not allowance.is_exceeded:
            return 0
        with entangling:
            ends = allowance.by_size()
        count = 0
        for end in ends:
            if not allowance.is_exceeded:
                break
            count += end.give_up()
        return count

    def receive_close(self, envelope: PortClose) -> None:
        """Close a port that was closed on the other side. Raises ProtocolError when it was never sent."""
        if self._table.get(envelope.port) is not None:
            remote = self._table.close(envelope.port)
            assert remote is not None
            remote.close()

    def end(self) -> None:
        """Close all, because the link is over."""
        self._ended = True
        for remote in self._table.close_all():
            remote.close()
