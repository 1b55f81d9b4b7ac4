"""What is due on a link by time alone: an acknowledgement, a heartbeat, the end of a silent socket, and the end of a
link that is without a socket for too long (PROTOCOL.md 7).

A link has no timer of its own: the sweeper of the hub calls `sweep` for each link in turn.
"""

import logging
from typing import TYPE_CHECKING

from webipc.core.errors import CloseCode

if TYPE_CHECKING:
    from webipc.link.connection import Connection

logger = logging.getLogger("webipc")


def sweep(connection: "Connection", patience: float) -> None:
    """Do what is due: acknowledge, send a heartbeat, close a silent socket, end a link in time (PROTOCOL.md 7).

    `patience` is the part of its time, from 0 to 1, that a link without a socket is given.
    """
    around = connection.around
    limits, now = around.limits, around.clock.now
    transport = connection.transport
    connection.holdings.sweep(transport.buffered if transport is not None and transport.blocked else 0)
    if connection.unpacking is not None or (connection.syncs_if_made is not None and connection.syncs_if_made.block):
        # Nothing is read while something is unpacked, and a blocked page is silent.
        connection.last_heard = connection.lost_at = now
    if connection.bye_last is not None and now >= connection.bye_deadline and connection.unpacking is None:
        missing = connection.bye_last - connection.link.received
        logger.warning("%r has gone; %d of its last messages did not arrive", connection.document, missing)
        around.owner.end(connection, "ended")
    elif connection.transport is None:
        grace = limits.grace_ms if connection.was_attached else limits.unattached_grace_ms
        if now - connection.lost_at >= grace * patience / 1000:
            around.owner.end(connection, "ended")
    elif now - connection.last_heard >= limits.silence_ms / 1000:
        transport = connection.transport
        connection.lost(transport)
        transport.close(CloseCode.GOING_AWAY, "nothing heard for too long")
    elif _beat_due(connection, now):
        connection.owes_frame = True
        around.flusher.wake(connection)


def _beat_due(connection: "Connection", now: float) -> bool:
    limits = connection.around.limits
    if connection.around.loop.time() - connection.last_sent >= limits.heartbeat_ms / 1000:
        return True
    return connection.owes_since is not None and now - connection.owes_since >= limits.ack_ms / 1000
