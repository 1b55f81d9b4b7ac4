"""The JavaScript values that Python lacks, by themselves: nothing here is sent."""

import copy
import pickle
import re
import subprocess
import sys
from array import array
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from webipc.core.values import (
    ArrayBuffer,
    BigInt,
    Boxed,
    HoleType,
    JSArray,
    JSDate,
    JSError,
    JSMap,
    JSRegExp,
    JSSet,
    TypedArray,
    UndefinedType,
    hole,
    undefined,
)
from webipc.core.values.binary import kind_of_array
from webipc.core.values.keyed import same_value_zero

NAN = float("nan")


@pytest.mark.parametrize("singleton", [undefined, hole], ids=repr)
def test_undefined_and_hole_are_falsy_and_stay_themselves(singleton: Any) -> None:
    assert not singleton
    assert type(singleton)() is singleton
    assert copy.copy(singleton) is copy.deepcopy([singleton])[0] is pickle.loads(pickle.dumps(singleton)) is singleton


def test_undefined_is_neither_none_nor_a_hole() -> None:
    assert len({id(undefined), id(None), id(hole)}) == 3
    assert (repr(undefined), repr(hole)) == ("undefined", "hole")


def test_a_bigint_is_an_int_with_a_repr_of_its_own() -> None:
    assert BigInt(5) + 1 == 6
    assert (repr(BigInt(5)), str(BigInt(5)), f"{BigInt(5)}") == ("BigInt(5)", "5", "5")
    assert copy.deepcopy(BigInt(7)) == pickle.loads(pickle.dumps(BigInt(7))) == 7


class TestMap:
    def test_keys_that_a_dict_confuses_are_different_keys(self) -> None:
        keys = [1, True, "1", BigInt(1), 0, False, "", None, undefined, NAN]
        assert list(JSMap((key, key) for key in keys)) == keys

    def test_numbers_are_one_key_whatever_their_type(self) -> None:
        entries: JSMap[float, str] = JSMap([(1, "int")])
        entries[1.0] = "float"
        assert list(entries.items()) == [(1, "float")]
        assert -0.0 in JSMap([(0, "zero")])

    def test_minus_zero_becomes_zero_as_a_key(self) -> None:
        assert repr(list(JSMap([(-0.0, 1)]))) == "[0]"

    def test_every_nan_is_one_key(self) -> None:
        assert JSMap([(NAN, 1)])[float("inf") - float("inf")] == 1

    def test_an_int_that_would_become_a_bigint_is_that_bigint(self) -> None:
        assert JSMap([(2**53, 1)])[BigInt(2**53)] == 1
        assert 2.0**53 not in JSMap([(2**53, 1)])

    def test_objects_are_keys_by_identity(self) -> None:
        key = {"a": 1}
        entries = JSMap([(key, "mine")])
        assert entries[key] == "mine"
        assert {"a": 1} not in entries

    def test_a_subclass_of_str_is_the_same_key(self) -> None:
        class Name(str):
            __slots__ = ()

        assert JSMap([("a", 1)])[Name("a")] == 1

    def test_a_key_keeps_its_place_and_a_deleted_one_comes_back_at_the_end(self) -> None:
        entries = JSMap([("a", 1), ("b", 2)])
        entries["a"] = 3
        assert list(entries) == ["a", "b"]
        del entries["a"]
        entries["a"] = 4
        assert list(entries) == ["b", "a"]
        assert list(reversed(entries)) == ["a", "b"]

    def test_a_missing_key_is_named(self) -> None:
        with pytest.raises(KeyError, match="missing"):
            JSMap[str, int]()["missing"]
        with pytest.raises(KeyError, match="missing"):
            del JSMap[str, int]()["missing"]

    def test_maps_are_equal_when_keys_and_values_are(self) -> None:
        assert JSMap([("a", 1), ("b", 2)]) == JSMap({"b": 2, "a": 1})
        assert JSMap([(1, 1)]) != JSMap([(True, 1)])
        assert JSMap([("a", 1)]) != {"a": 1}

    def test_a_map_that_holds_itself_can_be_shown(self) -> None:
        entries: JSMap[Any, Any] = JSMap()
        entries["self"] = entries
        assert repr(entries) == "JSMap([('self', JSMap(...))])"


