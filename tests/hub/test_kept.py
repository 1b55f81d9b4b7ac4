"""What messages take that pages have not acknowledged: what is counted is what is held."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from tests.support.hubs import MakeHub, Socket, connect
from webipc.core.frame import decode_frame
from webipc.link.outlet import encode_send

MIB = 1_048_576


def text(size: int) -> str:
    return "x" * size


@pytest.mark.parametrize(
    "count, size, make",
    [
        (10_000, 100, text),
        (1_000, 1_000, text),
        (100, 20_000, text),
        (10, 500_000, text),
        (3, 5_000_000, text),
        (1_000, 100, bytes),
        (10, 500_000, bytes),
        (3, 5_000_000, bytes),
    ],
)
async def test_stats_say_what_kept_messages_take_and_it_is_free_when_they_are_acknowledged(
    make_hub: MakeHub, count: int, size: int, make: Callable[[int], str | bytes]
) -> None:
    hub = make_hub(memory=512 * MIB)
    link = connect(hub, "203.0.113.1", Socket(blocked=True)).link
    # What is made once is not counted.
    encode_send("channel", (make(size),), hub.limits)
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(count):
            link.post(encode_send("channel", (make(size),), hub.limits))
        kept = hub.stats()["kept"]
        assert kept["messages"] == link.kept_count
        assert count * size <= kept["bytes"] <= kept["held"]
        assert 0.75 < kept["held"] / tracemalloc.get_traced_memory()[0] < 1.6
        # All but the last message is acknowledged, or all but the last part of one. Python keeps some small objects.
        link.handed = last = link.last
        link.receive(decode_frame(f"[1,{last - 1}]"), None)
        left = hub.stats()["kept"]
        assert left["messages"] == 1
        assert tracemalloc.get_traced_memory()[0] < 1.6 * left["held"] + 65_536
    finally:
        tracemalloc.stop()
