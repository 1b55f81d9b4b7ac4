"""The calls of a link by their ids: those that this side opened, and those that the peer opened (PROTOCOL.md 4, 4.2).
An id is settled once. Twin: js-client/src/core/calls.ts
"""

from typing import Any, Generic, TypeVar

from webipc.core.errors import CloseCode, LimitError, ProtocolError
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link import Side

T = TypeVar("T")


def _first_id(opener: Side) -> int:
    """RENDERER opens calls with odd ids, MAIN with even ones."""
    return 1 if opener is Side.RENDERER else 2


class Calls(Generic[T]):
    """The calls that this side opened and that wait for their answer; `T` is what belongs to each."""

    def __init__(self, side: Side, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        # In the order in which they were opened.
        self._records: dict[int, T] = {}
        # Grows by 2 with each call, so that ids are never used again.
        self._next = _first_id(side)

    def __len__(self) -> int:
        return len(self._records)

    def open(self, record: T) -> int:
        """Return the id of a new call; `LimitError` when `open_calls` wait already."""
        allowed = self._limits.open_calls
        if len(self) >= allowed:
            raise LimitError("open_calls", len(self) + 1, allowed)
        call_id = self._next
        self._next += 2
        self._records[call_id] = record
        return call_id

    def settle(self, call_id: int) -> T | None:
        """Close a call and return its record; None when it is not open: an answer to it is ignored."""
        return self._records.pop(call_id, None)

    def fail_all(self) -> list[tuple[int, T]]:
        """Close all calls and return them in the order in which they were opened."""
        records, self._records = self._records, {}
        return list(records.items())

    def snapshot(self) -> dict[str, Any]:
        """Return plain values, if the records are, for `restore`."""
        return {"next": self._next, "records": [[call_id, record] for call_id, record in self._records.items()]}

    @classmethod
    def restore(cls, side: Side, limits: Limits, snapshot: dict[str, Any]) -> "Calls[T]":
        """Return calls in the state of the snapshot."""
        calls = cls(side, limits)
        calls._next = snapshot["next"]
        calls._records.update((call_id, record) for call_id, record in snapshot["records"])
        return calls


class Answers:
    """The calls that the peer opened and that this side has not answered."""

    __slots__ = ("_last", "_limits", "_open")

    def __init__(self, side: Side, limits: Limits = DEFAULT_LIMITS) -> None:
        """`side` is ours: the peer's ids have the other parity."""
        self._limits = limits
        # A dict for its order, which a set lacks.
        self._open: dict[int, None] = {}
        # The highest id so far; one that is not higher was used before.
        self._last = _first_id(Side.RENDERER if side is Side.MAIN else Side.MAIN) - 2

    def __len__(self) -> int:
        return len(self._open)

    @property
    def open_ids(self) -> list[int]:
        """The ids of the open calls, in the order in which they were opened."""
        return list(self._open)

    def begin(self, call_id: int) -> None:
        """Note that the peer opened a call.

        Raises:
            ProtocolError: 4400 when the id is not one of the peer's or not larger than all earlier ones; 4413 when
                `open_calls` wait already.
        """
        if call_id <= self._last or (call_id - self._last) % 2:
            raise ProtocolError(f"the id of a call is beyond {self._last} and of the same parity; {call_id} came")
        if len(self._open) >= self._limits.open_calls:
            raise ProtocolError(f"at most {self._limits.open_calls} open calls", CloseCode.TOO_LARGE)
        self._last = call_id
        self._open[call_id] = None

    def finish(self, call_id: int) -> bool:
        """Close a call. Returns True exactly once for each id: the caller that gets it sends the answer."""
        # Of an open call this is None.
        if self._open.pop(call_id, False) is not None:
            return False
        if not self._open:
            # A dict that was emptied keeps its size, and most links are idle most of the time.
            self._open = {}
        return True

    def snapshot(self) -> dict[str, Any]:
        """Return plain values, for `restore`."""
        return {"last": self._last, "open": self.open_ids}

    @classmethod
    def restore(cls, side: Side, limits: Limits, snapshot: dict[str, Any]) -> "Answers":
        """Return answers in the state of the snapshot."""
        answers = cls(side, limits)
        answers._last = snapshot["last"]
        answers._open.update(dict.fromkeys(snapshot["open"]))
        return answers
