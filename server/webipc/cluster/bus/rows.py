"""Rows of bytes, each behind its length: the layout of what processes write for each other.

The first row is JSON; the others are messages and parts as they travel on a link, and are not looked into.
"""

from collections.abc import Iterable
from typing import Final

_LENGTH: Final = 4
"""Bytes of a length: unsigned, little-endian."""


class RowsError(Exception):
    """Bytes that are no rows."""


def encode_rows(rows: Iterable[bytes]) -> bytes:
    """Return rows as one piece."""
    return b"".join(part for row in rows for part in (len(row).to_bytes(_LENGTH, "little"), row))


def decode_rows(data: bytes) -> list[bytes]:
    """Return the rows of a piece. Raises RowsError where one is longer than what is left."""
    rows: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + _LENGTH
        at = start + int.from_bytes(data[start - _LENGTH : start], "little")
        if start > len(data) or at > len(data):
            raise RowsError(f"row {len(rows)} ends {at - len(data)} bytes behind the end")
        rows.append(data[start:at])
    return rows
