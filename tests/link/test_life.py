"""The table of signs of life (PROTOCOL.md 7), row by row, without a clock: facts in, a verdict out."""

from dataclasses import dataclass
from typing import Any

import pytest

from webipc.core.limits import Limits
from webipc.link.life import UNANSWERED, Silence, Verdict, grace_of, judge

LIMITS = Limits()
KEEP, PING, DROP = Verdict.KEEP, Verdict.PING, Verdict.DROP


@dataclass(frozen=True)
class Network:
    """What the network knows."""

    unanswered: int
    silent: float


ALIVE = Network(0, 30.0)
GONE = Network(UNANSWERED, 25.0)


def unknown() -> None:
    """Tell nothing, as a kernel that is not Linux's."""


def must_not_be_asked() -> None:
    """A system call for each look would be too much."""
    raise AssertionError


def of(silent: float, **facts: Any) -> Verdict:
    """Judge a socket of our own protocol that was silent for so long; by default nothing was asked, all is read."""
    usual: dict[str, Any] = {
        "asked": 1_000.0,
        "beat_is_due": False,
        "is_expected": False,
        "has_unread": False,
        "health": must_not_be_asked,
    }
    return judge(Silence(silent=silent, **{**usual, **facts}), LIMITS)


# --- our own protocol -------------------------------------------------------------------------------------------------


def test_a_socket_from_which_bytes_come_is_left_alone() -> None:
    assert {of(silent) for silent in (0.0, 7.0, 14.9)} == {KEEP}


def test_a_heartbeat_asks_first_and_a_ping_if_it_had_no_answer() -> None:
    # An idle page: it has answered the heartbeat before, and the next one leaves now.
    assert of(15.0, asked=15.0, beat_is_due=True) is KEEP
    # It has not answered that one.
    assert of(30.0, asked=15.0, beat_is_due=True) is PING
    # Then once in the time of a heartbeat.
    assert of(31.0, asked=1.0) is KEEP
    assert of(39.9, asked=15.0) is PING


def test_a_page_to_which_much_is_sent_gets_no_heartbeat_and_is_asked_by_a_ping() -> None:
    assert of(15.0, has_unread=True) is PING


def test_a_page_that_answers_nothing_and_has_read_everything_is_dropped_after_40_seconds() -> None:
    assert of(39.9, asked=10.0) is KEEP
    assert of(40.0, asked=10.0) is DROP
    # The kernel would say the same, and is not asked.
    assert of(40.0, asked=10.0, health=must_not_be_asked) is DROP


def test_a_page_that_has_not_read_everything_is_dropped_if_its_network_is_gone() -> None:
    unread = {"has_unread": True, "asked": 10.0}
    assert of(39.9, **unread) is KEEP
    assert of(40.0, **unread, health=lambda: GONE) is DROP
    assert of(40.0, **unread, health=lambda: ALIVE) is KEEP
    assert of(40.0, **unread, health=unknown) is KEEP


@pytest.mark.parametrize("network", [Network(UNANSWERED - 1, 99.0), Network(9, 4.9)])
def test_a_short_disturbance_of_the_network_is_not_its_end(network: Network) -> None:
    assert of(60.0, has_unread=True, asked=1.0, health=lambda: network) is KEEP


@pytest.mark.parametrize("network", [ALIVE, None])
def test_a_page_that_does_not_read_is_kept_for_ten_minutes(network: Network | None) -> None:
    assert of(599.0, has_unread=True, asked=1.0, health=lambda: network) is KEEP
    assert of(599.0, has_unread=True, asked=15.0, health=lambda: network) is PING
    assert of(600.0, has_unread=True, asked=1.0, health=must_not_be_asked) is DROP


# --- plain ASGI -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_unread", [False, True])
def test_where_the_server_tells_of_frames_alone_a_page_is_dropped_after_40_seconds(has_unread: bool) -> None:
    assert of(39.9, has_unread=has_unread, health=None) is KEEP
    assert of(40.0, has_unread=has_unread, health=None) is DROP


def test_where_the_server_has_no_pings_none_is_sent() -> None:
    assert of(39.0, asked=39.0, beat_is_due=True, health=None) is KEEP


# --- silence that is expected -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("health", [None, must_not_be_asked])
def test_a_page_that_is_blocked_or_not_read_is_never_doubted(health: Any) -> None:
    assert of(10_000.0, is_expected=True, has_unread=True, health=health) is KEEP


# --- a link without a socket ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "was_attached, is_asked_again, seconds",
    [(True, False, 60.0), (False, False, 10.0), (True, True, 15.0), (False, True, 10.0)],
)
def test_a_link_without_a_socket_has_its_grace(*, was_attached: bool, is_asked_again: bool, seconds: float) -> None:
    assert grace_of(LIMITS, was_attached=was_attached, is_asked_again=is_asked_again) == seconds
