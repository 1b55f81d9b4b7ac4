"""Waits until there is memory for something that has arrived or is arriving (docs/adr/0023)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from webipc.budget.sizes import in_words
from webipc.hub.hub import Hub
from webipc.link.connection import Connection

_LOOK_SECONDS: Final = 0.05

ROOM_SECONDS: Final = 30.0
"""How long a message waits for memory."""

CROWDED_SECONDS: Final = 1.0
"""A link that has to wait may send one frame in this time."""


class NoRoomError(Exception):
    """There was no room in time. The text says for what."""


async def less_crowded(hub: Hub, connection: Connection, seconds: float) -> None:
    """Wait until there is room for what a link sends, or until it has ended.

    After a second one frame is taken all the same: it may bring the answer that a handler waits for, or an
    acknowledgement. Not while its payer holds far too much: then it raises NoRoomError after so many seconds.
    """
    holdings, began = connection.holdings, hub.loop.time()
    with _paused(connection):
        while holdings.is_crowded and not connection.ended:
            waited = hub.loop.time() - began
            if waited >= CROWDED_SECONDS and not holdings.purse.is_far_exceeded:
                return
            if waited >= seconds:
                raise NoRoomError(f"no memory for what it sends within {seconds:g} s ({_held(hub)})")
            await asyncio.sleep(_LOOK_SECONDS)
            holdings.look_again()


async def room_for(hub: Hub, connection: Connection, size: int, seconds: float) -> None:
    """Wait until the payer of a link may have so many bytes more, or until the link has ended.

    Raises NoRoomError after so many seconds.
    """
    until = hub.loop.time() + seconds
    with _paused(connection):
        while not connection.ended and not connection.holdings.purse.may(size):
            if hub.loop.time() >= until:
                text = f"no memory for a message of about {in_words(size)} within {seconds:g} s ({_held(hub)})"
                raise NoRoomError(text)
            await asyncio.sleep(_LOOK_SECONDS)


@contextmanager
def _paused(connection: Connection) -> Iterator[None]:
    """Count the link as one that waits, for `IpcMain.stats`."""
    connection.holdings.paused += 1
    try:
        yield
    finally:
        connection.holdings.paused -= 1


def _held(hub: Hub) -> str:
    return f"{in_words(hub.account.held)} of {in_words(hub.account.limit)} are held"
