"""What validation costs depends on what a page sent: one error is enough, and no values are worse than others."""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, RootModel, TypeAdapter, ValidationError

from tests.support.work import calls_of
from webipc.channels.bounded.schema import bounded_validator
from webipc.channels.bounded.steps import MOST_ERRORS
from webipc.channels.complaint import ArgumentError
from webipc.channels.handler import Handler
from webipc.core.values import BigInt, JSMap, JSSet, undefined

MANY = 2_000
# Python's hash of an integer is its remainder by this one.
MODULUS = 2**61 - 1
EQUAL = [BigInt(5 + number * MODULUS) for number in range(MANY)]


class Numbers(BaseModel):
    numbers: list[int]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field("", alias="Name")


class Named(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)
    name: str


class Tree(BaseModel):
    value: int = 0
    left: "Tree | None" = None
    right: "Tree | None" = None


class And(BaseModel):
    terms: "list[And | Or]" = []


class Or(BaseModel):
    terms: "list[And | Or]" = []


class Rows(RootModel[list[int]]):
    pass


@dataclass
class Point:
    tags: list[str]


def taking(annotation: Any) -> Handler:
    def take(event: Any, value: Any) -> None: ...

    take.__annotations__["value"] = annotation
    return Handler(take, "take", "handle")


def bound(annotation: Any, value: Any) -> Any:
    return taking(annotation).bind([value])[0]


def refusal(annotation: Any, value: Any) -> str:
    with pytest.raises(ArgumentError) as caught:
        bound(annotation, value)
    assert caught.value.code == "bad-argument"
    return str(caught.value)


def errors_of(annotation: Any, value: Any) -> int:
    with pytest.raises(ValidationError) as caught:
        bounded_validator(TypeAdapter(annotation))(value)
    return caught.value.error_count()


def tree(depth: int) -> dict[str, Any]:
    if depth == 0:
        return {"value": "x"}
    return {"value": "x", "left": tree(depth - 1), "right": tree(depth - 1)}


WRONG = [""] * MANY
WRONG_ITEMS = {str(number): "" for number in range(MANY)}


@pytest.mark.parametrize(
    "annotation, value, most",
    [
        (list[int], WRONG, 1),
        (tuple[int, ...], WRONG, 1),
        (set[int], WRONG, 1),
        (frozenset[int], WRONG, 1),
        (deque[int], WRONG, 1),
        (Sequence[int], WRONG, 1),
        (list[list[int]], [WRONG] * 9, 1),
        (dict[str, int], WRONG_ITEMS, 1),
        (dict[int, int], WRONG_ITEMS, 1),
        (defaultdict[str, int], WRONG_ITEMS, 1),
        (OrderedDict[str, int], WRONG_ITEMS, 1),
        (dict[str, dict[str, int]], {"a": WRONG_ITEMS, "b": WRONG_ITEMS}, 1),
        (dict[str, list[int]], {"a": WRONG, "b": WRONG}, 1),
        (list[int] | dict[str, int] | None, WRONG, 2),
        (Numbers, {"numbers": WRONG}, 1),
        (list[Numbers], [{"numbers": WRONG}] * 9, 1),
        (Rows, WRONG, 1),
        (Point, {"tags": [1] * MANY}, 1),
        (JSSet[int], JSSet(map(str, range(MANY))), 0),
        (JSMap[int, int], JSMap((key, "") for key in range(MANY)), 1),
        (Strict, WRONG_ITEMS, 16),
        (Tree, tree(8), MOST_ERRORS),
    ],
)
def test_validation_stops_at_the_first_errors(annotation: Any, value: Any, most: int) -> None:
    if most:
        assert 0 < errors_of(annotation, value) <= most
    else:
        bound(annotation, value)


def test_an_object_with_too_many_properties_keeps_the_right_ones() -> None:
    text = refusal(Strict, {**WRONG_ITEMS, "Name": "Ada"})
    assert text.startswith("take: argument 1 (value.0): Extra inputs are not permitted, got ''")


@pytest.mark.parametrize("value", [["5", 6], ["5", "x"]])
def test_a_value_without_undefined_is_validated_once(value: list[Any]) -> None:
    validated: list[int] = []

    def note(number: int) -> int:
        validated.append(number)
        return number

    try:
        bound(list[Annotated[int, AfterValidator(note)]], value)
    except ArgumentError:
        assert validated == [5]
    else:
        assert validated == [5, 6]


class Left(BaseModel):
    note: str | None


class Right(BaseModel):
    remark: str | None
    text: str = "default"


def test_an_undefined_property_of_any_item_is_absent_or_none() -> None:
    items = [{"note": undefined}, {"note": "x"}, {"remark": undefined, "text": undefined}, {"note": undefined}]
    assert bound(list[Left | Right], items) == [
        Left(note=None),
        Left(note="x"),
        Right(remark=None),
        Left(note=None),
    ]


