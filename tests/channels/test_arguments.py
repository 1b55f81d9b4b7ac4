"""Arguments are validated as FastAPI validates a JSON body; an error names the channel, the argument and the fault."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from webipc.channels.complaint import SHOWN, ArgumentError, shown
from webipc.channels.handler import Handler
from webipc.core.values import (
    ArrayBuffer,
    BigInt,
    JSDate,
    JSError,
    JSMap,
    JSRegExp,
    JSSet,
    TypedArray,
    UndefinedType,
    undefined,
)


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class User(BaseModel):
    name: str
    age: int | None = None
    tags: list[str] = []


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


class Options(TypedDict, total=False):
    deep: bool


@dataclass
class Size:
    width: float
    height: float = 1


def even(value: int) -> int:
    if value % 2:
        raise ValueError("an odd number")
    return value


def add(event: Any, a: float, b: float) -> None:
    """Take two numbers."""


def some(event: Any, a: int, b: int = 5, c: str = "x") -> None:
    """Take one to three."""


def none(event: Any) -> None:
    """Take no arguments."""


def one(event: Any, a: int) -> None:
    """Take one."""


def rest(event: Any, a: int, *numbers: int) -> None:
    """Take one and more."""


def unannotated(event, a, b=5):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - this is the point
    """Take anything."""


def user(event: Any, who: User) -> None:
    """Take a model."""


def bind(function: Callable[..., Any], *args: Any) -> list[Any]:
    """Bind, and check that the given list is not changed: the next listener gets the same one."""
    given = list(args)
    bound = Handler(function, "add", "handle").bind(given)
    assert all(left is right for left, right in zip(given, args, strict=True))
    return bound


def refusal(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(ArgumentError) as caught:
        bind(function, *args)
    assert caught.value.code == "bad-argument"
    assert caught.value.channel == "add"
    return str(caught.value)


def taking(annotation: Any, default: Any = ...) -> Callable[..., Any]:
    """Return a function whose parameter `a` has this annotation."""

    def function(event: Any, a: Any = default) -> None:
        """Take one."""

    function.__annotations__["a"] = annotation
    if default is ...:
        function.__defaults__ = None
    return function


@pytest.mark.parametrize(
    "annotation, value, bound",
    [
        (float, 1, 1.0),
        (float, "1.5", 1.5),
        (int, 2.0, 2),
        (int, BigInt(5), 5),
        (bool, "true", True),
        (str, "a\ud800", "a\ud800"),
        (Literal["a", "b"], "b", "b"),
        (int | None, None, None),
        (int | str, "5", "5"),
        (Color, "red", Color.RED),
        (UUID, "00000000-0000-0000-0000-000000000005", UUID(int=5)),
        (datetime, datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)),
        (datetime, "2024-05-01T00:00:00Z", datetime(2024, 5, 1, tzinfo=UTC)),
        (bytes, b"raw", b"raw"),
        (list[int], ["1", 2], [1, 2]),
        (tuple[int, str], [1, "x"], (1, "x")),
        (set[int], [1, 1], {1}),
        (dict[str, int], {"a": "1"}, {"a": 1}),
        (User, {"name": "Ada", "age": "36"}, User(name="Ada", age=36)),
        (list[User], [{"name": "Ada"}], [User(name="Ada")]),
        (Size, {"width": 2}, Size(2, 1)),
        (Options, {"deep": True}, {"deep": True}),
        (Annotated[int, Field(gt=3)], 5, 5),
        (None, None, None),
    ],
)
def test_an_argument_becomes_what_its_annotation_says(annotation: Any, value: Any, bound: Any) -> None:
    assert bind(taking(annotation), value) == [bound]
    assert type(bind(taking(annotation), value)[0]) is type(bound)


@pytest.mark.parametrize(
    "value",
    [
        BigInt(5),
        JSMap([(1, 2)]),
        JSSet([1]),
        JSDate(None),
        JSRegExp("a", "g"),
        JSError("Error", "text"),
        ArrayBuffer(b"abc"),
        TypedArray("Float32Array", ArrayBuffer(bytes(8))),
        undefined,
    ],
)
def test_the_values_of_javascript_are_annotations(value: Any) -> None:
    annotation: Any = type(value)

    assert bind(taking(annotation), value)[0] is value
    assert bind(taking(annotation | None), None) == [None]
    assert bind(taking(list[annotation]), [value])[0][0] is value
    assert f"must be a {annotation.__name__}, got 'x'" in refusal(taking(annotation), "x")


@pytest.mark.parametrize("annotation", [Any, object])
def test_an_argument_annotated_as_any_or_object_is_passed_on_unchanged(annotation: Any) -> None:
    value: Any = {"a": undefined, "b": [object()]}

    assert bind(taking(annotation), value)[0] is value
    assert bind(unannotated, value)[0] is value
    assert bind(taking(annotation), undefined) == [undefined]


@pytest.mark.parametrize(
    "function, args, text",
    [
        (add, [1, 2, 3], "add takes 2 arguments (a, b), 3 were given"),
        (add, [1], "add takes 2 arguments (a, b), 1 was given: b is missing"),
        (add, [], "add takes 2 arguments (a, b), 0 were given: a, b are missing"),
        (one, [1, 2], "add takes 1 argument (a), 2 were given"),
        (none, [1], "add takes no arguments, 1 was given"),
        (some, [1, 2, "x", 4], "add takes 1 to 3 arguments (a, b, c), 4 were given"),
        (some, [], "add takes 1 to 3 arguments (a, b, c), 0 were given: a is missing"),
        (rest, [], "add takes at least 1 argument (a, *numbers), 0 were given: a is missing"),
        (unannotated, [1, 2, 3], "add takes 1 to 2 arguments (a, b), 3 were given"),
        (add, [1, undefined, 3], "add takes 2 arguments (a, b), 3 were given"),
    ],
)
def test_the_error_for_too_few_or_too_many_arguments_has_both_numbers(
    function: Callable[..., Any], args: list[Any], text: str
) -> None:
    assert refusal(function, *args) == text


def nested(event: Any, users: list[User | None], sizes: dict[str, Size]) -> None:
    """Take nested values."""


def either(event: Any, a: int | User) -> None:
    """Take one of two."""


@pytest.mark.parametrize(
    "function, args, text",
    [
        (add, [1, "x"], "add: argument 2 (b) must be a valid number, got 'x'"),
        (add, ["x", 1], "add: argument 1 (a) must be a valid number, got 'x'"),
        (one, [1.5], "add: argument 1 (a) must be a valid integer, got 1.5"),
        (one, [None], "add: argument 1 (a) must be a valid integer, got None"),
        (one, [undefined], "add: argument 1 (a) must be a valid integer, got undefined"),
        (rest, [1, 2, "x"], "add: argument 3 (*numbers) must be a valid integer, got 'x'"),
        (taking(Literal["a", "b", "c"]), ["x"], "add: argument 1 (a) must be 'a', 'b' or 'c', got 'x'"),
        (taking(Annotated[str, Field(min_length=3)]), ["x"], None),
        (
            taking(Annotated[int, AfterValidator(even)]),
            [5],
            "add: argument 1 (a): an odd number, got 5",
        ),
        (user, [{}], "add: argument 1 (who.name) is missing"),
        (user, [{"name": 5}], "add: argument 1 (who.name) must be a valid string, got 5"),
        (
            user,
            [{"name": "Ada", "tags": ["a", 5]}],
            "add: argument 1 (who.tags[1]) must be a valid string, got 5",
        ),
        (user, [5], "add: argument 1 (who) must be a valid dictionary or instance of User, got 5"),
        (
            taking(Strict),
            [{"name": "x", "more": 1}],
            "add: argument 1 (a.more): Extra inputs are not permitted, got 1",
        ),
        (
            nested,
            [[None, {"name": "Ada", "age": "old"}], {}],
            "add: argument 1 (users[1].age) must be a valid integer, got 'old'",
        ),
        (nested, [[], {"s": {}}], "add: argument 2 (sizes.s.width) is missing"),
        (either, [{"age": 5}], "add: argument 1 (a) must be a valid integer, got {'age': 5} (and 1 more)"),
    ],
)
def test_a_bad_argument_is_named_with_what_was_expected(
    function: Callable[..., Any], args: list[Any], text: str | None
) -> None:
    said = refusal(function, *args)

    assert said == (text or "add: argument 1 (a): String should have at least 3 characters, got 'x'")


@pytest.mark.parametrize("value", ["x" * 100_000, ["x" * 100] * 1000, {"k" * 500: 1}, b"x" * 100_000, [[[["x"]]]] * 99])
def test_an_error_shows_at_most_the_beginning_of_a_value(value: Any) -> None:
    assert len(refusal(one, value)) <= len("add: argument 1 (a) must be a valid integer, got ") + SHOWN


def test_an_error_shows_at_most_the_beginning_of_a_path() -> None:
    assert len(refusal(taking(dict[str, int]), {"k" * 5000: "x"})) < 200


def test_a_value_that_cannot_be_shown_is_named_by_its_type() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert shown(10**5000) == "<int>"
    assert shown(Bad()).startswith("<Bad")
    assert shown(undefined) == "undefined"


def test_the_error_names_channel_parameter_and_detail() -> None:
    with pytest.raises(ArgumentError) as caught:
        bind(add, 1, "x")
    assert caught.value.parameter == "b"
    assert caught.value.detail == "argument 2 (b) must be a valid number, got 'x'"

    with pytest.raises(ArgumentError) as caught:
        bind(add, 1)
    assert caught.value.parameter == "b"

    with pytest.raises(ArgumentError) as caught:
        bind(add, 1, 2, 3)
    assert caught.value.parameter is None


def test_the_error_can_be_pickled() -> None:
    with pytest.raises(ArgumentError) as caught:
        bind(add, 1)
    error = pickle.loads(pickle.dumps(caught.value))

    assert str(error) == str(caught.value)
    assert error.parameter == "b"


def test_a_default_is_used_as_it_is() -> None:
    """A default is Python's business: it is not validated, and not copied."""
    default: list[int] = []
    function = taking(int, default)

    assert bind(function) == []
    assert bind(function, undefined)[0] is default


