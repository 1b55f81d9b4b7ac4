"""The vectors of values.json as Python values, by name. They are built at each call, because decoders may change them.

Twin: js-client/test/core/native-values.ts
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

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
    undefined,
)

NAN: Final = float("nan")
SIXTEEN: Final = bytes(range(16))
FIRST_NEGATIVE: Final = b"\xff" + SIXTEEN[1:]


def at(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def twice(value: Any) -> list[Any]:
    return [value, value]


def tied(value: Any, tie: Callable[[Any], Any]) -> Any:
    """Return a value after a step that makes it refer to itself."""
    tie(value)
    return value


def whole(kind: str, content: bytes = FIRST_NEGATIVE) -> TypedArray:
    return TypedArray(kind, ArrayBuffer(content))


def resizable(content: bytes, maximum: int = 16) -> ArrayBuffer:
    return ArrayBuffer(content, max_byte_length=maximum)


def map_with_its_key_as_value() -> Any:
    key: dict[str, Any] = {}
    return JSMap([(key, key)])


def map_key_found_again() -> Any:
    key = {"id": 1}
    return [JSMap([(key, "v")]), key]


def set_member_found_again() -> Any:
    member: dict[str, Any] = {}
    return [JSSet([member]), member]


def errors_with_one_cause() -> Any:
    cause: dict[str, Any] = {}
    return [JSError(cause=cause), JSError(cause=cause)]


def views(*of_one: tuple[str, int, int], content: bytes) -> list[TypedArray]:
    buffer = ArrayBuffer(content)
    return [TypedArray(kind, buffer, offset, length) for kind, offset, length in of_one]


def buffer_and_view() -> Any:
    buffer = ArrayBuffer(b"\1\2\3\4")
    return [buffer, TypedArray("Uint8Array", buffer)]


def view_and_buffer() -> Any:
    buffer = ArrayBuffer(SIXTEEN[:8])
    return [TypedArray("Uint8Array", buffer, 2, 3), buffer]


def resizable_and_view() -> Any:
    buffer = resizable(b"\1\2\3\4")
    return {"buffer": buffer, "view": TypedArray("Uint8Array", buffer)}


def three_buffers() -> Any:
    numbers = ArrayBuffer(b"\1\0\2\0")
    view = TypedArray("Int16Array", numbers)
    return [b"\xaa\xbb", view, {"a": b"\xcc", "b": TypedArray("DataView", numbers, 1, 3)}, view]


def one_array_in_two_places() -> Any:
    array: list[Any] = []
    return {"a": array, "b": array, "c": array}


def cycle_of_two() -> Any:
    first: dict[str, Any] = {"b": {}}
    first["b"]["a"] = first
    return [first]


def arguments_that_hold_each_other() -> Any:
    first: dict[str, Any] = {}
    second = {"other": first}
    first["other"] = second
    return [first, second]


def cycle_through_every_container() -> Any:
    root: dict[str, Any] = {}
    sparse = JSArray(2, {0: root})
    root["map"] = JSMap([("set", JSSet([[JSError(cause=sparse)]]))])
    return root


def doubling() -> Any:
    levels: list[Any] = [[]]
    for _ in range(4):
        levels.append([levels[-1], levels[-1]])
    return levels


def nested(depth: int, core: Any) -> Any:
    for _ in range(depth):
        core = [core]
    return core


BUILDERS: Final[Mapping[str, Callable[[], Any]]] = {
    "null": lambda: None,
    "true": lambda: True,
    "false": lambda: False,
    "zero": lambda: 0,
    "negative-integer": lambda: -42,
    "fraction": lambda: 1.5,
    "tenth": lambda: 0.1,
    "largest-safe-integer": lambda: 2**53 - 1,
    "smallest-safe-integer": lambda: 1 - 2**53,
    "smallest-number": lambda: 5e-324,
    "largest-number": lambda: 1.7976931348623157e308,
    "small-exponent": lambda: 1e-7,
    "ten-to-the-21": lambda: 1e21,
    "minus-ten-to-the-21": lambda: -1e21,
    "empty-string": lambda: "",
    "string": lambda: "hello",
    "astral-string": lambda: "\U0001f600",
    "string-with-escapes": lambda: '"\\/\b\f\n\r\t\x01',
    "string-with-nul": lambda: "a\0b",
    "string-with-line-separators": lambda: "\u2028\u2029",
    "string-with-byte-order-mark": lambda: "\ufeffx\ufffe\uffff",
    "lone-high-surrogate": lambda: "\ud800",
    "lone-low-surrogate": lambda: "\udc00",
    "surrogates-in-the-wrong-order": lambda: "\udc00\ud800",
    "lone-surrogate-between-letters": lambda: "a\ud83db",
    "string-that-reads-like-a-placeholder": lambda: ["-0", "NaN", "Infinity", "9007199254740992", "ff"],
    "empty-array": list,
    "array": lambda: [1, "a", None, True],
    "nested-arrays": lambda: [[], [[]], [[[]]]],
    "empty-object": dict,
    "object": lambda: {"a": 1, "b": {"c": [2]}},
    "empty-key": lambda: {"": 1},
    "own-proto-key": lambda: {"__proto__": {"x": 1}},
    "own-proto-key-with-a-primitive": lambda: {"__proto__": 1, "a": 2},
    "own-proto-key-in-a-path": lambda: {"__proto__": at(0)},
    "own-proto-key-with-the-object-itself": lambda: tied({}, lambda it: it.update(__proto__=it)),
    "keys-that-objects-inherit": lambda: {
        "constructor": 1,
        "toString": 2,
        "hasOwnProperty": 3,
        "valueOf": 4,
        "length": 5,
    },
    "keys-with-meaning-elsewhere": lambda: {"$": 1, "@": 2, "type": 3, "$ref": 4, "then": 5, "toJSON": 6},
    "integer-like-keys": lambda: {"0": "a", "10": "b", "x": "c"},
    "integer-like-key-in-a-path": lambda: {"0": at(0)},
    "lone-surrogate-in-a-key": lambda: dict(zip(("\ud800", "\udc00"), (1, 2), strict=True)),
    "lone-surrogate-key-in-a-path": lambda: {"\ud800": undefined},
    "astral-key": lambda: {"\U0001f600": 1},
    "equal-objects-that-are-not-one": lambda: [{}, {}, [], []],
    "undefined": lambda: undefined,
    "undefined-in-an-array": lambda: [None, undefined],
    "undefined-in-an-object": lambda: {"a": None, "b": undefined},
    "undefined-many-times": lambda: [undefined, [undefined], {"a": undefined}],
    "undefined-arguments": lambda: [undefined, undefined],
    "minus-zero": lambda: -0.0,
    "nan": lambda: NAN,
    "infinity": lambda: float("inf"),
    "minus-infinity": lambda: float("-inf"),
    "minus-zero-beside-zero": lambda: [-0.0, 0],
    "minus-zero-in-an-object": lambda: {"x": -0.0},
    "nan-nested": lambda: [{"x": [NAN]}],
    "two-to-the-53": lambda: 2.0**53,
    "minus-two-to-the-53": lambda: -(2.0**53),
    "two-to-the-53-plus-2-nested": lambda: {"a": [2.0**53 + 2]},
    "ten-to-the-20": lambda: 1e20,
    "integer-whose-digits-are-rounded": lambda: 123456789012345680000.0,
    "largest-number-written-in-digits": lambda: 999999999999999900000.0,
    "two-to-the-63-as-a-number": lambda: 2.0**63,
    "bigint-zero": lambda: BigInt(0),
    "bigint-one": lambda: BigInt(1),
    "bigint-minus-one": lambda: BigInt(-1),
    "bigint-255": lambda: BigInt(255),
    "bigint-two-to-the-53": lambda: BigInt(2**53),
    "bigint-minus-two-to-the-64": lambda: BigInt(-(2**64)),
    "bigint-huge": lambda: BigInt(16**100),
    "bigint-nested": lambda: {"a": [BigInt(0xABCDEF0123456789)]},
    "bigint-beside-the-same-number": lambda: [BigInt(7), 7],
    "date-epoch": lambda: at(0),
    "date": lambda: at(1700000000123),
    "date-before-1970": lambda: at(-1),
    "date-invalid": lambda: JSDate(None),
    "date-latest": lambda: JSDate(8_640_000_000_000_000),
    "date-earliest": lambda: JSDate(-8_640_000_000_000_000),
    "date-first-of-year-1": lambda: datetime(1, 1, 1, tzinfo=UTC),
    "date-before-year-1": lambda: JSDate(-62135596800001),
    "date-last-of-year-9999": lambda: datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    "date-after-year-9999": lambda: JSDate(253402300800000),
    "date-nested": lambda: [{"when": datetime(1970, 1, 2, tzinfo=UTC)}],
    "date-twice-the-same-object": lambda: twice(at(0)),
    "date-invalid-twice-the-same-object": lambda: twice(JSDate(None)),
    "dates-that-are-equal": lambda: [at(5), at(5)],
    "regexp": lambda: JSRegExp("a+b", "gi"),
    "regexp-empty": lambda: JSRegExp("(?:)"),
    "regexp-all-flags-with-u": lambda: JSRegExp("x", "dgimsuy"),
    "regexp-flag-v": lambda: JSRegExp("[a--b]", "v"),
    "regexp-flag-d": lambda: JSRegExp("x", "d"),
    "regexp-flag-g": lambda: JSRegExp("x", "g"),
    "regexp-flag-i": lambda: JSRegExp("x", "i"),
    "regexp-flag-m": lambda: JSRegExp("x", "m"),
    "regexp-flag-s": lambda: JSRegExp("x", "s"),
    "regexp-flag-u": lambda: JSRegExp("x", "u"),
    "regexp-flag-y": lambda: JSRegExp("x", "y"),
    "regexp-with-a-slash": lambda: JSRegExp("a\\/b"),
    "regexp-that-python-cannot-express": lambda: JSRegExp("(?<year>\\d{4})\\k<year>\\p{Lu}", "u"),
    "regexp-twice-the-same-object": lambda: twice(JSRegExp("x", "g")),
    "map-empty": JSMap,
    "map": lambda: JSMap([("a", 1), ("b", 2)]),
    "map-keys-that-python-confuses": lambda: JSMap(
        [(1, "number"), (True, "boolean"), ("1", "string"), (0, "zero"), (False, "false"), ("", "empty")]
    ),
    "map-bigint-key-beside-number-key": lambda: JSMap([(BigInt(1), "big"), (1, "number")]),
    "map-nan-key": lambda: JSMap([(NAN, "x")]),
    "map-null-and-undefined-keys": lambda: JSMap([(None, 1), (undefined, 2)]),
    "map-minus-zero-value": lambda: JSMap([(0, -0.0)]),
    "map-object-keys": lambda: JSMap([({"a": 1}, "first"), ({"a": 1}, "second"), ([], "third")]),
    "map-date-key": lambda: JSMap([(at(0), "x")]),
    "map-in-map": lambda: JSMap([(JSMap([("a", 1)]), JSMap([("b", [2])]))]),
    "map-in-map-in-map": lambda: JSMap([("k", JSMap([("k", JSMap([("k", JSMap())]))]))]),
    "map-that-holds-itself": lambda: tied(JSMap(), lambda it: it.update(self=it)),
    "map-with-itself-as-key": lambda: tied(JSMap(), lambda it: it.update([(it, 1)])),
    "map-key-that-is-its-value": map_with_its_key_as_value,
    "map-values-undefined-and-date": lambda: JSMap([("a", undefined), ("b", at(0))]),
    "map-in-an-object": lambda: {"m": JSMap([(1, 2)])},
    "map-key-found-again-outside": map_key_found_again,
    "map-bytes-value": lambda: JSMap([("x", b"\1\2")]),
    "set-empty": JSSet,
    "set": lambda: JSSet(["a", "b"]),
    "set-members-that-python-confuses": lambda: JSSet([1, True, "1", 0, False, ""]),
    "set-nan-null-undefined": lambda: JSSet([NAN, None, undefined]),
    "set-of-sets": lambda: JSSet([JSSet(), JSSet([1]), JSSet([JSSet([2])])]),
    "set-that-holds-itself": lambda: tied(JSSet(), lambda it: it.add(it)),
    "set-of-equal-objects": lambda: JSSet([{}, {}, [], []]),
    "set-member-found-again-outside": set_member_found_again,
    "set-of-bigints": lambda: JSSet([BigInt(1), BigInt(-1)]),
    "array-of-one-hole": lambda: JSArray(1),
    "array-with-a-hole": lambda: JSArray(3, {0: 1, 2: 3}),
    "array-with-holes-at-the-end": lambda: JSArray(5, {0: 1}),
    "array-hole-beside-undefined": lambda: JSArray(2, {0: undefined}),
    "array-longest-without-items": lambda: JSArray(2**32 - 1),
    "array-longest-with-its-last-item": lambda: JSArray(2**32 - 1, {2**32 - 2: "x"}),
    "array-with-a-name": lambda: JSArray(2, {0: 1, 1: 2}, {"name": "x"}),
    "array-empty-with-a-name": lambda: JSArray(0, {}, {"name": "x"}),
    "array-with-names-that-look-like-numbers": lambda: JSArray(
        1, {0: "a"}, {"-1": "b", "1.5": "c", "01": "d", "4294967295": "e"}
    ),
    "array-with-odd-names": lambda: JSArray(1, {0: "a"}, {"": "b", "__proto__": "c", "constructor": "d"}),
    "array-sparse-in-sparse": lambda: JSArray(2, {1: JSArray(2, {1: 1})}),
    "array-sparse-that-holds-itself": lambda: tied(JSArray(2), lambda it: it.items.update({1: it})),
    "array-with-itself-as-a-named-property": lambda: tied(JSArray(1, {0: 1}), lambda it: it.props.update(self=it)),
    "array-with-special-items-and-a-name": lambda: JSArray(3, {0: at(0), 2: -0.0}, {"m": JSMap()}),
    "array-sparse-in-an-object": lambda: {"a": JSArray(4, {2: None})},
    "error-error": lambda: JSError("Error", "no", "Error: no\n    at f (app.js:1:2)"),
    "error-evalerror": lambda: JSError("EvalError", "no", "EvalError: no\n    at f (app.js:1:2)"),
    "error-rangeerror": lambda: JSError("RangeError", "no", "RangeError: no\n    at f (app.js:1:2)"),
    "error-referenceerror": lambda: JSError("ReferenceError", "no", "ReferenceError: no\n    at f (app.js:1:2)"),
    "error-syntaxerror": lambda: JSError("SyntaxError", "no", "SyntaxError: no\n    at f (app.js:1:2)"),
    "error-typeerror": lambda: JSError("TypeError", "no", "TypeError: no\n    at f (app.js:1:2)"),
    "error-urierror": lambda: JSError("URIError", "no", "URIError: no\n    at f (app.js:1:2)"),
    "error-without-message": lambda: JSError(stack="Error"),
    "error-without-stack": lambda: JSError(message="no"),
    "error-without-anything": JSError,
    "error-empty-message": lambda: JSError("TypeError", "", ""),
    "error-with-a-cause": lambda: JSError(message="no", cause="because"),
    "error-with-cause-undefined": lambda: JSError(message="no", cause=undefined),
    "error-with-cause-null": lambda: JSError(message="no", cause=None),
    "error-caused-by-an-error": lambda: JSError(message="outer", cause=JSError("RangeError", "inner")),
    "error-caused-by-itself": lambda: tied(JSError(message="loop"), lambda it: setattr(it, "cause", it)),
    "error-with-an-object-as-cause": lambda: JSError("URIError", cause={"at": at(0)}),
    "errors-with-one-cause": errors_with_one_cause,
    "error-with-lone-surrogate": lambda: JSError(message="\ud800"),
    "boxed-true": lambda: Boxed(True),
    "boxed-false": lambda: Boxed(False),
    "boxed-number": lambda: Boxed(1.5),
    "boxed-minus-zero": lambda: Boxed(-0.0),
    "boxed-nan": lambda: Boxed(NAN),
    "boxed-two-to-the-53": lambda: Boxed(2.0**53),
    "boxed-string": lambda: Boxed("s"),
    "boxed-empty-string": lambda: Boxed(""),
    "boxed-string-with-lone-surrogate": lambda: Boxed("\ud800"),
    "boxed-bigint": lambda: Boxed(BigInt(-5)),
    "boxed-bigint-zero": lambda: Boxed(BigInt(0)),
    "boxed-nested-beside-its-primitive": lambda: {"a": Boxed(1), "b": 1},
    "boxed-twice-the-same-object": lambda: twice(Boxed(1)),
    "buffer-empty": ArrayBuffer,
    "buffer": lambda: ArrayBuffer(b"\0\1\xfe\xff"),
    "buffer-resizable": lambda: resizable(b"\1\2\3\4\5\6\7\10"),
    "buffer-resizable-empty": lambda: resizable(b"", 8),
    "buffer-resizable-of-fixed-size": lambda: resizable(b"\1\2", 2),
    "buffer-twice-the-same-object": lambda: twice(ArrayBuffer(b"\1\2")),
    "buffers-that-are-equal": lambda: [ArrayBuffer(b"\1\2"), ArrayBuffer(b"\1\2")],
    "buffer-in-an-object": lambda: {"a": {"b": ArrayBuffer(b"\xff")}},
    "int8array": lambda: whole("Int8Array"),
    "uint8clampedarray": lambda: whole("Uint8ClampedArray"),
    "int16array": lambda: whole("Int16Array"),
    "uint16array": lambda: whole("Uint16Array"),
    "int32array": lambda: whole("Int32Array"),
    "uint32array": lambda: whole("Uint32Array"),
    "bigint64array": lambda: whole("BigInt64Array"),
    "biguint64array": lambda: whole("BigUint64Array"),
    "uint8array": lambda: b"\0\1\xfe\xff",
    "uint8array-empty": lambda: b"",
    "float16array": lambda: whole("Float16Array", b"\0\x3c\0\xc0\0\x80\0\0"),
    "float32array": lambda: whole("Float32Array", b"\0\0\xc0\x3f\0\0\0\x80\0\0\0\x40"),
    "float64array": lambda: whole("Float64Array", bytes(6) + b"\xf8\x3f" + bytes(7) + b"\x80"),
    "float64array-with-nan-and-infinity": lambda: whole(
        "Float64Array", bytes(6) + b"\xf8\x7f" + bytes(6) + b"\xf0\xff"
    ),
    "dataview": lambda: whole("DataView", SIXTEEN[:4]),
    "dataview-at-an-odd-offset": lambda: TypedArray("DataView", SIXTEEN[:4], 1, 2),
    "dataview-empty-at-the-end": lambda: TypedArray("DataView", SIXTEEN[:4], 4),
    "int16array-with-an-offset": lambda: TypedArray("Int16Array", SIXTEEN, 4, 2),
    "float64array-empty": lambda: whole("Float64Array", b""),
    "uint32array-empty-at-the-end": lambda: TypedArray("Uint32Array", SIXTEEN, 16),
    "views-that-share-a-buffer": lambda: views(
        ("Float32Array", 0, 2), ("Uint8Array", 0, 8), content=b"\0\0\x80\x3f\0\0\0\x40"
    ),
    "uint8arrays-that-share-a-buffer": lambda: views(("Uint8Array", 0, 2), ("Uint8Array", 2, 2), content=b"\1\2\3\4"),
    "buffer-and-view-of-it": buffer_and_view,
    "uint8array-with-an-offset-and-its-buffer": view_and_buffer,
    "uint8array-twice-the-same-object": lambda: twice(whole("Uint8Array", b"\1\2")),
    "int8array-twice-the-same-object": lambda: twice(whole("Int8Array", b"\1\2")),
    "view-of-a-resizable-buffer": lambda: TypedArray("Uint8Array", resizable(SIXTEEN[:8]), 2, 3),
    "view-that-follows-its-buffer": lambda: TypedArray("Uint8Array", resizable(SIXTEEN[:8])),
    "view-that-follows-its-buffer-from-an-offset": lambda: TypedArray("Int16Array", resizable(SIXTEEN[:8]), 2),
    "dataview-that-follows-its-buffer": lambda: TypedArray("DataView", resizable(SIXTEEN[:8]), 3),
    "resizable-buffer-and-view-that-follows-it": resizable_and_view,
    "three-buffers-and-five-views": three_buffers,
    "one-object-in-two-arguments": lambda: twice({"n": 1}),
    "one-array-in-two-places": one_array_in_two_places,
    "object-that-holds-itself": lambda: tied({}, lambda it: it.update(self=it)),
    "array-that-holds-itself": lambda: tied([], lambda it: it.append(it)),
    "cycle-of-two": cycle_of_two,
    "arguments-that-hold-each-other": arguments_that_hold_each_other,
    "cycle-through-every-container": cycle_through_every_container,
    "map-in-two-places": lambda: twice(JSMap([(1, 2)])),
    "set-in-two-places": lambda: twice(JSSet([1])),
    "error-in-two-places": lambda: twice(JSError(message="x")),
    "sparse-array-in-two-places": lambda: twice(JSArray(1)),
    "doubling-four-times": doubling,
    "arguments-of-many-kinds": lambda: [
        "text",
        1,
        undefined,
        {"when": at(0), "set": JSSet(["a"]), "none": undefined},
        b"\1\2\3",
        [NAN, BigInt(255)],
    ],
    "deepest-with-a-fixup": lambda: nested(512, undefined),
}
