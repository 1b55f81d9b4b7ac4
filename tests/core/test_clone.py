"""Structured clone against the vectors, in both directions, and which wrong or large values are refused.

What Python's own objects become is in test_clone_outward.py. Twin: js-client/test/core/clone.test.ts
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.native_values import BUILDERS
from tests.support.same import is_same
from tests.support.strategies import values
from webipc.core.clone import Cloned, decode, encode
from webipc.core.errors import CloseCode, LimitError, ProtocolError, UnreadableError
from webipc.core.frame.json_text import load_any_array
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.values import BigInt, undefined

VECTORS = Path(__file__).parent.parent / "vectors"
VALUES = json.loads((VECTORS / "values.json").read_text(encoding="utf-8"))
SPELLED = json.loads((VECTORS / "spelled_numbers.json").read_text(encoding="utf-8"))
UNREADABLE = json.loads((VECTORS / "unreadable_values.json").read_text(encoding="utf-8"))
REJECTED = json.loads((VECTORS / "rejected_values.json").read_text(encoding="utf-8"))


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def read(vector: dict[str, Any], parse: Callable[[str], Any] = json.loads) -> Any:
    """Decode what a vector has on the wire."""
    skeleton, *fixups = parse(vector["wire"])
    return decode(
        skeleton, fixups[0] if fixups else [], [bytes.fromhex(digits) for digits in vector.get("segments", [])]
    )


def travel(cloned: Cloned) -> Any:
    """Decode what was encoded, by way of JSON text."""
    skeleton, fixups = json.loads(json.dumps([cloned.skeleton, cloned.fixups]))
    return decode(skeleton, fixups, cloned.segments)


def wire_of(cloned: Cloned) -> Any:
    return json.loads(json.dumps([cloned.skeleton, *([cloned.fixups] if cloned.fixups else [])]))


def test_every_vector_has_a_native_value_and_every_native_value_a_vector() -> None:
    assert [name_of(vector) for vector in VALUES] == list(BUILDERS)


@pytest.mark.parametrize("vector", VALUES, ids=name_of)
def test_a_vector_decodes_to_its_value(vector: dict[str, Any]) -> None:
    assert is_same(read(vector), BUILDERS[vector["name"]]())


@pytest.mark.parametrize("vector", VALUES, ids=name_of)
def test_a_value_encodes_to_its_vector(vector: dict[str, Any]) -> None:
    cloned = encode(BUILDERS[vector["name"]]())
    assert json.dumps(wire_of(cloned)) == json.dumps(json.loads(vector["wire"]))
    assert [bytes(segment).hex() for segment in cloned.segments] == vector.get("segments", [])


@pytest.mark.parametrize("vector", VALUES, ids=name_of)
def test_a_received_value_is_sent_back_as_it_was_received(vector: dict[str, Any]) -> None:
    assert wire_of(encode(read(vector))) == json.loads(vector["wire"])


@pytest.mark.parametrize("vector", REJECTED, ids=name_of)
def test_a_wrong_encoding_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as refusal:
        read(vector)
    assert refusal.value.close_code == vector["code"]


@pytest.mark.parametrize("vector", SPELLED, ids=name_of)
def test_a_number_is_its_ieee_value_however_it_is_spelled(vector: dict[str, Any]) -> None:
    assert wire_of(encode(read(vector, load_any_array))) == json.loads(vector["same"])


@pytest.mark.parametrize("vector", [vector for vector in UNREADABLE if vector["by"] == "both"], ids=name_of)
def test_what_neither_side_can_read_is_no_fault_of_the_protocol(vector: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError) as refusal:
        read(vector)
    assert refusal.value.code == "unreadable"


@pytest.mark.parametrize("vector", [vector for vector in UNREADABLE if vector["by"] == "page"], ids=name_of)
def test_what_only_a_page_cannot_read_is_sent_back_as_it_was_received(vector: dict[str, Any]) -> None:
    assert wire_of(encode(read(vector))) == json.loads(vector["wire"])


@given(values())
@settings(max_examples=150)
def test_any_value_comes_back_as_the_same(value: Any) -> None:
    assert is_same(travel(encode(value)), value)


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Return every place below a value of JSON, as container and key."""
    found: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        container = todo.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        found += [(container, key) for key in keys]
        todo += [container[key] for key in keys if isinstance(container[key], list | dict)]
    return found


JUNK = st.one_of(
    st.sampled_from([None, True, -1, 0, 1, 2, 2**53, 0.5, "", "0", "NaN", "ff", "Error", "v", "@", "__proto__"]),
    st.sampled_from([[], {}, [0], [[]], [None], {"a": 1}, ["@", [], []], ["m", []], ["v", [0], "Int16Array", 0, 0, 1]]),
)


