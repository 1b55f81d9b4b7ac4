"""PROTOCOL.md agrees with the code: its examples parse, its tables match the constants, its lists are complete.

tests/vectors/documented.json contains the examples too, so that the other language checks the same ones.
Twin: js-client/test/documented.test.ts
"""

import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest

from tests.project.protocol import PROTOCOL, rows, section
from webipc.core.clone.places import check_form
from webipc.core.envelope import Carrier, Control, Envelope, decode_value, parse, parse_control
from webipc.core.errors import AfterClose, CloseCode, ProtocolError, after_close
from webipc.core.frame import Frame, RawMessage, decode_frame, encode_frame, sized
from webipc.core.limits import Limits

ROOT = Path(__file__).parents[2]
DOCUMENTED = ROOT / "tests" / "vectors" / "documented.json"

AFTER_CLOSE_OF_WORD = {
    "": AfterClose.NOTHING,
    "reconnects": AfterClose.RECONNECT,
    "nothing, if it has that socket; otherwise reconnects": AfterClose.RECONNECT,
    "new link": AfterClose.NEW_LINK,
    "gives up": AfterClose.GIVE_UP,
}
"""The texts of the last column of section 8. `after_close(4409)` is only called without a newer socket."""


class Example(NamedTuple):
    """One line of a `json` block: a message or a frame, and its section."""

    spec: str
    what: str
    text: str


def anchor(heading: str) -> str:
    """Return the fragment by which a web page of the document links to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def examples_of(document: str) -> Iterator[Example]:
    """Yield every line of every `json message` and `json frame` block."""
    spec, what = "", None
    for line in document.splitlines():
        if line.startswith("```"):
            what = line.removeprefix("```json ") if line.startswith("```json ") else None
        elif what is not None:
            yield Example(spec, what, line)
        elif line.startswith("#"):
            spec = f"PROTOCOL.md#{anchor(line.lstrip('#'))}"


def number_of(text: str) -> int:
    return int(text.replace(",", ""))


EXAMPLES = list(examples_of(PROTOCOL))
CONTROLS = {member.__dataclass_fields__["kind"].default: member for member in get_args(Control)}


def name_of(example: Example) -> str:
    return f"{example.what}-{example.text[:24]}"


def numbered(text: str) -> Frame:
    """Return a frame with one message. A `part` gets one byte as its segment."""
    segments = [b"x"] if text.startswith('["part"') else []
    return decode_frame(encode_frame(1, 0, [sized(text.encode(), segments)]))


def test_there_are_examples_of_both_kinds() -> None:
    assert {example.what for example in EXAMPLES} == {"message", "frame"}


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_the_code_accepts_every_example(example: Example) -> None:
    frame = numbered(example.text) if example.what == "message" else decode_frame(example.text)
    if frame.control is not None:
        assert parse_control(frame.control).kind == frame.control[0]
        return
    kinds = [message.fields[0] for message in frame.messages]
    envelopes = parse(frame.messages)
    assert [envelope.kind for envelope in envelopes] == kinds
    for envelope in envelopes:
        if isinstance(envelope, get_args(Carrier)):
            decode_value(envelope)


def test_the_documented_vectors_are_the_examples() -> None:
    """If this fails, write the left side of the comparison into the file."""
    vectors = json.loads(DOCUMENTED.read_text(encoding="utf-8"))
    assert [{"spec": spec, what: json.loads(text)} for spec, what, text in EXAMPLES] == vectors


def test_an_example_that_the_code_refuses_is_found() -> None:
    text = '## 4. Messages\n```json message\n["send", 1, []]\n```\n```\n["not an example"]\n```\n'
    (example,) = examples_of(text)
    assert example.spec == "PROTOCOL.md#4-messages"
    with pytest.raises(ProtocolError):
        test_the_code_accepts_every_example(example)


def test_the_fields_of_hello_and_welcome_are_those_of_the_code() -> None:
    """The two tables together explain every field: fields with one meaning in both are explained once."""
    found = re.findall(r"\| field \| meaning \|\n(?:\|.*\|\n)+", section("6.1"))
    tables = [{name for field, _ in rows(table) for name in re.findall(r"`(\w+)`", field)} for table in found]
    for kind, explained in zip(("hello", "welcome"), tables, strict=True):
        fields = {_camel(name) for name in CONTROLS[kind].__dataclass_fields__} - {"kind"}
        assert explained <= fields <= set().union(*tables)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def test_the_listed_kinds_are_those_of_the_code() -> None:
    listed = re.findall(r'^\["([\w-]+)"', section("4"), re.MULTILINE)
    kinds = [kind for member in _members(Envelope) for kind in get_args(member.__annotations__["kind"])]
    assert sorted(set(listed)) == sorted(kinds)


def test_every_control_message_is_in_the_document() -> None:
    documented = {json.loads(text)[2][0] for _, what, text in EXAMPLES if what == "frame" and text.startswith("[0,")}
    assert documented == set(CONTROLS)


def _members(union: Any) -> list[Any]:
    return [inner for member in get_args(union) for inner in (get_args(member) or (member,))]


def test_a_reserved_kind_is_refused() -> None:
    reserved = re.search(r"^Reserved, .*$", PROTOCOL, re.MULTILINE)
    assert reserved is not None
    kinds = re.findall(r'`\["(\w+)"', reserved[0])
    assert kinds
    for kind in kinds:
        with pytest.raises(ProtocolError) as caught:
            parse([RawMessage([kind, 1, 1], [])])
        assert caught.value.close_code == CloseCode.PROTOCOL_ERROR


def test_the_fixup_codes_are_those_of_the_code() -> None:
    documented = {row[0].strip("`") for row in rows(section("5"))}
    assert documented == {letter for letter in string.printable if _is_code(letter)}


def _is_code(letter: str) -> bool:
    """Return whether a fixup with this code is valid with any number of elements."""
    for count in range(8):
        try:
            check_form([letter, [], *range(count)])
        except ProtocolError:
            continue
        return True
    return False


def test_a_vector_of_a_value_has_every_documented_fixup_code() -> None:
    vectors = json.loads((ROOT / "tests" / "vectors" / "values.json").read_text(encoding="utf-8"))
    wires = [json.loads(vector["wire"]) for vector in vectors]
    used = {fixup[0] for wire in wires for fixup in (wire[1] if len(wire) > 1 else [])}
    assert used == {row[0].strip("`") for row in rows(section("5"))}


def test_the_limits_are_those_of_the_code() -> None:
    documented = {name.strip("`"): number_of(default) for name, default, *_ in rows(section("9"))}
    assert documented == {name: getattr(Limits(), name) for name in Limits.__dataclass_fields__}


def test_the_close_codes_are_those_of_the_code() -> None:
    names = {
        number_of(codes): name.upper().replace(" ", "_") for codes, name, *_ in rows(section("8")) if "," not in codes
    }
    assert names == {code.value: code.name for code in CloseCode}


def test_what_a_page_does_after_a_close_code_is_what_the_code_says() -> None:
    for codes, _, _, action in rows(section("8")):
        for code in map(int, codes.split(",")):
            assert after_close(code) is AFTER_CLOSE_OF_WORD[action], code
