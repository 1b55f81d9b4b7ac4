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
from webipc.core.errors import LimitError, UnreadableError
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


def ring(levels: int) -> tuple[Any, list[Any]]:
    """Return the encoding of pairs, both places of each leading to the next pair, and of the last one to all."""
    ways = [([level, place], [level + 1] if level + 1 < levels else []) for level in range(levels) for place in (0, 1)]
    return [[None, None] for _ in range(levels)], [["@", *way] for way in ways]


@pytest.mark.parametrize("levels", [17, 100, 400])
def test_references_inside_a_cycle_cost_steps_in_proportion_to_their_number(levels: int) -> None:
    """Following every way through the ring would take two to the power of its length."""
    skeleton, fixups = ring(levels)

    def refused() -> None:
        with pytest.raises(UnreadableError, match="too many ways"):
            decode(skeleton, fixups, [])

    assert calls_of(refused).total() < 20_000 + 250 * levels


def test_a_sender_counts_the_ways_through_a_cycle_in_as_few_steps() -> None:
    pairs: list[Any] = [[] for _ in range(100)]
    for number, pair in enumerate(pairs):
        pair += [pairs[number - 1], pairs[number - 1]]

    def refused() -> None:
        with pytest.raises(LimitError, match="nodes"):
            encode(pairs)

    assert calls_of(refused).total() < 20_000 + 500 * len(pairs)


def test_five_objects_that_all_refer_to_each_other_are_few_enough() -> None:
    people: list[Any] = [[] for _ in range(5)]
    for person in people:
        person.extend(people)
    assert decode_calls(people) < 20_000


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
