"""A number is its IEEE value, however a frame spells it (PROTOCOL.md section 5), and in both directions.

What no receiver need look for is left out: a sender may not write -0 and large integers in digits alone.
Twin: js-client/test/core/clone.test.ts, by tests/vectors/spelled_numbers.json
"""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webipc.core.clone import Cloned, decode, encode
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import decode_frame, encode_frame, encode_message
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


def is_for_senders(token: str) -> bool:
    """Tell whether a sender may write it: every parser reads it as the same number."""
    value = float(token)
    is_digits = token.removeprefix("-").isdigit()
    return math.isfinite(value) and not (is_digits and (token == "-0" or abs(int(token)) > MAX_SAFE_INTEGER))


def received(token: str, before: str = "") -> object:
    """Return a number from the arguments of a message."""
    fields = decode_frame(f'[1,0,["send","c",[{before}{token}]]]').messages[0].fields
    argument: object = decode(fields[2], (), ())[-1]
    return argument


def bits(number: object) -> bytes:
    assert type(number) in (int, float)
    return struct.pack("d", number)


@given(tokens().filter(is_for_senders))
def test_a_number_is_its_ieee_value_in_any_spelling(token: str) -> None:
    number = received(token)
    assert bits(number) == bits(float(token))


@given(tokens())
def test_beside_half_a_surrogate_pair_every_spelling_is_its_ieee_value(token: str) -> None:
    """Such JSON is not read by orjson."""
    if math.isfinite(float(token)):
        assert bits(received(token, before='"\\ud800",')) == bits(float(token))


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
