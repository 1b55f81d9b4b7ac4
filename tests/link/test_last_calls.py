"""What a link still takes while its process ends: messages that begin nothing, up to the first that does."""

from hypothesis import given
from hypothesis import strategies as st

from webipc.core.frame import Frame, RawMessage
from webipc.link.last_calls import LastCalls

BEGIN = ["send", "invoke", "sync", "post", "send-to", "part"]
GO_ON = ["result", "error", "port", "port-close", "sync-done", "void"]


def frame(seq: int, *kinds: str) -> Frame:
    return Frame(seq, 7, [RawMessage([kind, 1], ()) for kind in kinds], None, 100, "")


def kinds_of(taken: Frame) -> list[str]:
    return [message.fields[0] for message in taken.messages]


@given(st.lists(st.sampled_from(BEGIN + GO_ON), max_size=20), st.lists(st.integers(1, 5), max_size=10))
def test_what_is_taken_has_no_gap_and_begins_nothing(kinds: list[str], sizes: list[int]) -> None:
    last_calls, received, at = LastCalls(), 0, 0
    for size in [*sizes, len(kinds)]:
        taken = last_calls.without_new_ones(frame(at + 1, *kinds[at : at + size]), received)
        assert taken.ack == 7
        received += len(taken.messages)
        at += size
        if at >= len(kinds):
            break
    first = next((number for number, kind in enumerate(kinds) if kind in BEGIN), len(kinds))
    assert received == first
    assert last_calls.has_ended is (first < len(kinds))


def test_what_is_repeated_was_taken_before() -> None:
    last_calls = LastCalls()
    taken = last_calls.without_new_ones(frame(1, "send", "invoke", "result", "send"), 2)
    assert kinds_of(taken) == ["send", "invoke", "result"]
    assert last_calls.has_ended
    assert kinds_of(last_calls.without_new_ones(frame(1, "send", "invoke", "result", "send"), 3)) == [
        "send",
        "invoke",
        "result",
    ]


def test_a_frame_without_messages_is_taken_as_it_is() -> None:
    last_calls = LastCalls()
    bare = Frame(5, 4, [], None, 10, "")
    last_calls.without_new_ones(frame(1, "send"), 0)
    assert last_calls.without_new_ones(bare, 0) is bare


def test_a_message_that_is_none_is_left_to_the_link() -> None:
    odd = Frame(1, 0, [RawMessage([], ()), RawMessage([["send"]], ())], None, 10, "")
    assert LastCalls().without_new_ones(odd, 0) is odd
