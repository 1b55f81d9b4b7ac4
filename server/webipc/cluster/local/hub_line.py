"""`HubLine`: the way from the parent to one hub of a worker. Where the worker does not read, it drops, and says so.

That is told behind what was not dropped: a gap, how many messages to all are lost, and who lives.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import Member
from webipc.cluster.local.values import member_value


class Way(Protocol):
    """The way to a process: one for all of its hubs."""

    def offer(self, head: Sequence[Any], payload: bytes = b"") -> bool:
        """Send a frame, unless too much waits: then False."""


class HubLine:
    """A `Line` of the switchboard."""

    def __init__(self, way: Way, hub: int, board: Switchboard, worker: str) -> None:
        """`hub` is the number by which the process knows its hub."""
        self._way = way
        self.hub = hub
        self.board = board
        self.worker = worker
        # What could not be told yet.
        self._has_gap = False
        self._missed = 0
        self._has_members = False

    def said(self, origin: str, rows: Sequence[bytes]) -> None:
        """See `Line`."""
        if not self._way.offer(["said", self.hub, origin], _one(rows)):
            self._has_gap = True

    def said_to_all(self, number: int, own: int, origin: str, rows: Sequence[bytes]) -> None:
        """See `Line`."""
        if not self._way.offer(["all", self.hub, number, own, origin], _one(rows)):
            self._missed += 1

    def member(self, member: Member) -> None:
        """See `Line`."""
        if not self._way.offer(["member", self.hub, member_value(member)]):
            self._has_members = True

    def lost(self, worker: str) -> None:
        """See `Line`."""
        if not self._way.offer(["lost", self.hub, worker]):
            self._has_members = True

    def gap(self) -> None:
        """See `Line`."""
        if not self._way.offer(["gap", self.hub]):
            self._has_gap = True

    def missed(self, count: int, number: int) -> None:
        """See `Line`."""
        if not self._way.offer(["missed", self.hub, count, number]):
            self._missed += count

    def waits(self, sizes: Mapping[str, int]) -> None:
        """See `Line`. One that is dropped is followed by another: what waits for this worker itself changes."""
        self._way.offer(["waits", self.hub, dict(sizes)])

    def catch_up(self) -> None:
        """Tell what could not be told. There is room for it."""
        if self._has_members:
            self._has_members = False
            self._way.offer(["members", self.hub, [member_value(member) for member in self.board.members]])
        if self._has_gap:
            self._has_gap = False
            self.gap()
        if self._missed:
            missed, self._missed = self._missed, 0
            self.missed(missed, self.board.stream.number)


def _one(rows: Sequence[bytes]) -> bytes:
    """Return the one row that everything is here which is passed on."""
    return rows[0]
