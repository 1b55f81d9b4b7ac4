"""`Holdings`: what one link holds of the memory of the process, and how it gives it back (docs/adr/0023).

Counted here: the flat charge of a link, the room that its kept messages and its calls have, the parts that arrive, and
the groups that it is in.
Ports and answers of `sendSync` charge `purse` themselves.

To count every message in three levels would cost three times as much as to keep it. So a link buys room in steps, and
compares one sum: for kept messages, and for the values of calls that wait. The first steps are in the flat charge: most
links never need more.
"""

from collections.abc import Hashable
from typing import Protocol

from webipc.budget.account import Account
from webipc.core.errors import BufferFullError, CloseCode, ProtocolError
from webipc.core.frame.data import Data
from webipc.core.limits import Limits
from webipc.core.link import Link
from webipc.electron.document import Document
from webipc.ports.link_ports import LinkPorts

LINK_BYTES = 16_384
"""What every link is charged: its objects, its socket with a browser's headers, what its `hello` says, and the first
room of either kind."""
FLAT_SCOPE = 4_096
FIRST_ROOM = 4_096
FIRST_WAITING = 4_096
FLAT_GROUPS = 8
"""So many groups that its document and its tab are in are in the flat charge."""
GROUP_BYTES = 512
"""Each further one: it may have no other member."""
LARGEST_STEP = 65_536

GROUP_BYTES = 512
"""What is charged for each group that the document and its tab are in beyond the first: it may have no other member."""

LEAST_AWAY = 262_144
"""What a link without a socket may keep in any case. It may keep less than others while memory is scarce."""


class Held(Protocol):
    """The link: a `Connection`."""

    document: Document
    ports_if_made: LinkPorts | None

    @property
    def link(self) -> Link:
        """Its numbers and messages."""

    def reset(self, reason: str, code: CloseCode) -> None:
        """End it."""

    def look_soon(self) -> None:
        """Have the next sweep look at it."""


