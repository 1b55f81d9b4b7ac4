"""The judge finds each kind of dishonesty: one that finds none would let every scenario pass."""

import pytest

from tests.stress.journal import Ran
from tests.stress.judge import Verdict
from tests.stress.told import ANSWERED, NO_REPLY, NOT_SENT, UNKNOWN, WRONG, Told

ACTS = ["note", "call", "port", "threaded", "note"]


def told() -> Told:
    """A page to which nothing bad has happened."""
    record = Told("page")
    for number, kind in enumerate(ACTS):
        record.did(number, kind)
    for number in (1, 3):
        record.told(number, ANSWERED)
    record.pushes = [0, 4]
    record.echoes["port"] = [2]
    return record


def ran(*numbers: int) -> list[Ran]:
    return [Ran(1, ACTS[number], "page", number, intact=True) for number in numbers]


def faults(record: Told, lines: list[Ran]) -> str:
    return "\n".join(Verdict([record], lines).faults)


def test_what_arrived_once_in_order_and_was_answered_is_right() -> None:
    assert faults(told(), ran(0, 3, 1, 2, 4)) == ""


@pytest.mark.parametrize(
    "numbers, fault",
    [
        ((0, 1, 2, 3, 4, 4), "doubled: 1"),
        ((0, 1, 2, 3), "lost: 1"),
        ((1, 0, 2, 3, 4), "out of order"),
        ((0, 2, 3, 4), "answered, but never ran: 1"),
        ((0, 1, 3, 4), "lost: 1"),
    ],
)
def test_what_ran_otherwise_is_found(numbers: tuple[int, ...], fault: str) -> None:
    assert fault in faults(told(), ran(*numbers))


@pytest.mark.parametrize(
    "heard, fault",
    [
        ([1, 3], ""),
        ([1], "broadcasts of page lost: 1"),
        ([1, 3, 3], "out of order or doubled: 1"),
        ([3, 1], "out of order or doubled: 1"),
        ([1, 3, 4], "never said: 1"),
    ],
)
def test_a_page_has_heard_each_broadcast_once_and_in_order(heard: list[int], fault: str) -> None:
    speaker, listener = Told("page"), Told("listener", heard={"page": heard})
    lines = []
    for number in (1, 3):
        speaker.did(number, "shout")
        lines.append(Ran(1, "shout", "page", number, intact=True))
    speaker.heard["page"] = [1, 3]
    found = "\n".join(Verdict([speaker, listener], lines).faults)
    assert (fault in found) if fault else found == ""


def test_what_was_never_sent_is_found() -> None:
    assert "never sent, but ran: 1" in faults(told(), [*ran(0, 1, 2, 3, 4), Ran(1, "note", "page", 9, intact=True)])


def test_a_changed_value_is_found() -> None:
    lines = ran(0, 1, 2, 3, 4)
    lines[2] = lines[2]._replace(intact=False)
    assert "changed on the way: 1" in faults(told(), lines)


@pytest.mark.parametrize(
    "outcome, fault", [(WRONG, "the wrong answer"), (NOT_SENT, "not-sent, but ran"), ("Error: other", "told Error")]
)
def test_a_call_that_was_told_something_wrong_is_found(outcome: str, fault: str) -> None:
    record = told()
    record.told(1, outcome)
    assert fault in faults(record, ran(0, 1, 2, 3, 4))


def test_a_call_that_was_told_nothing_is_found_unless_its_document_was_left() -> None:
    record = told()
    record.did(5, "call")
    assert "hung" in faults(record, ran(0, 1, 2, 3, 4))
    record.left = True
    assert faults(record, ran(0, 1, 2, 3, 4)) == ""


@pytest.mark.parametrize(
    "outcome, numbers", [(UNKNOWN, (0, 1, 2, 3, 4)), (UNKNOWN, (0, 2, 3, 4)), (NOT_SENT, (0, 2, 3, 4))]
)
def test_a_call_of_unknown_outcome_may_have_run_or_not(outcome: str, numbers: tuple[int, ...]) -> None:
    record = told()
    record.told(1, outcome)
    assert faults(record, ran(*numbers)) == ""


def test_a_call_that_was_answered_twice_is_found() -> None:
    record = told()
    record.again.append(3)
    assert "answered twice: 1" in faults(record, ran(0, 1, 2, 3, 4))


def test_a_call_that_was_cut_off_ran_and_is_one_that_takes_long() -> None:
    record = told()
    record.told(1, NO_REPLY)
    assert "cut off, and takes little time: 1" in faults(record, ran(0, 1, 2, 3, 4))
    record.acts[1] = ("long", NO_REPLY)
    assert faults(record, ran(0, 1, 2, 3, 4)) == ""
    record.acts[1] = ("call", NO_REPLY)
    held_up = Ran(1, "held up", "", 900, intact=True)
    assert faults(record, [*ran(0, 1, 2, 3, 4), held_up]) == ""
    at_once = Told("other", acts={0: ("long", NO_REPLY)})
    assert "cut off, and takes little time: 1" in faults(at_once, [Ran(1, "long", "other", 0, intact=True)])
    record.acts[1] = ("long", NO_REPLY)
    assert "cut off, but never ran: 1" in faults(record, ran(0, 2, 3, 4))


def test_a_reply_that_is_lost_or_doubled_or_invented_is_found() -> None:
    lines = ran(0, 1, 2, 3, 4)
    for pushes, fault in (
        ([0], "replies lost"),
        ([0, 0, 4], "doubled"),
        ([4, 0], "out of order"),
        ([0, 3, 4], "never ran"),
    ):
        record = told()
        record.pushes = pushes
        assert fault in faults(record, lines), pushes


def test_a_document_that_was_left_may_lose_its_last_messages_only() -> None:
    record = told()
    record.left = True
    record.pushes = [0]
    assert faults(record, ran(0, 1, 2, 3)) == ""
    record.pushes = [4]
    assert "lost before what has arrived: 1" in faults(record, ran(1, 2, 3, 4))


def test_a_reset_link_may_lose_messages_and_replies_and_nothing_else() -> None:
    record = told()
    record.resets.append("another-process")
    record.pushes, record.echoes = [], {}
    verdict = Verdict([record], ran(1, 3))
    assert verdict.faults == []
    assert verdict.lost == {"note": 2, "port": 1}
    assert "answered, but never ran" in faults(record, ran(1))


def test_what_came_through_one_port_is_in_order_and_two_ports_have_none() -> None:
    record = told()
    for number in (5, 6, 7):
        record.did(number, "port")
    record.echoes["port"] = [2, 5, 6, 7]
    lines = [Ran(1, "port", "page", number, intact=True) for number in (2, 6, 7, 5)]
    record.opened["port"] = [2]
    assert "out of order, {'port'}: 1" in faults(record, ran(0, 1, 3, 4) + lines)
    record.opened["port"] = [2, 6]
    assert faults(record, ran(0, 1, 3, 4) + lines) == ""
    lines[1:3] = reversed(lines[1:3])
    assert "out of order, {'port'}: 1" in faults(record, ran(0, 1, 3, 4) + lines)


def test_a_relayed_message_that_came_back_has_run_unless_a_link_was_reset() -> None:
    record = told()
    record.did(5, "relay")
    record.echoes["relay"] = [5]
    lines = ran(0, 1, 2, 3, 4)
    assert "relay: replies to what never ran: 1" in faults(record, lines)
    # The word of the other page may have been lost with its link.
    other = Told("other")
    other.left = True
    assert not any("never ran" in fault for fault in Verdict([record, other], lines).faults)