class TestSet:
    def test_members_that_a_set_confuses_are_different_members(self) -> None:
        assert len(JSSet([1, True, 1.0, "1", BigInt(1), NAN, NAN, {}, {}])) == 7

    def test_the_order_is_that_of_insertion(self) -> None:
        members = JSSet([3, 1, 2])
        members.add(3)
        members.discard(1)
        members.discard(9)
        members.add(1)
        assert list(members) == [3, 2, 1]

    def test_it_has_the_operations_of_sets(self) -> None:
        assert list(JSSet([1, 2]) | JSSet([2, 3])) == [1, 2, 3]
        assert list(JSSet([1, 2]) & JSSet([2, 3])) == [2]
        assert JSSet([1]) == JSSet([1])

    def test_a_set_that_holds_itself_can_be_shown(self) -> None:
        members: JSSet[Any] = JSSet()
        members.add(members)
        assert repr(members) == "JSSet([JSSet(...)])"


class TestHashes:
    """A page cannot choose keys of one hash, of which Python would compare each with all others."""

    KEYS: ClassVar[dict[str, list[Any]]] = {
        "bigints": [BigInt(5 + number * (2**61 - 1)) for number in range(2_000)],
        "large ints": [2**60 + number * (2**61 - 1) for number in range(2_000)],
        # Two to the power of 61 has the remainder 1.
        "floats": [0.7 * 2.0 ** (exponent * 61) for exponent in range(-16, 17)],
        "small ints": [number * 2**40 for number in range(2_000)],
    }

    @pytest.mark.parametrize("kind", KEYS)
    def test_keys_of_one_hash_in_python_have_different_ones_here(self, kind: str) -> None:
        keys = self.KEYS[kind]
        assert len({hash(same_value_zero(key)) for key in keys}) == len(keys)
        assert len(JSSet(keys)) == len(keys)
        assert list(JSMap((key, None) for key in keys)) == keys

    def test_the_hashes_of_large_numbers_differ_from_process_to_process(self) -> None:
        program = (
            "from webipc.core.values import BigInt\n"
            "from webipc.core.values.keyed import same_value_zero as key\n"
            "print(hash(key(BigInt(5))), hash(key(0.5)), hash(key(2**70)))"
        )
        seen = {
            subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
            for _ in range(2)
        }
        assert len(seen) == 2


class TestArray:
    def test_an_index_that_is_not_set_is_a_hole(self) -> None:
        values = JSArray(3, {1: undefined})
        assert list(values) == [hole, undefined, hole]
        assert values[-1] is hole
        assert values[:2] == [hole, undefined]

    def test_a_hole_is_made_and_filled_by_assignment(self) -> None:
        values = JSArray.of([1, 2])
        values[0] = hole
        assert (values.items, len(values)) == ({1: 2}, 2)
        values[0] = 5
        assert values == JSArray.of([5, 2])

    def test_items_move_when_one_is_inserted_or_deleted(self) -> None:
        values = JSArray(3, {0: "a", 2: "c"})
        values.insert(1, "new")
        assert list(values) == ["a", "new", hole, "c"]
        del values[0]
        assert list(values) == ["new", hole, "c"]
        values.append(hole)
        assert len(values) == 4

    def test_the_longest_array_costs_nothing(self) -> None:
        assert len(JSArray(2**32 - 1)) == 2**32 - 1

    @pytest.mark.parametrize("length, items", [(-1, {}), (2**32, {}), (1, {1: "x"}), (1, {-1: "x"})])
    def test_a_length_or_index_out_of_range_is_refused(self, length: int, items: dict[int, Any]) -> None:
        with pytest.raises(ValueError, match=r"array|index"):
            JSArray(length, items)

    def test_an_index_beyond_the_end_is_an_index_error(self) -> None:
        with pytest.raises(IndexError, match="index 1 in an array of length 1"):
            JSArray(1)[1]

    def test_arrays_differ_by_holes_and_properties(self) -> None:
        assert JSArray(1) != JSArray(1, {0: undefined})
        assert JSArray(0, {}, {"a": 1}) != JSArray(0)
        assert JSArray(0) != []
        assert repr(JSArray(1, {0: 1}, {"a": 2})) == "JSArray(1, {0: 1}, {'a': 2})"


