"""What is due on a link by time alone: an acknowledgement, a heartbeat, the end of a silent socket, and the end of a
link that is without a socket for too long (PROTOCOL.md 7).

A link has no timer of its own: the sweeper of the hub calls `sweep` for each link in turn.
"""

from typing import TYPE_CHECKING

from webipc.core.errors import CloseCode
from webipc.link.life import Silence, Verdict, is_over, judge
from webipc.link.transport import Transport

if TYPE_CHECKING:
    from webipc.link.connection import Connection


def sweep(connection: "Connection", patience: float) -> None:
    """Do what is due: acknowledge, send a heartbeat, close a silent socket, end a link in time (PROTOCOL.md 7).

    `patience` is the part of its time, from 0 to 1, that a link without a socket is given.
    """
    around = connection.around
    limits, now = around.limits, around.clock.now
    transport = connection.transport
    connection.holdings.sweep(transport.buffered if transport is not None and transport.blocked else 0)
    is_expected = _is_silence_expected(connection, transport)
    if is_expected:
        connection.last_heard = connection.lost_at = now
    bye_deadline = connection.bye_deadline
    if bye_deadline is not None and now >= bye_deadline and connection.unpacking is None:
        around.owner.end(connection, "ended")
    elif transport is None:
        if is_over(now - connection.lost_at, patience, limits, was_attached=connection.was_attached):
            around.owner.end(connection, "unknown-link")
    else:
        _look_at_socket(connection, transport, is_expected=is_expected)


def _look_at_socket(connection: "Connection", transport: Transport, *, is_expected: bool) -> None:
    around = connection.around
    now, link = around.clock.now, connection.link
    beat_is_due = around.loop.time() - connection.last_sent >= around.limits.heartbeat_ms / 1000
    silence = Silence(
        silent=now - max(connection.last_heard, transport.heard),
        asked=now - connection.asked_at,
        beat_is_due=beat_is_due,
        is_expected=is_expected,
        has_unread=link.next > link.first,
        health=transport.health if transport.hears_bytes else None,
    )
    verdict = judge(silence, around.limits)
    if verdict is Verdict.DROP:
        connection.lost(transport)
        transport.close(CloseCode.GOING_AWAY, "nothing heard for too long")
        return
    if verdict is Verdict.PING:
        transport.ping()
    if beat_is_due or verdict is Verdict.PING:
        connection.asked_at = now
    if beat_is_due or _is_ack_due(connection, now):
        connection.owes_frame = True
        around.flusher.wake(connection)


def _is_silence_expected(connection: "Connection", transport: Transport | None) -> bool:
    """Return whether a page is blocked in `sendSync`, or what it sends is not read at the moment.

    A frame waits until what has come before it is decoded, and while there is no memory for it.
    """
    syncs = connection.syncs_if_made
    is_read = connection.unpacking is None and not connection.holdings.paused
    is_blocked = syncs is not None and syncs.block
    return is_blocked or not is_read or (transport is not None and transport.is_paused)


def _is_ack_due(connection: "Connection", now: float) -> bool:
    since = connection.owes_since
    return since is not None and now - since >= connection.around.limits.ack_ms / 1000
