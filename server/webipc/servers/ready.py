"""`Ready`: which of the sockets that have something is split and read next, and for how long.

Sockets are served in turn, by payer, in one callback of the event loop at a time. A payer that used more than its turn
passes over the next ones while others wait. So what one client sends makes another wait for a bounded time.
Reasons and costs: docs/adr/0021-sockets-are-read-in-turn.md
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Final, Protocol

from webipc.concurrency.ring import Ring

TURN_SECONDS: Final = 0.002
"""How long sockets are served before other callbacks of the event loop run."""
SOCKET_SECONDS: Final = 0.0005
"""How long one socket is served while others wait. A message that has begun is not interrupted."""
DEBT_SECONDS: Final = 2 * SOCKET_SECONDS
"""A payer that used so much at once owes the next turn."""


class ReadySocket(Protocol):
    """A socket, as `Ready` sees it."""

    # Whose turns it uses: equal ones share them. Today an address; any hashable value.
    turns_of: Hashable

    def receive(self, data: bytes) -> None:
        """Split these bytes, and let the reader have the messages."""

    def advance(self) -> None:
        """Continue with what waits. Call `Ready.put` again where something is left."""


class Ready:
    """The sockets of one event loop that have something."""

    __slots__ = ("_clock", "_has_reader", "_is_planned", "_loop", "_ring", "_socket_began", "_turn_began", "is_quiet")

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.perf_counter) -> None:
        """`clock` returns the time in seconds."""
        self._loop = loop
        self._clock = clock
        self._ring: Ring[Hashable, ReadySocket] = Ring()
        # Sockets wait, or a payer owes turns. Then `_work` is called in the next turn of the event loop.
        self._is_planned = False
        self._has_reader = True
        # Whether a socket may be served at once: nothing waits, and no payer owes a turn.
        self.is_quiet = True
        # When the turn of the socket that is served has begun, and when that of all sockets.
        self._socket_began = self._turn_began = 0.0

    @property
    def has_reader(self) -> bool:
        """Whether messages can be read now. The reader sets it to False, and back to True in a later turn."""
        return self._has_reader

    @has_reader.setter
    def has_reader(self, has_reader: bool) -> None:
        self._has_reader = has_reader
        self.is_quiet = has_reader and not self._is_planned

    @property
    def is_over(self) -> bool:
        """Whether the socket that is served has had its time. Ask between two messages."""
        now = self._clock()
        has_had_its_share = now - self._socket_began >= SOCKET_SECONDS
        return now - self._turn_began >= TURN_SECONDS or (has_had_its_share and bool(self._ring))

    def serve(self, socket: ReadySocket, data: bytes) -> None:
        """Let a socket receive bytes at once. Only while this `is_quiet`."""
        began = self._turn_began = self._socket_began = self._clock()
        socket.receive(data)
        if self._clock() - began >= DEBT_SECONDS:
            self._charge(socket.turns_of, began)

    def put(self, socket: ReadySocket) -> None:
        """Let `advance` of this socket be called when it is its turn. At most once until that call."""
        self._ring.put(socket.turns_of, socket)
        self._plan()

    def _plan(self) -> None:
        if not self._is_planned:
            self._is_planned = True
            self.is_quiet = False
            self._loop.call_soon(self._work)

    def _work(self) -> None:
        """Serve sockets in turn until the time is over."""
        now = self._turn_began = self._clock()
        try:
            while self._has_reader and now - self._turn_began < TURN_SECONDS:
                if (taken := self._ring.take()) is None:
                    break
                payer, socket = taken
                self._socket_began = now
                socket.advance()
                now = self._charge(payer, now)
        finally:
            self._is_planned = False
            self.is_quiet = self._has_reader
            if self._ring:
                self._plan()

    def _charge(self, payer: Hashable, began: float) -> float:
        """Let a payer owe the time beyond its turn, which began then. Returns the time now."""
        now = self._clock()
        if now - began >= DEBT_SECONDS:
            self._ring.owe(payer, int((now - began) / SOCKET_SECONDS) - 1)
            # It ends the debts where nothing waits.
            self._plan()
        return now
