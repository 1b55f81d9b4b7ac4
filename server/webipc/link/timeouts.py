"""What is due on a link by time alone: an acknowledgement, a heartbeat, the end of a silent socket, another ask who its
user is, and the end of a link that is without a socket for too long (PROTOCOL.md 7).

A link has no timer of its own: the sweeper of the hub calls `sweep` for each link when something may be due.
"""

from typing import TYPE_CHECKING, Final

from webipc.core.errors import CloseCode
from webipc.link.life import Silence, Verdict, grace_of, judge
from webipc.link.transport import Transport

if TYPE_CHECKING:
    from webipc.link.connection import Connection


# The least part of its time that a link without a socket is given while links or memory are scarce: 5 of 60 seconds.
LEAST_PATIENCE: Final = 1 / 12

ASKED_AGAIN: Final = 0.0
"""As the time at which the page is to be asked again: it has been, and did not come yet."""

# What `sweep` returns for the next sweep.
_AT_ONCE: Final = 0.0


def sweep(connection: "Connection", patience: float) -> float:
    """Do what is due: acknowledge, send a heartbeat, close a silent socket, end a link in time (PROTOCOL.md 7).

    `patience` is the part of its time, from 0 to 1, that a link without a socket is given. Returns when to look at the
    link again, by the event loop's clock: something may be due then.
    """
    around = connection.around
    now, transport = around.clock.now, connection.transport
    buffered = transport.buffered if transport is not None and transport.blocked else 0
    has_to_give = connection.holdings.sweep(buffered)
    is_expected = _is_silence_expected(connection, transport)
    if is_expected:
        connection.last_heard = connection.lost_at = now
    bye_deadline = connection.bye_deadline
    if bye_deadline is not None and now >= bye_deadline and connection.unpacking is None:
        around.owner.end(connection, "ended")
        return _AT_ONCE
    if transport is None:
        due = _look_at_grace(connection, patience)
    else:
        due = _look_at_socket(connection, transport, is_expected=is_expected)
    owes = connection.owes_since is not None or bye_deadline is not None
    return _AT_ONCE if owes or has_to_give or is_expected else due


def ask_again(connection: "Connection") -> None:
    """Have the page come again, so that it is asked who its user is now: close its socket with 4411.

    Until then its link is kept, for less time than one whose socket is lost. Nothing more of the socket is received.
    What has arrived runs on, and a synchronous request still waits for its answer.
    """
    before = _grace_of(connection)
    connection.ask_due = ASKED_AGAIN
    transport = connection.transport
    if transport is not None:
        connection.lost(transport)
        transport.close(CloseCode.ASK_AGAIN, "the server asks who the user of this page is now")
        return
    # One that is away already has as much time from now on, but no more than it had before.
    now = connection.around.clock.now
    connection.lost_at = max(connection.lost_at, min(now, connection.lost_at + before - _grace_of(connection)))
    connection.look_soon()


def _grace_of(connection: "Connection") -> float:
    limits = connection.around.limits
    is_asked_again = connection.ask_due == ASKED_AGAIN
    return grace_of(limits, was_attached=connection.was_attached, is_asked_again=is_asked_again)


def _look_at_grace(connection: "Connection", patience: float) -> float:
    around, grace = connection.around, _grace_of(connection)
    away = around.clock.now - connection.lost_at
    if away >= grace * patience:
        around.owner.end(connection, "unknown-link")
        return _AT_ONCE
    # It may be given less time from one moment to the next.
    return around.loop.time() + min(grace * patience - away, grace * LEAST_PATIENCE)


def _look_at_socket(connection: "Connection", transport: Transport, *, is_expected: bool) -> float:
    around = connection.around
    limits, now, time, link = around.limits, around.clock.now, around.loop.time(), connection.link
    if time >= connection.ask_due:
        ask_again(connection)
        return _AT_ONCE
    heartbeat = limits.heartbeat_ms / 1000
    beat_is_due = time - connection.last_sent >= heartbeat
    silent = now - max(connection.last_heard, transport.heard)
    health = transport.health if transport.hears_bytes else None
    silence = Silence(silent, now - connection.asked_at, beat_is_due, is_expected, link.next > link.first, health)
    verdict = judge(silence, limits)
    if verdict is Verdict.DROP:
        connection.lost(transport)
        transport.close(CloseCode.GOING_AWAY, "nothing heard for too long")
        return _AT_ONCE
    if verdict is Verdict.PING:
        transport.ping()
    if beat_is_due or verdict is Verdict.PING:
        connection.asked_at = now
    if beat_is_due or _is_ack_due(connection, now):
        connection.owes_frame = True
        # Not by the flusher: nothing else is posted to these links now.
        connection.flush()
    beat_due = (time if beat_is_due else connection.last_sent) + heartbeat
    return min(beat_due, time + limits.silence_ms / 1000 - silent, connection.ask_due)


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
