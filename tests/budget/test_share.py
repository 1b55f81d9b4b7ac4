"""The rule of a `Share`: no payer may have more than what is left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webipc.budget.share import Share

requests = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 60), st.booleans()), max_size=80)


def fill(share: Share[int], payer: int) -> int:
    """Take one by one until the payer may have no more."""
    while share.may(payer, 1):
        share.take(payer, 1)
    return share.of(payer)


def test_one_payer_alone_gets_a_half() -> None:
    assert fill(Share(1_000, 1), 0) == 500


@pytest.mark.parametrize("payers", [2, 3, 9])
def test_several_payers_that_take_in_turn_leave_room_for_one_more(payers: int) -> None:
    share: Share[int] = Share(1_000, 1)
    for _ in range(1_000):
        for payer in range(payers):
            if share.may(payer, 1):
                share.take(payer, 1)
    assert [share.of(payer) for payer in range(payers)] == pytest.approx([1_000 / (payers + 1)] * payers, abs=1)


@given(st.integers(1, 200), st.integers(0, 50), requests)
def test_nobody_grows_beyond_what_is_left_and_a_newcomer_gets_the_least(
    capacity: int, least: int, asked: list[tuple[int, int, bool]]
) -> None:
    share: Share[int] = Share(capacity, least)
    taken: list[tuple[int, int]] = []
    for payer, amount, gives in asked:
        if gives and taken:
            share.give(*taken.pop())
        if share.may(payer, amount):
            share.take(payer, amount)
            taken.append((payer, amount))
            assert share.of(payer) <= max(least, capacity - share.held + amount)
        assert share.held == sum(amount for _, amount in taken) <= capacity
        newcomer = 99
        assert share.may(newcomer, min(least, capacity - share.held))
        assert share.may(newcomer, 1) == (share.held < capacity)
    for one in taken:
        share.give(*one)
    assert (share.held, len(share), share.left) == (0, 0, 1.0)


@given(st.integers(1, 200), st.integers(0, 50), requests)
def test_the_bound_is_the_most_that_one_may_reach(
    capacity: int, least: int, asked: list[tuple[int, int, bool]]
) -> None:
    share: Share[int] = Share(capacity, least)
    for payer, amount, _ in asked:
        if share.may(payer, amount):
            share.take(payer, amount)
    bound = share.bound(0)
    if fill(share, 0) > 0:
        assert share.of(0) <= max(bound, share.of(0) if bound < share.of(0) else 0)
        assert share.bound(0) == bound


def test_the_payers_are_listed_by_what_they_hold() -> None:
    share: Share[str] = Share(100, 1)
    for payer, amount in (("a", 3), ("b", 30), ("c", 10)):
        share.take(payer, amount)
    assert share.by_size() == [("b", 30), ("c", 10), ("a", 3)]
    assert share.left == pytest.approx(0.57)


def test_nothing_can_be_had_of_nothing() -> None:
    share: Share[int] = Share(0, 0)
    assert not share.may(0, 1)
    assert share.left == 0
