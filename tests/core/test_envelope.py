"""Messages and control messages: the shared vectors in both directions, limits, and what an error may tell."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cloned import Cloned
from webipc.core.envelope import (
    Bye,
    Control,
    Envelope,
    ErrorReply,
    Hello,
    Invoke,
    Part,
    Post,
    Result,
    Send,
    Void,
    Welcome,
    decode_value,
    parse,
    parse_control,
)
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import RawMessage, encode_control, encode_message
from webipc.core.limits import Limits
from webipc.core.values import undefined

VECTORS = Path(__file__).parent.parent / "vectors"
ENVELOPES = json.loads((VECTORS / "envelopes.json").read_text(encoding="utf-8"))
CONTROLS = ("hello", "welcome", "reset", "bye", "await", "reload")
SECRET = "fedcba9876543210fedcba9876543210"


CHANNELS = st.one_of(
    st.sampled_from(["", "a", "ä", "\U0001f600", "\ud800", "x" * 6]), st.text(max_size=6), st.integers()
)
IDS = st.one_of(st.sampled_from([0, 1, -1, True, 1.0, 2**53 - 1, 2**53, "1", None]), st.integers())
VALUES: st.SearchStrategy[Any] = st.sampled_from([[], [1], {}, None, "text"])


def is_control(vector: dict[str, Any]) -> bool:
    return vector["fields"]["kind"] in CONTROLS


def raw(text: str, segments: list[str] | None = None) -> RawMessage:
    return RawMessage(json.loads(text), [memoryview(bytes.fromhex(segment)) for segment in segments or []])


def snake(name: str) -> str:
    return re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name)


def refusal(text: str, limits: Limits | None = None, segments: list[str] | None = None) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        parse([raw(text, segments)], limits or Limits())
    return caught.value


@pytest.mark.parametrize("vector", [v for v in ENVELOPES if not is_control(v)], ids=lambda vector: vector["name"])
def test_a_vector_is_parsed(vector: dict[str, Any]) -> None:
    (message,) = parse([raw(vector["wire"], vector.get("segments"))])
    optional: dict[str, Any] = {"meta": None, "fixups": [], "segments": []}
    expected = {name: optional[name] for name in optional.keys() & message._fields}
    came = message._asdict()
    if "segments" in came:
        came["segments"] = [segment.hex() for segment in came["segments"]]
        expected["segments"] = vector.get("segments", [])
    if "fixups" in came:
        came["fixups"] = list(came["fixups"])
    assert came == expected | vector["fields"]


@pytest.mark.parametrize("vector", [v for v in ENVELOPES if not is_control(v)], ids=lambda vector: vector["name"])
def test_a_vector_is_encoded(vector: dict[str, Any]) -> None:
    fields = dict(vector["fields"])
    segments = [bytes.fromhex(segment) for segment in vector.get("segments", [])]
    meta, fixups = fields.pop("meta", None), fields.pop("fixups", [])
    tail = [fields.pop("ports")] if "ports" in fields else []
    cloned = Cloned(fields.pop("value"), fixups, segments) if "value" in fields else None
    encoded = encode_message(list(fields.values()), cloned, meta, tail)
    # An empty meta says nothing, and is left out.
    assert json.loads(encoded.json) == [field for field in json.loads(vector["wire"]) if field != {}]


@pytest.mark.parametrize("vector", [v for v in ENVELOPES if is_control(v)], ids=lambda vector: vector["name"])
def test_a_control_vector_is_parsed(vector: dict[str, Any]) -> None:
    control = parse_control(json.loads(vector["wire"]))
    for name, value in vector["fields"].items():
        assert getattr(control, snake(name)) == value
    for name in set(control.__dataclass_fields__) - set(map(snake, vector["fields"])):
        assert getattr(control, name) is None


@pytest.mark.parametrize("vector", [v for v in ENVELOPES if is_control(v)], ids=lambda vector: vector["name"])
def test_a_control_vector_is_encoded(vector: dict[str, Any]) -> None:
    fields = {name: value for name, value in vector["fields"].items() if name != "kind"}
    frame = encode_control(7, vector["fields"]["kind"], fields.get("last", fields.get("id", fields)))
    assert json.loads(frame) == [0, 7, json.loads(vector["wire"])]


def test_every_kind_has_a_vector() -> None:
    kinds = {get_args(kind.__annotations__["kind"])[0] for kind in (*get_args(Envelope), *get_args(Control))}
    assert kinds == {vector["fields"]["kind"] for vector in ENVELOPES}


def test_a_frame_of_different_messages_is_parsed_at_once() -> None:
    messages = parse([raw('["void"]'), raw('["invoke",1,"add",[1]]'), raw('["part",3]', ["ff"])])
    assert [type(message) for message in messages] == [Void, Invoke, Part]


def test_parsing_no_messages_gives_no_envelopes() -> None:
    assert parse([]) == []


def test_the_value_is_not_copied() -> None:
    message = raw('["send","c",[{"a":1}]]')
    (parsed,) = parse([message])
    assert isinstance(parsed, Send)
    assert parsed.value is message.fields[2]


def test_the_value_of_an_error_keeps_unknown_properties() -> None:
    (parsed,) = parse([raw('["error",1,{"later":[1],"message":"m","code":5}]')])
    assert isinstance(parsed, ErrorReply)
    assert parsed.value == {"later": [1], "message": "m", "code": 5}


@pytest.mark.parametrize("field", [True, 1.5, -1.0, 2.0**53, "1", None, [1]])
def test_an_id_that_is_no_integer_is_refused(field: Any) -> None:
    with pytest.raises(ProtocolError):
        parse([RawMessage(["invoke", field, "add", []], ())])


@pytest.mark.parametrize("field", [True, 1.5, "1", None])
def test_a_number_of_a_control_message_that_is_no_integer_is_refused(field: Any) -> None:
    with pytest.raises(ProtocolError):
        parse_control(["bye", field])


@pytest.mark.parametrize("kind", ["send", "invoke", "post", "sync"])
def test_the_length_of_a_channel_is_limited_in_code_units(kind: str) -> None:
    before = [kind] if kind in {"send", "post"} else [kind, 1]
    after: list[Any] = [[], []] if kind == "post" else [[]]
    limits = Limits(channel_length=4)
    for channel in ("", "abcd", "\U0001f600\U0001f600", "\ud800abc", "üüüü"):
        assert parse([RawMessage([*before, channel, *after], ())], limits)[0].kind == kind
    for channel in ("abcde", "\U0001f600\U0001f600a", "\ud800abcd", "üüüüü"):
        text = json.dumps([*before, channel, *after])
        assert refusal(text, limits).close_code == CloseCode.TOO_LARGE


def test_the_number_of_fixups_is_limited() -> None:
    text = '["send","c",[null,null],{},[["u",[0]],["u",[1]]]]'
    assert parse([raw(text)], Limits(fixups=2))
    assert refusal(text, Limits(fixups=1)).close_code == CloseCode.TOO_LARGE


def test_the_number_of_segments_is_limited() -> None:
    text = '["send","c",[null,null],[["b",[0],0],["b",[1],1]]]'
    assert parse([raw(text, ["00", "01"])], Limits(segments=2))
    assert refusal(text, Limits(segments=1), ["00", "01"]).close_code == CloseCode.TOO_LARGE


@pytest.mark.parametrize("vector", [v for v in ENVELOPES if is_control(v)], ids=lambda vector: vector["name"])
def test_unknown_keys_of_a_control_message_are_ignored(vector: dict[str, Any]) -> None:
    kind, fields = json.loads(vector["wire"])
    if kind not in ("bye", "await"):
        assert parse_control([kind, {**fields, "later": {"x": [1]}, "kind": "bye"}]) == parse_control([kind, fields])


def test_absent_fields_of_a_control_message_are_none() -> None:
    fields = next(v["fields"] for v in ENVELOPES if v["name"] == "hello")
    hello = parse_control(["hello", {name: value for name, value in fields.items() if name != "kind"}])
    assert isinstance(hello, Hello)
    assert (hello.token, hello.url, hello.name, hello.version, hello.process) == (None,) * 5


def test_control_messages_are_made_by_the_names_of_this_language() -> None:
    token = "0" * 32
    welcome = Welcome(
        received=0, features=[], process="p", web_contents_id=1, token=token, frame_token=token, message_bytes=9
    )
    assert (welcome.kind, welcome.web_contents_id, Bye(last=3).kind) == ("welcome", 1, "bye")


def test_an_error_does_not_contain_the_secret() -> None:
    fields = {"link": "x", "secret": SECRET, "attempt": SECRET, "first": SECRET}
    with pytest.raises(ProtocolError) as caught:
        parse_control(["hello", fields])
    assert SECRET not in repr(caught.value)
    assert "link" in str(caught.value)


def test_neither_the_secret_nor_the_bearer_token_of_a_hello_is_shown() -> None:
    vector = next(vector for vector in ENVELOPES if vector["name"] == "hello with everything")
    hello = parse_control(json.loads(vector["wire"]))
    assert isinstance(hello, Hello)
    shown = repr(hello)
    assert hello.link in shown
    assert hello.secret not in shown
    assert hello.auth is not None
    assert hello.auth not in shown
    refused = {**vector["fields"], "auth": f"{hello.auth} "}
    with pytest.raises(ProtocolError) as caught:
        parse_control(["hello", {name: value for name, value in refused.items() if name != "kind"}])
    assert hello.auth not in repr(caught.value)


def test_an_error_names_the_message_of_the_frame_and_the_field() -> None:
    with pytest.raises(ProtocolError, match=r"^1\.invoke\.1: Input should be greater than or equal to 1$"):
        parse([raw('["void"]'), raw('["invoke",0,"add",[]]')])


def test_the_error_for_a_frame_of_nonsense_is_short() -> None:
    messages = [RawMessage(["invoke", "x" * 1000, "c", []], ())] * 10_000
    with pytest.raises(ProtocolError) as caught:
        parse(messages)
    assert len(str(caught.value)) < 200
    assert len(str(refusal(json.dumps(["x" * 100_000])))) < 300


def test_the_value_of_a_message_is_decoded() -> None:
    first, second = parse([raw('["result",1,[null,1],[["u",[0]]]]'), raw('["send","c",[{"a":1}]]')])
    assert isinstance(first, Result)
    assert isinstance(second, Send)
    assert decode_value(first) == [undefined, 1]
    assert decode_value(second) == [{"a": 1}]


def test_a_value_that_its_fixups_do_not_fit_is_refused() -> None:
    (wrong,) = parse([raw('["result",1,[null],[["u",[1]]]]')])
    assert isinstance(wrong, Result)
    with pytest.raises(ProtocolError):
        decode_value(wrong)


def test_a_value_is_decoded_within_the_limits_that_are_given() -> None:
    (deep,) = parse([raw('["result",1,[[[null]]],[["u",[0,0,0]]]]')])
    assert isinstance(deep, Result)
    with pytest.raises(ProtocolError):
        decode_value(deep, Limits(depth=2))


ELEMENT = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.text(max_size=3) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
KIND = st.sampled_from([vector["fields"]["kind"] for vector in ENVELOPES]) | ELEMENT


@given(KIND, st.lists(ELEMENT, max_size=6), st.integers(0, 2))
def test_any_json_is_a_message_or_refused(kind: Any, fields: list[Any], segments: int) -> None:
    """Nothing but a ProtocolError comes out, and what is taken has the kind that came."""
    try:
        (message,) = parse([RawMessage([kind, *fields], [memoryview(b"")] * segments)])
    except ProtocolError:
        return
    assert message.kind == kind


@given(KIND, st.lists(ELEMENT, max_size=2))
def test_any_json_is_a_control_message_or_refused(kind: Any, fields: list[Any]) -> None:
    try:
        control = parse_control([kind, *fields])
    except ProtocolError:
        return
    assert control.kind == kind


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), CHANNELS, VALUES),
            st.tuples(st.just("invoke"), IDS, CHANNELS, VALUES),
            st.tuples(st.just("result"), IDS, VALUES),
            st.tuples(st.sampled_from(["send", "invoke", "result"]), IDS, VALUES, VALUES, VALUES),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_fast_path_for_common_messages_gives_what_pydantic_gives(rows: list[tuple[Any, ...]]) -> None:
    limits = Limits(channel_length=5)

    def outcome(*more: list[Any]) -> object:
        try:
            return parse([RawMessage(list(fields), []) for fields in (*rows, *more)], limits)[: len(rows)]
        except ProtocolError as error:
            return str(error), error.close_code

    # A frame with anything else in it is given to Pydantic whole.
    assert outcome() == outcome(["void"])


def test_the_numbers_of_a_control_message_may_be_spelled_with_a_fraction() -> None:
    fields = {"link": "0" * 32, "secret": "1" * 32, "attempt": 1.0, "received": 0e0, "first": 1e0}
    hello = parse_control(["hello", {**fields, "fresh": True, "features": []}])
    assert isinstance(hello, Hello)
    assert [type(hello.attempt), type(hello.received), hello.first] == [int, int, 1]
    assert parse_control(["await", 3.0]) == parse_control(["await", 3])
    for wrong in (["hello", {**fields, "attempt": True, "fresh": True, "features": []}], ["bye", 1.5], ["bye", True]):
        with pytest.raises(ProtocolError):
            parse_control(wrong)


def test_ids_of_a_message_that_are_spelled_with_a_fraction_are_integers() -> None:
    (post,) = parse([RawMessage(["post", "c", [1.0], [1.0, 3.0]], ())])
    assert isinstance(post, Post)
    assert [type(port) for port in post.ports] == [int, int]
