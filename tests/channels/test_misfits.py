"""`ArgumentError.errors`: every place where the arguments of a call do not fit, as a form needs them, within bounds."""

import pickle
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AfterValidator, BaseModel, Field
from typing_extensions import TypeAliasType

from webipc.channels.complaint import MOST_MISFITS, SHOWN, ArgumentError
from webipc.channels.handler import Handler
from webipc.core.values import undefined


class Address(BaseModel):
    street: Annotated[str, Field(min_length=1)]
    zip: int


class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=0)]
    addresses: list[Address] = []


# Three ways to read each level: what does not fit is tried in all of their combinations.
Tree = TypeAliasType("Tree", "list[Tree] | tuple[Tree, ...] | dict[str, Tree]")


def even(value: int) -> int:
    if value % 2:
        raise ValueError("an odd number")
    return value


def errors(function: Callable[..., Any], *args: Any) -> list[tuple[str, str, str]]:
    """Return the errors of a call. What they are is sent as plain texts."""
    return [(path, text, kind) for path, text, kind in refused(function, *args).errors]


def refused(function: Callable[..., Any], *args: Any) -> ArgumentError:
    handler = Handler(function, "save", "handle")
    with pytest.raises(ArgumentError) as caught:
        handler.bind(list(args))
    return caught.value


def save(event: Any, user: User, tag: Literal["a", "b"] = "a", *rest: Annotated[int, AfterValidator(even)]) -> None: ...


WRONG_USER = {"age": -1, "addresses": [{"street": "", "zip": "x"}]}


def test_all_errors_of_one_argument_are_listed() -> None:
    assert errors(save, WRONG_USER) == [
        ("user.name", "is missing", "missing"),
        ("user.age", "must be greater than or equal to 0, got -1", "greater_than_equal"),
        ("user.addresses[0].street", "String should have at least 1 character, got ''", "string_too_short"),
        ("user.addresses[0].zip", "must be a valid integer, got 'x'", "int_parsing"),
    ]


def test_the_errors_of_all_arguments_are_listed_and_the_text_tells_the_first() -> None:
    error = refused(save, {"name": 1, "age": 1}, "c", 2, 3, 5)
    assert [tuple(misfit) for misfit in error.errors] == [
        ("user.name", "must be a valid string, got 1", "string_type"),
        ("tag", "must be 'a' or 'b', got 'c'", "literal_error"),
        ("*rest", "an odd number, got 3", "value_error"),
        ("*rest", "an odd number, got 5", "value_error"),
    ]
    assert str(error) == "save: argument 1 (user.name) must be a valid string, got 1"
    assert error.parameter == "user"


def test_an_undefined_argument_in_front_of_a_wrong_one_is_its_default() -> None:
    assert errors(save, {"name": "Ada", "age": 1}, undefined, 3) == [("*rest", "an odd number, got 3", "value_error")]


def test_missing_and_surplus_arguments_are_errors_too() -> None:
    def two(event: Any, a: int, b: int) -> None: ...

    assert errors(two) == [("a", "is missing", "missing_argument"), ("b", "is missing", "missing_argument")]
    assert errors(two, 1) == [("b", "is missing", "missing_argument")]
    [(path, text, kind)] = errors(two, 1, 2, 3)
    assert (path, kind) == ("", "unexpected_positional_argument")
    assert text == "takes 2 arguments (a, b), 3 were given"


def test_a_collection_ends_at_its_first_wrong_item() -> None:
    """Validation stops there (docs/adr/0022), so the others are not known."""

    def numbers(event: Any, numbers: list[int]) -> None: ...

    assert errors(numbers, ["x"] * 1_000) == [("numbers[0]", "must be a valid integer, got 'x'", "int_parsing")]


def test_at_most_twenty_errors_are_listed_and_no_argument_behind_them_is_validated() -> None:
    seen: list[Any] = []

    def refuse(value: Any) -> Any:
        seen.append(value)
        raise ValueError("no")

    def many(event: Any, *rest: Annotated[Any, AfterValidator(refuse)]) -> None: ...

    assert len(errors(many, *range(10_000))) == MOST_MISFITS
    assert len(seen) == MOST_MISFITS

    class Wide(BaseModel):
        pass

    wide = type("Wide", (BaseModel,), {"__annotations__": {f"field_{number}": int for number in range(50)}})

    def one(event: Any, wide: wide) -> None: ...  # type: ignore[valid-type]

    assert len(errors(one, {})) == MOST_MISFITS
    assert str(refused(one, {})) == "save: argument 1 (wide.field_0) is missing (and 49 more)"


def test_what_takes_too_much_work_is_tried_in_one_argument_alone() -> None:
    def trees(event: Any, *trees: Tree) -> None: ...

    deep: Any = 0
    for _ in range(64):
        deep = [deep]
    assert errors(trees, deep, deep, 5) == [
        ("*trees", "fits its annotation in too many ways to try them all", "too_much_work")
    ]


def test_paths_and_texts_are_cut() -> None:
    def names(event: Any, names: dict[str, dict[str, int]]) -> None: ...

    [(path, text, _)] = errors(names, {"k" * 1_000: {"l" * 1_000: "x" * 1_000}})
    assert len(path) == SHOWN
    assert len(text) < 2 * SHOWN


@pytest.mark.parametrize(
    "annotation", [int, float, bool, datetime, UUID, Decimal, Literal["a"], Annotated[str, Field(min_length=1)]]
)
def test_a_lone_surrogate_is_never_called_no_valid_string(annotation: Any) -> None:
    def function(event: Any, one: Any, many: Any) -> None: ...

    function.__annotations__["one"] = annotation
    function.__annotations__["many"] = list[annotation]
    for _, text, kind in errors(function, "\ud800", ["\ud800"]):
        assert "valid string" not in text
        assert kind != "string_unicode" or text == "must not have a lone surrogate in it, got '\\ud800'"


def test_a_lone_surrogate_for_an_int_is_named() -> None:
    def function(event: Any, n: int) -> None: ...

    assert str(refused(function, "\ud800")) == (
        "save: argument 1 (n) must not have a lone surrogate in it, got '\\ud800'"
    )


def test_an_argument_error_survives_pickling_with_its_errors() -> None:
    error = refused(save, WRONG_USER)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.parameter, copy.errors) == (str(error), error.parameter, error.errors)
