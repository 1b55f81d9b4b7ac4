"""Frames, parcels and bodies: the shared vectors in both directions, and what is too large for a vector."""

import contextlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cloned import Cloned
from webipc.core import clone
from webipc.core.envelope import parse, parse_control
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import (
    EncodedMessage,
    Frame,
    RawMessage,
    binary_form,
    decode_body,
    decode_frame,
    decode_parcel,
    encode_body,
    encode_control,
    encode_frame,
    encode_message,
    encode_parcel,
    is_count,
    sized,
)
from webipc.core.frame.data import json_of
from webipc.core.limits import Limits

VECTORS = Path(__file__).parent.parent / "vectors"
FRAMES = json.loads((VECTORS / "frames.json").read_text(encoding="utf-8"))
REJECTED = json.loads((VECTORS / "rejected_frames.json").read_text(encoding="utf-8"))


def data_of(vector: dict[str, Any]) -> str | bytes:
    return vector["text"] if "text" in vector else bytes.fromhex(vector["hex"])


def messages_of(vector: dict[str, Any]) -> list[EncodedMessage]:
    pairs = zip(vector["messages"], vector["segments"], strict=True)
    return [sized(message.encode(), [bytes.fromhex(segment) for segment in segments]) for message, segments in pairs]


def seen(messages: list[RawMessage]) -> list[Any]:
    return [(fields, [bytes(segment) for segment in segments]) for fields, segments in messages]


def refusal(data: str | bytes, limits: Limits | None = None) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        decode_frame(data, limits or Limits())
    return caught.value


@pytest.mark.parametrize("vector", FRAMES, ids=lambda vector: vector["name"])
def test_a_vector_is_decoded(vector: dict[str, Any]) -> None:
    frame = decode_frame(data_of(vector))
    expected = [(json.loads(message.json), list(message.segments)) for message in messages_of(vector)]
    came = seen(frame.messages) if frame.control is None else [(frame.control, [])]
    assert (frame.seq, frame.ack, came) == (vector["seq"], vector["ack"], expected)
    assert frame.is_bare is (not expected)
    assert (frame.control is not None) is (vector["seq"] == 0)


@pytest.mark.parametrize("vector", FRAMES, ids=lambda vector: vector["name"])
def test_a_vector_is_encoded(vector: dict[str, Any]) -> None:
    frame = encode_frame(vector["seq"], vector["ack"], messages_of(vector))
    if "hex" in vector:
        assert binary_form(frame) == bytes.fromhex(vector["hex"])
    else:
        assert json.loads(frame) == json.loads(vector["text"])


@pytest.mark.parametrize(
    "vector", [vector for vector in FRAMES if vector["seq"] == 0], ids=lambda vector: vector["name"]
)
def test_a_control_vector_is_encoded(vector: dict[str, Any]) -> None:
    name, fields = json.loads(vector["messages"][0])
    frame = encode_control(vector["ack"], name, fields)
    assert binary_form(frame) == binary_form(data_of(vector))


def read(data: str | bytes) -> None:
    """Do with a frame what everybody does with one."""
    frame = decode_frame(data)
    if frame.control is None:
        parse(frame.messages)
    else:
        parse_control(frame.control)


@pytest.mark.parametrize("vector", REJECTED, ids=lambda vector: vector["name"])
def test_a_rejected_vector_is_refused_with_its_code(vector: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match=r"\S+ .*\S+") as caught:
        read(data_of(vector))
    assert caught.value.close_code == vector["code"]


def test_a_message_without_a_value_is_its_fields() -> None:
    assert encode_message(["sync-done", 3]) == EncodedMessage(b'["sync-done",3]', (), 15)


def test_a_message_holds_fields_value_tail_meta_and_fixups_in_this_order() -> None:
    message = encode_message(["post", "c"], Cloned([None], [["u", [0]]], []), {"deadline": 5}, [[7]])
    assert message.json == b'["post","c",[null],[7],{"deadline":5},[["u",[0]]]]'


def test_absent_meta_and_fixups_leave_no_element() -> None:
    assert encode_message(["result", 1], Cloned(None, [], []), {}).json == b'["result",1,null]'


def test_the_size_of_a_message_counts_json_and_segments() -> None:
    message = encode_message(["result", 1], Cloned("ü", [["b", []]], [b"abc", b""]))
    assert message.size == len('["result",1,"ü",[["b",[]]]]'.encode()) + 3


def test_the_size_of_a_segment_is_in_bytes_whatever_its_items_are() -> None:
    wide = memoryview(bytes(16)).cast("d")
    assert sized(b'["void"]', [wide]).size == 24  # type: ignore[list-item]
    assert decode_frame(encode_frame(1, 0, [sized(b"[1234567890]", [wide])])).messages[0].segments[0] == bytes(16)  # type: ignore[list-item]


