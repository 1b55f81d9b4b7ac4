"""A ration bounds the lines of each key and of all keys, and says what it has left out."""

from webipc.logs.ration import Ration


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_key_has_its_lines_and_all_together_have_a_bound() -> None:
    ration = Ration(2, 5, 60.0, Time())
    assert [ration.may_write("a") for _ in range(3)] == [True, True, False]
    assert [ration.may_write(key) for key in "bcde"] == [True, True, True, False]


def test_a_period_begins_with_its_first_line() -> None:
    time = Time()
    ration = Ration(1, 1, 10.0, time)
    time.now += 8
    assert ration.may_write()
    time.now += 9.9
    assert not ration.may_write()
    time.now += 0.2
    assert ration.may_write()
    assert not ration.may_write()


def test_the_next_line_says_how_many_were_left_out() -> None:
    time = Time()
    ration = Ration(1, 1, 10.0, time)
    assert [ration.may_write() for _ in range(4)] == [True, False, False, False]
    time.now += 10
    assert ration.may_write()
    assert ration.left_out() == " (3 lines like this were left out before)"
    assert ration.left_out() == ""


def test_it_remembers_no_more_keys_than_lines() -> None:
    ration = Ration(1, 100, 60.0, Time())
    for number in range(10_000):
        ration.may_write(number)
    assert len(ration._counts) <= 101