def test_undefined_is_replaced_by_a_default() -> None:
    assert bind(some, 1, undefined, "y") == [1, 5, "y"]
    assert bind(some, 1, undefined, undefined) == [1, 5, "x"]
    assert bind(some, "1", undefined) == [1, 5]
    assert bind(unannotated, 1, undefined) == [1, 5]


def test_undefined_is_none_where_the_annotation_allows_it() -> None:
    assert bind(taking(int | None), undefined) == [None]
    assert bind(taking(int | None, 7), undefined) == [7]
    assert bind(taking(list[int | None]), [1, undefined]) == [[1, None]]
    assert bind(taking(dict[str, int | None]), {"a": undefined}) == [{"a": None}]


def test_undefined_stays_where_the_annotation_allows_it() -> None:
    assert bind(taking(int | UndefinedType), undefined) == [undefined]
    assert bind(taking(dict[str, Any]), {"a": undefined}) == [{"a": undefined}]
    assert bind(taking(list[Any]), [undefined]) == [[undefined]]
    assert bind(rest, 1, 2) == [1, 2]
    assert bind(lambda event, *args: None, 1, undefined) == [1, undefined]


def test_undefined_behind_the_last_parameter_is_no_argument() -> None:
    assert bind(one, "1", undefined, undefined) == [1]
    assert bind(none, undefined) == []


