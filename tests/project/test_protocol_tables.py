"""The tables of PROTOCOL.md that a peer in another language is written from: the kinds of messages, and what is refused
beyond a limit. Each row is tried against the code. Examples and other lists: test_protocol_document.py
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, get_args

import pytest

from tests.project.protocol import rows, section
from webipc.core.calls import Answers
from webipc.core.envelope import Carrier, Envelope, Invoke, Part, Send, Void, decode_value, parse
from webipc.core.envelope.fields import Count, ErrorValue, Positive, Text
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import RawMessage, decode_frame, encode_frame, sized
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link import Link, Side
from webipc.core.ports import Ports
from webipc.dispatch.dispatcher import FEATURES, Dispatcher
from webipc.link.features import PAGE_FEATURES

TYPES: Final = {"text": Text, "any": Any, "id": Positive, "ids": list[Positive], "count": Count, "object": ErrorValue}
# What the types refuse, whichever the field is.
WRONG: Final[dict[str, list[Any]]] = {
    "text": [1, None, ["a"]],
    "id": [0, -1, 1.5, True, "1", None, 2**53],
    "ids": [1, None, [0], ["1"], {}],
    "count": [-1, 0.5, True, "0", None, 2**53],
    "object": ["text", None, [], {}, {"message": 1}],
}
RIGHT: Final[dict[str, Any]] = {
    "text": "c",
    "any": 1,
    "array": [1],
    "id": 1,
    "ids": [],
    "count": 0,
    "object": {"message": "Error"},
}


class Row(NamedTuple):
    """One row of the table of kinds."""

    kind: str
    fields: dict[str, str]
    sender: str
    feature: str
    limits: list[str]


def table() -> Iterator[Row]:
    for kind, fields, sender, feature, limits in rows(section("4")):
        yield Row(
            kind.strip("`"),
            dict(re.findall(r"`([\w-]+)` (\w+)", fields)),
            sender,
            feature,
            re.findall(r"`(\w+)`", limits),
        )


TABLE: Final = {row.kind: row for row in table()}
KINDS: Final = {get_args(kind.__annotations__["kind"])[0]: kind for kind in get_args(Envelope)}
CASES: Final = [(row, name) for row in TABLE.values() for name in row.fields]


def raw(row: Row, **other: Any) -> RawMessage:
    """Return a message of this kind, right unless `other` says what a field has instead."""
    fields = [other.get(name, RIGHT[what]) for name, what in row.fields.items()]
    return RawMessage([row.kind, *fields], [memoryview(b"x")] if row.kind == "part" else [])


def refused(message: RawMessage, limits: Limits = DEFAULT_LIMITS) -> int:
    """Return the close code with which a message, or its value, is refused."""
    with pytest.raises(ProtocolError) as caught:  # noqa: PT012 - either of the two may raise
        (envelope,) = parse([message], limits)
        decode_value(envelope, limits)  # type: ignore[arg-type]  # a kind without a value was refused before
    return int(caught.value.close_code)


def test_every_kind_is_a_row() -> None:
    assert list(TABLE) == list(dict.fromkeys(re.findall(r'^\["([\w-]+)"', section("4"), re.MULTILINE)))
    assert set(TABLE) == set(KINDS)


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.kind)
def test_the_fields_of_a_row_are_those_of_the_code(row: Row) -> None:
    kind = KINDS[row.kind]
    fixed = [name for name in kind._fields if name not in kind._field_defaults and name != "kind"]
    assert list(row.fields) == fixed
    for name, what in row.fields.items():
        # The arguments of a call are an array, which is checked when the value is decoded.
        assert kind.__annotations__[name] == (Any if what == "array" else TYPES[what])


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.kind)
def test_a_message_with_the_fields_of_its_row_is_taken_and_one_too_many_or_few_is_not(row: Row) -> None:
    message = raw(row)
    assert [envelope.kind for envelope in parse([message])] == [row.kind]
    assert refused(message._replace(fields=[*message.fields, 1])) == CloseCode.PROTOCOL_ERROR
    if row.fields:
        assert refused(message._replace(fields=message.fields[:-1])) == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("row, name", CASES, ids=lambda part: part.kind if isinstance(part, Row) else part)
def test_a_field_of_another_type_is_4400(row: Row, name: str) -> None:
    for wrong in WRONG.get(row.fields[name], []):
        assert refused(raw(row, **{name: wrong})) == CloseCode.PROTOCOL_ERROR, wrong


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.kind)
def test_a_kind_without_a_value_has_no_segments_except_a_part_which_has_one(row: Row) -> None:
    if "value" in row.fields:
        return
    due = 1 if row.kind == "part" else 0
    for count in {0, 1, 2} - {due}:
        message = raw(row)._replace(segments=[memoryview(b"x")] * count)
        assert refused(message) == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.kind)
def test_the_channel_is_the_only_field_with_a_limit_of_its_own(row: Row) -> None:
    assert ("channel_length" in row.limits) == ("channel" in row.fields)
    if "channel" in row.fields:
        assert refused(raw(row, channel="cc"), Limits(channel_length=1)) == CloseCode.TOO_LARGE


def test_the_kinds_that_open_something_name_its_limit() -> None:
    calls = {kind for kind, row in TABLE.items() if "open_calls" in row.limits}
    ports = {kind for kind, row in TABLE.items() if "open_ports" in row.limits}
    assert calls == {"invoke", "sync"}
    assert ports == {kind for kind, row in TABLE.items() if "ports" in row.fields}


def test_the_features_are_those_that_a_page_or_a_server_names() -> None:
    named = {feature.rpartition("`")[0].rpartition("`")[2] for feature in (row.feature for row in TABLE.values())}
    # `beacons` is of a transport (section 2.2).
    assert named - {""} == {*FEATURES, *PAGE_FEATURES} - {"beacons", "doubles"}


def test_a_server_takes_every_kind_that_a_page_sends() -> None:
    """`void` and `part` are the link's own; the rest has an entry of the dispatcher."""
    nothing: Any = None
    rare = Dispatcher(nothing, nothing, DEFAULT_LIMITS, nothing, nothing, nothing)._rare
    assert {Invoke, Send, Void, Part, *rare} == {KINDS[kind] for kind, row in TABLE.items() if row.sender != "server"}


