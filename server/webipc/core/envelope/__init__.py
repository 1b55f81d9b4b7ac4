"""The messages and the control messages as types, and the check that a received one has the right shape (PROTOCOL.md
sections 4 and 6). A value stays the undecoded skeleton, so that a message that is dropped or forwarded is not decoded.

What a field may hold is in fields.py, and the positions of the fields in a message in rows.py. In which order messages
may arrive is checked by link/. Twin: js-client/src/core/envelope.ts
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, TypeGuard, get_args

from pydantic import Discriminator, FailFast, Field, Tag, TypeAdapter, ValidationError

from webipc.core.clone import decode
from webipc.core.envelope.fields import (
    Bearer,
    Count,
    ErrorValue,
    Fixups,
    OptionalMeta,
    Positive,
    Segments,
    Text,
    Token,
    Truth,
    violation,
)
from webipc.core.envelope.rows import form_of, refuse_long_channel, row_of
from webipc.core.errors import ProtocolError, UnreadableError
from webipc.core.frame import RawMessage
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.tuples import new
from webipc.core.values.scalar import MAX_SAFE_INTEGER, as_integer, as_integers

Meta: TypeAlias = Mapping[str, Any]
"""What may accompany a value: `deadline`, `traceparent`, and keys of later versions. Written by the peer, unchecked."""


class Send(NamedTuple):
    """Arguments for the listeners of a channel; nothing is answered."""

    kind: Literal["send"]
    channel: Text
    value: Any
    meta: OptionalMeta = None
    fixups: Fixups = ()
    segments: Segments = ()


class Post(NamedTuple):
    """A message with port handles."""

    kind: Literal["post"]
    channel: Text
    value: Any
    ports: list[Positive]
    meta: OptionalMeta = None
    fixups: Fixups = ()
    segments: Segments = ()


class SendTo(NamedTuple):
    """Arguments for the listeners of another page: the main document of the web contents with this id."""

    kind: Literal["send-to"]
    contents: Positive
    channel: Text
    value: Any
    meta: OptionalMeta = None
    fixups: Fixups = ()
    segments: Segments = ()


class Invoke(NamedTuple):
    """A call that asks for one `Result` or `ErrorReply` with its id."""

    kind: Literal["invoke"]
    id: Positive
    channel: Text
    value: Any
    meta: OptionalMeta = None
    fixups: Fixups = ()
    segments: Segments = ()


class Result(NamedTuple):
    """What a call returned."""

    kind: Literal["result"]
    id: Positive
    value: Any
    meta: OptionalMeta = None
    fixups: Fixups = ()
    segments: Segments = ()


class ErrorReply(NamedTuple):
    """What a call raised."""

    kind: Literal["error"]
    id: Positive
    value: ErrorValue
    meta: OptionalMeta = None
    fixups: Fixups = ()
    segments: Segments = ()


class Sync(NamedTuple):
    """A call whose answer travels outside the numbering."""

    kind: Literal["sync"]
    id: Positive
    channel: Text
    value: Any
    meta: OptionalMeta = None
    fixups: Fixups = ()
    segments: Segments = ()


class SyncDone(NamedTuple):
    """The answer of a `Sync` need not be kept any longer."""

    kind: Literal["sync-done"]
    id: Positive


class Void(NamedTuple):
    """A message that is ignored: it takes the number of one that was given up."""

    kind: Literal["void"]


class Port(NamedTuple):
    """A message through a port."""

    kind: Literal["port"]
    port: Positive
    value: Any
    ports: list[Positive]
    meta: OptionalMeta = None
    fixups: Fixups = ()
    segments: Segments = ()


class PortClose(NamedTuple):
    """A port was closed."""

    kind: Literal["port-close"]
    port: Positive


class Part(NamedTuple):
    """A piece of a parcel: `segments` is this piece alone, `remaining` counts the bytes of the parcel behind it."""

    kind: Literal["part"]
    remaining: Count
    segments: Segments = ()


Carrier: TypeAlias = Send | Post | SendTo | Invoke | Result | ErrorReply | Sync | Port
"""A message with a value: see `decode_value`."""

Envelope: TypeAlias = Carrier | SyncDone | Void | PortClose | Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first frame of a page on each socket (PROTOCOL.md 6.1, where each field is explained).

    Its `repr`, which may get into a log, has neither the secret nor the bearer token.
    """

    link: Token
    secret: Token = field(repr=False)
    attempt: Count
    received: Count
    first: Positive
    fresh: Truth
    features: list[Text]
    token: Token | None = None
    url: Text | None = None
    name: Text | None = None
    version: Text | None = None
    parent: Token | None = None
    process: Text | None = None
    last: Count | None = None
    auth: Bearer | None = field(default=None, repr=False)
    kind: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The server's answer to `Hello` (PROTOCOL.md 6.1, where each field is explained)."""

    received: Count
    features: list[Text]
    process: Text
    web_contents_id: Annotated[Positive, Field(alias="webContentsId")]
    token: Token
    frame_token: Annotated[Token, Field(alias="frameToken")]
    message_bytes: Annotated[Positive, Field(alias="messageBytes")]
    debug: Truth | None = None
    version: Text | None = None
    sync_ms: Annotated[Positive | None, Field(alias="syncMs")] = None
    kind: Literal["welcome"] = "welcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The link has ended, and why (PROTOCOL.md 6.5)."""

    reason: Text
    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The page ends the link; `last` is the last number that it used (PROTOCOL.md 6.6)."""

    last: Count
    kind: Literal["bye"] = "bye"


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """The last frame of a synchronous request: answer it when this call is answered (PROTOCOL.md 4.6)."""

    id: Positive
    kind: Literal["await"] = "await"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """Asks the page to reload, because a developer has changed it (PROTOCOL.md 6.8)."""

    kind: Literal["reload"] = "reload"


Control: TypeAlias = Hello | Welcome | Reset | Bye | Await | Reload

# Each kind and its named tuple.
_KINDS: Final = {get_args(kind.__annotations__["kind"])[0]: kind for kind in get_args(Envelope)}
_FORMS: Final = {name: form_of(kind) for name, kind in _KINDS.items()}


def _kind_of(row: list[Any]) -> Any:
    return row[0]


# Any, because a type checker cannot know a union that is made at run time.
_TAGGED: Any = reduce(or_, [Annotated[kind, Tag(name)] for name, kind in _KINDS.items()])

# One call of this validates a whole frame. The rows have every field of the named tuple, because Pydantic is slower to
# fill in a default than to take an argument.
_MESSAGES: Final[TypeAdapter[list[Envelope]]] = TypeAdapter(
    Annotated[list[Annotated[_TAGGED, Discriminator(_kind_of)]], FailFast()]
)

_CONTROLS: Final[TypeAdapter[Control]] = TypeAdapter(Annotated[Control, Field(discriminator="kind")])


def parse(messages: Sequence[RawMessage], limits: Limits = DEFAULT_LIMITS) -> list[Envelope]:
    """Give the numbered messages of a frame their types.

    Raises:
        ProtocolError: 4400 on a kind, a field or a count of elements that PROTOCOL.md section 4 does not know; 4413 on
            too long a channel, or too many segments or fixups. Then none of the messages counts as received.
    """
    longest = limits.channel_length
    envelopes: list[Envelope] = []
    for fields, segments in messages:
        common = _common(fields, segments, longest)
        if common is None:
            return _parse_all(messages, limits)
        envelopes.append(common)
    return envelopes


def _parse_all(messages: Sequence[RawMessage], limits: Limits) -> list[Envelope]:
    """As `parse`, of messages of all kinds."""
    rows = [row_of(fields, segments, _FORMS, limits) for fields, segments in messages]
    try:
        envelopes = _MESSAGES.validate_python(rows)
    except ValidationError:
        envelopes = _parse_spelled(rows)
    for envelope in envelopes:
        refuse_long_channel(getattr(envelope, "channel", ""), limits.channel_length)
    return envelopes


def _parse_spelled(rows: list[list[Any]]) -> list[Envelope]:
    """Parse rows whose numbers may be spelled as `1.0` or `1e0`, which Pydantic takes for no integers."""
    try:
        return _MESSAGES.validate_python(
            [as_integers([as_integers(field) if type(field) is list else field for field in row]) for row in rows]
        )
    except ValidationError as error:
        raise violation(error) from None


def _common(fields: list[Any], segments: Sequence[memoryview], longest: int) -> Send | Invoke | Result | None:
    """Return the message if it is one of the three most frequent forms; None leaves the whole frame to Pydantic.

    It takes a quarter of Pydantic's time, and refuses nothing, so that the errors and their texts have one place.
    `longest` is the limit of a channel.
    """
    if segments:
        return None
    match fields:
        case ["invoke", number, channel, value] if _is_id(number) and _is_short(channel, longest):
            return new(Invoke, ("invoke", number, channel, value, None, (), segments))
        case ["send", channel, value] if _is_short(channel, longest):
            return new(Send, ("send", channel, value, None, (), segments))
        case ["result", number, value] if _is_id(number):
            return new(Result, ("result", number, value, None, (), segments))
    return None


def _is_id(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value <= MAX_SAFE_INTEGER


def _is_short(channel: object, longest: int) -> TypeGuard[str]:
    """Tell whether it is a channel whose length need not be counted in code units."""
    return type(channel) is str and len(channel) <= longest and channel.isascii()


def parse_control(control: Sequence[Any]) -> Control:
    """Give a control message its type; `ProtocolError` 4400 when it is none, or a field has the wrong type.

    Keys that this version does not know are ignored (PROTOCOL.md 6.1).
    """
    match control:
        case ["bye", last]:
            fields = {"last": as_integer(last), "kind": "bye"}
        case ["await", call]:
            fields = {"id": as_integer(call), "kind": "await"}
        case [str(kind), dict(named)]:
            fields = {**{key: as_integer(field) for key, field in named.items()}, "kind": kind}
        case _:
            raise ProtocolError(
                "expected a kind and an object, or bye or await and a number, as a control message; got something else"
            )
    try:
        return _CONTROLS.validate_python(fields)
    except ValidationError as error:
        raise violation(error) from None


def decode_value(carrier: Carrier, limits: Limits = DEFAULT_LIMITS) -> Any:
    """Return the value of a message; `ProtocolError` when its fixups do not fit it, `UnreadableError` when they do and
    this side cannot take the value.

    To be called once for each message: the value may be made of its skeleton.
    """
    if not carrier.fixups and not carrier.segments:
        # JSON's own types need no decoding.
        return carrier.value
    if carrier.fixups and isinstance(carrier.fixups[0], UnreadableError):
        raise carrier.fixups[0]
    return decode(carrier.value, carrier.fixups, carrier.segments, limits)
