"""How large the pieces of a large message are, and how much may be under way, by what the network carries (PROTOCOL.md
4.3).

A piece is what the network carries in `ack_ms`, a second: so a slow network gets whole frames through, and a lost
socket repeats little. Only acknowledgements are measured, because they alone say that something has arrived.
Twin: js-client/src/core/link/pace.ts
"""

from typing import Final

from webipc.core.limits import Limits

FIRST_PIECE: Final = 67_584
"""64 KiB of bytes and the message around them: the size at first, and the most behind a lost socket."""
LEAST_PIECE: Final = 16_896
"""Smaller pieces would gain little, and each has a frame of its own."""

LEAST_WINDOW: Final = 131_072


class Pace:
    """The pace of a `Link`, which counts what it sends and what is acknowledged. Its owner measures.

    A message is cut by `piece`, and sent while less than `window` is under way. A base class of the link and not an
    object inside it: an idle link costs its memory, and a frame each lookup.
    """

    __slots__ = ("_least", "_limits", "acked", "piece", "since", "under_way", "window")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # The bytes of frames that the attached socket got and that are not acknowledged. A guide: messages are a little
        # smaller than frames, and are what is taken off.
        self.under_way = 0
        # The bytes that were acknowledged since `since`.
        self.acked = 0
        # Since when acknowledgements are measured, in milliseconds; 0 while too little is under way for that.
        self.since: float = 0
        self._least = LEAST_PIECE
        self._cut_by(FIRST_PIECE)

    def keep_whole(self) -> None:
        """For MAIN: cut only what no frame holds, for a page that need not join parts of less (PROTOCOL.md 12)."""
        self._least = self._limits.part_bytes
        self._cut_by(self._least)

    def measure(self, now: float) -> None:
        """Look at what is under way, after something was sent or acknowledged. `now` is in milliseconds, and not 0.

        The rate is taken over once a piece has been acknowledged: at once where it is higher, though the piece is at
        most doubled, and by half where it is lower. It is measured only while a piece or more is under way: otherwise
        the rate would be that of the application. Where less is left at the end, the last acknowledgement may have
        waited for its time, so that the rate is only known not to be lower.
        """
        piece = self.piece
        if self.since and self.acked >= piece:
            # A clock may tell no time between two acknowledgements.
            rate = min(self.acked * self._limits.ack_ms / (now - self.since or 1), 2 * piece)
            least = piece if self.under_way < piece else (piece + rate) / 2
            self._cut_by(int(max(rate, least)))
            self.since = 0
        if self.under_way < self.piece:
            self.since = 0
        elif not self.since:
            self.since, self.acked = now, 0

    def reset_pace(self) -> None:
        """Note that the socket is lost: nothing is under way, and the network of the next one may be slower."""
        self.since = self.under_way = 0
        self._cut_by(min(self.piece, FIRST_PIECE))

    def _cut_by(self, piece: int) -> None:
        self.piece = piece = min(max(piece, self._least), self._limits.part_bytes)
        # What is under way is repeated when the socket is lost, and what is sent next waits behind it, a probe too.
        self.window = max(8 * piece, LEAST_WINDOW)