class TestDate:
    def test_a_datetime_is_cut_to_whole_milliseconds(self) -> None:
        assert JSDate.from_datetime(datetime(1970, 1, 1, 0, 0, 0, 1999, tzinfo=UTC)) == JSDate(1)
        assert JSDate.from_datetime(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == JSDate(-1)

    def test_a_datetime_of_another_zone_is_the_same_moment(self) -> None:
        zone = timezone(timedelta(hours=2))
        assert JSDate.from_datetime(datetime(1970, 1, 1, 2, tzinfo=zone)).ms == 0
        assert JSDate(0).to_datetime() == datetime(1970, 1, 1, tzinfo=UTC)

    def test_a_naive_datetime_is_refused(self) -> None:
        with pytest.raises(ValueError, match="astimezone"):
            JSDate.from_datetime(datetime(2020, 1, 1))  # noqa: DTZ001  (a naive one is the point)

    @pytest.mark.parametrize("ms", [8_640_000_000_000_001, 1.5, True, "0"])
    def test_an_invalid_time_value_is_refused(self, ms: Any) -> None:
        with pytest.raises(ValueError, match="time value"):
            JSDate(ms)

    @pytest.mark.parametrize("ms", [None, 8_640_000_000_000_000])
    def test_a_date_that_datetime_cannot_hold_raises_value_error(self, ms: int | None) -> None:
        with pytest.raises(ValueError, match=r"names no moment|outside the years"):
            JSDate(ms).to_datetime()

    def test_dates_are_equal_by_value(self) -> None:
        assert len({JSDate(1), JSDate(1), JSDate(None)}) == 2
        assert repr(JSDate(5)) == "JSDate(5)"
        assert JSDate(5) != 5


class TestRegExp:
    @pytest.mark.parametrize(
        "source, flags, text, found",
        [
            ("a+", "g", "caat", "aa"),
            ("A", "i", "a", "a"),
            ("(?<year>\\d{4})-\\k<year>", "", "2020-2020", "2020-2020"),
            ("(?<=a)b", "", "ab", "b"),
            ("^b$", "m", "a\nb\nc", "b"),
            ("[^]", "", "\n", "\n"),
            ("a\\/b", "", "a/b", "a/b"),
            ("\\u{1f600}", "u", "\U0001f600", "\U0001f600"),
            ("[[&~|]+", "", "x[&~|", "[&~|"),
            ("x{,2}", "", "x{,2}", "x{,2}"),
            ("\\cJ", "", "\n", "\n"),
            ("a.b", "s", "a\nb", "a\nb"),
            ("(a|b)\\1", "", "abb", "bb"),
        ],
    )
    def test_python_finds_what_javascript_finds(self, source: str, flags: str, text: str, found: str) -> None:
        match = JSRegExp(source, flags).compile().search(text)
        assert match is not None
        assert match[0] == found

    @pytest.mark.parametrize(
        "source, flags, text",
        [("a$", "", "a\n"), ("a.b", "", "a\u2028b"), ("[]", "", "a"), ("\\d", "", "٣"), ("a", "", "A")],
    )
    def test_python_finds_nothing_where_javascript_does_not(self, source: str, flags: str, text: str) -> None:
        assert JSRegExp(source, flags).compile().search(text) is None

    @pytest.mark.parametrize(
        "source, flags", [("\\p{Lu}", "u"), ("x", "v"), ("(", ""), ("(?<n", ""), ("(?>a)", ""), ("a{99999999999}", "")]
    )
    def test_what_python_cannot_express_is_refused(self, source: str, flags: str) -> None:
        with pytest.raises(ValueError, match=r"Python|counterpart"):
            JSRegExp(source, flags).compile()

    @pytest.mark.parametrize("flags", ["q", "gg", "uv"])
    def test_flags_that_javascript_lacks_are_refused(self, flags: str) -> None:
        with pytest.raises(ValueError, match="flags"):
            JSRegExp("x", flags)

    @pytest.mark.parametrize(
        "pattern, expected",
        [
            (re.compile("a+"), JSRegExp("a+")),
            (re.compile("", re.IGNORECASE | re.MULTILINE | re.DOTALL), JSRegExp("(?:)", "ims")),
            (re.compile("(?P<n>a)(?P=n)"), JSRegExp("(?<n>a)\\k<n>")),
            (re.compile("x{,2}"), JSRegExp("x{0,2}")),
            (re.compile("a$"), JSRegExp("a(?=\\n?$)")),
            (re.compile("a$", re.MULTILINE), JSRegExp("a$", "m")),
            (re.compile("[]a]"), JSRegExp("[\\]a]")),
            (re.compile("[^]a]"), JSRegExp("[^\\]a]")),
            (re.compile("x{,}?y{,3}?"), JSRegExp("x{0,}?y{0,3}?")),
            (re.compile("x{,٣}"), JSRegExp("x{,٣}")),
            (re.compile("a}+{"), JSRegExp("a}+{")),
            (re.compile("(?=a)[b]*(?:(?=a))*"), JSRegExp("(?=a)[b]*(?:(?=a))*")),
            (re.compile("(?P<n>a)?(?P=n)?"), JSRegExp("(?<n>a)?\\k<n>?")),
            (re.compile("😀+|\\😀?"), JSRegExp("(?:😀)+|(?:😀)?")),
            (re.compile("(?:a)(?=b)(?!c)(?<=a)(?<!b)"), JSRegExp("(?:a)(?=b)(?!c)(?<=a)(?<!b)")),
        ],
    )
    def test_a_python_pattern_becomes_javascripts(self, pattern: re.Pattern[str], expected: JSRegExp) -> None:
        assert JSRegExp.from_pattern(pattern) == expected

    @pytest.mark.parametrize(
        "pattern",
        [
            re.compile(b"a"),
            re.compile("a", re.VERBOSE),
            re.compile("\\Aa"),
            re.compile("(?i:a)"),
            re.compile("(a)(?(1)b|c)"),
            re.compile("(?#comment)a"),
            re.compile("a++"),
            re.compile("a{,3}+"),
            re.compile("a{,}+"),
            re.compile("a{2}+"),
            re.compile("(?<!a)?b"),
            re.compile("(?<=a){2}b"),
            re.compile("(?=(a|[)]))*b"),
            re.compile("[😀-😂]"),
            re.compile("(?>a)"),
        ],
        ids=repr,
    )
    def test_a_python_pattern_that_javascript_lacks_is_refused(self, pattern: re.Pattern[Any]) -> None:
        with pytest.raises(ValueError, match=r"JavaScript|counterpart"):
            JSRegExp.from_pattern(pattern)

    def test_regexps_are_equal_by_source_and_flags(self) -> None:
        assert len({JSRegExp("a", "g"), JSRegExp("a", "g"), JSRegExp("a")}) == 2
        assert JSRegExp("a") != "a"
        assert repr(JSRegExp("a", "g")) == "JSRegExp('a', 'g')"


class TestBinary:
    def test_an_array_buffer_is_a_bytearray_with_a_maximum(self) -> None:
        buffer = ArrayBuffer(b"ab", max_byte_length=4)
        buffer += b"c"
        assert (bytes(buffer), buffer.max_byte_length) == (b"abc", 4)
        assert bytes(ArrayBuffer(2)) == bytes(2)
        with pytest.raises(ValueError, match="more than the 1"):
            ArrayBuffer(b"ab", max_byte_length=1)

    def test_a_view_reads_and_writes_its_buffer(self) -> None:
        buffer = ArrayBuffer(b"\1\0\2\0")
        view = TypedArray("Int16Array", buffer)
        view.view()[1] = -1
        assert (view.view().tolist(), bytes(buffer), len(view)) == ([1, -1], b"\1\0\xff\xff", 2)

    def test_a_view_has_its_own_part_of_the_buffer(self) -> None:
        view = TypedArray("Uint16Array", bytes(range(8)), 2, 2)
        assert (view.view().tolist(), view.tobytes(), view.byte_length) == ([0x0302, 0x0504], b"\2\3\4\5", 4)

    def test_a_view_without_a_length_follows_a_resizable_buffer(self) -> None:
        buffer = ArrayBuffer(b"abc", max_byte_length=8)
        view = TypedArray("Int16Array", buffer)
        assert (view.length, view.follows_buffer) == (1, True)
        buffer += b"d"
        assert view.length == 2
        assert not TypedArray("Int16Array", ArrayBuffer(b"abcd")).follows_buffer

    def test_a_view_whose_buffer_shrinks_lies_outside(self) -> None:
        buffer = ArrayBuffer(b"abcd")
        view = TypedArray("Int8Array", buffer, 1)
        assert not view.is_outside
        del buffer[2:]
        assert view.is_outside

    @pytest.mark.parametrize(
        "kind, offset, length",
        [
            ("Array", 0, None),
            ("Int16Array", 1, 1),
            ("Int16Array", 0, 3),
            ("Int16Array", -2, 1),
            ("Int16Array", 0, -1),
            ("Int32Array", 2, None),
            ("Uint8Array", 6, None),
        ],
    )
    def test_a_view_off_its_alignment_or_outside_is_refused(self, kind: str, offset: int, length: int | None) -> None:
        with pytest.raises(ValueError, match=r"kind|multiple|outside|whole number"):
            TypedArray(kind, b"abcde", offset, length)

    @pytest.mark.parametrize("values", [[1.5, -2.0], []])
    def test_numpy_sees_the_same_memory(self, values: list[float]) -> None:
        view = TypedArray("Float64Array", np.array(values).tobytes())
        array_ = np.asarray(view)
        assert array_.dtype == np.float64
        assert array_.tolist() == values
        array_[:] = 7
        assert view.view().tolist() == [7.0] * len(values)

    def test_numpy_reads_float16_which_memoryview_lacks(self) -> None:
        view = TypedArray("Float16Array", np.array([1.5], np.float16).tobytes())
        assert np.asarray(view).tolist() == [1.5]
        with pytest.raises(NotImplementedError, match="numpy"):
            view.view()

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="Python asks a class for its buffer from 3.12 on")
    def test_memoryview_takes_a_view(self) -> None:
        assert memoryview(TypedArray("Int16Array", b"\1\0")).tolist() == [1]

    def test_views_are_equal_by_kind_and_bytes(self) -> None:
        assert TypedArray("Int8Array", b"ab") == TypedArray("Int8Array", b"xab", 1)
        assert TypedArray("Int8Array", b"ab") != TypedArray("Uint8Array", b"ab")
        assert TypedArray("Int8Array", b"ab") != b"ab"
        assert repr(TypedArray("Int8Array", b"ab", 1, 1)) == "TypedArray('Int8Array', <2 bytes>, 1, 1)"

    @pytest.mark.parametrize(
        "code, kind",
        [("b", "Int8Array"), ("B", "Uint8Array"), ("h", "Int16Array"), ("f", "Float32Array"), ("q", "BigInt64Array")],
    )
    def test_an_array_has_its_kind(self, code: str, kind: str) -> None:
        assert kind_of_array(array(code)) == kind


