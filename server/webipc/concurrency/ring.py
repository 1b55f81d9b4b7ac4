"""`Ring`: which of many waiting items is served next. One row of items for each key, and the rows in turn.

A key that has used more than its turn is passed over for as many turns, while others wait. Makes no call and reads no
clock: what a turn is, its user decides. With n rows, taking an item is at most 2n steps, and nearly always one.
"""

from collections import deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")

# Debts are looked through, and those that are paid forgotten, when there are more than this.
_LEAST_LOOK: Final = 64


class Ring(Generic[Key, Item]):
    """Items that wait, by key. False while none waits."""

    __slots__ = ("_debts", "_left", "_look_at", "_order", "_round", "_rows")

    def __init__(self) -> None:
        self._rows: dict[Key, deque[Item]] = {}
        # The keys of the rows, in the order of their turns.
        self._order: deque[Key] = deque()
        # In one round every row has one turn. How many rounds there were, and how many turns are left of this one.
        self._round = 0
        self._left = 0
        # The round in which a key has its next turn; also for keys that have no row now.
        self._debts: dict[Key, int] = {}
        self._look_at = _LEAST_LOOK

    def __bool__(self) -> bool:
        return bool(self._order)

    def put(self, key: Key, item: Item) -> None:
        """Put an item at the end of the row of its key."""
        row = self._rows.get(key)
        if row is None:
            self._rows[key] = deque((item,))
            self._order.append(key)
        else:
            row.append(item)

    def owe(self, key: Key, turns: int) -> None:
        """Let a key pass as many of its turns as others wait in. The debt ends when nothing waits any more."""
        if turns > 0:
            if len(self._debts) >= self._look_at:
                self._debts = {debtor: until for debtor, until in self._debts.items() if until > self._round}
                self._look_at = max(_LEAST_LOOK, 2 * len(self._debts))
            self._debts[key] = max(self._debts.get(key, 0), self._round + 1) + turns

    def owes(self, key: Key) -> bool:
        """Return whether this key is passed over while others wait."""
        return bool(self._debts) and self._debts.get(key, 0) > self._round

    def take(self) -> tuple[Key, Item] | None:
        """Remove the next item, and return it with its key; None when nothing waits, which ends all debts."""
        order = self._order
        if not order:
            self._debts.clear()
            return None
        if len(order) == 1:
            # There are no others to pay.
            self._debts.pop(order[0], None)
        for _ in range(len(order)):
            key = self._next_key()
            if not self.owes(key):
                return key, self._take_of(key)
            order.append(key)
        # Every row owes: go to the round in which the first is free.
        self._round = min(self._debts[key] for key in order)
        return self.take()

    def _next_key(self) -> Key:
        # Rows that have ended since the round began have no turn any more.
        self._left = min(self._left, len(self._order))
        if not self._left:
            self._round += 1
            self._left = len(self._order)
        self._left -= 1
        return self._order.popleft()

    def _take_of(self, key: Key) -> Item:
        row = self._rows[key]
        item = row.popleft()
        if row:
            self._order.append(key)
        else:
            del self._rows[key]
        return item
