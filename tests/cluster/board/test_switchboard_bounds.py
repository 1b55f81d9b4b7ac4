"""What a switchboard keeps is bounded, and the bounds are counted."""

import pytest

from webipc.cluster.board import places, stream
from webipc.cluster.board.places import Places
from webipc.cluster.board.stream import Stream
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, Over, Parked


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Places:
    made = Places(clock)
    made.enter("a")
    made.enter("b")
    return made


def test_stream_keeps_a_number_of_messages() -> None:
    kept = Stream()
    for _ in range(stream.KEPT + 10):
        kept.add("a", 1, [b"x"])
    assert len(kept) == stream.KEPT
    assert kept.bytes == stream.KEPT
    assert kept.since(9) is None
    read = kept.since(10, 3)
    assert read is not None
    assert [one.number for one in read] == [11, 12, 13]
    whole = kept.since(10)
    assert whole is not None
    assert len(whole) == stream.KEPT
    assert kept.since(kept.number) == []


def test_stream_keeps_a_number_of_bytes_and_one_message_that_is_larger() -> None:
    kept = Stream()
    for _ in range(40):
        kept.add("a", 1, [bytes(1_000_000), b""])
    assert kept.bytes <= stream.KEPT_BYTES
    assert len(kept) == 16
    kept.add("a", 1, [bytes(stream.KEPT_BYTES + 1)])
    assert len(kept) == 1
    assert kept.since(40) is not None
    assert kept.since(39) is None
    kept.add("a", 1, [b"small"])
    assert (len(kept), kept.bytes) == (1, 5)


def test_stream_that_has_lost_something_cannot_be_read_on_from_before() -> None:
    kept = Stream()
    kept.add("a", 1, [b"1"])
    kept.skip(2)
    assert (kept.number, kept.bytes, len(kept)) == (3, 0, 0)
    assert kept.since(1) is None
    assert kept.since(3) == []
    kept.add("a", 4, [b"4"])
    assert kept.since(2) is None
    read = kept.since(3)
    assert read is not None
    assert [one.own for one in read] == [4]


def test_links_that_have_ended_are_a_number_of_which_the_oldest_goes_first(board: Places) -> None:
    for number in range(places.OVER + 5):
        board.link_ended("a", str(number), 60)
    assert board.stats()["over"] == places.OVER
    assert board.find("4", None, None) is None
    assert board.find("5", None, None) == Over()


def test_links_that_have_ended_are_forgotten_in_time_though_an_earlier_one_is_not(board: Places, clock: Clock) -> None:
    board.link_ended("a", "long", 60)
    board.link_ended("a", "short", 1)
    clock.now += 1
    assert board.find("short", None, None) is None
    assert board.claim("b", "short") is None
    assert board.find("long", None, None) == Over()
    clock.now += 59
    assert board.find("long", None, None) is None
    assert board.stats()["over"] == 0


def test_tokens_of_a_tab_are_a_number_of_which_the_oldest_goes_first(board: Places) -> None:
    for number in range(places.TOKENS + 3):
        board.tab_born("a", 1, f"t{number}")
    # One that is said once more is the newest.
    board.tab_born("a", 1, "t3")
    board.tab_born("a", 1, "last")
    assert board.stats()["tokens"] == places.TOKENS
    assert board.find("l", None, "t2") is None
    assert board.find("l", None, "t4") is None
    assert board.find("l", None, "t3") == Home("a", "token")


def test_token_of_two_tabs_belongs_to_the_later_one_until_that_is_over(board: Places) -> None:
    board.tab_born("a", 1, "t")
    board.tab_born("b", 2, "t")
    assert board.find("l", None, "t") == Home("b", "token")
    board.tab_destroyed("a", 1)
    assert board.find("l", None, "t") == Home("b", "token")
    board.tab_destroyed("b", 2)
    assert board.stats()["tokens"] == 0


def test_parked_tabs_have_a_number_of_bytes_together(board: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PARKED_BYTES", 10_000)
    for contents_id in range(4):
        board.tab_born("a", contents_id, f"t{contents_id}")
    board.park("a", 0, bytes(4_000), ["l0"], 60)
    board.park("a", 1, bytes(4_000), [], 60)
    with pytest.raises(BusError, match="all is in use"):
        board.park("a", 2, bytes(4_000), [], 60)
    assert board.where(2) == Home("a", "token")
    # Words count as well, though each tab may have more.
    assert [board.leave_word(0, bytes(500)) for _ in range(3)] == [True, True, False]
    assert board.parked_bytes <= 10_000
    assert board.take("b", 0) is not None
    board.park("a", 2, bytes(4_000), [], 60)
    assert board.take("b", 1) is not None
    assert board.take("b", 2) is not None
    assert board.parked_bytes == 0


def test_parked_tabs_are_a_number(board: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PARKED", 3)
    for contents_id in range(4):
        board.tab_born("a", contents_id, f"t{contents_id}")
    for contents_id in range(3):
        board.park("a", contents_id, b"", [], 60)
    with pytest.raises(BusError, match="all is in use"):
        board.park("a", 3, b"", [], 60)


def test_tab_that_was_not_taken_in_time_costs_nothing_though_an_earlier_one_is_kept(
    board: Places, clock: Clock
) -> None:
    for contents_id, seconds in ((1, 60), (2, 1)):
        board.tab_born("a", contents_id, f"t{contents_id}")
        assert board.claim("a", f"l{contents_id}") is None
        board.park("a", contents_id, bytes(1_000), [f"l{contents_id}"], seconds)
    clock.now += 1
    assert board.take("b", 2) is None
    assert board.find("l2", None, "t2") is None
    assert board.find("l1", None, None) == Parked(1)
    assert board.parked_bytes < 1_500
    clock.now += 60
    board.forget_late()
    assert board.stats() == {"links": 0, "over": 0, "tabs": 0, "tokens": 0, "parked": 0, "parked_bytes": 0}


def test_worker_that_has_left_can_take_and_park_nothing(board: Places) -> None:
    board.tab_born("a", 1, "t")
    board.park("a", 1, b"snapshot", [], 60)
    board.leave("b")
    for act in (lambda: board.take("b", 1), lambda: board.claim("b", "l"), lambda: board.park("b", 1, b"", [], 60)):
        with pytest.raises(BusError, match="has left"):
            act()
    board.link_ended("b", "l", 60)
    board.tab_born("b", 2, "u")
    board.note("b", ["l"], [(2, "u")])
    assert board.stats()["tabs"] == 1
    assert board.find("l", None, "u") is None
    taken = board.take("a", 1)
    assert taken is not None
    assert taken.snapshot == b"snapshot"
