"""`Line`: a number of places, and who waits for one: in the order of arrival of each payer, and each payer in turn.

Both the places and the line are divided as everything scarce is (budget/share.py): no payer has more than what is left.
"""

import asyncio
from collections.abc import Hashable
from typing import Final

from webipc.budget.share import Share

PLACES: Final = 64
LEAST_PLACES: Final = 2
WAITING: Final = 1_000
"""So many wait for a place at most, of all payers."""
LEAST_WAITING: Final = 16


class FullError(Exception):
    """The line is as long as it may be."""


class Line:
    """Places, and a line for them. All methods belong to the event loop's thread."""

    __slots__ = ("_loop", "_places", "_rows", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, places: int = PLACES, waiting: int = WAITING) -> None:
        """`places` may be taken at once, and so many may be `waiting` for one."""
        self._loop = loop
        self._places: Share[Hashable] = Share(places, LEAST_PLACES)
        self._waiting: Share[Hashable] = Share(waiting, LEAST_WAITING)
        # What waits, by payer; in the order in which payers are served next.
        self._rows: dict[Hashable, dict[asyncio.Future[None], None]] = {}

    @property
    def taken(self) -> int:
        """How many places are taken."""
        return self._places.held

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._waiting.held

    async def enter(self, payer: Hashable) -> None:
        """Take a place, now or when the payer's turn comes. Raises FullError where too many wait already.

        When it is cancelled while it waits, it leaves the line. A place that was taken is given back by `leave`.
        """
        if payer not in self._rows and self._places.may(payer, 1):
            self._places.take(payer, 1)
            return
        if not self._waiting.may(payer, 1):
            raise FullError
        turn = self._loop.create_future()
        self._rows.setdefault(payer, {})[turn] = None
        self._waiting.take(payer, 1)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._step_out(payer, turn)
            else:
                # The place was given in this turn of the event loop.
                self.leave(payer)
            raise

    def leave(self, payer: Hashable) -> None:
        """Give a place of this payer back, and let in who has the next turn."""
        self._places.give(payer, 1)
        while (following := self._next()) is not None:
            # It goes behind the other payers.
            row = self._rows.pop(following)
            turn = next(iter(row))
            self._rows[following] = row
            self._step_out(following, turn)
            self._places.take(following, 1)
            turn.set_result(None)

    def _next(self) -> Hashable | None:
        if self._places.held >= self._places.capacity:
            return None
        # A payer that may not has two places at least, so few are passed over.
        return next((payer for payer in self._rows if self._places.may(payer, 1)), None)

    def _step_out(self, payer: Hashable, turn: "asyncio.Future[None]") -> None:
        row = self._rows[payer]
        del row[turn]
        if not row:
            del self._rows[payer]
        self._waiting.give(payer, 1)