class Everything(BaseModel):
    required: str
    nullable: int | None
    default: int = 5
    anything: Any = "default"
    inner: "Everything | None" = None
    many: list["Everything"] = []


def test_an_undefined_property_is_absent_for_a_model() -> None:
    value = {
        "required": "x",
        "nullable": undefined,
        "default": undefined,
        "anything": undefined,
        "inner": {"required": "y", "nullable": 5, "default": undefined, "inner": undefined},
        "many": [{"required": "z", "nullable": undefined, "many": undefined}],
    }

    (bound,) = bind(taking(Everything), value)

    assert bound == Everything(
        required="x",
        nullable=None,
        inner=Everything(required="y", nullable=5),
        many=[Everything(required="z", nullable=None)],
    )
    assert bound.anything == "default"
    assert value["default"] is undefined
    assert value["many"] == [{"required": "z", "nullable": undefined, "many": undefined}]


def test_an_undefined_property_is_replaced_by_the_default_of_a_field_that_allows_any_value() -> None:
    (bound,) = bind(taking(Everything), {"required": "x", "nullable": None, "anything": undefined})

    assert bound.anything == "default"


def test_a_required_property_that_is_undefined_is_missing() -> None:
    value = {"required": undefined, "nullable": undefined}

    assert refusal(taking(Everything), value).startswith("add: argument 1 (a.required) is missing")


@pytest.mark.parametrize(
    "annotation, value, bound",
    [
        (Size, {"width": 1, "height": undefined}, Size(1, 1)),
        (Options, {"deep": undefined}, {}),
        (list[User], [{"name": "Ada", "age": undefined}], [User(name="Ada")]),
        (dict[str, User], {"a": {"name": "Ada", "tags": undefined}}, {"a": User(name="Ada")}),
        (User | int, {"name": "Ada", "tags": undefined}, User(name="Ada")),
        (User | None, undefined, None),
    ],
)
def test_an_undefined_property_is_absent_for_every_type_with_fields(annotation: Any, value: Any, bound: Any) -> None:
    assert bind(taking(annotation), value) == [bound]


def test_an_undefined_property_is_absent_for_star_args_of_models() -> None:
    def function(event: Any, *users: User) -> None:
        """Take models."""

    assert bind(function, {"name": "Ada", "tags": undefined}, {"name": "Bob"}) == [User(name="Ada"), User(name="Bob")]
    assert refusal(function, {"name": "Ada"}, {}) == "add: argument 2 (*users.name) is missing"


def test_validation_of_shared_and_cyclic_values_terminates() -> None:
    cyclic: dict[str, Any] = {"name": "Ada", "age": undefined}
    cyclic["self"] = cyclic
    cyclic["list"] = [cyclic]

    assert bind(user, cyclic) == [User(name="Ada")]

    del cyclic["age"]
    assert bind(user, cyclic) == [User(name="Ada")]


def test_a_deep_value_needs_no_recursion() -> None:
    deep: Any = {"end": undefined}
    for _ in range(5000):
        deep = [deep]

    assert bind(user, {"name": "Ada", "more": deep}) == [User(name="Ada")]


def test_two_listeners_get_the_same_arguments() -> None:
    """What one of them validates must not change what the next one sees."""
    args = [{"name": "Ada", "age": undefined}]

    Handler(user, "add", "on").bind(args)

    assert args == [{"name": "Ada", "age": undefined}]


def test_an_unexpected_exception_of_a_validator_is_raised_unchanged() -> None:
    def fail(value: Any) -> Any:
        raise LookupError("no")

    with pytest.raises(LookupError):
        bind(taking(Annotated[int, AfterValidator(fail)]), 5)
