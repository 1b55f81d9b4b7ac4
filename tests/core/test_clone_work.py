"""How much is done for a value: in proportion to its size, counted in calls, because times differ from run to run."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from webipc.core.clone import decode, encode
from webipc.core.values import JSMap, undefined

START = datetime(2026, 1, 1, tzinfo=UTC)
FEW = 50


class Person(BaseModel):
    name: str


class Member(Person):
    since: datetime


class Reading(BaseModel):
    value: float | None


def calls_of(function: Callable[[], Any]) -> Counter[str]:
    """Return how often each function is called, those in C included, while `function` runs."""
    counts: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            counts[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            counts[argument.__qualname__] += 1

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return counts


def dated(count: int) -> Any:
    return [{"id": number, "at": START + timedelta(seconds=number)} for number in range(count)]


def one_shared(count: int) -> Any:
    persons = [{"id": number} for number in range(count - 1)]
    return [*persons, persons[0]]


def all_shared(count: int) -> Any:
    shared = {"id": 1}
    return [{"of": shared} for _ in range(count)]


def pairs_shared(count: int) -> Any:
    persons = [{"id": number, "tags": [number]} for number in range(count)]
    return [persons, persons[::-1]]


def in_a_cycle(count: int) -> Any:
    parent: dict[str, Any] = {}
    parent["children"] = [{"parent": parent} for _ in range(count)]
    return parent


SHAPES: list[Callable[[int], Any]] = [
    lambda count: [{"id": number, "tags": [number, "a"]} for number in range(count)],
    lambda count: [number * 0.5 for number in range(count)],
    dated,
    lambda count: [{"id": number} for number in range(count)] + dated(1),
    lambda count: [undefined] * count,
    lambda count: [JSMap([("id", number)]) for number in range(count)],
    lambda count: [bytes([1]) for _ in range(count)],
    one_shared,
    all_shared,
    pairs_shared,
    in_a_cycle,
    lambda count: {str(number): Member(name="Ada", since=START) for number in range(count)},
    lambda count: [Member(name="Ada", since=START + timedelta(seconds=number)) for number in range(count)],
]


@pytest.mark.parametrize("make", SHAPES)
def test_four_times_the_data_needs_at_most_four_times_the_calls_to_encode(make: Callable[[int], Any]) -> None:
    few, many = make(FEW), make(4 * FEW)
    encode(few)  # models are inspected once
    assert calls_of(lambda: encode(many)).total() <= 4 * calls_of(lambda: encode(few)).total()


@pytest.mark.parametrize("make", SHAPES)
def test_four_times_the_data_needs_at_most_four_times_the_calls_to_decode(make: Callable[[int], Any]) -> None:
    few_calls, many_calls = (decode_calls(make(count)) for count in (FEW, 4 * FEW))
    assert many_calls <= 4 * few_calls


def decode_calls(value: Any) -> int:
    cloned = encode(value)
    skeleton, fixups = json.loads(orjson.dumps([cloned.skeleton, cloned.fixups]))
    return calls_of(lambda: decode(skeleton, fixups, cloned.segments)).total()


@pytest.mark.parametrize("count", [2, FEW, 4 * FEW])
@pytest.mark.parametrize(
    "make, serializer",
    [
        (lambda: Person(name="Ada"), "SchemaSerializer.to_json"),
        (lambda: Member(name="Ada", since=START), "SchemaSerializer.to_python"),
    ],
    ids=["of JSON's own types", "with a datetime"],
)
def test_a_list_of_models_is_serialized_by_one_call(make: Callable[[], Any], serializer: str, count: int) -> None:
    models = [make() for _ in range(count)]
    encode(models)
    counts = calls_of(lambda: encode({"models": models}))
    assert {name: calls for name, calls in counts.items() if name.startswith("SchemaSerializer.")} == {serializer: 1}


def test_a_list_of_models_that_json_loses_something_of_is_serialized_by_two_calls() -> None:
    readings = [Reading(value=None)] * FEW
    encode(readings)
    counts = calls_of(lambda: encode(readings))
    assert counts["SchemaSerializer.to_json"] == counts["SchemaSerializer.to_python"] == 1
