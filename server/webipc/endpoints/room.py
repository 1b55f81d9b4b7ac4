"""Waits until there is memory for something that has arrived or is arriving (docs/adr/0023)."""

import asyncio
from typing import Final

from webipc.budget.sizes import in_words
from webipc.hub.hub import Hub
from webipc.link.connection import Connection

_LOOK_SECONDS: Final = 0.05

CROWDED_SECONDS: Final = 1.0
"""A link that has to wait may send one frame in this time."""


class NoRoomError(Exception):
    """There was no room in time. The text says for what."""


async def less_crowded(hub: Hub, connection: Connection) -> None:
    """Wait until there is room for what a link sends, or until it has ended, a second at most.

    Then one frame is taken all the same: it may bring the answer that a handler waits for, or an acknowledgement.
    """
    until = hub.loop.time() + CROWDED_SECONDS
    while connection.holdings.is_crowded and not connection.ended and hub.loop.time() < until:
        await asyncio.sleep(_LOOK_SECONDS)
        connection.holdings.look_again()


async def room_for(hub: Hub, connection: Connection, size: int, seconds: float) -> None:
    """Wait until the payer of a link may have so many bytes more, or until the link has ended.

    Raises NoRoomError after so many seconds.
    """
    until = hub.loop.time() + seconds
    while not connection.ended and not connection.holdings.purse.may(size):
        if hub.loop.time() >= until:
            held = f"{in_words(hub.account.held)} of {in_words(hub.account.limit)} are held"
            raise NoRoomError(f"no memory for a message of about {in_words(size)} within {seconds:g} s ({held})")
        await asyncio.sleep(_LOOK_SECONDS)
