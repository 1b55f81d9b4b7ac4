"""Entries of the streams: what each says, and how far a reader is (`Place`), so that it sees what it has missed.

An entry of a mailbox has its origin, its number, and the number of what that origin had said to this worker before. One
of the stream for all has its origin, how much that had said to all, a random word by which a copy is known, and the
generation, which only workers can read: without it an entry is that of a program, whatever it claims.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from webipc.cluster.bus.rows import encode_rows

START: Final = "0-0"
"""The place before the first entry."""

_SEQUENCE_BITS: Final = 22
_MOST: Final = (1 << 63) - 1


class EntryError(Exception):
    """An entry that has not what it should have. The text has nothing of what came."""


class Entry(NamedTuple):
    """An entry, as it was read. Who wrote it is a claim in the stream for all."""

    place: str
    origin: str
    number: int
    # In a mailbox: the number of the one before; 0 where its origin does not know.
    before: int
    # In the stream for all.
    word: bytes
    # Rows; empty where they are at a key of their own.
    data: bytes
    large: str
    generation: bytes


def fields_of_post(origin: str, number: int, before: int, data: bytes, large: str = "") -> list[bytes | str | int]:
    """Return the fields of an entry of a mailbox. `large`: the key that has its data."""
    return ["o", origin, "n", number, "p", before, *_data_fields(data, large)]


def fields_for_all(
    origin: str, number: int, word: bytes, generation: bytes, data: bytes, large: str = ""
) -> list[bytes | str | int]:
    """Return the fields of an entry of the stream for all. `large`: the key that has its data."""
    return ["o", origin, "n", number, "i", word, "g", generation, *_data_fields(data, large)]


def _data_fields(data: bytes, large: str) -> list[bytes | str | int]:
    return ["b", large] if large else ["d", data]


def fields_of_program(rows: Sequence[bytes]) -> list[bytes | str | int]:
    """Return the fields of an entry of the stream for all that no worker writes."""
    return ["d", encode_rows(rows)]


def read_entry(raw: Sequence[Any]) -> Entry:
    """Return an entry. Raises EntryError."""
    place = raw[0].decode("ascii")
    values = raw[1] or ()
    fields: Mapping[bytes, bytes] = dict(zip(values[::2], values[1::2], strict=True))
    try:
        return Entry(
            place,
            fields.get(b"o", b"").decode("ascii"),
            _number(fields.get(b"n", b"0")),
            _number(fields.get(b"p", b"0")),
            fields.get(b"i", b""),
            fields.get(b"d", b""),
            fields.get(b"b", b"").decode("ascii"),
            fields.get(b"g", b""),
        )
    except ValueError:
        raise EntryError("expected the fields that an entry has, got something else") from None


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 15:  # noqa: PLR2004 - digits of a safe integer
        raise ValueError
    return int(text)


def number_of(place: str) -> int:
    """Return a place in a stream as one number. Later ones are larger."""
    time, _, sequence = place.partition("-")
    return min((int(time) << _SEQUENCE_BITS) + min(int(sequence), (1 << _SEQUENCE_BITS) - 1), _MOST)


def place_of(number: int) -> str:
    """Return the place that a number is of."""
    return f"{number >> _SEQUENCE_BITS}-{number & ((1 << _SEQUENCE_BITS) - 1)}"


def behind(place: str) -> str:
    """Return the first place behind a place."""
    time, _, sequence = place.partition("-")
    return f"{time}-{int(sequence) + 1}"


class Place:
    """How far a reader is in one stream: the last entry, and how many there have ever been up to it."""

    __slots__ = ("count", "lag", "last")

    def __init__(self, last: str = START, count: int = 0) -> None:
        self.last = last
        self.count = count
        # How many entries there were behind it when that was looked up.
        self.lag = 0

    def read(self, entries: Sequence[Sequence[Any]]) -> None:
        """Learn that these entries, the next ones, were read."""
        if entries:
            self.last = entries[-1][0].decode("ascii")
            self.count += len(entries)

    def missed(self, added: int, length: int) -> int:
        """Return how many entries were removed before they were read; and go on behind them.

        `added` is how many there have ever been, `length` how many there are, both at the moment at which what comes
        next is read. Nobody removes entries but from the beginning.
        """
        gone = added - length - self.count
        if gone > 0:
            self.count += gone
        self.lag = max(0, added - self.count)
        return max(0, gone)