def test_a_fragment_goes_into_a_message_as_it_is() -> None:
    message = encode_message(["send", "c"], Cloned([orjson.Fragment(b'{"a":1}'), 2], [], []))
    assert message.json == b'["send","c",[{"a":1},2]]'


def test_half_a_surrogate_pair_is_escaped_even_beside_a_fragment() -> None:
    message = encode_message(["send", "\ud800"], Cloned([orjson.Fragment(b'{"a":"\\udc00"}')], [], []))
    assert message.json == b'["send","\\ud800",[{"a":"\\udc00"}]]'


def test_a_value_that_is_not_json_raises_type_error() -> None:
    with pytest.raises(TypeError, match="object is not"):
        encode_message(["send", "c"], Cloned([object()], [], []))


@pytest.mark.parametrize("depth", [250, 256, 512, 800])
def test_a_deep_value_survives_encoding_and_decoding(depth: int) -> None:
    deep = json.loads("[" * depth + "]" * depth)
    message = encode_message(["send", "c"], Cloned(deep, [], []))
    frame = encode_frame(1, 0, [message])
    assert json.dumps(decode_frame(frame).messages[0].fields[2]) == json.dumps(deep)


@pytest.mark.parametrize("letters", ["", '"\\ud800",'])
def test_a_value_of_endless_depth_is_refused(letters: str) -> None:
    assert refusal(f"[1,0,{letters}{'[' * 100_000}").close_code == CloseCode.PROTOCOL_ERROR


def test_a_number_beyond_doubles_is_refused_beside_half_a_surrogate_pair() -> None:
    assert refusal('[1,0,["send","\\ud800",[1e999]]]').close_code == CloseCode.PROTOCOL_ERROR
    assert decode_frame('[1,0,["send","\\uD800",[1.5e3]]]').messages[0].fields == ["send", "\ud800", [1500.0]]


def test_half_a_surrogate_pair_that_is_not_escaped_is_refused() -> None:
    assert refusal('[1,0,["send","\ud800",["\\ud800"]]]').close_code == CloseCode.PROTOCOL_ERROR


def test_the_size_of_a_frame_is_in_bytes() -> None:
    assert decode_frame('[1,0,["send","ü",[]]]').size == 22
    assert decode_frame('[1,0,["send","u",[]]]').size == 21
    assert decode_frame(binary_form("[1,0]")).size == 4 + len("[1,0,[]]")


@pytest.mark.parametrize("text", ['[1,0,["send","aaaa",[]]]', '[1,0,["send","üü",[]]]'])
def test_a_frame_larger_than_the_limit_is_refused_before_it_is_read(text: str) -> None:
    size = len(text.encode())
    assert decode_frame(text, Limits(socket_bytes=size)).size == size
    assert refusal(text, Limits(socket_bytes=size - 1)).close_code == CloseCode.TOO_LARGE
    assert refusal("x" * size, Limits(socket_bytes=size - 1)).close_code == CloseCode.TOO_LARGE
    assert refusal(bytes(size), Limits(socket_bytes=size - 1)).close_code == CloseCode.TOO_LARGE


def test_more_segments_than_fixups_could_name_are_refused() -> None:
    lengths = "[" + ",".join(["0"] * 100_000) + "]"
    head = f'[1,0,["send","c",[]],[{lengths}]]'.encode()
    assert "more segments" in str(refusal(len(head).to_bytes(4, "little") + head))


def test_as_many_segments_as_fixups_name_are_taken() -> None:
    fixups: list[Any] = [["b", [index], index] for index in range(10_000)]
    message = encode_message(["send", "c"], Cloned([None] * 10_000, fixups, [b""] * 10_000))
    assert len(decode_frame(encode_frame(1, 0, [message])).messages[0].segments) == 10_000


def test_segments_are_views_of_the_frame() -> None:
    frame = bytearray(encode_frame(1, 0, [sized(b'["part",0]', [b"abc"])]))  # type: ignore[arg-type]
    segment = decode_frame(frame).messages[0].segments[0]
    frame[-3:] = b"xyz"
    assert bytes(segment) == b"xyz"


@pytest.mark.parametrize("data", [bytes, bytearray, memoryview])
def test_any_bytes_are_a_binary_frame(data: type) -> None:
    frame = data(binary_form("[7,12]"))
    assert decode_frame(frame) == Frame(7, 12, [], None, 13, frame)
    assert bytes(json_of(frame)) == b"[7,12,[]]"  # type: ignore[arg-type] # bytes


def test_the_binary_form_of_a_binary_frame_is_itself() -> None:
    frame = binary_form("[7,12]")
    assert binary_form(frame) is frame


def test_a_body_survives_encoding_and_decoding() -> None:
    frames = ['[0,0,["bye",1]]', encode_frame(1, 2, [sized(b'["part",0]', [b"abc"])]), "[3,2]"]
    hello, numbered, bare = decode_body(encode_body(frames))
    assert hello.control == ["bye", 1]
    assert seen(numbered.messages) == [(["part", 0], [b"abc"])]
    assert bare.is_bare


