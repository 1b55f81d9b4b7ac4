"""What was said to all and is still in the stream: for a worker that takes a tab, and to see what Redis has lost."""

from collections.abc import Sequence
from typing import Any

from webipc.cluster.bus.bus import SaidToAll
from webipc.cluster.bus.rows import RowsError, decode_rows
from webipc.cluster.bus.wire import WireError, decode_said
from webipc.cluster.redis_bus.asking import Asking
from webipc.cluster.redis_bus.server.entries import EntryError, number_of, place_of, read_entry
from webipc.cluster.redis_bus.server.keys import Keys
from webipc.cluster.redis_bus.server.scripts import SINCE

PORTION = 256
"""How many entries are read at once."""


async def said_since(asking: Asking, keys: Keys, number: int) -> list[SaidToAll] | None:
    """Return what was said to all behind this number; None where some of it is not kept any more. Raises BusError."""
    said: list[SaidToAll] = []
    while True:
        added, length, last, first, entries = await asking.ask(SINCE, place_of(number), PORTION)
        if number_of(last.decode()) <= number:
            return said
        if added != length and (not first or number_of(first[0][0].decode()) > number):
            return None
        for raw in entries:
            one = await _read(asking, keys, raw)
            if one is None:
                return None
            said += one
        if not entries:
            return said
        number = number_of(entries[-1][0].decode())


async def _read(asking: Asking, keys: Keys, raw: Sequence[Any]) -> list[SaidToAll] | None:
    """Return an entry, or nothing where it is none that a worker writes; None where it is not kept any more."""
    try:
        entry = read_entry(raw)
        if entry.generation != asking.known:
            entry = entry._replace(origin="", number=0, large="")
        data = entry.data
        if entry.large:
            data = await asking.raw(["GET", keys.large(entry.large)])
            if not isinstance(data, bytes):
                return None
        said = decode_said(entry.origin, decode_rows(data))
    except (EntryError, RowsError, WireError):
        return []
    return [SaidToAll(number_of(entry.place), entry.number, said)]


async def count_missing(asking: Asking, keys: Keys, places: Sequence[bytes]) -> int:
    """Return how many of these entries are not in the stream for all. Raises BusError."""
    answers = [await asking.raw(["XRANGE", keys.all, place, place]) for place in places]
    return sum(not answer for answer in answers)
