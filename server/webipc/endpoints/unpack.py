"""Decodes what is large in a helper thread, one thing at a time, and dispatches it in its place (docs/adr/0027).

While something of a link is decoded, its `unpacking` is a future, and every way in waits for it: a parcel is
acknowledged before it is decoded, so a newer socket or a request may be about to bring what comes behind it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from webipc.access.caller import Caller
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import Frame, decode_frame
from webipc.core.link.large import LARGE_TEXT, Arrived, Whole, large_text, unpacked
from webipc.endpoints.room import less_crowded
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.decoding import ROOM_SECONDS, NoRoomError, decoded, free_in_helper

logger = logging.getLogger("webipc")

Failed = Callable[[ProtocolError], None]


def must_wait(connection: Connection, data: str | bytes | memoryview) -> bool:
    """Tell whether a frame is for `frame_of`: it is large, something before it is not dispatched yet, or its link has
    to wait because too much of what it has sent is held.
    """
    holdings = connection.holdings
    # Asked for every frame: as `holdings.is_crowded`, and `large_text` only where it may find something.
    if connection.unpacking is not None or holdings.is_full or holdings.purse.payer.is_crowded:
        return True
    return len(data) > LARGE_TEXT and large_text(data) is not None


async def frame_of(
    hub: Hub, connection: Connection, data: str | bytes | memoryview, seconds: float = ROOM_SECONDS
) -> tuple[Frame, bool]:
    """Wait until what arrived before is dispatched; then return a frame, and whether its text is large.

    A large one is decoded in the helper thread. The caller passes the frame on before it waits for anything else: until
    then nothing can come between. Raises ProtocolError, and NoRoomError after so many seconds without memory for it.
    """
    if connection.holdings.is_crowded:
        await less_crowded(hub, connection, seconds)
    while connection.unpacking is not None:
        await dispatched(connection.unpacking)
    text = large_text(data)
    if text is None:
        return decode_frame(data, hub.limits, connection.link.load), False
    connection.unpacking = hub.loop.create_future()
    try:
        decode = partial(decode_frame, data, hub.limits, connection.link.load)
        return await decoded(connection.around, connection.holdings, [text], decode, seconds), True
    finally:
        _over(connection, None)


def unpack(
    hub: Hub, connection: Connection, arrived: Sequence[Arrived], caller: Caller, failed: Failed
) -> "asyncio.Future[ProtocolError | None]":
    """Decode messages that the link has received by `caller`, and dispatch them, in the current context.

    It does not end with the caller's task: what was received is acknowledged. If one is wrong, `failed` has to end the
    link. Returns a future of that error, which never fails.
    """
    future = connection.unpacking = hub.loop.create_future()
    task = hub.loop.create_task(_unpack(hub, connection, arrived, caller, failed))
    hub.tasks.add(task)
    task.add_done_callback(hub.tasks.discard)
    return future


async def dispatched(unpacking: "asyncio.Future[ProtocolError | None]") -> ProtocolError | None:
    """Wait for `unpacking` of a link. A caller that is cancelled does not cancel it for the others."""
    await asyncio.wait([unpacking])
    return unpacking.result()


async def _unpack(hub: Hub, connection: Connection, arrived: Sequence[Arrived], caller: Caller, failed: Failed) -> None:
    error: ProtocolError | None = None
    try:
        await _decode_and_dispatch(hub, connection, arrived, caller)
    except ProtocolError as wrong:
        error = wrong
        if not connection.ended:
            failed(wrong)
    except NoRoomError as full:
        logger.warning("%r: %s: its link is reset, overflow", connection.document, full)
        connection.reset("overflow", CloseCode.OVERFLOW)
    except Exception:
        logger.exception("A message of %r could not be decoded: its link is ended", connection.document)
        connection.reset("ended", CloseCode.INTERNAL_ERROR)
    finally:
        _over(connection, error)


async def _decode_and_dispatch(hub: Hub, connection: Connection, arrived: Sequence[Arrived], caller: Caller) -> None:
    texts = [text for each in arrived if isinstance(each, Whole) and (text := large_text(each.parcel)) is not None]
    around, holdings = connection.around, connection.holdings
    work = partial(unpacked, arrived, hub.limits, connection.link.load, connection.has_consumer)
    envelopes, error = await decoded(around, holdings, texts, work, ROOM_SECONDS)
    if connection.ended:
        free_in_helper(around, holdings, envelopes)
        return
    for each in arrived:
        if isinstance(each, Whole):
            connection.holdings.data = each.parcel
    around.dispatch(connection, envelopes, caller)
    connection.holdings.data = ""
    if error is not None:
        raise error


def _over(connection: Connection, error: ProtocolError | None) -> None:
    """Let what waits for `unpacking` continue, in the next turn of the event loop."""
    unpacking, connection.unpacking = connection.unpacking, None
    if unpacking is not None:
        unpacking.set_result(error)
    connection.jobs.start()
    connection.end_after_bye()
