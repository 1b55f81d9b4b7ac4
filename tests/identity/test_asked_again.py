"""Which attaches are older than the last time that their identity was asked again: moments are counted."""

from webipc.identity.asked_again import NOTED_SECONDS, AskedAgain


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_attach_that_began_before_is_older_and_one_that_began_later_is_not() -> None:
    again = AskedAgain(Time())
    before = again.moment
    again.note("ada")
    assert again.is_older("ada", before)
    assert not again.is_older("ada", again.moment)


def test_two_things_in_one_tick_of_the_clock_are_told_apart() -> None:
    again = AskedAgain(Time())
    again.note("ada")
    between = again.moment
    again.note("ada")
    assert again.is_older("ada", between)


def test_other_identities_are_not_concerned_and_nobody_is_one_like_the_others() -> None:
    again = AskedAgain(Time())
    before = again.moment
    again.note("ada")
    assert not again.is_older("bob", before)
    assert not again.is_older(None, before)
    again.note(None)
    assert again.is_older(None, before)


def test_a_note_counts_for_longer_than_any_attach_takes_and_is_then_forgotten() -> None:
    time = Time()
    again = AskedAgain(time)
    before = again.moment
    again.note("ada")
    time.now += NOTED_SECONDS - 0.1
    again.note("bob")
    assert again.is_older("ada", before)
    time.now += 0.1
    again.note("cy")
    assert not again.is_older("ada", before)
    assert set(again._noted) == {"bob", "cy"}


def test_the_same_identity_is_noted_once() -> None:
    again = AskedAgain(Time())
    for _ in range(1_000):
        again.note("ada")
    assert len(again._noted) == 1
