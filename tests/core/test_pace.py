"""How large pieces are, and how much may be under way. Twin: js-client/test/core/pace.test.ts"""

import json
from pathlib import Path
from typing import Any

import pytest

from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link.pace import LEAST_PIECE, Pace

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "pace.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_pace_is_that_of_the_vector(vector: dict[str, Any]) -> None:
    pace = Pace(Limits(**vector.get("limits", {})))
    assert (pace.piece, pace.window) == (vector["piece"], vector["window"])
    for step in vector["steps"]:
        if "lost" in step:
            pace.reset_pace()
        else:
            pace.under_way = step["under_way"]
            pace.acked += step["acked"]
            pace.measure(step["now"])
        assert (pace.piece, pace.window) == (step["piece"], step["window"]), step


def pieces_over(rate: int, messages: int, size: int) -> list[int]:
    """Send messages one after the other to an old peer over a network of so many bytes a second; the pieces of each.

    The peer acknowledges after 256 KiB, or a second and a half after it has received.
    """
    pace, pieces = Pace(DEFAULT_LIMITS), []
    now = 1.0
    for _ in range(messages):
        pieces.append(pace.piece)
        unsent, unacked, owed, owed_since = size, size, 0, 0.0
        while unacked:
            while unsent and pace.under_way < pace.window:
                frame = min(pieces[-1], unsent)
                unsent -= frame
                pace.under_way += frame
            pace.measure(now)
            arrived = min(pieces[-1], pace.under_way - owed)
            if arrived:
                now += arrived * 1000 / rate
                owed_since = owed_since if owed else now
                owed += arrived
            else:
                now += 100
            if owed >= DEFAULT_LIMITS.ack_bytes or now - owed_since >= 1_500:
                pace.acked += owed
                pace.under_way -= owed
                unacked -= owed
                owed = 0
                pace.measure(now)
    return pieces


@pytest.mark.parametrize("rate", [1_000, 5_000, 20_000, 100_000, 500_000])
def test_a_piece_takes_seconds_on_a_slow_network(rate: int) -> None:
    first, *_, last = pieces_over(rate, 12, 1_000_000)
    assert first == 67_584
    assert last == LEAST_PIECE or last <= 3 * rate


@pytest.mark.parametrize("rate", [10_000_000, 1_000_000_000])
def test_a_mebibyte_is_whole_on_a_fast_network_from_the_third_message_on(rate: int) -> None:
    assert pieces_over(rate, 4, 1_048_576)[2:] == [1_081_344, 1_081_344]


@pytest.mark.parametrize("size", [100, 60_000, 1_000_000])
def test_an_application_that_sends_little_makes_no_piece_smaller(size: int) -> None:
    pace = Pace(DEFAULT_LIMITS)
    pace._cut_by(DEFAULT_LIMITS.part_bytes)
    for count in range(1, 100):
        pace.under_way = size
        pace.measure(count * 60_000)
        pace.acked, pace.under_way = pace.acked + size, 0
        pace.measure(count * 60_000 + 1_500)
    assert pace.piece == DEFAULT_LIMITS.part_bytes
