"""`Batch`: what the values of one frame take while calls that it has brought wait.

A call that ends in the turn in which it began costs nothing, and most do. The first that waits charges the values of
the whole frame, because one value may be the whole of it; the last that ends gives them back. It is a count, so that
127 short calls cannot hide a long one.
"""

from typing import Final

from webipc.budget.sizes import MOST_PER_BYTE, SMALL_TEXT, counted
from webipc.core.frame.data import Data, json_of
from webipc.link.holdings import Holdings

CALL_BYTES: Final = 1_500
"""What a call that waits takes besides its values: its coroutine, its task and its context."""


class Batch:
    """The values of one frame, or of one message in parts."""

    __slots__ = ("_cost", "_data", "_holdings", "_messages", "_open")

    def __init__(self, holdings: Holdings, messages: int) -> None:
        """What the values were decoded from, `holdings.data`, is kept until the first call waits."""
        self._holdings = holdings
        self._data: Data | None = holdings.data
        self._messages = messages
        self._cost = 0
        # How many calls wait.
        self._open = 0

    def open(self) -> None:
        """Note that a call waits."""
        if not self._open:
            if self._data is not None:
                self._cost = CALL_BYTES * self._messages + _cost_of(self._data)
                self._data = None
            self._holdings.hold(self._cost)
        self._open += 1

    def close(self) -> None:
        """Note that a call which waited has ended."""
        self._open -= 1
        if not self._open:
            self._holdings.release(self._cost)


def _cost_of(data: Data) -> int:
    if len(data) <= SMALL_TEXT:
        return MOST_PER_BYTE * len(data)
    text = json_of(data)
    # What is not JSON are segments, which take what they have.
    return counted(text) + (0 if isinstance(data, str) else len(data) - len(text))
