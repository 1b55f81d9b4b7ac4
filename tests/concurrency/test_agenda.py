"""What is due when: rows of keys, by steps of time."""

from hypothesis import given
from hypothesis import strategies as st

from webipc.concurrency.agenda import Agenda


def keys(taken: list[tuple[int, list[str]]]) -> list[str]:
    return [key for _, row in taken for key in row]


def test_a_key_is_taken_at_its_time_and_not_before() -> None:
    agenda: Agenda[str] = Agenda(0.5, 1000.0)
    agenda.plan("a", 1015.2)
    assert agenda.take(1015.0) == []
    assert keys(agenda.take(1015.4)) == []
    assert keys(agenda.take(1015.5)) == ["a"]
    assert agenda.take(2000.0) == []
    assert len(agenda) == 0


def test_what_is_over_already_is_taken_next() -> None:
    agenda: Agenda[str] = Agenda(0.5, 1000.0)
    assert agenda.plan("a", 3.0) == agenda.next
    assert agenda.plan_next("b") == agenda.next
    assert keys(agenda.take(1000.4)) == []
    assert keys(agenda.take(1000.5)) == ["a", "b"]


def test_each_row_has_the_number_that_its_keys_were_planned_with() -> None:
    agenda: Agenda[str] = Agenda(0.5, 1000.0)
    first, again = agenda.plan("a", 1020.0), agenda.plan("a", 1010.0)
    assert again < first
    assert agenda.take(1010.0) == [(again, ["a"])]
    assert agenda.take(1020.0) == [(first, ["a"])]


@given(st.lists(st.floats(0, 100), max_size=30), st.lists(st.floats(0, 200), min_size=1, max_size=30))
def test_each_key_is_taken_once_in_order_and_in_time(due: list[float], looks: list[float]) -> None:
    agenda: Agenda[str] = Agenda(0.5, 0.0)
    for number, at in enumerate(due):
        agenda.plan(str(number), at)
    taken: dict[str, float] = {}
    for now in [*sorted(looks), 300.0]:
        numbers = agenda.take(now)
        assert numbers == sorted(numbers)
        for key in keys(numbers):
            assert key not in taken
            taken[key] = now
            assert now >= due[int(key)]
    assert len(taken) == len(due)
    assert len(agenda) == 0
    for key, at in taken.items():
        # At the first look behind the step in which it is due.
        assert all(now < due[int(key)] + 1 for now in looks if now < at)