def test_an_error_can_be_raised_copied_and_read() -> None:
    error = JSError("TypeError", "no", "TypeError: no", cause=None)
    with pytest.raises(JSError, match="no"):
        raise error
    again = pickle.loads(pickle.dumps(error))
    assert (again.name, again.message, again.stack, again.cause) == ("TypeError", "no", "TypeError: no", None)
    assert (repr(error), str(JSError()), JSError().has_cause) == ("JSError('TypeError', 'no')", "", False)


def test_boxes_are_equal_by_type_and_value() -> None:
    assert len({Boxed(1), Boxed(1), Boxed(True), Boxed("1"), Boxed(BigInt(1))}) == 4
    assert Boxed(1) != 1
    assert repr(Boxed("a")) == "Boxed('a')"
    with pytest.raises(TypeError, match="NoneType"):
        Boxed(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "annotation, value",
    [
        (UndefinedType, undefined),
        (HoleType, hole),
        (BigInt, BigInt(5)),
        (JSMap, JSMap([(1, 2)])),
        (JSSet, JSSet([1])),
        (JSArray, JSArray(1)),
        (JSDate, JSDate(None)),
        (JSRegExp, JSRegExp("a")),
        (ArrayBuffer, ArrayBuffer(b"a")),
        (TypedArray, TypedArray("Int8Array", b"a")),
        (JSError, JSError()),
        (Boxed, Boxed(1)),
    ],
    ids=lambda part: part.__name__ if isinstance(part, type) else "",
)
def test_a_value_passes_its_annotation_as_the_same_object(annotation: Any, value: Any) -> None:
    assert TypeAdapter(annotation).validate_python(value) is value
    assert TypeAdapter(annotation | None).validate_python(value) is value
    assert TypeAdapter(list[annotation]).validate_python([value])[0] is value
    with pytest.raises(ValidationError, match=f"Input should be a {annotation.__name__}"):
        TypeAdapter(annotation).validate_python(object())


