"""`Share`: one scarce thing, divided by one rule: no payer may have more than what is left.

One payer alone gets at most a half, two get a third each, N get 1/(N+1). So there is always room for the next payer,
without an eviction and without a search, and every bound shrinks by itself while the thing gets scarce.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Share(Generic[Key]):
    """Counts how much of a capacity is held, and by which payer. Any unit: bytes, links, threads."""

    __slots__ = ("_of", "capacity", "held", "least")

    def __init__(self, capacity: int, least: int) -> None:
        """`least` is what each payer may have in any case, as long as the capacity is not exhausted."""
        self.capacity = capacity
        self.least = least
        self.held = 0
        self._of: dict[Key, int] = {}

    def __len__(self) -> int:
        """Return how many payers hold something."""
        return len(self._of)

    @property
    def left(self) -> float:
        """The free part of the capacity, from 0 to 1."""
        return max(0.0, 1 - self.held / self.capacity) if self.capacity else 0.0

    def of(self, payer: Key) -> int:
        """Return how much a payer holds."""
        return self._of.get(payer, 0)

    def bound(self, payer: Key) -> int:
        """Return what a payer that takes in small steps can reach while the others hold what they do.

        It may be more than what is free: below `least` a payer does not have to give anything back.
        """
        others = self.held - self.of(payer)
        return max(self.least, (self.capacity - others) // 2)

    def may(self, payer: Key, amount: int) -> bool:
        """Tell whether a payer may take so much more."""
        left = self.capacity - self.held
        return amount <= left and self.of(payer) + amount <= max(self.least, left)

    def take(self, payer: Key, amount: int) -> bool:
        """Count that a payer holds so much more, whether or not it may. Return whether it may, as `may` does."""
        left = self.capacity - self.held
        self._of[payer] = of = self._of.get(payer, 0) + amount
        self.held += amount
        return amount <= left and (of <= left or of <= self.least)

    def give(self, payer: Key, amount: int) -> None:
        """Count that a payer holds so much less."""
        left = self._of.get(payer, 0) - amount
        if left:
            self._of[payer] = left
        else:
            self._of.pop(payer, None)
        self.held -= amount

    def by_size(self) -> list[tuple[Key, int]]:
        """Return every payer that holds something with how much it is, the largest first."""
        return sorted(self._of.items(), key=lambda item: item[1], reverse=True)
