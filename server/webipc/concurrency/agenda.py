"""`Agenda`: what is to be looked at, by the time at which it is due.

Rows of keys, one row for each step of time. To look at everything at each step would cost an idle process more than all
that it does. A key is in several rows if it was planned again: its owner remembers the number of the row that counts.
Reasons and figures: docs/adr/0037-only-what-is-due-is-looked-at.md
"""

import math
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

NEVER: Final = 1 << 62
"""The number of no row."""


class Agenda(Generic[Key]):
    """Keys by the time at which they are due, in steps. It keeps no key longer than to that time."""

    __slots__ = ("_rows", "_step", "next")

    def __init__(self, step: float, now: float) -> None:
        """`step` is how many seconds a row stands for; `now` is the time, in seconds."""
        self._step = step
        self._rows: dict[int, list[Key]] = {}
        # The number of the first row that was not taken. An attribute: who is in this row need not be planned again.
        self.next = math.floor(now / step) + 1

    def __len__(self) -> int:
        """Return how many entries there are, those that do not count any more included."""
        return sum(map(len, self._rows.values()))

    def plan(self, key: Key, due: float) -> int:
        """Put a key into the row of this time, or into the next one if that is over. Return the number of the row."""
        number = max(self.next, math.ceil(due / self._step))
        row = self._rows.get(number)
        if row is None:
            self._rows[number] = [key]
        else:
            row.append(key)
        return number

    def plan_next(self, key: Key) -> int:
        """Put a key into the row that is taken next."""
        return self.plan(key, 0.0)

    def take(self, now: float) -> list[tuple[int, list[Key]]]:
        """Remove the rows up to this time, and return each with its number, in the order of time."""
        last = math.floor(now / self._step)
        if last < self.next:
            return []
        numbers = range(self.next, last + 1)
        if len(numbers) > len(self._rows):
            # Behind a standstill.
            due = sorted(number for number in self._rows if number <= last)
        else:
            due = [number for number in numbers if number in self._rows]
        self.next = last + 1
        return [(number, self._rows.pop(number)) for number in due]
