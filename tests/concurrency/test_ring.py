"""The order in which a `Ring` serves what waits, and in how many steps (concurrency/ring.py). No test reads a clock."""

from collections import Counter, deque
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from tests.support.work import lines_of
from webipc.concurrency.ring import Ring


def served(ring: Ring[str, int]) -> list[tuple[str, int]]:
    """Take everything that waits."""
    taken = []
    while (one := ring.take()) is not None:
        taken.append(one)
    return taken


def test_rows_are_served_in_turn_and_each_row_in_order() -> None:
    ring: Ring[str, int] = Ring()
    for number in range(3):
        ring.put("a", number)
    ring.put("b", 10)
    ring.put("c", 20)
    ring.put("c", 21)
    assert ring
    assert served(ring) == [("a", 0), ("b", 10), ("c", 20), ("a", 1), ("c", 21), ("a", 2)]
    assert not ring


def test_a_new_row_waits_for_one_turn_of_every_other() -> None:
    ring: Ring[str, int] = Ring()
    for number in range(1000):
        ring.put("busy", number)
    ring.put("other", 0)
    assert ring.take() == ("busy", 0)
    ring.put("new", 7)
    assert [ring.take() for _ in range(3)] == [("other", 0), ("busy", 1), ("new", 7)]


def test_a_key_in_debt_is_passed_over_once_for_each_turn_while_others_wait() -> None:
    ring: Ring[str, int] = Ring()
    for number in range(5):
        ring.put("a", number)
        ring.put("b", number)
    assert ring.take() == ("a", 0)
    ring.owe("a", 2)
    keys = [key for key, _ in served(ring)]
    assert keys == ["b", "b", "b", "a", "b", "a", "b", "a", "a"]


def test_a_debt_that_is_no_turn_is_none() -> None:
    ring: Ring[str, int] = Ring()
    ring.owe("a", 0)
    assert not ring.owes("a")


def test_debts_add_up() -> None:
    ring: Ring[str, int] = Ring()
    for number in range(20):
        ring.put("a", number)
        ring.put("b", number)
    assert ring.take() == ("a", 0)
    ring.owe("a", 3)
    ring.owe("a", 4)
    keys = [key for key, _ in served(ring)]
    assert keys.index("a") == 8


def test_a_key_alone_pays_nothing() -> None:
    ring: Ring[str, int] = Ring()
    ring.put("a", 0)
    ring.put("a", 1)
    assert ring.take() == ("a", 0)
    ring.owe("a", 1000)
    assert ring.take() == ("a", 1)
    assert not ring.owes("a")


def test_a_debt_ends_when_nothing_waits() -> None:
    ring: Ring[str, int] = Ring()
    ring.owe("a", 1000)
    assert ring.owes("a")
    assert ring.take() is None
    assert not ring.owes("a")


def test_a_key_that_comes_back_still_owes_while_others_wait() -> None:
    ring: Ring[str, int] = Ring()
    for number in range(10):
        ring.put("b", number)
    ring.put("c", 0)
    ring.owe("a", 3)
    ring.put("a", 0)
    keys = [key for key, _ in served(ring)]
    assert keys.index("a") > 3


def test_of_keys_that_all_owe_the_one_with_the_smallest_debt_is_served_first() -> None:
    ring: Ring[str, int] = Ring()
    for key, turns in (("a", 9_000_000), ("b", 5), ("c", 7_000_000)):
        ring.put(key, 0)
        ring.owe(key, turns)
    assert [key for key, _ in served(ring)] == ["b", "c", "a"]


def test_taking_is_at_most_two_steps_for_each_row_however_large_the_debts() -> None:
    few, many = (lines_of(partial(_take_with_debts, count)) for count in (10, 1000))
    assert many < 150 * few


def _take_with_debts(count: int) -> None:
    ring: Ring[str, int] = Ring()
    for number in range(count):
        ring.put(str(number), 0)
        ring.owe(str(number), 1_000_000_000 + number)
    assert ring.take() == ("0", 0)


def test_taking_costs_the_same_however_many_rows_wait() -> None:
    def take_of(count: int) -> int:
        ring: Ring[str, int] = Ring()
        for number in range(count):
            ring.put(str(number), 0)
        ring.take()
        return lines_of(ring.take)

    assert take_of(10_000) == take_of(3)


def test_paid_debts_are_forgotten() -> None:
    ring: Ring[int, int] = Ring()
    for number in range(10_000):
        ring.put(-1, 0)
        ring.put(-2, 0)
        ring.put(number, 0)
        ring.take()
        ring.take()
        ring.owe(number, 1)
    assert len(ring._debts) < 1000


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), max_size=60))
def test_everything_is_served_once_in_the_order_of_its_row(puts: list[tuple[str, int]]) -> None:
    ring: Ring[str, int] = Ring()
    rows: dict[str, deque[int]] = {}
    for number, (key, turns) in enumerate(puts):
        ring.put(key, number)
        ring.owe(key, turns)
        rows.setdefault(key, deque()).append(number)
    for key, number in served(ring):
        assert rows[key].popleft() == number
    assert not any(rows.values())


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5))
def test_who_always_waits_and_owes_nothing_is_served_within_one_round(uses: list[int]) -> None:
    ring: Ring[int, int] = Ring()
    for key in range(len(uses)):
        ring.put(key, 0)
    waited = Counter[int]()
    for _ in range(200):
        taken = ring.take()
        assert taken is not None
        key, _ = taken
        waited.update(other for other in range(len(uses)) if other != key)
        waited[key] = 0
        # Key 0 uses exactly its turn; the others use more.
        ring.owe(key, 0 if key == 0 else uses[key] - 1)
        ring.put(key, 0)
        assert waited[0] < len(uses)