def test_the_kinds_with_a_value_are_those_of_the_code() -> None:
    assert {KINDS[kind] for kind, row in TABLE.items() if "value" in row.fields} == set(get_args(Carrier))


def _value(skeleton: Any, listed: list[Any], **limits: int) -> int:
    return refused(RawMessage(["result", 1, skeleton, listed], []), Limits(**limits))


def _code(run: Callable[[], object]) -> int:
    with pytest.raises(ProtocolError) as caught:
        run()
    return int(caught.value.close_code)


def _first_part() -> None:
    link = Link(Side.MAIN, Limits(message_bytes=4))
    link.attach(1, 0)
    link.receive(decode_frame(encode_frame(1, 0, [sized(b'["part",2000]', [b"x"])])), 1)


def _calls() -> None:
    answers = Answers(Side.MAIN, Limits(open_calls=1))
    answers.begin(1)
    answers.begin(3)


def _ports() -> None:
    ports: Ports[None] = Ports(Side.MAIN, Limits(open_ports=1))
    ports.accept(1, None)
    ports.accept(3, None)


# One thing more than each limit allows.
EXCESS: Final[dict[str, Callable[[], int]]] = {
    "channel_length": lambda: refused(RawMessage(["send", "cc", []], []), Limits(channel_length=1)),
    "message_bytes": lambda: _code(_first_part),
    "frame_messages": lambda: _code(lambda: decode_frame('[1,0,["void"],["void"]]', Limits(frame_messages=1))),
    "socket_bytes": lambda: _code(lambda: decode_frame("[1,0]", Limits(socket_bytes=4))),
    "depth": lambda: _value([[None]], [["u", [0, 0]]], depth=1),
    "nodes": lambda: _value([[1], None], [["@", [1], [0]]], nodes=4),
    "fixups": lambda: _value([None, None], [["u", [0]], ["u", [1]]], fixups=1),
    "segments": lambda: refused(RawMessage(["result", 1, 1], [memoryview(b"x")] * 2), Limits(segments=1)),
    "bigint_digits": lambda: _value("ff", [["n", []]], bigint_digits=1),
    "open_calls": lambda: _code(_calls),
    "open_ports": lambda: _code(_ports),
}


def test_what_is_beyond_a_limit_is_refused_with_the_code_in_its_row() -> None:
    documented = {name.strip("`"): beyond for name, _, _, beyond in rows(section("9"))}
    codes = {name: re.search(r"\b4\d{3}$", beyond) for name, beyond in documented.items()}
    found = {name: int(code[0]) for name, code in codes.items() if code is not None}
    tried = {name: excess() for name, excess in EXCESS.items()}
    # These have tests of their own, with a clock and with a server.
    by_server = {"hello_bytes": CloseCode.TOO_LARGE, "body_bytes": CloseCode.TOO_LARGE}
    assert found == tried | by_server | {"hello_ms": CloseCode.HELLO_TIMEOUT}


def test_no_fixups_may_be_written_as_an_empty_array() -> None:
    (envelope,) = parse([RawMessage(["send", "c", [1], []], [])])
    assert isinstance(envelope, Send)
    assert decode_value(envelope) == [1]


@pytest.mark.parametrize("meta", [{}, {"deadline": "soon", "traceparent": 1, "later": [None]}])
def test_a_receiver_does_not_check_meta(meta: dict[str, Any]) -> None:
    (envelope,) = parse([RawMessage(["send", "c", [1], meta], [])])
    assert isinstance(envelope, Send)
    assert envelope.meta == meta


def test_padding_may_hold_anything() -> None:
    text = json.dumps([1, 0, ["send", "c", [None], [["b", [0], 0]]], [[1]]]).encode()
    padding = -(4 + len(text)) % 8
    assert padding
    frame = decode_frame(len(text).to_bytes(4, "little") + text + b"\xff" * padding + b"x")
    assert [bytes(segment) for segment in frame.messages[0].segments] == [b"x"]
