"""`History`: what was said to all behind a place, for a worker that takes a tab; and what of it Redis has lost.

What this worker has read itself it has in its `Ring`, so Redis is asked for the end of the stream alone. What is before
the ring is read once and put into it. Where nobody can know what a tab has missed, None is the answer.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from webipc.cluster.board.ring import OVERHEAD, At, Passed, Ring
from webipc.cluster.bus.bus import Position, SaidToAll
from webipc.cluster.bus.rows import RowsError, decode_rows
from webipc.cluster.bus.wire import WireError, decode_said
from webipc.cluster.redis_bus.asking import Asking
from webipc.cluster.redis_bus.scripts.streams import LAST, SINCE
from webipc.cluster.redis_bus.server.entries import Entry, EntryError, number_of, place_of, read_entry
from webipc.cluster.redis_bus.server.keys import Keys

PORTION: Final = 256
"""How many entries are read at once."""
LOOKED_BACK: Final = 1_024
"""How many entries before a place are looked at for the originals of copies behind it."""
UNKNOWN: Final = "?"
"""The generation of a position that cannot be known."""

Name = tuple[str, int]
"""What an entry and its copies have in common: the worker that said it, and how much that had said to all with it."""


class _Gone(Exception):  # noqa: N818 - it is no error of anybody
    """Something that was asked for is not in Redis, or never was."""


class History:
    """What was said to all of late. Belongs to the event loop's thread."""

    def __init__(
        self, asking: Asking, keys: Keys, ring: Ring, generations: Callable[[], Sequence[bytes]], patience: float
    ) -> None:
        """`generations`: those that this worker knows. `patience`: how long the reader is waited for, in seconds."""
        self._asking = asking
        self._keys = keys
        self._ring = ring
        self._generations = generations
        self._patience = patience
        # What is before the ring is read by one at a time, and then is in it for the others.
        self._reading = asyncio.Lock()

    async def since(self, position: Position) -> list[SaidToAll] | None:
        """See `Bus`."""
        (last,) = await self._asking.ask(LAST)
        # What all tabs that come have missed is read once, by the reader.
        is_read = await self._ring.wait_for(number_of(last.decode()), self._patience)
        if self._ring.place is None:
            return None
        try:
            found, end = await self._found(position), self._ring.place.number
            if not is_read:
                found = [*found, *_said(await self._read(At(self._asking.known, end), "+"))]
        except _Gone:
            return None
        return list(_once(found))

    def _kept(self, position: Position) -> list[SaidToAll] | None:
        generations = [position.generation.encode()] if position.generation else self._generations()
        answers = (self._ring.since(At(generation, position.number)) for generation in reversed(generations))
        return next((answer for answer in answers if answer is not None), None)

    async def _found(self, position: Position) -> list[SaidToAll]:
        """Return what is behind a position, as far as this worker has read. Raises BusError, _Gone."""
        found = self._kept(position)
        if found is not None:
            return found
        if position.generation not in ("", self._asking.known.decode()):
            raise _Gone
        async with self._reading:
            found = self._kept(position)
            return await self._before_the_ring(position.number) if found is None else found

    async def _before_the_ring(self, number: int) -> list[SaidToAll]:
        at, before = At(self._asking.known, number), self._ring.before
        if before is None or before.generation != at.generation or number >= before.number:
            return list(_said(await self._read(at, "+")))
        earlier = await self._read(at, place_of(before.number))
        behind = self._ring.since(before)
        if behind is None:
            # More has come meanwhile than is kept.
            raise _Gone
        if before == self._ring.before:
            self._ring.reach_back(at, earlier)
        return [*_said(earlier), *behind]

    async def _read(self, at: At, until: str) -> list[Passed]:
        """Return what Redis has behind a place of this generation. Raises BusError; _Gone where some is missing."""
        found: list[Passed] = []
        names: set[Name] = set()
        place, back = place_of(at.number), LOOKED_BACK
        while True:
            is_known, entries, before = await self._asking.ask(SINCE, place, until, PORTION, back)
            if not is_known or self._asking.known != at.generation:
                raise _Gone
            names.update(name for raw in before if (name := self._name_of(raw)) is not None)
            found += [await self._passed(raw, names) for raw in entries]
            if len(entries) < PORTION:
                return found
            place, back = entries[-1][0].decode(), 0

    def _name_of(self, raw: Sequence[bytes]) -> Name | None:
        origin, number, generation = raw
        return (origin.decode(), int(number)) if generation in self._generations() and number.isdigit() else None

    async def _passed(self, raw: Sequence[Any], names: set[Name]) -> Passed:
        """Return an entry as the reader would have taken it. Raises BusError, _Gone."""
        at = At(self._asking.known, number_of(raw[0].decode("ascii")))
        try:
            entry = read_entry(raw)
            if entry.generation not in self._generations():
                # No worker has written it.
                entry = entry._replace(origin="", number=0, large="")
            elif (name := (entry.origin, entry.number)) in names:
                return Passed(at, None, OVERHEAD)
            else:
                names.add(name)
            data = await self._data(entry)
            said = SaidToAll(at.number, entry.number, decode_said(entry.origin, decode_rows(data)))
        except (EntryError, RowsError, WireError):
            return Passed(at, None, OVERHEAD)
        return Passed(at, said, OVERHEAD + len(data))

    async def _data(self, entry: Entry) -> bytes:
        if not entry.large:
            return entry.data
        data = await self._asking.raw(["GET", self._keys.large(entry.large)])
        if not isinstance(data, bytes):
            raise _Gone
        return data


def _said(passed: Iterable[Passed]) -> Iterable[SaidToAll]:
    return (each.said for each in passed if each.said is not None)


def _once(found: Iterable[SaidToAll]) -> Iterable[SaidToAll]:
    """Drop copies: what is before the ring and what is in it were not compared."""
    names: set[Name] = set()
    for entry in found:
        name = (entry.said.origin, entry.own)
        if not entry.said.origin or name not in names:
            names.add(name)
            yield entry


async def count_missing(asking: Asking, keys: Keys, places: Sequence[bytes]) -> int:
    """Return how many of these entries are not in the stream for all. Raises BusError."""
    answers = [await asking.raw(["XRANGE", keys.all, place, place]) for place in places]
    return sum(not answer for answer in answers)
