"""`BodyBounds`: what one body may hold while it is read (docs/adr/0023 and 0026).

A place among the bodies that are being read, and bytes of the account of its link, in steps.
"""

from collections.abc import Callable
from typing import Final

from webipc.access.payers import payer_of
from webipc.access.visitor import Visitor
from webipc.concurrency.clock import Clock
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.decoding import NoRoomError, room_for

STEP_BYTES: Final = 65_536
ROOM_SECONDS: Final = 5.0
"""How long a body waits for memory. Then the page may ask again."""


class BodyBounds:
    """The bounds of one body. To be released when the body was read."""

    __slots__ = ("_charged", "_has_place", "_hub_here", "_payer", "connection")

    def __init__(self, hub_here: Callable[[], Hub], visitor: Visitor) -> None:
        """`hub_here` returns the hub of the running event loop."""
        self._hub_here = hub_here
        self._payer = payer_of(visitor)
        self._has_place = False
        # The link of the body. Nothing is charged before its `hello`, which is small.
        self.connection: Connection | None = None
        self._charged = 0

    @property
    def clock(self) -> Clock:
        """The clock of the hub."""
        return self._hub_here().clock

    def waits(self) -> None:
        """Take a place among the bodies that are being read. Raises NoRoomError.

        A body that is there as soon as it is asked for needs none: the last words of a page are not refused because of
        others that arrive slowly.
        """
        if self._has_place:
            return
        share = self._hub_here().bodies
        if not share.may(self._payer, 1):
            mine = share.of(self._payer)
            raise NoRoomError(f"{share.held} bodies are being read, {mine} of them from {self._payer}")
        share.take(self._payer, 1)
        self._has_place = True

    async def holds(self, size: int) -> None:
        """Charge this much in all. Raises NoRoomError where there is no memory in time."""
        connection = self.connection
        if connection is None:
            return
        wanted = -(-size // STEP_BYTES) * STEP_BYTES
        if wanted > self._charged:
            await room_for(connection.around, connection.holdings, wanted - self._charged, ROOM_SECONDS)
            connection.holdings.purse.take(wanted - self._charged)
        elif wanted < self._charged:
            connection.holdings.purse.give(self._charged - wanted)
        self._charged = wanted

    def release(self) -> None:
        """Give everything back."""
        if self._has_place:
            self._has_place = False
            self._hub_here().bodies.give(self._payer, 1)
        if self.connection is not None and self._charged:
            self.connection.holdings.purse.give(self._charged)
            self._charged = 0