@given(st.sampled_from(VALUES[:-1]), st.data())
@settings(max_examples=400)
def test_damaged_bytes_give_a_value_or_a_protocol_error(vector: dict[str, Any], data: st.DataObject) -> None:
    wire = [*json.loads(vector["wire"]), []][:2]
    segments = [bytes.fromhex(digits) for digits in vector.get("segments", [])]
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places_in(wire)))
        container[key] = json.loads(json.dumps(data.draw(JUNK)))
    fixups = wire[1] if isinstance(wire[1], list) else []
    try:
        encode(decode(wire[0], fixups, segments))
    except (ProtocolError, UnreadableError, LimitError) as error:
        assert not isinstance(error, LimitError) or error.limit == "depth"  # noqa: PT017  (each end is right)


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def doubled(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value, value]
    return value


def chained(length: int) -> Any:
    """Return a list whose every item holds the one before it."""
    items: list[Any] = [[]]
    for _ in range(length - 1):
        items.append([items[-1]])
    return items


class TestLimits:
    """Limits that need large values; the small ones are vectors."""

    @pytest.mark.parametrize("special", [[], [undefined]])
    def test_the_deepest_allowed_value_is_accepted_and_a_deeper_one_is_refused(self, special: Any) -> None:
        travel(encode([nested(511), *special]))
        with pytest.raises(LimitError) as refusal:
            encode([nested(512), *special])
        assert (refusal.value.limit, refusal.value.actual, refusal.value.allowed) == ("depth", 513, 512)

    def test_a_value_with_too_many_nodes_behind_references_is_refused_on_both_sides(self) -> None:
        travel(encode(doubled(18)))
        with pytest.raises(LimitError) as refusal:
            encode(doubled(19))
        assert refusal.value.limit == "nodes"
        generous = Limits(nodes=10**9)
        cloned = encode(doubled(19), generous)
        with pytest.raises(ProtocolError, match="1000000 nodes"):
            travel(cloned)

    def test_the_nodes_of_a_long_chain_count_for_every_reference_to_it(self) -> None:
        travel(encode(chained(500)))
        with pytest.raises(LimitError):
            encode(chained(1500))

    def test_a_cycle_counts_what_encloses_it_as_one(self) -> None:
        parent: dict[str, Any] = {"children": []}
        parent["children"] = [{"parent": parent} for _ in range(2000)]
        assert is_same(travel(encode(parent)), parent)

    def test_objects_that_all_refer_to_each_other_are_refused_quickly(self) -> None:
        people: list[list[Any]] = [[] for _ in range(12)]
        for person in people:
            person.extend(people)
        with pytest.raises(LimitError):
            encode(people)

    def test_too_many_fixups_are_refused_on_both_sides(self) -> None:
        limits = Limits(fixups=3)
        with pytest.raises(LimitError, match="fixups"):
            encode([undefined] * 4, limits)
        cloned = encode([undefined] * 4)
        with pytest.raises(ProtocolError, match="4 fixups"):
            decode(cloned.skeleton, cloned.fixups, [], limits)

    def test_too_many_segments_are_refused_on_both_sides(self) -> None:
        limits = Limits(segments=3)
        with pytest.raises(LimitError, match="segments"):
            encode([b"x"] * 4, limits)
        cloned = encode([b"x"] * 4)
        with pytest.raises(ProtocolError, match="3 segments"):
            decode(cloned.skeleton, cloned.fixups, cloned.segments, limits)

    @pytest.mark.parametrize("sign", [1, -1])
    def test_the_longest_allowed_bigint_is_accepted_and_a_longer_one_is_refused(self, sign: int) -> None:
        most = DEFAULT_LIMITS.bigint_digits
        assert travel(encode(sign * (16**most - 1))) == sign * (16**most - 1)
        with pytest.raises(LimitError, match="bigint_digits"):
            encode(sign * 16**most)
        with pytest.raises(ProtocolError, match="digits"):
            decode("1" + "0" * most, [["n", []]], [])

    def test_a_hundred_thousand_references_are_read(self) -> None:
        shared = {"a": 1}
        value = [shared] * 99_000
        assert is_same(travel(encode(value)), value)


def test_a_plain_value_is_passed_on_as_it_is() -> None:
    value = {"a": [1, 2.5, "text", None, True, {"b": []}]}
    cloned = encode(value)
    assert cloned.skeleton is value
    assert (cloned.fixups, cloned.segments) == ((), ())
    assert decode(value, [], []) is value


def test_encoding_does_not_change_the_given_value() -> None:
    shared = [undefined]
    value = {"a": shared, "b": shared, "c": BigInt(1)}
    encode(value)
    assert value == {"a": [undefined], "b": [undefined], "c": 1}
    assert value["a"] is value["b"] is shared


def test_a_wrong_value_is_refused_with_4400() -> None:
    with pytest.raises(ProtocolError) as refusal:
        decode(None, [["x", []]], [])
    assert refusal.value.close_code is CloseCode.PROTOCOL_ERROR


def test_segments_are_read_at_any_alignment() -> None:
    frame = memoryview(b"....abcd")[4:]
    assert decode(None, [["v", [], "Uint8Array", 0, 0, 4]], [frame]) == b"abcd"
    buffer = decode(None, [["b", [], 0]], [frame])
    buffer[0] = 0
    assert bytes(frame) == b"abcd"