class Holdings:
    """The purse of a link, and the link as the holder of what is in it."""

    __slots__ = (
        "_account",
        "_buffered",
        "_connection",
        "_groups",
        "_limits",
        "_room",
        "_scope",
        "_waiting_room",
        "data",
        "is_full",
        "parts",
        "paused",
        "purse",
        "waiting",
    )

    def __init__(self, connection: Held, account: Account, payer: Hashable, limits: Limits) -> None:
        """`payer` is whose links are counted together: see `Account`."""
        self._connection = connection
        self._account = account
        self._limits = limits
        # What the link has bought, as its `room` says.
        self._room = FIRST_ROOM
        # What is charged for the parts of a parcel that is not complete.
        self.parts = 0
        # What is charged for the write buffer of its socket.
        self._buffered = 0
        # What is charged for the headers and the address that its socket came with.
        self._scope = 0
        # What is charged for the groups that its document and its tab are in.
        self._groups = 0
        # Its running calls hold so much that reading of what the page sends has to wait: see `look_again`.
        self.is_full = False
        # How many sockets and requests of the link wait at the moment, because there is no memory for what they bring.
        self.paused = 0
        # What the messages were decoded from that are being dispatched.
        self.data: Data = ""
        # What the values of calls take that wait, and how much of it is bought.
        self.waiting = 0
        self._waiting_room = FIRST_WAITING
        self.purse = account.purse(payer, self)
        self.purse.take(LINK_BYTES)

    @property
    def payer(self) -> Hashable:
        """Whose links and bytes are counted together with those of this one."""
        return self.purse.payer.key

    @property
    def is_crowded(self) -> bool:
        """Whether reading of what the page sends has to wait, for itself or for its payer."""
        return self.is_full or self.purse.payer.is_crowded

    # --- what the link charges ------------------------------------------------------------------------------------

    def more(self, held: int) -> int:
        """See `Room`. It may end any link of the payer, this one too."""
        self._check_away(held)
        wanted = held + min(LARGEST_STEP, held)
        self._connection.look_soon()
        self._change_room(wanted - self._room)
        return wanted

    def _change_room(self, size: int) -> None:
        # Before it is charged: the end of this link, which may follow, gives it back.
        self._room += size
        if not self.purse.take(size):
            self.purse.settle()

    def _check_away(self, held: int) -> None:
        """Raise BufferFullError where a link without a socket keeps too much for a time in which memory is scarce."""
        scarcity = 2 * self._account.share.left
        if self.is_away and scarcity < 1:
            most = max(LEAST_AWAY, int(self._limits.kept_bytes * scarcity))
            if held > most:
                raise BufferFullError("kept_bytes", held, most)

    def buffer(self, size: int) -> None:
        """Charge what waits in the write buffer of its socket: when it is full, and 0 when it is not any more.

        No link is ended for the buffer alone: what fills it is kept anyway.
        """
        if size != self._buffered and not self.purse.is_closed:
            more, self._buffered = size - self._buffered, size
            if more > 0:
                self.purse.take(more)
                self._connection.look_soon()
            else:
                self.purse.give(-more)

    def scope(self, size: int) -> None:
        """Charge the scope that is kept with the socket, beyond what a browser's has; 0 without a socket."""
        more = max(0, size - FLAT_SCOPE) - self._scope
        if more and not self.purse.is_closed:
            self._scope += more
            if more < 0:
                self.purse.give(-more)
            elif not self.purse.take(more):
                self.purse.settle()

    def groups(self, count: int) -> bool:
        """Charge the groups that its document and its tab are in, beyond the first. Return whether there was room.

        They are charged all the same: no link is ended for them, because its tab would be in them with the next one.
        """
        more = GROUP_BYTES * max(0, count - FLAT_GROUPS) - self._groups
        if not more or self.purse.is_closed:
            return True
        self._groups += more
        if more > 0:
            return self.purse.take(more)
        self.purse.give(-more)
        return True

    def sweep(self, buffered: int) -> bool:
        """Give back the room that is not used, and charge what waits in the write buffer of a socket that is blocked.

        It may have grown since it was full: control frames are written all the same.
        Returns whether the next sweep has to look again.
        """
        self.buffer(buffered)
        if self.is_crowded:
            self.look_again()
        if self._waiting_room > FIRST_WAITING:
            room = max(FIRST_WAITING, self.waiting + min(LARGEST_STEP, self.waiting))
            self._set_waiting_room(min(room, self._waiting_room))
        if self._room > FIRST_ROOM:
            link = self._connection.link
            room = max(FIRST_ROOM, link.held + min(LARGEST_STEP, link.held))
            if room < self._room:
                self.purse.give(self._room - room)
                self._room = link.granted = room
                link.room = min(link.room, room)
        has_bought = self._room > FIRST_ROOM or self._waiting_room > FIRST_WAITING
        return has_bought or self._buffered > 0 or self.is_crowded

    def count_parts(self) -> None:
        """Charge what has arrived of a message in parts."""
        parcel = self._connection.link.parcel
        # A bytearray that grows has an eighth more than it needs.
        size = 0 if parcel is None else len(parcel.pieces) * 9 // 8
        more, self.parts = size - self.parts, size
        if more < 0:
            self.purse.give(-more)
        elif more and not self.purse.take(more):
            self._crowd()

    def hold(self, size: int) -> None:
        """Count the values of calls that wait."""
        self.waiting += size
        if self.waiting > self._waiting_room:
            self._set_waiting_room(self.waiting + min(LARGEST_STEP, self.waiting))

    def release(self, size: int) -> None:
        """Count the values of calls that waited no longer. They may end after the link, which leaves them alone."""
        self.waiting -= size
        if self.purse.is_closed:
            self._set_waiting_room(self.waiting)

    def _set_waiting_room(self, room: int) -> None:
        bought, self._waiting_room = self._waiting_room, room
        if room > bought:
            self._connection.look_soon()
            if not self.purse.take(room - bought, lasting=True) or self.waiting > self._limits.kept_bytes // 4:
                self._crowd()
        elif room < bought:
            self.purse.give(bought - room, lasting=True)

    def _crowd(self) -> None:
        """Have the page wait before it sends more. If that does not help, the payer's links are ended."""
        self.look_again()
        self._connection.look_soon()
        if self.purse.is_far_exceeded:
            self.purse.settle()

    def look_again(self) -> None:
        """Note whether there is room for what this page sends, and for what the pages of its payer send."""
        self.is_full = self.waiting > self._limits.kept_bytes // 4
        self.purse.payer.is_crowded = self.purse.is_exceeded

    def arrived(self, data: Data) -> None:
        """Note what the messages were decoded from that are dispatched next: a frame, unless it has completed a parcel.

        Raises ProtocolError when the values of calls that wait take more than a link may keep.
        """
        if self.waiting > self._limits.kept_bytes:
            text = f"the values of calls that wait take {self.waiting} bytes, of at most {self._limits.kept_bytes}"
            raise ProtocolError(text, CloseCode.TOO_LARGE)
        link = self._connection.link
        if link.whole is not None:
            data, link.whole = link.whole, None
        self.data = data

    def close(self) -> None:
        """Give back what is counted here, because the link is over."""
        charged = self._room - FIRST_ROOM + self.parts + self._buffered + self._scope + self._groups
        self.purse.give(LINK_BYTES + charged)
        self._room, self.parts, self._buffered, self._scope, self._groups = FIRST_ROOM, 0, 0, 0, 0
        # The calls that still wait are not in the flat charge any more.
        self.purse.take(FIRST_WAITING, lasting=True)
        self._set_waiting_room(self.waiting)
        self.purse.close()

    # --- what an eviction asks of it ------------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        """Whether no socket carries the link."""
        return not self._connection.link.attached

    @property
    def port_bytes(self) -> int:
        """How many bytes wait in ports without a consumer."""
        ports = self._connection.ports_if_made
        return 0 if ports is None else ports.waiting_bytes

    def close_ports(self, size: int) -> int:
        """Close ports without a consumer until so many bytes are free. Return how many."""
        ports = self._connection.ports_if_made
        return 0 if ports is None else ports.close_fullest(size)

    def evict(self, reason: str) -> None:
        """End the link. A page that is connected is told that it is reset, and begins another link."""
        self._connection.reset("overflow" if reason == "overflow" else "ended", CloseCode.OVERFLOW)

    def __str__(self) -> str:
        return f"page #{self._connection.document.tab.id}"
