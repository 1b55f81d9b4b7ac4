"""A message that many links keep as one object counts for the limits of each, and is held by none."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from webipc.core.errors import BufferFullError
from webipc.core.frame import EncodedMessage, sized
from webipc.core.limits import Limits
from webipc.core.link import Link, Side
from webipc.core.link.held import MESSAGE_HELD, SharedMessage, extra_of, held_by

LIMITS = Limits(kept_bytes=2_000, kept_messages=12)


class Granted:
    """Grants a little more than is asked for, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def more(self, held: int) -> int:
        self.asked += 1
        return held + 300


def message(size: int) -> EncodedMessage:
    return sized(json.dumps(["send", "c", ["x" * size]]).encode(), [])


# What is posted, as its size and whether it is shared; or how many messages are acknowledged.
POSTED = st.tuples(st.sampled_from([0, 50, 300, 600]), st.booleans())
STEPS = st.lists(st.one_of(POSTED, POSTED, POSTED, st.integers(1, 12)), max_size=60)


@given(STEPS, st.booleans())
@example([(600, True), (600, True), (600, True), (300, False)], False)
def test_each_link_refuses_what_its_limits_do_not_allow_and_nothing_else(
    steps: list[tuple[int, bool] | int], is_asking: bool
) -> None:
    link = Link(Side.MAIN, LIMITS, Granted() if is_asking else None, 100)
    kept: list[EncodedMessage] = []
    for step in steps:
        if isinstance(step, int):
            del kept[: min(step, len(kept))]
            link._forget(link.last - len(kept))
            continue
        size, is_shared = step
        posted = SharedMessage(*message(size)) if is_shared else message(size)
        allowed = sum(each.size for each in kept) + posted.size <= 2_000 and len(kept) < 12
        try:
            link.post(posted, is_shared)
        except BufferFullError:
            assert not allowed
        else:
            assert allowed
            kept.append(posted)
        assert list(link.kept.values()) == kept
        assert link.kept_bytes == sum(each.size for each in kept)
        assert link.held == sum(map(held_by, kept))
        assert link.extra == extra_of(kept)


def test_small_shared_messages_ask_for_no_room_but_their_places() -> None:
    asked = Granted()
    link = Link(Side.MAIN, Limits(), asked, 100 * MESSAGE_HELD)
    shared = SharedMessage(*message(1_000))
    for _ in range(100):
        link.post(shared, shared=True)
    assert link.held == 100 * MESSAGE_HELD
    assert asked.asked == 0
