"""`MemoryBus`: a bus between applications in one process, on a `Switchboard`. For tests with two workers.

What is delivered comes in a later turn of the event loop, in order, as from a network.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from webipc.cluster.bus.bus import Member, Position, Receiver, SaidToAll
from webipc.cluster.bus.directory import Directory, Home, Key, Parked, Place, Taken
from webipc.cluster.bus.switchboard import Switchboard
from webipc.cluster.bus.wire import decode_said, encode_said


class MemoryMembers:
    """The members, as one worker was told of them."""

    def __init__(self) -> None:
        self.known: dict[str, Member] = {}

    def get(self, worker: str) -> Member | None:
        """See `Members`."""
        return self.known.get(worker)

    def __iter__(self) -> Iterator[Member]:
        return iter(sorted(self.known.values(), key=lambda member: member.ordinal))


class MemoryDirectory:
    """A directory as one worker has it."""

    def __init__(self, switchboard: Switchboard, worker: str) -> None:
        self._board = switchboard
        self._worker = worker

    async def find(self, link: Key, parent: Key | None, token: Key | None) -> Place | None:
        """See `Directory`."""
        await asyncio.sleep(0)
        return self._board.find(link, parent, token)

    async def claim(self, link: Key) -> Place | None:
        """See `Directory`."""
        await asyncio.sleep(0)
        return self._board.claim(self._worker, link)

    def release(self, link: Key) -> None:
        """See `Directory`."""
        self._board.release(self._worker, link)

    def link_ended(self, link: Key, seconds: float) -> None:
        """See `Directory`."""
        self._board.link_ended(self._worker, link, seconds)

    def tab_born(self, contents_id: int, token: Key) -> None:
        """See `Directory`."""
        self._board.tab_born(self._worker, contents_id, token)

    def tab_destroyed(self, contents_id: int) -> None:
        """See `Directory`."""
        self._board.tab_destroyed(self._worker, contents_id)

    async def where(self, contents_id: int) -> Home | Parked | None:
        """See `Directory`."""
        await asyncio.sleep(0)
        return self._board.where(contents_id)

    async def park(self, contents_id: int, snapshot: bytes, links: Sequence[Key], seconds: float) -> None:
        """See `Directory`."""
        await asyncio.sleep(0)
        self._board.park(self._worker, contents_id, snapshot, links, seconds)

    async def take(self, contents_id: int) -> Taken | None:
        """See `Directory`."""
        await asyncio.sleep(0)
        return self._board.take(self._worker, contents_id)

    async def leave_word(self, contents_id: int, word: bytes) -> bool:
        """See `Directory`."""
        await asyncio.sleep(0)
        return self._board.leave_word(contents_id, word)

    async def kept(self, links: Sequence[Key]) -> list[Key]:
        """See `Directory`."""
        await asyncio.sleep(0)
        return self._board.kept(self._worker, links)

    def note(self, links: Sequence[Key], tabs: Sequence[tuple[int, Key]]) -> None:
        """See `Directory`."""
        self._board.note(self._worker, links, tabs)


class MemoryBus:
    """One worker's way to the others."""

    is_connected = True

    def __init__(self, switchboard: Switchboard, worker: str, formats: Sequence[int] = ()) -> None:
        """`formats` are those of the snapshots that the worker reads."""
        self._board = switchboard
        self._worker = worker
        self._formats = tuple(formats)
        self._members = MemoryMembers()
        self._directory: Directory = MemoryDirectory(switchboard, worker)
        self._receiver: Receiver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # What is to be delivered, in order.
        self._coming: deque[Callable[[], None]] = deque()
        self._member: Member | None = None
        self._number = 0
        self._own = 0

    @property
    def worker(self) -> str:
        """See `Bus`."""
        return self._worker

    @property
    def ordinal(self) -> int:
        """See `Bus`."""
        assert self._member is not None, "the ordinal is known behind begin()"
        return self._member.ordinal

    @property
    def members(self) -> MemoryMembers:
        """See `Bus`."""
        return self._members

    @property
    def directory(self) -> Directory:
        """See `Bus`."""
        return self._directory

    @property
    def position(self) -> Position:
        """See `Bus`."""
        return Position(self._number, self._own)

    async def begin(self, receiver: Receiver) -> None:
        """See `Bus`."""
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._number = self._board.number
        self._member = self._board.enter(self._worker, self._formats, self)
        for member in self._board.members:
            self._members.known[member.worker] = member

    async def end(self) -> None:
        """See `Bus`."""
        self._board.leave(self._worker)
        self._receiver = None

    def kill(self) -> None:
        """Leave at once, as a worker that dies does, and hear nothing any more."""
        self._receiver = None
        self._board.leave(self._worker)

    def post(self, worker: str, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """See `Bus`."""
        self._board.post(self._worker, worker, encode_said(kind, head, rows))

    def post_all(self, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """See `Bus`."""
        self._own += 1
        self._board.post_all(self._worker, encode_said(kind, head, rows))

    def waiting(self, worker: str) -> int:
        """See `Bus`. What is posted is there at once."""
        return 0

    async def since(self, number: int) -> list[SaidToAll] | None:
        """See `Bus`."""
        await asyncio.sleep(0)
        kept = self._board.since(number)
        if kept is None:
            return None
        return [SaidToAll(one.number, one.own, decode_said(one.origin, one.rows)) for one in kept]

    def drain(self) -> None:
        """See `Bus`."""
        self._board.change(self._worker, is_draining=True)

    def stats(self) -> dict[str, Any]:
        """See `Bus`."""
        return {}

    # --- what the switchboard delivers ----------------------------------------------------------------------------

    def said(self, origin: str, rows: Sequence[bytes]) -> None:
        """See `Line`."""
        self._soon(lambda receiver: receiver.received(decode_said(origin, rows)))

    def said_to_all(self, number: int, own: int, origin: str, rows: Sequence[bytes]) -> None:
        """See `Line`."""

        def deliver(receiver: Receiver) -> None:
            self._number = number
            receiver.received_by_all(SaidToAll(number, own, decode_said(origin, rows)))

        self._soon(deliver)

    def member(self, member: Member) -> None:
        """See `Line`."""
        self._soon(lambda _: self._members.known.__setitem__(member.worker, member))

    def lost(self, worker: str) -> None:
        """See `Line`."""

        def deliver(receiver: Receiver) -> None:
            self._members.known.pop(worker, None)
            receiver.lost(worker)

        self._soon(deliver)

    def _soon(self, deliver: Callable[[Receiver], None]) -> None:
        if self._loop is None or self._receiver is None:
            return
        self._coming.append(lambda: None if self._receiver is None else deliver(self._receiver))
        self._loop.call_soon(self._deliver_next)

    def _deliver_next(self) -> None:
        self._coming.popleft()()
