"""A message that is encoded with its value in one step is the message that the two steps make."""

from typing import Any

import pytest

from webipc.core import clone
from webipc.core.envelope.carriers import encode_carrier
from webipc.core.errors import CloneError, LimitError
from webipc.core.frame import encode_message
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.values import BigInt, undefined

SHARED: list[Any] = [1]


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.5,
        -0.0,
        "text \ud800",
        [1, "two", {"three": [None]}],
        [undefined],
        {"n": BigInt(2**70), "b": b"bytes"},
        [SHARED, SHARED],
        (1, (2, ())),
    ],
)
def test_one_step_encodes_as_two(value: Any) -> None:
    two = encode_message(["result", 7], clone.encode(value, DEFAULT_LIMITS, "result"))
    assert encode_carrier(["result", 7], value, DEFAULT_LIMITS, "result") == two


def test_what_cannot_be_sent_is_named_as_by_two_steps() -> None:
    with pytest.raises(CloneError) as refused:
        encode_carrier(["result", 7], {"a": [lambda: None]}, DEFAULT_LIMITS, "result")
    assert refused.value.path == "result.a[0]"
    with pytest.raises(LimitError) as exceeded:
        encode_carrier(["send", "c"], [[[1]]], Limits(depth=2))
    assert exceeded.value.limit == "depth"