def test_a_property_that_only_some_models_require_is_none_there() -> None:
    class Other(BaseModel):
        note: str = "default"
        other: int

    assert bound(list[Left | Other], [{"note": undefined}, {"note": undefined}]) == [Left(note=None)] * 2
    assert bound(list[Left | Other], [{"note": undefined, "other": 1}]) == [Other(other=1)]


EQUAL_TEXTS = {str(int(key)): 1 for key in EQUAL}


@pytest.mark.parametrize(
    "annotation, value",
    [
        (set[int], EQUAL),
        (set[int], list(EQUAL_TEXTS)),
        (frozenset[int], EQUAL),
        (set[Any], EQUAL),
        (set, EQUAL),
        (set[Decimal], list(EQUAL_TEXTS)),
        (set[UUID], [str(UUID(int=int(key))) for key in EQUAL]),
        (set[int], JSSet(EQUAL)),
        (dict[int, int], EQUAL_TEXTS),
        (dict[Decimal, int], EQUAL_TEXTS),
        (dict[int, int], JSMap((key, 1) for key in EQUAL)),
        (OrderedDict[int, int], EQUAL_TEXTS),
        (Counter[int], EQUAL_TEXTS),
        (defaultdict[int, int], EQUAL_TEXTS),
        (dict[Any, int], JSMap((key, 1) for key in EQUAL)),
    ],
)
def test_many_items_or_keys_of_one_hash_are_refused(annotation: Any, value: Any) -> None:
    assert "at most 64 different items or keys of one hash" in refusal(annotation, value)


@pytest.mark.parametrize(
    "annotation, value, expected",
    [
        (set[int], [*map(str, range(MANY))] * 2, set(range(MANY))),
        (frozenset[int], list(range(MANY)), frozenset(range(MANY))),
        (set[tuple[int, int]], [[number % 999, 1] for number in range(MANY)], {(n, 1) for n in range(999)}),
        (dict[int, int], {str(key): "1" for key in range(MANY)}, dict.fromkeys(range(MANY), 1)),
        (Counter[int], {str(key): "2" for key in range(MANY)}, Counter(dict.fromkeys(range(MANY), 2))),
        (dict[Any, int], dict.fromkeys(map(str, range(MANY)), 1), dict.fromkeys(map(str, range(MANY)), 1)),
        (set[int], JSSet(range(MANY)), set(range(MANY))),
    ],
)
def test_a_large_collection_is_what_its_annotation_says(annotation: Any, value: Any, expected: Any) -> None:
    made = bound(annotation, value)
    assert made == expected
    assert type(made) is type(expected)


def test_a_large_collection_keeps_the_bounds_of_its_length_and_the_index_of_an_error() -> None:
    few = Annotated[set[int], Field(max_length=300)]
    assert len(bound(few, list(range(300)) * 2)) == 300
    assert "at most 300 items" in refusal(few, list(range(301)))
    many = Annotated[dict[int, int], Field(min_length=300)]
    assert "at least 300 items" in refusal(many, {str(key): 1 for key in range(299)})
    assert "(value[500]) must be a valid integer" in refusal(set[int], [*range(500), "x"])


def test_a_union_of_types_that_contain_themselves_is_not_tried_in_every_combination() -> None:
    """Two to the power of the depth."""
    value: Any = {"terms": ["x"]}
    for _ in range(40):
        value = {"terms": [value]}

    def refused() -> None:
        assert "fits its annotation in too many ways" in refusal(And | Or, value)

    handler = taking(And | Or)
    assert handler.bind([{"terms": [{"terms": []}]}])
    assert calls_of(refused) < 500_000


def test_a_large_value_of_a_type_that_contains_itself_is_accepted() -> None:
    value: JsonValue = [{"a": [number]} for number in range(20_000)]
    assert bound(JsonValue, value) == value
    rows: list[Any] = [{"value": number, "left": {"value": 1}} for number in range(15_000)]
    assert len(bound(list[Tree], rows)) == len(rows)


@pytest.mark.parametrize("annotation", [Decimal, list[Decimal], Annotated[Decimal, Field(max_digits=5)]])
def test_an_integer_of_very_many_digits_is_not_converted_to_a_decimal(annotation: Any) -> None:
    large = BigInt(16**262_143)
    value = [large] if annotation == list[Decimal] else large
    assert "Input should have at most 4300 digits, got" in refusal(annotation, value)
    assert bound(Decimal, BigInt(10**4_000)) == 10**4_000


def test_an_integer_of_very_many_digits_is_not_converted_to_a_text() -> None:
    assert "at most 4300 digits" in refusal(Named, {"name": BigInt(16**262_143)})
    assert bound(Named, {"name": BigInt(5)}) == Named(name="5")


def test_a_large_integer_is_shown_without_its_digits_or_its_address() -> None:
    assert "got [BigInt(0x1000000" in refusal(str, [BigInt(16**262_143)])
