"""JSArray: what a Python program may do with an array that claims four billion places, at the cost of its items."""

import copy
import pickle
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from webipc.core.clone import decode, encode
from webipc.core.values import JSArray, hole
from webipc.core.values.array import MAX_ARRAY_LENGTH


def huge() -> JSArray:
    return JSArray(MAX_ARRAY_LENGTH, {3: "a", 1_000_000: "b"}, {"name": "x"})


def changed(method: str, *args: Any) -> Callable[[JSArray], JSArray]:
    def change(array: JSArray) -> JSArray:
        getattr(array, method)(*args)
        return array

    return change


def travel(array: JSArray) -> Any:
    cloned = encode(array)
    return decode(cloned.skeleton, cloned.fixups, cloned.segments)


CHEAP: dict[str, tuple[Callable[[JSArray], Any], Any]] = {
    "len": (len, MAX_ARRAY_LENGTH),
    "bool": (bool, True),
    "==": (lambda array: array == huge(), True),
    "!=": (lambda array: array == JSArray(MAX_ARRAY_LENGTH), False),
    "repr": (repr, "JSArray(4294967295, {3: 'a', 1000000: 'b'}, {'name': 'x'})"),
    "copy": (copy.copy, huge()),
    "deepcopy": (copy.deepcopy, huge()),
    "pickle": (lambda array: pickle.loads(pickle.dumps(array)), huge()),
    "item": (lambda array: (array[3], array[-1]), ("a", hole)),
    "short slice": (lambda array: array[2:5], [hole, "a", hole]),
    "far slice": (lambda array: array[999_999:1_000_001], [hole, "b"]),
    "in": (lambda array: ("b" in array, "c" in array, hole in array), (True, False, True)),
    "index": (lambda array: (array.index("b"), array.index(hole), array.index(hole, 3)), (1_000_000, 0, 4)),
    "count": (lambda array: (array.count("a"), array.count(hole)), (1, MAX_ARRAY_LENGTH - 2)),
    "pop": (lambda array: (array.pop(), array.pop(3), len(array)), (hole, "a", MAX_ARRAY_LENGTH - 2)),
    "remove": (changed("remove", "a"), JSArray(MAX_ARRAY_LENGTH - 1, {999_999: "b"}, {"name": "x"})),
    "reverse": (lambda array: changed("reverse")(array).index("a"), MAX_ARRAY_LENGTH - 4),
    "clear": (changed("clear"), JSArray(0, {}, {"name": "x"})),
    "sent and received": (travel, huge()),
}


@pytest.mark.parametrize("name", CHEAP)
def test_an_operation_costs_no_more_than_the_items(name: str) -> None:
    operate, expected = CHEAP[name]
    array, steps = huge(), 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal steps
        steps += 1
        if steps > 5_000:
            raise AssertionError("too many steps")

    sys.setprofile(count)
    try:
        result = operate(array)
    finally:
        sys.setprofile(None)
    assert result == expected


def test_items_are_appended_in_one_step_each() -> None:
    array = JSArray(5, {0: "a"})
    items = array.items
    array.extend(["b", hole, "c"])
    array += ["d"]
    assert array.items is items
    assert array[5:] == ["b", hole, "c", "d"]


def test_no_array_becomes_longer_than_javascript_allows() -> None:
    with pytest.raises(ValueError, match="at most 4294967295 places"):
        huge().append("x")


def test_an_index_that_is_not_there_is_an_error() -> None:
    array = JSArray(3, {1: "a"})
    with pytest.raises(ValueError, match="'x' is not in the array"):
        array.index("x")
    with pytest.raises(ValueError, match="not in the array"):
        array.index("a", 2)
    with pytest.raises(ValueError, match="not in the array"):
        JSArray(1, {0: 1}).index(hole)
    with pytest.raises(ValueError, match="not in the array"):
        array.remove("x")


def test_an_array_of_few_holes_is_walked_through_in_both_directions() -> None:
    array = JSArray.of([1, hole, 3])
    assert (list(array), list(reversed(array))) == ([1, hole, 3], [3, hole, 1])
    array.reverse()
    assert list(array) == [3, hole, 1]
