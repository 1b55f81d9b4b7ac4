"""Who is doubted when: what a server makes of a silent socket, and of a link that has none (PROTOCOL.md 7).

Facts and the time in, a verdict out: nothing is sent, looked up or stored here. `timeouts.py` collects the facts and
does what the verdict says. Reasons and figures: docs/adr/0033-a-connection-that-is-alive-is-kept.md
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final, NamedTuple, Protocol

from webipc.core.limits import Limits

UNANSWERED: Final = 3
"""A peer that has not answered so many packets in a row, and nothing for `probe_ms`, is gone."""


class Verdict(Enum):
    """What to do with a socket."""

    KEEP = auto()
    PING = auto()
    """Keep it, and ask for a sign of life."""
    DROP = auto()


class Health(Protocol):
    """What the network knows of a peer: `TcpHealth` of servers/tcp.py."""

    @property
    def unanswered(self) -> int:
        """How many packets in a row the peer has not answered."""

    @property
    def silent(self) -> float:
        """How many seconds ago the last answer came."""


class Silence(NamedTuple):
    """A socket that carries a link, as the server sees it. Times are in seconds, by the clock of the hub."""

    silent: float
    """Since the last sign of life: any byte where the server tells of bytes, else a whole frame; or the body of a
    request."""
    asked: float
    """Since the server has last asked for one, by a ping or by a heartbeat, which the page answers."""
    beat_is_due: bool
    """A heartbeat leaves now."""
    is_expected: bool
    """The page is blocked in `sendSync`, or the server itself does not read what it sends."""
    has_unread: bool
    """The page has not acknowledged all that was sent on this socket."""
    health: Callable[[], Health | None] | None
    """Asks the network; its answer is None where it does not tell. No function: the server tells of whole frames alone,
    and sends no pings."""


def judge(silence: Silence, limits: Limits) -> Verdict:
    """Return what to do with a socket.

    A page that runs no script, because of a dialog or a breakpoint, answers no frame. Its browser answers pings, until
    too much waits that the page has not read. Then the network is asked, which tells a page that does not read from one
    that is gone; but only of the next machine, which may be a proxy: hence `unread_ms`.
    """
    if silence.is_expected:
        return Verdict.KEEP
    if silence.silent >= limits.silence_ms / 1000 and _is_lost(silence, limits):
        return Verdict.DROP
    return Verdict.PING if _is_to_be_asked(silence, limits) else Verdict.KEEP


def _is_lost(silence: Silence, limits: Limits) -> bool:
    """Decide on a socket that has been silent for too long."""
    if silence.health is None or not silence.has_unread or silence.silent >= limits.unread_ms / 1000:
        return True
    health = silence.health()
    return health is not None and health.unanswered >= UNANSWERED and health.silent >= limits.probe_ms / 1000


def _is_to_be_asked(silence: Silence, limits: Limits) -> bool:
    """Ask once in the time of a heartbeat in which nothing came; by a ping if the heartbeat before had no answer."""
    patience = limits.heartbeat_ms / 1000
    if silence.health is None or silence.silent < patience or silence.asked < patience:
        return False
    was_answered = silence.silent <= silence.asked
    return not (silence.beat_is_due and was_answered)


def grace_of(limits: Limits, *, was_attached: bool, is_asked_again: bool) -> float:
    """Return for how many seconds a link is kept without a socket.

    One that only a request has named is kept for less. So is one whose page was asked to come again as who its user is
    now: until it comes, nothing tells whether that is still the user for whom all this is kept.
    """
    grace_ms = limits.grace_ms if was_attached else limits.unattached_grace_ms
    return (min(grace_ms, limits.ask_again_ms) if is_asked_again else grace_ms) / 1000
