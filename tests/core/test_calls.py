"""The ids of calls, for either side: whose they are, that they are settled once, and that a restored table goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webipc.core.calls import Answers, Calls
from webipc.core.errors import CloseCode, LimitError, ProtocolError
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link import Side

SIDES = [Side.MAIN, Side.RENDERER]


def test_a_page_opens_odd_ids_and_a_server_even_ones() -> None:
    assert [Calls[str](Side.RENDERER).open("a"), Calls[str](Side.MAIN).open("a")] == [1, 2]


@pytest.mark.parametrize("side", SIDES)
def test_ids_grow_by_two_and_are_never_used_again(side: Side) -> None:
    calls: Calls[str] = Calls(side)
    first = calls.open("a")
    calls.settle(first)
    assert [calls.open("b"), calls.open("c")] == [first + 2, first + 4]
    calls.fail_all()
    assert calls.open("d") == first + 6


def test_a_call_is_settled_once() -> None:
    calls: Calls[str] = Calls(Side.RENDERER)
    call_id = calls.open("add")
    assert (calls.settle(call_id), calls.settle(call_id), len(calls)) == ("add", None, 0)


def test_an_id_that_was_never_opened_settles_nothing() -> None:
    calls: Calls[str] = Calls(Side.RENDERER)
    calls.open("add")
    assert (calls.settle(2), calls.settle(3), len(calls)) == (None, None, 1)


def test_all_calls_fail_in_the_order_in_which_they_were_opened() -> None:
    calls: Calls[str] = Calls(Side.RENDERER)
    ids = [calls.open(name) for name in "abc"]
    calls.settle(ids[1])
    assert calls.fail_all() == [(ids[0], "a"), (ids[2], "c")]
    assert (calls.fail_all(), len(calls)) == ([], 0)


def test_a_call_beyond_the_limit_takes_no_id() -> None:
    calls: Calls[str] = Calls(Side.RENDERER, Limits(open_calls=2))
    first = calls.open("a")
    calls.open("b")
    with pytest.raises(LimitError) as caught:
        calls.open("c")
    assert (caught.value.limit, caught.value.actual, caught.value.allowed) == ("open_calls", 3, 2)
    calls.settle(first)
    assert calls.open("d") == 5


@pytest.mark.parametrize("side, ids", [(Side.MAIN, [1, 3, 9]), (Side.RENDERER, [2, 4, 10])])
def test_the_peers_ids_have_the_other_parity_and_grow(side: Side, ids: list[int]) -> None:
    answers = Answers(side)
    for call_id in ids:
        answers.begin(call_id)
    assert (answers.open_ids, len(answers)) == (ids, 3)


@pytest.mark.parametrize("side, wrong", [(Side.MAIN, [5, 4, 3, 1, 6, 0, -1, 2]), (Side.RENDERER, [6, 5, 4, 2, 7, 0])])
def test_an_id_that_is_not_the_peers_next_one_is_refused(side: Side, wrong: list[int]) -> None:
    answers = Answers(side)
    answers.begin(wrong[0])
    answers.finish(wrong[0])
    for call_id in wrong:
        with pytest.raises(ProtocolError) as caught:
            answers.begin(call_id)
        assert caught.value.close_code == CloseCode.PROTOCOL_ERROR
    assert answers.open_ids == []


def test_an_answer_is_given_once() -> None:
    answers = Answers(Side.MAIN)
    answers.begin(1)
    assert [answers.finish(1), answers.finish(1), answers.finish(3)] == [True, False, False]


def test_a_call_of_the_peer_beyond_the_limit_is_refused() -> None:
    answers = Answers(Side.MAIN, Limits(open_calls=2))
    answers.begin(1)
    answers.begin(3)
    with pytest.raises(ProtocolError) as caught:
        answers.begin(5)
    assert caught.value.close_code == CloseCode.TOO_LARGE
    answers.finish(1)
    answers.begin(5)
    assert answers.open_ids == [3, 5]


def play(calls: Calls[str], steps: list[int]) -> list[int | str | None]:
    """-1 opens a call, any other number settles that id."""
    return [calls.open(f"call {index}") if step < 0 else calls.settle(step) for index, step in enumerate(steps)]


@given(st.sampled_from(SIDES), st.lists(st.integers(-1, 20)), st.lists(st.integers(-1, 20)))
def test_restored_calls_go_on_identically(side: Side, before: list[int], after: list[int]) -> None:
    calls: Calls[str] = Calls(side)
    play(calls, before)
    restored: Calls[str] = Calls.restore(side, DEFAULT_LIMITS, calls.snapshot())
    assert play(restored, after) == play(calls, after)
    assert restored.snapshot() == calls.snapshot()
    assert restored.fail_all() == calls.fail_all()


@given(st.sampled_from(SIDES), st.lists(st.tuples(st.booleans(), st.integers(0, 30))), st.integers(0, 20))
def test_restored_answers_go_on_identically(side: Side, steps: list[tuple[bool, int]], cut: int) -> None:
    answers = Answers(side)
    for index, (begins, call_id) in enumerate(steps):
        before = answers.snapshot()
        if index == cut:
            answers = Answers.restore(side, DEFAULT_LIMITS, before)
            assert answers.snapshot() == before
        if not begins:
            assert answers.finish(call_id) is (call_id in before["open"])
        elif call_id > before["last"] and (call_id - before["last"]) % 2 == 0:
            answers.begin(call_id)
        else:
            with pytest.raises(ProtocolError):
                answers.begin(call_id)