def test_the_length_before_a_frame_of_a_body_is_little_endian() -> None:
    assert encode_body(["[7,12]"]) == b"\x0d\0\0\0" + b"\x09\0\0\0" + b"[7,12,[]]"


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_body_that_was_cut_is_refused(cut: int) -> None:
    body = encode_body(["[7,12]"])
    with pytest.raises(ProtocolError) as caught:
        decode_body(body[:-cut])
    assert caught.value.close_code == CloseCode.PROTOCOL_ERROR


def test_an_empty_body_has_no_frames() -> None:
    assert decode_body(b"") == []


def test_a_body_larger_than_the_limit_is_refused() -> None:
    body = encode_body(["[7,12]"])
    assert len(decode_body(body, Limits(body_bytes=len(body)))) == 1
    with pytest.raises(ProtocolError) as caught:
        decode_body(body, Limits(body_bytes=len(body) - 1))
    assert caught.value.close_code == CloseCode.TOO_LARGE


def test_a_frame_in_a_body_has_the_limit_of_a_frame() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_body(encode_body(["[7,12]"]), Limits(socket_bytes=5))
    assert caught.value.close_code == CloseCode.TOO_LARGE


def test_a_parcel_survives_encoding_and_decoding() -> None:
    message = sized(b'["send","c",[null]]', [b"abc", b"", b"12345678"])
    assert seen([decode_parcel(encode_parcel(message))]) == [(["send", "c", [None]], [b"abc", b"", b"12345678"])]


def test_a_parcel_without_segments_has_one_empty_list_of_lengths() -> None:
    assert encode_parcel(sized(b'["void"]', ()))[4:] == b'[["void"],[[]]]'


@pytest.mark.parametrize("value", [0, 1, 2**53 - 1])
def test_a_count_is_a_non_negative_safe_integer(value: int) -> None:
    assert is_count(value)


@pytest.mark.parametrize("value", [-1, 2**53, 1.0, True, False, None, "1", [1]])
def test_nothing_else_is_a_count(value: object) -> None:
    assert not is_count(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MESSAGES = st.lists(st.tuples(JSON, st.lists(st.binary(max_size=20), max_size=3)), max_size=5)


@given(st.integers(1, 2**52), st.integers(0, 2**53 - 1), MESSAGES)
def test_every_frame_survives_encoding_and_decoding(
    seq: int, ack: int, messages: list[tuple[Any, list[bytes]]]
) -> None:
    sent = [(["send", "c", value, [["u", []]]], segments) for value, segments in messages]
    encoded = [encode_message(fields[:2], Cloned(fields[2], fields[3], segments)) for fields, segments in sent]
    data = encode_frame(seq, ack, encoded)
    for form in (data, binary_form(data)):
        frame = decode_frame(form)
        assert (frame.seq, frame.ack, seen(frame.messages)) == (seq, ack, sent)


@given(MESSAGES)
def test_every_segment_begins_at_a_multiple_of_8(messages: list[tuple[Any, list[bytes]]]) -> None:
    encoded = [encode_message(["result", 1], Cloned(value, [1], segments)) for value, segments in messages]
    data = binary_form(encode_frame(1, 0, encoded))
    at = 4 + int.from_bytes(data[:4], "little")
    for segment in (segment for _, segments in messages for segment in segments):
        start = (at + 7) // 8 * 8
        assert data[at : start + len(segment)] == bytes(start - at) + segment
        at = start + len(segment)
    assert at == len(data)


@given(st.sampled_from([*FRAMES, *REJECTED]), st.data())
def test_a_frame_with_changed_bytes_is_read_or_refused(vector: dict[str, Any], data: st.DataObject) -> None:
    """Nothing but a ProtocolError comes out."""
    source = data_of(vector)
    changed = bytearray(source.encode(errors="surrogatepass") if isinstance(source, str) else source)
    for _ in range(data.draw(st.integers(1, 4)) if changed else 0):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    form = bytes(changed) if "hex" in vector else changed.decode("utf-8", "replace")
    with contextlib.suppress(ProtocolError):
        read(form)


@pytest.mark.parametrize("length", [1, 100, 1_000, 5_000, 16_000])
def test_a_kept_message_holds_little_more_memory_than_its_bytes(length: int) -> None:
    """A serializer may return bytes that keep the whole buffer in which it wrote them."""
    count = 100
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [encode_message(["send", "channel"], clone.encode([str(n % 10) * length])) for n in range(count)]
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # A hundred bytes of object headers and one part in eight of allocator's rounding.
    overhead = 200
    assert held / count < max(message.size for message in kept) * 1.125 + overhead


def test_a_kept_message_without_a_value_holds_little_more_memory_than_its_bytes() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [encode_message(["port-close", n]) for n in range(1_000, 1_100)]
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held / len(kept) < 400
