"""In which order workers are asked to take a connection: rendezvous hashing, so all of one browser get the same one.

When a worker is away, its browsers are spread over the others, and those of the others stay where they are.
"""

from collections.abc import Iterable
from hashlib import blake2b


def by_rank(key: bytes, slots: Iterable[int]) -> list[int]:
    """Return these slots, the one for the key first, then those that stand in for it."""
    return sorted(slots, key=lambda slot: _weight(key, slot), reverse=True)


def _weight(key: bytes, slot: int) -> bytes:
    return blake2b(key, digest_size=8, salt=slot.to_bytes(8, "big")).digest()
