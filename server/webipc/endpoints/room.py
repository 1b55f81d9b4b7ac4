"""Waits until there is room for what a link sends (docs/adr/0023). For a message: link/decoding.py."""

import asyncio
from typing import Final

from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.decoding import NoRoomError, held_of_all, paused

_LOOK_SECONDS: Final = 0.05

CROWDED_SECONDS: Final = 1.0
"""A link that has to wait may send one frame in this time."""


async def less_crowded(hub: Hub, connection: Connection, seconds: float) -> None:
    """Wait until there is room for what a link sends, or until it has ended.

    After a second one frame is taken all the same: it may bring the answer that a handler waits for, or an
    acknowledgement. Not while its payer holds far too much: then it raises NoRoomError after so many seconds.
    """
    holdings, began = connection.holdings, hub.loop.time()
    with paused(holdings):
        while holdings.is_crowded and not connection.ended:
            waited = hub.loop.time() - began
            if waited >= CROWDED_SECONDS and not holdings.purse.is_far_exceeded:
                return
            if waited >= seconds:
                raise NoRoomError(
                    f"no memory for what it sends within {seconds:g} s ({held_of_all(connection.around)})"
                )
            await asyncio.sleep(_LOOK_SECONDS)
            holdings.look_again()