@pytest.mark.parametrize(
    "annotation, value, expected",
    [
        (BigInt, 5, BigInt(5)),
        (JSDate, datetime(1970, 1, 1, tzinfo=UTC), JSDate(0)),
        (JSArray, [1, 2], JSArray(2, {0: 1, 1: 2})),
        (ArrayBuffer, b"a", ArrayBuffer(b"a")),
        (TypedArray, b"a", TypedArray("Uint8Array", b"a")),
        (JSMap[str, int], JSMap([("a", "1")]), JSMap([("a", 1)])),
        (JSSet[int], JSSet(["1", 2]), JSSet([1, 2])),
    ],
)
def test_an_annotation_converts_other_objects_to_its_value(annotation: Any, value: Any, expected: Any) -> None:
    validated = TypeAdapter(annotation).validate_python(value)
    assert type(validated) is type(expected)
    assert validated == expected


@pytest.mark.parametrize(
    "annotation, value",
    [(BigInt, True), (BigInt, 1.5), (JSDate, datetime(2020, 1, 1)), (JSMap, {}), (JSSet[int], JSSet(["a"]))],  # noqa: DTZ001
)
def test_an_annotation_refuses_other_objects(annotation: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(annotation).validate_python(value)


def test_a_model_gives_back_the_values_that_it_holds() -> None:
    class Order(BaseModel):
        count: BigInt
        labels: JSMap[str, int]
        scan: ArrayBuffer | None = None

    order = Order(count=BigInt(5), labels=JSMap([("a", 1)]), scan=ArrayBuffer(b"a"))
    dumped = order.model_dump()
    assert dumped["scan"] is order.scan
    assert dumped["labels"] is order.labels
    assert type(dumped["count"]) is BigInt
