"""A set that is a tuple while it is small, and takes memory in proportion to its elements whatever it has held."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from webipc.groups.few import LEAST, MOST, ROOMY, Few, added, removed


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 15))))
def test_it_holds_what_a_set_would_in_the_order_in_which_it_came(steps: list[tuple[bool, int]]) -> None:
    few: Few[int] = ()
    expected: dict[int, None] = {}
    for is_added, number in steps:
        before = tuple(few)
        kept = few
        few = added(few, number) if is_added else removed(few, number)
        if isinstance(kept, tuple):
            assert kept == before
        if is_added:
            expected[number] = None
        else:
            expected.pop(number, None)
        assert list(few) == list(expected)


def test_it_is_a_tuple_while_it_is_small() -> None:
    few: Few[int] = ()
    for number in range(MOST):
        few = added(few, number)
        assert isinstance(few, tuple)
    few = added(few, MOST)
    assert isinstance(few, dict)
    for number in range(MOST - LEAST):
        assert isinstance(few, dict)
        few = removed(few, number)
    assert isinstance(removed(few, MOST), tuple)


def test_what_has_left_takes_no_memory() -> None:
    few: Few[int] = ()
    for number in range(10_000):
        few = added(few, number)
    for number in range(9_900):
        few = removed(few, number)
        assert sys.getsizeof(few) <= ROOMY * len(few) + 100
    assert list(few) == list(range(9_900, 10_000))


def test_leaving_takes_few_new_dicts() -> None:
    few: Few[int] = dict.fromkeys(range(10_000))
    made = 0
    for number in range(10_000):
        before = few
        few = removed(few, number)
        made += few is not before
    assert made < 20
