"""One fuzz target for each decoder of the server: what reads bytes, or what was made of them, that a page has chosen.

A target makes an input from a random generator, and is a function that reads it. The only outcomes are a value and the
errors that it names. Seeds are the vectors. Twin: js-client/test/fuzz/targets.ts
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue

from tests.fuzz.damage import damage, damage_bytes, deep_json, web
from webipc.channels.complaint import ArgumentError
from webipc.channels.handler import Handler
from webipc.core import clone
from webipc.core.envelope import parse, parse_control
from webipc.core.errors import LimitError, ProtocolError, UnreadableError, WebipcError
from webipc.core.frame import RawMessage, decode_body, decode_frame, decode_parcel
from webipc.core.frame.json_text import load
from webipc.core.limits import DEFAULT_LIMITS
from webipc.core.values import JSMap, JSSet

VECTORS = Path(__file__).parent.parent / "vectors"


class Attack(NamedTuple):
    """One input."""

    # What is read, as JSON text or bytes, and its segments.
    data: bytes
    segments: Sequence[bytes] = ()

    @property
    def size(self) -> int:
        """How many bytes a page would have sent."""
        return len(self.data) + sum(map(len, self.segments))


class Target(NamedTuple):
    """A decoder under attack."""

    make: Callable[[Random], Attack]
    read: Callable[[Attack], Any]
    # How it may refuse.
    refusals: tuple[type[WebipcError], ...]


@cache
def vectors(name: str) -> list[dict[str, Any]]:
    """Return the vectors of one file."""
    read: list[dict[str, Any]] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return read


def dumped(value: Any) -> bytes:
    """Return JSON as a page would write it."""
    with deep_json():
        return json.dumps(value, separators=(",", ":")).encode()


def some_frame(random: Random) -> Attack:
    """Return the bytes of a frame: damaged as JSON, or as bytes."""
    vector = random.choice(vectors("frames") + vectors("rejected_frames"))
    if "hex" in vector:
        return Attack(damage_bytes(bytes.fromhex(vector["hex"]), random))
    text = vector["text"].encode(errors="surrogatepass")
    try:
        frame = damage(json.loads(text), random)
    except ValueError:
        return Attack(damage_bytes(text, random))
    return Attack(dumped(frame) if random.random() < 0.7 else damage_bytes(text, random))


def some_message(random: Random) -> Attack:
    """Return a damaged message."""
    vector = random.choice(vectors("envelopes"))
    return Attack(dumped(damage(json.loads(vector["wire"]), random)), [b"abc"] * random.choice([0, 0, 1, 3]))


def some_value(random: Random) -> Attack:
    """Return a damaged skeleton with damaged fixups, or a web of references."""
    if random.random() < 0.2:
        return Attack(dumped(web(random)))
    vector = random.choice(vectors("values")[:-1] + vectors("rejected_values")[:-3] + vectors("unreadable_values"))
    wire = [*json.loads(vector["wire"]), []][:2]
    return Attack(dumped(damage(wire, random)), [bytes.fromhex(digits) for digits in vector.get("segments", [])])


def read_frame(attack: Attack) -> Any:
    """Read as a binary frame, as a text frame, as a parcel, and as a body."""
    for read in (decode_frame, decode_parcel, decode_body):
        try:
            read(attack.data)
        except ProtocolError:
            continue
    return decode_frame(attack.data.decode(errors="replace"))


def read_message(attack: Attack) -> Any:
    """Read as a numbered message, and as a control message."""
    fields = load(attack.data)
    if not isinstance(fields, list):
        raise ProtocolError("a frame refuses it")
    with suppress(ProtocolError):
        parse_control(fields)
    return parse([RawMessage(fields, [memoryview(segment) for segment in attack.segments])])


def read_value(attack: Attack) -> Any:
    """Decode a value."""
    loaded = load(attack.data)
    skeleton, fixups = loaded if isinstance(loaded, list) and len(loaded) == 2 else (loaded, [])
    if not isinstance(fixups, list) or len(fixups) > DEFAULT_LIMITS.fixups:
        raise ProtocolError("the envelope refuses it")
    return clone.decode(skeleton, fixups, attack.segments)


def read_places(attack: Attack) -> Any:
    """Decode, and encode what came of it: whatever was accepted can be sent on."""
    return clone.encode(read_value(attack))


class Note(BaseModel):
    """A model that forbids what it does not know."""

    model_config = ConfigDict(extra="forbid")
    name: str = "x"
    tags: list[int] = []
    more: "dict[str, Note] | None" = None


ANNOTATIONS: list[Any] = [
    int, float, str, bytes, Decimal, list[int], tuple[int, ...], set[int], frozenset[str], Sequence[int],
    dict[str, int], dict[int, int], Note, list[Note], JsonValue, JSMap[Any, int], JSSet[int],
    list[Note | list[int]] | None, Any,
]  # fmt: skip


@cache
def handlers() -> list[Handler]:
    """Return one handler for each annotation."""
    made = []
    for annotation in ANNOTATIONS:

        def take(event: Any, value: Any) -> None: ...

        take.__annotations__ = {"value": annotation}
        made.append(Handler(take, "fuzz", "handle"))
    return made


def read_arguments(attack: Attack) -> Any:
    """Bind the value to every annotation."""
    value = read_value(attack)
    for handler in handlers():
        try:
            handler.bind([value])
        except ArgumentError as error:
            if len(str(error)) > 500 or " at 0x" in str(error):
                raise AssertionError(f"a long text, or one with an address: {error}") from None


TARGETS = {
    "frame": Target(some_frame, read_frame, (ProtocolError,)),
    "envelope": Target(some_message, read_message, (ProtocolError,)),
    "clone": Target(some_value, read_value, (ProtocolError, UnreadableError)),
    "places": Target(some_value, read_places, (ProtocolError, UnreadableError, LimitError)),
    "arguments": Target(some_value, read_arguments, (ProtocolError, UnreadableError)),
}
