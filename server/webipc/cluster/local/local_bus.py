"""`LocalBus`: the way of one hub to the workers on the same machine, over its process's connection to the parent."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from webipc.cluster.board.ring import At, Passed, Ring, size_of
from webipc.cluster.bus.bus import BusError, Member, Position, Receiver, Said, SaidToAll
from webipc.cluster.bus.directory import Directory
from webipc.cluster.bus.known_members import KnownMembers
from webipc.cluster.bus.rows import RowsError, decode_rows, encode_rows
from webipc.cluster.bus.wire import WireError, decode_said, encode_said
from webipc.cluster.local.local_connection import Answered, LocalConnection
from webipc.cluster.local.local_directory import LocalDirectory
from webipc.cluster.local.values import array, member_of, text, whole
from webipc.concurrency.fatal import contained

logger = logging.getLogger("webipc")

_END_SECONDS: Final = 2.0
"""So long an end waits for the parent to have taken what was said before."""

_BEHIND_ALL: Final = (1 << 53) - 1
"""A number behind everything that was said to all."""


class LocalBus:
    """A `Bus`."""

    # The parent keeps what is parked, and ends behind its last worker.
    outlives_workers = False

    def __init__(self, connection: LocalConnection, realm: str, worker: str, formats: Sequence[int] = ()) -> None:
        """`realm`: workers of other realms do not know each other. `formats`: those of snapshots that it reads."""
        self._connection = connection
        self._realm = realm
        self._worker = worker
        self._formats = tuple(formats)
        self._members = KnownMembers()
        self._directory: Directory = LocalDirectory(self._state, self._ask)
        self._receiver: Receiver | None = None
        self._hub = 0
        self._member: Member | None = None
        self._entered: asyncio.Future[None] | None = None
        self._left: asyncio.Future[None] | None = None
        # What was said to all of late, as this hub was given it.
        self._ring = Ring()
        # What is older is read by one at a time, and then is in the ring for the others.
        self._reading = asyncio.Lock()
        self._own = 0
        # What waits at the parent, by worker.
        self._waits: dict[str, int] = {}
        # What came and was no message.
        self._wrong = 0
        self._heard: dict[str, Callable[[Receiver, Sequence[Any], bytes], None]] = {
            "said": self._said,
            "all": self._said_to_all,
            "member": self._told_of_member,
            "members": self._told_of_members,
            "lost": self._told_of_lost,
            "gap": lambda receiver, _args, _payload: receiver.gap(),
            "missed": self._missed,
            "waits": self._told_what_waits,
            "entered": self._has_entered,
            "refused": self._was_refused,
            "left": self._has_left,
        }

    # --- what a bus is --------------------------------------------------------------------------------------------

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
    def members(self) -> KnownMembers:
        """See `Bus`."""
        return self._members

    @property
    def directory(self) -> Directory:
        """See `Bus`."""
        return self._directory

    @property
    def is_connected(self) -> bool:
        """See `Bus`."""
        return self._is_in and self._connection.is_connected

    @property
    def has_given_up(self) -> bool:
        """See `Bus`."""
        return not self.is_connected

    @property
    def position(self) -> Position:
        """See `Bus`."""
        return Position(self.number, self._own)

    @property
    def _is_in(self) -> bool:
        return self._receiver is not None and self._member is not None

    @property
    def number(self) -> int:
        """See `Bus`."""
        return self._ring.number

    async def begin(self, receiver: Receiver) -> None:
        """See `Bus`."""
        self._receiver = receiver
        self._entered = asyncio.get_running_loop().create_future()
        self._hub = self._connection.add(self)
        try:
            await self._connection.enter(self._hub, self._realm, self._worker, self._formats)
            await self._entered
        except BaseException:
            self._forget()
            raise
        logger.info("joined the others of this machine as worker %s", self._worker)

    async def end(self) -> None:
        """See `Bus`."""
        if self.is_connected:
            self._left = asyncio.get_running_loop().create_future()
            self._connection.say(self._hub, "leave")
            await asyncio.wait([self._left], timeout=_END_SECONDS)
        self._forget()

    def _forget(self) -> None:
        self._connection.remove(self._hub)
        self._receiver = None

    def post(self, worker: str, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """See `Bus`."""
        if self._is_in:
            self._connection.post(self._hub, worker, encode_rows(encode_said(kind, head, rows)))

    def post_all(self, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """See `Bus`."""
        self._own += 1
        if self._is_in:
            self._connection.post_all(self._hub, encode_rows(encode_said(kind, head, rows)))

    def waiting(self, worker: str) -> int:
        """See `Bus`: what waits here for anybody, and at the parent for this worker."""
        return self._connection.waiting + self._waits.get(worker, 0)

    async def since(self, position: Position) -> list[SaidToAll] | None:
        """See `Bus`."""
        # The answer comes behind all that was said before the question: then it is in the ring.
        await self._ask("since", _BEHIND_ALL)
        at = At(b"", position.number)
        if (found := self._ring.since(at)) is not None:
            return found
        async with self._reading:
            if (found := self._ring.since(at)) is not None:
                return found
            return await self._read(at)

    async def _read(self, at: At) -> list[SaidToAll] | None:
        """Return what the parent has behind a place, and put what is before the ring into it."""
        found: list[SaidToAll] = []
        number = at.number
        while True:
            value, payload = await self._ask("since", number)
            if value is None:
                return None
            has_more, some = self._some_of_all(value, payload)
            found += [message for message in some if message is not None]
            if not has_more:
                break
            number = array(value[1])[-1][0]
        if (before := self._ring.before) is not None:
            earlier = [Passed(At(b"", one.number), one, size_of(one)) for one in found if one.number <= before.number]
            self._ring.reach_back(at, earlier)
        return found

    def _some_of_all(self, value: Any, payload: bytes) -> tuple[bool, list[SaidToAll | None]]:
        try:
            has_more, heads = array(value)
            pairs = zip(array(heads), decode_rows(payload), strict=True)
            return has_more is True, [self._message(head[0], head[1], head[2], row) for head, row in pairs]
        except (ValueError, TypeError, LookupError, RowsError):
            raise BusError("expected messages to all, got something else from the parent process") from None

    def drain(self) -> None:
        """See `Bus`."""
        if self._is_in:
            self._connection.say(self._hub, "change", {"is_draining": True})

    def tell_pages(self, count: int) -> None:
        """See `Bus`."""
        if self._is_in:
            self._connection.say(self._hub, "change", {"pages": count})

    def stats(self) -> dict[str, Any]:
        """See `Bus`. All of the process: its hubs share one connection."""
        return {
            "bus_waiting_bytes": self._connection.waiting,
            "bus_dropped": self._connection.dropped,
            "bus_wrong": self._connection.wrong + self._wrong,
        }

    # --- what is said to the parent -------------------------------------------------------------------------------

    def _state(self, name: str, *args: Any) -> None:
        if self._is_in:
            self._connection.state(self._hub, name, *args)

    async def _ask(
        self, name: str, *args: Any, payload: bytes = b"", unwanted: Callable[[Answered], None] | None = None
    ) -> Answered:
        if not self._is_in:
            raise BusError("this worker is not on the bus")
        return await self._connection.ask(self._hub, name, *args, payload=payload, unwanted=unwanted)

    # --- what the parent says -------------------------------------------------------------------------------------

    def heard(self, kind: str, args: Sequence[Any], payload: bytes) -> None:
        """See `Hearing`."""
        if self._receiver is not None:
            self._heard[kind](self._receiver, args, payload)

    def cut_off(self) -> None:
        """See `Hearing`. Nobody can take a tab any more, and what was asked has no answer."""
        self._members.replace(())
        if self._receiver is not None and self._member is not None:
            self._receiver.gap()
        elif self._entered is not None and not self._entered.done():
            self._entered.set_exception(BusError("the parent process has ended"))

    def _said(self, receiver: Receiver, args: Sequence[Any], payload: bytes) -> None:
        said = self._decoded(text(args[0]), payload)
        if said is not None:
            with contained("A message of another worker failed"):
                receiver.received(said)

    def _said_to_all(self, receiver: Receiver, args: Sequence[Any], payload: bytes) -> None:
        message = self._message(args[0], args[1], args[2], payload)
        self._ring.passed(b"", whole(args[0]), message, len(payload))
        if message is not None:
            with contained("A message to all workers failed"):
                receiver.received_by_all(message)

    def _message(self, number: Any, own: Any, origin: Any, payload: bytes) -> SaidToAll | None:
        said = self._decoded(text(origin), payload)
        return None if said is None else SaidToAll(whole(number), whole(own), said)

    def _decoded(self, origin: str, payload: bytes) -> Said | None:
        """Return a message; None, counted, for bytes that are none: only its own sender is affected."""
        try:
            return decode_said(origin, decode_rows(payload))
        except (RowsError, WireError) as error:
            self._wrong += 1
            if self._wrong & (self._wrong - 1) == 0:
                logger.warning(
                    "%d messages of other workers were none; the last is of worker %r: %s",
                    self._wrong,
                    origin[:16],
                    error,
                )
            return None

    def _told_of_member(self, _receiver: Receiver, args: Sequence[Any], _payload: bytes) -> None:
        self._members.put(member_of(args[0]))

    def _told_of_members(self, receiver: Receiver, args: Sequence[Any], _payload: bytes) -> None:
        for worker in self._members.replace([member_of(value) for value in array(args[0])]):
            receiver.lost(worker)

    def _told_of_lost(self, receiver: Receiver, args: Sequence[Any], _payload: bytes) -> None:
        worker = text(args[0])
        if self._members.remove(worker):
            receiver.lost(worker)

    def _missed(self, receiver: Receiver, args: Sequence[Any], _payload: bytes) -> None:
        count, number = whole(args[0]), whole(args[1])
        self._ring.begin(b"", number)
        receiver.missed(count)

    def _told_what_waits(self, _receiver: Receiver, args: Sequence[Any], _payload: bytes) -> None:
        self._waits = {text(worker): whole(size) for worker, size in dict(args[0]).items()}

    def _has_entered(self, _receiver: Receiver, args: Sequence[Any], _payload: bytes) -> None:
        self._member, self._own = member_of(args[0]), 0
        self._ring.begin(b"", whole(args[1]))
        if self._entered is not None and not self._entered.done():
            self._entered.set_result(None)

    def _was_refused(self, _receiver: Receiver, args: Sequence[Any], _payload: bytes) -> None:
        if self._entered is not None and not self._entered.done():
            self._entered.set_exception(BusError(text(args[0])))

    def _has_left(self, _receiver: Receiver, _args: Sequence[Any], _payload: bytes) -> None:
        if self._left is not None and not self._left.done():
            self._left.set_result(None)
