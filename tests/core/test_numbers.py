"""A number is its IEEE value, however a frame spells it (PROTOCOL.md section 5), and in both directions.

That holds for frames of any sender. Of one that has promised `doubles`, the numbers are not looked at.
Every way into a server is in tests/link/test_spelled_numbers.py.
Twin: js-client/test/core/clone.test.ts, by tests/vectors/spelled_numbers.json
"""

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webipc.core.clone import Cloned, decode, encode
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import decode_frame, decode_parcel, encode_frame, encode_message
from webipc.core.frame.json_text import Load, load_any_array, load_array
from webipc.core.values.scalar import MAX_SAFE_INTEGER, BigInt

DIGITS = st.text("0123456789", min_size=1, max_size=25)


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """Return any number as JSON may spell it."""
    whole = draw(DIGITS).lstrip("0") or "0"
    fraction = draw(st.one_of(st.just(""), DIGITS.map(lambda digits: f".{digits}")))
    exponent = draw(st.one_of(st.just(""), st.builds("{}{}{}".format, st.sampled_from("eE"), SIGNS, EXPONENTS)))
    return draw(st.sampled_from(["", "-"])) + whole + fraction + exponent


SIGNS = st.sampled_from(["", "+", "-"])
EXPONENTS = st.one_of(st.integers(0, 30), st.integers(0, 400)).map(str)


# Whole numbers, near the largest safe ones above all.
NEAR = st.integers(-20, 20).flatmap(lambda more: st.sampled_from([0, 2**53, -(2**53), 2**63, 2**64]).map(more.__add__))
TOKENS = st.one_of(tokens(), st.just("-0"), NEAR.map(str)).filter(lambda token: math.isfinite(float(token)))
SPACES = st.sampled_from(["", " ", "\n", "\t\r"])
# Strings with the characters of numbers in them.
STRINGS = st.one_of(st.text(), st.lists(st.sampled_from(["-0", ",", "9" * 17, '"', "\\", " ", "é"])).map("".join))


def is_promised(token: str) -> bool:
    """Tell whether a sender that has promised `doubles` may write it: orjson reads it as the same number."""
    is_digits = token.removeprefix("-").isdigit()
    return not (is_digits and (token == "-0" or abs(int(token)) > MAX_SAFE_INTEGER))


def received(token: str, before: str = "", load: Load = load_any_array) -> object:
    """Return a number from the arguments of a message."""
    fields = decode_frame(f'[1,0,["send","c",[{before}{token}]]]', load=load).messages[0].fields
    argument: object = decode(fields[2], (), ())[-1]
    return argument


def bits(number: object) -> bytes:
    # An int beyond would be sent back as a BigInt.
    assert type(number) is float or (type(number) is int and abs(number) <= MAX_SAFE_INTEGER)
    return struct.pack("d", number)


@given(TOKENS)
def test_a_number_is_its_ieee_value_in_any_spelling(token: str) -> None:
    number = received(token)
    assert bits(number) == bits(float(token))


@given(TOKENS.filter(is_promised))
def test_of_a_sender_that_has_promised_doubles_it_is_so_without_a_look(token: str) -> None:
    assert bits(received(token, load=load_array)) == bits(float(token))


@given(TOKENS)
def test_beside_half_a_surrogate_pair_every_spelling_is_its_ieee_value(token: str) -> None:
    """Such JSON is not read by orjson."""
    assert bits(received(token, before='"\\ud800",')) == bits(float(token))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return any JSON array as another peer may write it."""
    between = draw(SPACES)
    scalars = st.one_of(TOKENS, STRINGS.map(json.dumps), STRINGS.map(lambda text: json.dumps(text, ensure_ascii=False)))

    def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        members = st.dictionaries(STRINGS.map(json.dumps), inner, max_size=3)
        arrays = st.lists(inner, max_size=4).map(lambda items: f"[{between}{f'{between},'.join(items)}{between}]")
        return st.one_of(arrays, members.map(lambda pairs: f"{{{','.join(map(':'.join, pairs.items()))}}}"))

    return f"[{draw(st.recursive(scalars, containers, max_leaves=12))}{between}]"


@given(texts())
def test_the_rest_of_the_json_stays_as_it_is(text: str) -> None:
    """As text, as bytes and in a parcel; strings that look like numbers above all."""
    message = f'["send","c",{text}]'
    packed = f"[{message},[[]]]".encode()
    parcel = len(packed).to_bytes(4, "little") + packed
    framed = f"[1,0,{message},[[]]]".encode()
    frames = [decode_frame(f"[1,0,{message}]"), decode_frame(len(framed).to_bytes(4, "little") + framed)]
    expected = exact(json.loads(text, parse_int=float))
    for fields in (*(frame.messages[0].fields for frame in frames), decode_parcel(parcel).fields):
        assert exact(fields[2]) == expected


def exact(value: Any) -> Any:
    """Return a value in which each number is its bits: -0 is not 0, and 1 is 1.0."""
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return bits(value) if isinstance(value, int | float) else value


@pytest.mark.parametrize("levels", [300, 500])
@pytest.mark.parametrize("token", ["-0", "9007199254740993", "1"])
def test_a_number_is_its_ieee_value_below_more_levels_than_orjson_writes(token: str, levels: int) -> None:
    value = received("[" * levels + token + "]" * levels)
    for _ in range(levels):
        (value,) = value  # type: ignore[misc]  # an array
    assert bits(value) == bits(float(token))


@given(st.one_of(st.floats(allow_nan=False), st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)))
def test_a_number_of_python_comes_back_as_the_same(number: float) -> None:
    assert bits(back(number)) == bits(number)


@given(st.one_of(st.integers(min_value=MAX_SAFE_INTEGER + 1), st.integers(max_value=-MAX_SAFE_INTEGER - 1)))
def test_an_int_beyond_the_safe_ones_is_a_bigint(number: int) -> None:
    came = back(number)
    assert type(came) is BigInt
    assert came == number


def back(number: float) -> object:
    """Return a value as the other core would decode it."""
    cloned: Cloned = encode([number])
    frame = decode_frame(encode_frame(1, 0, [encode_message(["send", "c"], cloned)]))
    fields = frame.messages[0].fields
    only: object = decode(fields[2], fields[3] if len(fields) > 3 else (), ())[0]
    return only


@pytest.mark.parametrize("token", ["1e309", "-1e309", "1" + "0" * 309, "123456789e400"])
@pytest.mark.parametrize("before", ["", '"\\ud800",'])
def test_a_number_beyond_the_range_of_doubles_is_refused(token: str, before: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        decode_frame(f'[1,0,["send","c",[{before}{token}]]]')
    assert refusal.value.close_code == CloseCode.PROTOCOL_ERROR
