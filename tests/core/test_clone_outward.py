"""What Python's own objects become in a page: the table of what may be sent, and what is refused with which remedy."""

import json
import re
import sys
from array import array
from collections import OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from functools import partial
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import numpy as np
import orjson
import pytest
from pydantic import (
    AnyUrl,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    SecretStr,
    computed_field,
    field_serializer,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass

from tests.support.same import is_same
from webipc.core.clone import Cloned, decode, encode
from webipc.core.errors import CloneError, LimitError
from webipc.core.limits import Limits
from webipc.core.values import (
    ArrayBuffer,
    BigInt,
    Boxed,
    JSArray,
    JSDate,
    JSError,
    JSMap,
    JSRegExp,
    JSSet,
    TypedArray,
    hole,
    undefined,
)


def json_of(cloned: Cloned) -> Any:
    text = json.dumps([cloned.skeleton, cloned.fixups], default=lambda part: orjson.loads(orjson.dumps(part)))
    return json.loads(text)


def arrives(value: Any) -> Any:
    """Return what a page sends back when it has received a value."""
    cloned = encode(value)
    skeleton, fixups = json_of(cloned)
    return decode(skeleton, fixups, cloned.segments)


class Color(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    YES = "yes"


class Name(str):
    """A str whose `__str__` returns another text."""

    __slots__ = ()

    def __str__(self) -> str:
        return "wrong"


class Count(int):
    def __index__(self) -> int:
        return -1

    def __int__(self) -> int:
        return -1


class Share(float):
    def __float__(self) -> float:
        return -1.0


class Names(list[Any]):
    pass


Point = namedtuple("Point", "x y")  # noqa: PYI024  (the untyped one is sent as well)

# From 3.13 on Python has "w" for texts, and warns of "u".
TEXT_CODE: Any = "w" if sys.version_info >= (3, 13) else "u"
MOMENT = datetime(2023, 11, 14, tzinfo=UTC)
LATER = MOMENT + timedelta(days=1)


@pytest.mark.parametrize(
    "value, expected",
    [
        ((1, (2,)), [1, [2]]),
        (Point(1, 2), [1, 2]),
        ({1}, JSSet([1])),
        (frozenset({1}), JSSet([1])),
        (2**53, BigInt(2**53)),
        (-(2**64), BigInt(-(2**64))),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abcd")[::2], b"ac"),
        (memoryview(array("h", [1])), b"\1\0"),
        (memoryview(b""), b""),
        (Color.RED, "red"),
        (Level.LOW, 1),
        (Word.YES, "yes"),
        (Name("a"), "a"),
        (Count(3), 3),
        (Share(1.5), 1.5),
        ({Name("k"): 1}, {"k": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(int, a=1), {"a": 1}),
        (Names([1]), [1]),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Decimal("1.10"), "1.10"),
        (timedelta(seconds=90), "PT1M30S"),
        (date(2020, 1, 2), "2020-01-02"),
        (time(1, 2), "01:02:00"),
        (ip_address("127.0.0.1"), "127.0.0.1"),
        (AnyUrl("https://example.com/"), "https://example.com/"),
        (SecretStr("hidden"), "**********"),
        (MOMENT.replace(microsecond=1999), MOMENT.replace(microsecond=1000)),
        (re.compile("a", re.IGNORECASE), JSRegExp("a", "i")),
        (array("f", [1.5]), TypedArray("Float32Array", array("f", [1.5]).tobytes())),
        (array("B", [1]), b"\1"),
        (JSArray(1, {0: 1}), [1]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_python_object_arrives_as(value: Any, expected: Any) -> None:
    assert is_same(arrives(value), expected)
    assert is_same(arrives({"in": [value, undefined]}), {"in": [expected, undefined]})


@pytest.mark.parametrize(
    "error, name, message",
    [
        (ValueError("no"), "Error", "no"),
        (TypeError("no"), "TypeError", "no"),
        (KeyError("k"), "Error", "'k'"),
        (ModuleNotFoundError(), "Error", ""),
        (IndentationError("no"), "SyntaxError", "no"),
    ],
)
def test_an_exception_arrives_as_an_error_without_its_traceback(error: Exception, name: str, message: str) -> None:
    arrived = arrives(error)
    assert (arrived.name, arrived.message, arrived.stack, arrived.has_cause) == (name, message, None, False)


def test_an_error_of_a_class_that_javascript_lacks_is_an_error() -> None:
    assert arrives(JSError("MyError", "no")).name == "Error"


class Metres(np.ndarray[Any, Any]):
    """An array whose numbers have a unit."""


class NoTime(datetime):
    """What pandas has for a missing moment: a datetime that differs from itself."""

    def __ne__(self, other: object) -> bool:
        return True


class TestNumpy:
    @pytest.mark.parametrize(
        "scalar, expected",
        [
            (np.int64(5), 5),
            (np.uint64(2**63), BigInt(2**63)),
            (np.float32(1.5), 1.5),
            (np.float64(2.5), 2.5),
            (np.bool_(True), True),
            (np.str_("a"), "a"),
        ],
    )
    def test_a_scalar_is_its_number(self, scalar: Any, expected: Any) -> None:
        assert is_same(arrives([scalar]), [expected])

    @pytest.mark.parametrize(
        "dtype, kind",
        [
            ("int8", "Int8Array"),
            ("int16", "Int16Array"),
            ("uint16", "Uint16Array"),
            ("int32", "Int32Array"),
            ("uint32", "Uint32Array"),
            ("int64", "BigInt64Array"),
            ("uint64", "BigUint64Array"),
            ("float16", "Float16Array"),
            ("float32", "Float32Array"),
            ("float64", "Float64Array"),
        ],
    )
    def test_an_array_is_the_typed_array_of_its_kind(self, dtype: str, kind: str) -> None:
        values = np.array([1, 2, 3], dtype)
        arrived = arrives(values)
        assert arrived.kind == kind
        assert np.asarray(arrived).dtype == values.dtype
        assert np.asarray(arrived).tolist() == [1, 2, 3]

    def test_an_array_of_uint8_is_bytes(self) -> None:
        assert arrives(np.array([1, 2], "uint8")) == b"\1\2"

    @pytest.mark.parametrize(
        "values, remedy",
        [
            (np.zeros((2, 2)), "2 dimensions (use .ravel() or .tolist())"),
            (np.zeros(()), "0 dimensions"),
            (np.ma.masked_array([1, 2], [False, True]), "a NumPy MaskedArray (use .filled(), "),
            (np.zeros(2).view(Metres), "a NumPy Metres (use "),
            (np.zeros(4)[::2], "not contiguous (use .copy())"),
            (np.zeros(2, "complex128"), "complex128 (use .astype() or .tolist())"),
            (np.zeros(2, "bool"), "bool (use .astype()"),
            (np.zeros(2, ">i4"), ">i4 (use .astype()"),
            (np.complex128(1), "complex128"),
            (np.datetime64("2020-01-01"), "datetime64"),
        ],
        ids=repr,
    )
    def test_an_array_without_a_typed_array_is_refused(self, values: Any, remedy: str) -> None:
        with pytest.raises(CloneError) as refusal:
            encode(values)
        assert remedy in refusal.value.reason


class NaTType(datetime):
    """Stands for that of pandas: a datetime, and the only one that differs from itself."""

    def __ne__(self, other: object) -> bool:
        return True

    __eq__ = datetime.__eq__
    __hash__ = datetime.__hash__

    def utcoffset(self) -> Any:
        raise ValueError("NaTType does not support utcoffset")


def test_a_moment_that_pandas_lacks_is_an_invalid_date_wherever_it_stands() -> None:
    # It is one object, as in pandas.
    nat = NaTType(1, 1, 1)
    assert encode([nat, {"at": [nat]}]) == Cloned([None, {"at": [None]}], [["d", [0]], ["@", [1, "at", 0], [0]]], [])


class DataFrame:
    """Stands for that of pandas, which is recognised by its name."""

    def to_dict(self, orient: str) -> Any:
        return orient


def generate() -> Iterator[int]:
    yield 1


async def later() -> None: ...


class Stranger:
    __slots__ = ()


@pytest.mark.parametrize(
    "value, reason",
    [
        (
            datetime(2020, 1, 1),  # noqa: DTZ001  (the naive one is the point)
            "a naive datetime (use .replace(tzinfo=UTC) if it is in UTC, .astimezone() if it is local)",
        ),
        ({1: 2}, "a dict with a key of class int (use JSMap, or str keys)"),
        ({None: 2}, "a dict with a key of class NoneType (use JSMap, or str keys)"),
        (DataFrame(), 'a DataFrame (use .to_dict("records"))'),
        (len, "a function"),
        (lambda: None, "a function"),
        (partial(len), "a function"),
        ([].append, "a function"),
        (later, "a function"),
        (generate(), "a generator or another iterator (use list())"),
        (iter([]), "a generator or another iterator (use list())"),
        (Stranger, "a class"),
        (Stranger(), "an object of class Stranger (send a dict, a dataclass or a Pydantic model)"),
        (object(), "an object of class object (send a dict, a dataclass or a Pydantic model)"),
        (1j, "an object of class complex (send a dict, a dataclass or a Pydantic model)"),
        (hole, "an object of class HoleType (send a dict, a dataclass or a Pydantic model)"),
        (UserDict(), "a UserDict (use dict() or JSMap())"),
        (array(TEXT_CODE), f"an array of typecode {TEXT_CODE} (use .tounicode())"),
        (JSArray(1, {}, {"0": 1}), "a JSArray with a property named '0' (indices are in items)"),
        (JSArray(1, {}, {"length": 1}), "a JSArray with a property named 'length' (indices are in items)"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_an_object_that_no_page_can_have_is_refused_with_a_remedy(value: Any, reason: str) -> None:
    with pytest.raises(CloneError) as refusal:
        encode([None, {"save": value}])
    assert (refusal.value.path, refusal.value.reason) == ("args[1].save", reason)
    assert str(refusal.value) == f"An object could not be cloned. args[1].save: {reason}"


def test_a_coroutine_is_refused_with_a_remedy() -> None:
    coroutine = later()
    with pytest.raises(CloneError, match="await it"):
        encode(coroutine)
    coroutine.close()


def test_a_view_whose_buffer_shrank_is_refused() -> None:
    buffer = ArrayBuffer(b"abcd")
    view = TypedArray("Int8Array", buffer)
    del buffer[1:]
    with pytest.raises(CloneError, match="too short"):
        encode(view)


def test_a_buffer_that_grew_beyond_its_maximum_is_refused() -> None:
    buffer = ArrayBuffer(b"ab", max_byte_length=2)
    buffer += b"c"
    with pytest.raises(CloneError, match="grown beyond its 2 bytes"):
        encode(buffer)


def test_an_index_outside_a_sparse_array_is_refused() -> None:
    sparse = JSArray(1)
    sparse.items[5] = 1
    with pytest.raises(CloneError, match="outside its length of 1"):
        encode(sparse)


@pytest.mark.parametrize(
    "build, path",
    [
        (lambda bad: bad, "result"),
        (lambda bad: [[bad]], "result[0][0]"),
        (lambda bad: {"a b": {"c": bad}}, 'result["a b"].c'),
        (lambda bad: {"": bad}, 'result[""]'),
        (lambda bad: JSMap([("k", bad)]), "result.values()[0]"),
        (lambda bad: JSMap([("k", 1), (bad, 1)]), "result.keys()[1]"),
        (lambda bad: JSSet([1, bad]), "result.values()[1]"),
        (lambda bad: JSArray(9, {7: bad}), "result[7]"),
        (lambda bad: JSArray(9, {}, {"name": bad}), "result.name"),
        (lambda bad: JSError(cause=[bad]), "result.cause[0]"),
    ],
)
def test_a_refusal_names_the_path_as_javascript_would(build: Callable[[Any], Any], path: str) -> None:
    with pytest.raises(CloneError) as refusal:
        encode(build(len), root="result")
    assert refusal.value.path == path


class TestIdentity:
    @pytest.mark.parametrize(
        "shared",
        [[], {}, {1}, bytearray(b"a"), MOMENT, JSMap(), JSSet(), JSArray(1), Boxed(1), ArrayBuffer(b""), Names()],
        ids=lambda value: type(value).__name__,
    )
    def test_an_object_in_two_places_stays_one(self, shared: Any) -> None:
        first, second = arrives([shared, shared])
        assert first is second

    @pytest.mark.parametrize("shared", ["text", b"bytes", (1, 2), (), 2**70, BigInt(1), frozenset({1})], ids=repr)
    def test_an_immutable_one_is_written_twice(self, shared: Any) -> None:
        assert not [fixup for fixup in encode([shared, shared]).fixups if fixup[0] == "@"]

    def test_a_container_in_a_tuple_that_comes_twice_stays_one(self) -> None:
        shared: Any = ([],)
        first, second = arrives([shared, shared])
        assert first is not second
        assert first[0] is second[0]

    def test_a_temporary_object_is_never_taken_for_another(self) -> None:
        arrived = arrives([array("h", [number]) for number in range(100)])
        assert [view.view()[0] for view in arrived] == list(range(100))

    def test_views_of_one_buffer_share_it(self) -> None:
        buffer = ArrayBuffer(bytes(4))
        first, second = arrives([TypedArray("Int8Array", buffer), TypedArray("Int16Array", buffer)])
        assert first.buffer is second.buffer


class TestBytes:
    def test_bytes_are_not_copied(self) -> None:
        content = bytes(1000)
        assert encode(content).segments[0] is content
        (segment,) = encode(memoryview(content)[1:]).segments
        assert isinstance(segment, memoryview)
        assert segment.obj is content

    @pytest.mark.parametrize(
        "wrap", [lambda content: content, memoryview, ArrayBuffer, lambda content: TypedArray("Int8Array", content)]
    )
    def test_bytes_that_can_change_are_copied(self, wrap: Callable[[bytearray], Any]) -> None:
        content = bytearray(b"ab")
        value = wrap(content)
        cloned = encode(value)
        content[0] = 0
        if isinstance(value, bytearray):
            value[0] = 0
        assert bytes(cloned.segments[0]) == b"ab"

    def test_a_buffer_that_is_reached_twice_is_copied_too(self) -> None:
        buffer = ArrayBuffer(b"ab")
        cloned = encode([buffer, TypedArray("Uint8Array", buffer)])
        buffer[0] = 0
        assert list(map(bytes, cloned.segments)) == [b"ab"]


class Address(BaseModel):
    street: str
    lines: list[str] = []


class User(BaseModel):
    id: int
    name: str = Field(alias="fullName")
    score: float | None = None
    address: Address | None = None
    role: Literal["admin", "user"] = "user"
    color: Color = Color.RED


class Event(BaseModel):
    at: datetime
    data: bytes = b""
    tags: set[str] = set()
    extra: Any = None


class Labels(BaseModel):
    labels: JSMap[str, Any]
    count: BigInt


class Node(BaseModel):
    value: int = 0
    next: Optional["Node"] = None


class Serialized(BaseModel):
    when: datetime
    double: int

    @field_serializer("double")
    def twice(self, value: int) -> int:
        return value * 2

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def label(self) -> str:
        return f"#{self.double}"


class Temperatures(RootModel[list[float]]):
    pass


@dataclass
class Plain:
    x: int
    tags: list[str] = field(default_factory=list)


@dataclass
class Mixed:
    when: datetime
    stranger: Any = None


@dataclass
class Unknown:
    """A dataclass that Pydantic has no schema for."""

    anything: Stranger | None
    items: list[int]


@pydantic_dataclass
class Validated:
    x: Annotated[int, PlainSerializer(lambda value: [value])]


class TestModels:
    def test_a_model_of_jsons_own_types_goes_straight_to_json(self) -> None:
        user = User(id=1, fullName="Ada", score=1.5, address=Address(street="A", lines=["x"]))
        cloned = encode(user)
        assert isinstance(cloned.skeleton, orjson.Fragment)
        assert arrives(user) == {
            "id": 1,
            "fullName": "Ada",
            "score": 1.5,
            "address": {"street": "A", "lines": ["x"]},
            "role": "user",
            "color": "red",
        }

    def test_each_model_among_others_goes_straight_to_json(self) -> None:
        cloned = encode({"users": [Address(street="A"), Plain(1), Address(street="B")]})
        assert all(isinstance(part, orjson.Fragment) for part in cloned.skeleton["users"])
        assert cloned.fixups == []

    @pytest.mark.parametrize("kind", [list, tuple])
    def test_a_list_of_models_of_one_class_goes_straight_to_json_as_a_whole(self, kind: type[Any]) -> None:
        value = {"users": kind([Address(street="A"), Address(street="B")])}
        cloned = encode(value)
        assert isinstance(cloned.skeleton["users"], orjson.Fragment)
        assert cloned.fixups == []
        assert arrives(value) == {"users": [{"street": "A", "lines": []}, {"street": "B", "lines": []}]}

    @pytest.mark.parametrize(
        "models",
        [
            [User(id=1, fullName="x"), User(id=2**60, fullName="y", score=float("nan"))],
            [Address(street="A"), Address(street="\ud800")],
            [Event(at=MOMENT, extra=[1]), Event(at=LATER, data=b"a", extra=undefined)],
            [Labels(labels=JSMap([("a", {1})]), count=BigInt(5)), Labels(labels=JSMap(), count=BigInt(6))],
            [Serialized(when=MOMENT, double=2), Serialized(when=LATER, double=3)],
            [Temperatures([1.5]), Temperatures([float("inf")])],
            [Node(next=Node(value=1)), Node(value=2)],
            [Plain(1), Plain(2)],
            [Mixed(MOMENT, undefined), Mixed(LATER, [undefined])],
            [Unknown(None, [1]), Unknown(None, [2])],
            [Validated(3), Validated(4)],
            [Address(street="A"), Plain(1), None, Address(street="B")],
        ],
        ids=lambda models: type(models[0]).__name__,
    )
    def test_models_in_a_list_arrive_as_each_by_itself(self, models: list[Any]) -> None:
        assert is_same(arrives(models), [arrives(model) for model in models])

    def test_a_list_of_models_in_two_places_stays_one(self) -> None:
        users = [Address(street="A"), Address(street="B")]
        first, second = arrives([users, users])
        assert first is second
        assert first == [{"street": "A", "lines": []}, {"street": "B", "lines": []}]

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), -0.0, 1e16, 1.5])
    def test_a_number_that_json_lacks_survives_in_a_model(self, number: float) -> None:
        assert is_same(arrives(User(id=1, fullName="x", score=number))["score"], number)
        assert is_same(arrives(Temperatures([number])), [number])

    def test_none_beside_numbers_survives_in_a_model(self) -> None:
        assert arrives(User(id=1, fullName="x"))["score"] is None

    @pytest.mark.parametrize("number", [2**53, -(2**53), 2**80])
    def test_a_large_integer_in_a_model_is_a_bigint(self, number: int) -> None:
        assert type(arrives(User(id=number, fullName="x"))["id"]) is BigInt

    def test_half_a_character_in_a_model_survives(self) -> None:
        assert arrives(Address(street="\ud800")) == {"street": "\ud800", "lines": []}

    def test_each_field_follows_the_table(self) -> None:
        arrived = arrives(Event(at=MOMENT, data=b"ab", tags={"x"}, extra={"deep": [undefined, MOMENT]}))
        expected = {"at": MOMENT, "data": b"ab", "tags": JSSet(["x"]), "extra": {"deep": [undefined, MOMENT]}}
        assert is_same(arrived, expected)

    def test_values_of_javascript_survive_in_a_model(self) -> None:
        arrived = arrives(Labels(labels=JSMap([("a", {1})]), count=BigInt(5)))
        assert is_same(arrived, {"labels": JSMap([("a", JSSet([1]))]), "count": BigInt(5)})

    def test_serializers_computed_fields_and_aliases_are_honoured(self) -> None:
        assert arrives(Serialized(when=MOMENT, double=2)) == {"when": MOMENT, "double": 4, "label": "#2"}
        assert arrives(Validated(3)) == {"x": [3]}

    def test_the_result_of_a_serializer_follows_the_table(self) -> None:
        class Stamped(BaseModel):
            name: str

            @field_serializer("name")
            def stamp(self, value: str) -> datetime:
                return MOMENT

        assert arrives(Stamped(name="x")) == {"name": MOMENT}

    def test_a_model_with_further_fields_is_walked(self) -> None:
        class Open(BaseModel):
            model_config = ConfigDict(extra="allow")

        assert arrives(Open.model_validate({"when": MOMENT})) == {"when": MOMENT}

    def test_a_model_of_models_of_its_own_class_is_sent(self) -> None:
        assert arrives(Node(next=Node(value=1))) == {"value": 0, "next": {"value": 1, "next": None}}

    def test_a_model_that_holds_itself_is_refused(self) -> None:
        node = Node()
        node.next = node
        with pytest.raises(CloneError) as refusal:
            encode({"node": node})
        assert refusal.value.path == "args.node"

    def test_a_refusal_inside_a_model_names_the_path(self) -> None:
        with pytest.raises(CloneError) as refusal:
            encode([Event(at=MOMENT, extra={"call": len})])
        assert refusal.value.path == "args[0].extra.call"

    def test_a_refusal_inside_a_list_of_models_names_the_path(self) -> None:
        events = [Event(at=MOMENT) for _ in range(9)]
        events[7].extra = {"save": len}
        with pytest.raises(CloneError) as refusal:
            encode(events, root="result")
        assert refusal.value.path == "result[7].extra.save"

    def test_a_model_that_fails_in_a_list_of_models_names_its_path(self) -> None:
        nodes = [Node() for _ in range(9)]
        nodes[7].next = nodes[7]
        with pytest.raises(CloneError) as refusal:
            encode(nodes, root="result")
        assert refusal.value.path == "result[7]"

    def test_a_list_of_models_that_is_nested_too_deeply_is_refused(self) -> None:
        with pytest.raises(LimitError, match="depth"):
            encode([[Address(street="A"), Address(street="B")]], Limits(depth=1))

    def test_one_model_in_two_places_is_two_objects(self) -> None:
        address = Address(street="A")
        event = Event(at=MOMENT)
        for model in (address, event):
            first, second = arrives([model, model])
            assert first == second
            assert first is not second

    def test_a_model_beside_a_reference_is_counted_field_by_field(self) -> None:
        shared: list[Any] = []
        cloned = encode([shared, shared, Address(street="A")])
        assert cloned.skeleton == [[], None, {"street": "A", "lines": []}]

    @pytest.mark.parametrize(
        "value, expected",
        [
            (Plain(1, ["a"]), {"x": 1, "tags": ["a"]}),
            (Mixed(MOMENT, undefined), {"when": MOMENT, "stranger": undefined}),
            (Unknown(None, [1]), {"anything": None, "items": [1]}),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_a_dataclass_is_the_object_of_its_fields(self, value: Any, expected: Any) -> None:
        assert is_same(arrives(value), expected)

    def test_a_dataclass_of_jsons_own_types_goes_straight_to_json(self) -> None:
        assert isinstance(encode(Plain(1)).skeleton, orjson.Fragment)
        assert not isinstance(encode(Mixed(MOMENT)).skeleton, orjson.Fragment)


def test_a_missing_moment_is_an_invalid_date() -> None:
    assert arrives([NoTime(2020, 1, 1)]) == [JSDate(None)]
