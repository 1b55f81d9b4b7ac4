"""Whole dialogues for one side's link and calls, shared with the TypeScript core: tests/vectors/transcripts/*.json.

What each step means is said in tests/vectors/schema/schema.json. Twin: js-client/test/core/transcripts.test.ts
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.json_schema import Schema
from webipc.core.calls import Answers, Calls
from webipc.core.envelope import Envelope, parse
from webipc.core.errors import ProtocolError, ResetError, WebipcError
from webipc.core.frame import EncodedMessage, RawMessage, binary_form, decode_frame, sized
from webipc.core.limits import Limits
from webipc.core.link import Link, Side
from webipc.core.link.large import Arrived
from webipc.core.link.snapshot import restore, snapshot

VECTORS = Path(__file__).parent.parent / "vectors"
TRANSCRIPTS = sorted((VECTORS / "transcripts").glob("*.json"))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def encoded(step: dict[str, Any]) -> EncodedMessage:
    return sized(step["message"].encode(), [bytes.fromhex(segment) for segment in step.get("segments", [])])


def envelope(delivered: Any, limits: Limits) -> Envelope:
    text, segments = (delivered, []) if isinstance(delivered, str) else (delivered["message"], delivered["segments"])
    raw = RawMessage(json.loads(text), [memoryview(bytes.fromhex(segment)) for segment in segments])
    return parse([raw], limits)[0]


def comparable(envelopes: Sequence[Arrived]) -> list[Any]:
    """With bytes in the place of views: an empty tuple of segments and an empty list of them are the same here."""
    return [
        {**message._asdict(), "segments": list(map(bytes, getattr(message, "segments", ())))} for message in envelopes
    ]


def wire(frame: str | bytes | None) -> Any:
    """A frame in the notation of the transcripts, its JSON parsed."""
    if frame is None or isinstance(frame, str):
        return frame and json.loads(frame)
    return {"hex": frame.hex()}


def expected(gives: Any) -> Any:
    return json.loads(gives) if isinstance(gives, str) else gives


def code(error: WebipcError) -> int | str:
    if isinstance(error, ProtocolError):
        return error.close_code
    return error.reason if isinstance(error, ResetError) else error.code


class Player:
    """Plays one side: each step's `do` is a method."""

    def __init__(self, transcript: dict[str, Any]) -> None:
        side = Side(transcript["side"])
        self.limits = Limits(**transcript.get("limits", {}))
        self.link = Link(side, self.limits)
        self.calls: Calls[str] = Calls(side, self.limits)
        self.answers = Answers(side, self.limits)

    def play(self, step: dict[str, Any]) -> None:
        if "expect" in step:
            assert step["expect"] == {name: getattr(self.link, name) for name in step["expect"]}
        elif "error" in step:
            with pytest.raises(WebipcError) as caught:
                self.step(step)
            assert code(caught.value) == step["error"]
        else:
            self.step(step)

    def step(self, step: dict[str, Any]) -> None:
        if "receive" in step:
            self.receive(step)
        else:
            getattr(self, step["do"])(step)

    def receive(self, step: dict[str, Any]) -> None:
        frame = step["receive"]
        data = frame if isinstance(frame, str) else bytes.fromhex(frame["hex"])
        if step["attempt"] is None:
            data = binary_form(data)
        came = self.link.receive(decode_frame(data, self.limits), step["attempt"])
        assert comparable(came) == comparable([envelope(item, self.limits) for item in step.get("delivers", [])])

    def post(self, step: dict[str, Any]) -> None:
        assert self.link.post(encoded(step)) == step["gives"]

    def replace(self, step: dict[str, Any]) -> None:
        self.link.replace(step["seq"], encoded(step))

    def claim(self, step: dict[str, Any]) -> None:
        assert self.link.claim(step["attempt"]) is step["gives"]

    def can_resume(self, step: dict[str, Any]) -> None:
        assert self.link.can_resume(step["first"], step["received"]) is step["gives"]

    def attach(self, step: dict[str, Any]) -> None:
        self.link.attach(step["attempt"], step["received"])

    def detach(self, step: dict[str, Any]) -> None:
        self.link.detach(step["attempt"])

    def take(self, step: dict[str, Any]) -> None:
        assert wire(self.link.take_frame()) == expected(step["gives"])

    def bare(self, step: dict[str, Any]) -> None:
        assert wire(self.link.bare_frame()) == expected(step["gives"])

    def backlog(self, step: dict[str, Any]) -> None:
        assert [wire(frame) for frame in self.link.backlog(step.get("max"))] == list(map(expected, step["gives"]))

    def was_handed(self, step: dict[str, Any]) -> None:
        assert self.link.was_handed(step["seq"]) is step["gives"]

    def end(self, step: dict[str, Any]) -> None:
        assert self.link.end() == step["gives"]

    def open(self, step: dict[str, Any]) -> None:
        call_id = self.calls.open(step["record"])
        assert call_id == step.get("gives", call_id)

    def settle(self, step: dict[str, Any]) -> None:
        assert self.calls.settle(step["id"]) == step["gives"]

    def fail_all(self, step: dict[str, Any]) -> None:
        assert [list(call) for call in self.calls.fail_all()] == step["gives"]

    def begin(self, step: dict[str, Any]) -> None:
        self.answers.begin(step["id"])

    def finish(self, step: dict[str, Any]) -> None:
        assert self.answers.finish(step["id"]) is step["gives"]


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema(read(VECTORS / "schema" / "schema.json")["$defs"])


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_core_plays_its_side(path: Path) -> None:
    transcript = read(path)
    player = Player(transcript)
    for step in transcript["steps"]:
        player.play(step)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_restored_link_goes_on_with_every_transcript(path: Path) -> None:
    transcript = read(path)
    player = Player(transcript)
    for step in transcript["steps"]:
        player.link = restore(player.link.side, player.limits, snapshot(player.link))
        player.calls = Calls.restore(player.link.side, player.limits, player.calls.snapshot())
        player.answers = Answers.restore(player.link.side, player.limits, player.answers.snapshot())
        player.play(step)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_has_the_shape_of_the_schema(path: Path, schema: Schema) -> None:
    assert schema.faults(read(path), "transcript") == []


@pytest.mark.parametrize("name", ["envelopes", "frames", "rejected_frames"])
def test_a_vector_file_has_the_shape_of_the_schema(name: str, schema: Schema) -> None:
    assert schema.faults(read(VECTORS / f"{name}.json"), name) == []


@pytest.mark.parametrize("name", ["envelopes", "frames", "rejected_frames"])
def test_no_two_vectors_of_a_file_have_one_name(name: str) -> None:
    names = [vector["name"] for vector in read(VECTORS / f"{name}.json")]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    "step",
    [
        {"do": "dance"},
        {"do": "post", "massage": "[]"},
        {"receive": "[1,0]", "attempt": 1},
        {"receive": "[1,0]", "attempt": 1, "delivers": [], "error": 4400},
        {"receive": {"hex": "0"}, "attempt": 1, "delivers": []},
        {"expect": {"mood": True}},
        {"expect": {"received": True}},
    ],
)
def test_the_schema_refuses_a_wrong_step(step: dict[str, Any], schema: Schema) -> None:
    transcript = {"name": "n", "spec": "PROTOCOL.md#3-frames", "side": "main", "steps": [step]}
    assert len(schema.faults(transcript, "transcript")) == 1
