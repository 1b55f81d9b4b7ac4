"""The messages and the control messages as types, and the check that what came has their shape (PROTOCOL.md sections
4 and 6). A value stays the undecoded skeleton, so that whoever drops a message need not decode it.

Has no behaviour and no state; does not know in which order messages may come. Twin: js-client/src/core/envelope.ts
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, TypeGuard, cast

from pydantic import (
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    GetPydanticSchema,
    Strict,
    Tag,
    TypeAdapter,
    ValidationError,
    with_config,
)
from pydantic_core.core_schema import any_schema
from typing_extensions import TypedDict

from .clone import decode
from .errors import CloseCode, ProtocolError
from .frame import RawMessage
from .limits import DEFAULT_LIMITS, Limits

_MAX_SAFE_INTEGER: Final = 2**53 - 1

_Text = Annotated[str, Strict()]
_Truth = Annotated[bool, Strict()]
_Count = Annotated[int, Strict(), Field(ge=0, le=_MAX_SAFE_INTEGER)]
_Positive = Annotated[int, Strict(), Field(ge=1, le=_MAX_SAFE_INTEGER)]
_Token = Annotated[str, Strict(), Field(pattern="^[0-9a-f]{32}$")]

Meta: TypeAlias = Mapping[str, Any]
"""What may accompany a value: `deadline`, `traceparent`, and keys of later versions. The peer's claims, unchecked."""

# `_row` has decided what these are: validated again, they would only be copied.
_UNCHECKED: Final = GetPydanticSchema(lambda _source, _handler: any_schema())
_Meta = Annotated[Meta | None, _UNCHECKED]
_Fixups = Annotated[Sequence[Any], _UNCHECKED]
_Segments = Annotated[Sequence[memoryview], _UNCHECKED]


@with_config(ConfigDict(extra="allow"))
class _ErrorValue(TypedDict):
    """The one field that every error has; `code`, `data`, `reference` and `cause` may hold anything until decoded."""

    message: _Text


class Send(NamedTuple):
    """Arguments for the listeners of a channel; nothing is answered."""

    kind: Literal["send"]
    channel: _Text
    value: Any
    meta: _Meta = None
    fixups: _Fixups = ()
    segments: _Segments = ()


class Post(NamedTuple):
    """A message with port handles."""

    kind: Literal["post"]
    channel: _Text
    value: Any
    ports: list[_Positive]
    meta: _Meta = None
    fixups: _Fixups = ()
    segments: _Segments = ()


class SendTo(NamedTuple):
    """Arguments for the listeners of another page: the main document of the web contents with this id."""

    kind: Literal["send-to"]
    contents: _Positive
    channel: _Text
    value: Any
    meta: _Meta = None
    fixups: _Fixups = ()
    segments: _Segments = ()


class Invoke(NamedTuple):
    """A call that asks for one `Result` or `ErrorReply` with its id."""

    kind: Literal["invoke"]
    id: _Positive
    channel: _Text
    value: Any
    meta: _Meta = None
    fixups: _Fixups = ()
    segments: _Segments = ()


class Result(NamedTuple):
    """What a call returned."""

    kind: Literal["result"]
    id: _Positive
    value: Any
    meta: _Meta = None
    fixups: _Fixups = ()
    segments: _Segments = ()


class ErrorReply(NamedTuple):
    """What a call raised."""

    kind: Literal["error"]
    id: _Positive
    value: _ErrorValue
    meta: _Meta = None
    fixups: _Fixups = ()
    segments: _Segments = ()


class Sync(NamedTuple):
    """A call whose answer travels outside the numbering."""

    kind: Literal["sync"]
    id: _Positive
    channel: _Text
    value: Any
    meta: _Meta = None
    fixups: _Fixups = ()
    segments: _Segments = ()


class SyncDone(NamedTuple):
    """The answer of a `Sync` need not be kept any longer."""

    kind: Literal["sync-done"]
    id: _Positive


class Void(NamedTuple):
    """Takes a number and means nothing."""

    kind: Literal["void"]


class Port(NamedTuple):
    """A message through a port."""

    kind: Literal["port"]
    port: _Positive
    value: Any
    ports: list[_Positive]
    meta: _Meta = None
    fixups: _Fixups = ()
    segments: _Segments = ()


class PortClose(NamedTuple):
    """A port was closed."""

    kind: Literal["port-close"]
    port: _Positive


class Part(NamedTuple):
    """A piece of a parcel: `segments` is this piece alone, `remaining` counts the bytes of the parcel behind it."""

    kind: Literal["part"]
    remaining: _Count
    segments: _Segments = ()


Carrier: TypeAlias = Send | Post | SendTo | Invoke | Result | ErrorReply | Sync | Port
"""A message with a value: see `decode_value`."""

Envelope: TypeAlias = Carrier | SyncDone | Void | PortClose | Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first frame of a page on each socket (PROTOCOL.md 6.1, where each field is explained)."""

    link: _Token
    secret: _Token
    attempt: _Count
    received: _Count
    first: _Positive
    fresh: _Truth
    features: list[_Text]
    token: _Token | None = None
    url: _Text | None = None
    name: _Text | None = None
    version: _Text | None = None
    parent: _Token | None = None
    process: _Text | None = None
    kind: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The server's answer to `Hello` (PROTOCOL.md 6.1, where each field is explained)."""

    received: _Count
    features: list[_Text]
    process: _Text
    web_contents_id: Annotated[_Positive, Field(alias="webContentsId")]
    token: _Token
    frame_token: Annotated[_Token, Field(alias="frameToken")]
    message_bytes: Annotated[_Positive, Field(alias="messageBytes")]
    debug: _Truth | None = None
    version: _Text | None = None
    kind: Literal["welcome"] = "welcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The link has ended, and why (PROTOCOL.md 6.5)."""

    reason: _Text
    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The page ends the link; `last` is the last number that it used (PROTOCOL.md 6.6)."""

    last: _Count
    kind: Literal["bye"] = "bye"


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """The last frame of a synchronous request: answer it when this call is answered (PROTOCOL.md 4.6)."""

    id: _Positive
    kind: Literal["await"] = "await"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """The page is asked to load itself again: a developer has changed it (PROTOCOL.md 6.8)."""

    kind: Literal["reload"] = "reload"


Control: TypeAlias = Hello | Welcome | Reset | Bye | Await | Reload

_KINDS: Final = (Send, Post, SendTo, Invoke, Result, ErrorReply, Sync, SyncDone, Void, Port, PortClose, Part)

# Kind -> how many elements stand before meta, fixups and segments, which are the fields with a default.
_FIXED: Final = {
    kind.__annotations__["kind"].__args__[0]: len(kind._fields) - len(kind._field_defaults) for kind in _KINDS
}

_BARE_KINDS: Final = frozenset({"sync-done", "void", "port-close"})


def _kind_of(row: list[Any]) -> Any:
    return row[0]


# One call of this validates a whole frame. The rows have every field of the named tuple, because Pydantic fills in a
# default more slowly than it takes an argument.
_MESSAGES: Final[TypeAdapter[list[Envelope]]] = TypeAdapter(
    Annotated[
        list[
            Annotated[
                Annotated[Send, Tag("send")]
                | Annotated[Post, Tag("post")]
                | Annotated[SendTo, Tag("send-to")]
                | Annotated[Invoke, Tag("invoke")]
                | Annotated[Result, Tag("result")]
                | Annotated[ErrorReply, Tag("error")]
                | Annotated[Sync, Tag("sync")]
                | Annotated[SyncDone, Tag("sync-done")]
                | Annotated[Void, Tag("void")]
                | Annotated[Port, Tag("port")]
                | Annotated[PortClose, Tag("port-close")]
                | Annotated[Part, Tag("part")],
                Discriminator(_kind_of),
            ]
        ],
        FailFast(),
    ]
)

_CONTROLS: Final[TypeAdapter[Control]] = TypeAdapter(Annotated[Control, Field(discriminator="kind")])


def parse(messages: Sequence[RawMessage], limits: Limits = DEFAULT_LIMITS) -> list[Envelope]:
    """Give the numbered messages of a frame their types.

    Raises:
        ProtocolError: 4400 on a kind, a field or a count of elements that PROTOCOL.md section 4 does not know; 4413 on
            too long a channel, or too many segments or fixups. Then none of the messages counts as received.
    """
    common = [_common(fields, segments, limits.channel_length) for fields, segments in messages]
    if None not in common:
        return cast("list[Envelope]", common)
    rows = [_row(fields, segments, limits) for fields, segments in messages]
    try:
        envelopes = _MESSAGES.validate_python(rows)
    except ValidationError as error:
        raise _protocol_error(error) from None
    for envelope in envelopes:
        _check_channel(getattr(envelope, "channel", ""), limits.channel_length)
    return envelopes


def _common(fields: list[Any], segments: Sequence[memoryview], longest: int) -> Send | Invoke | Result | None:
    """Return what nearly every message is, if nothing about it is unusual; None leaves the whole frame to Pydantic.

    It takes a quarter of Pydantic's time, and refuses nothing: what is refused, and in which words, is decided in one
    place. `longest` is the limit of a channel.
    """
    if segments:
        return None
    match fields:
        case ["invoke", number, channel, value] if _is_id(number) and _is_short(channel, longest):
            return Invoke("invoke", number, channel, value, None, (), segments)
        case ["send", channel, value] if _is_short(channel, longest):
            return Send("send", channel, value, None, (), segments)
        case ["result", number, value] if _is_id(number):
            return Result("result", number, value, None, (), segments)
    return None


def _is_id(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value <= _MAX_SAFE_INTEGER


def _is_short(channel: object, longest: int) -> TypeGuard[str]:
    """Tell whether it is a channel whose length need not be counted in code units."""
    return type(channel) is str and len(channel) <= longest and channel.isascii()


def parse_control(control: Sequence[Any]) -> Control:
    """Give a control message its type; `ProtocolError` 4400 when it is none, or a field has the wrong type.

    Keys that this version does not know are ignored, as PROTOCOL.md 6.1 wants it.
    """
    match control:
        case ["bye", last]:
            fields = {"last": last, "kind": "bye"}
        case ["await", call]:
            fields = {"id": call, "kind": "await"}
        case [str(kind), dict(named)]:
            fields = {**named, "kind": kind}
        case _:
            raise ProtocolError(
                "expected a kind and an object, or bye or await and a number, as a control message; got something else"
            )
    try:
        return _CONTROLS.validate_python(fields)
    except ValidationError as error:
        raise _protocol_error(error) from None


def decode_value(carrier: Carrier, limits: Limits = DEFAULT_LIMITS) -> Any:
    """Return the value of a message; `ProtocolError` when its fixups do not fit it.

    To be called once for each message: the value may be made of its skeleton.
    """
    return decode(carrier.value, carrier.fixups, carrier.segments, limits)


def _row(fields: list[Any], segments: Sequence[memoryview], limits: Limits) -> list[Any]:
    """Return the fields of a message in the order and number that its named tuple has."""
    kind = fields[0] if fields else None
    fixed = _FIXED.get(kind) if type(kind) is str else None
    if fixed is None:
        raise ProtocolError(f"the kind of a message is one of {', '.join(_FIXED)}; {_shown(kind)} came")
    if kind == "part":
        return _part_row(fields, segments)
    if kind in _BARE_KINDS:
        return _bare_row(fields, fixed, segments)
    if len(segments) > limits.segments:
        raise _excess("segments", len(segments), limits.segments)
    if len(fields) == fixed:
        return [*fields, None, (), segments]
    return [*fields[:fixed], *_attachments(fields, fixed, limits), segments]


def _part_row(fields: list[Any], segments: Sequence[memoryview]) -> list[Any]:
    if len(segments) != 1:
        raise ProtocolError(f"a part has one segment, not {len(segments)}")
    return [*fields, segments]


def _bare_row(fields: list[Any], fixed: int, segments: Sequence[memoryview]) -> list[Any]:
    if segments or len(fields) != fixed:
        raise ProtocolError(f"{_shown(fields[0])} has {fixed} elements and no segment; this one has others")
    return fields


def _attachments(fields: list[Any], fixed: int, limits: Limits) -> tuple[Meta | None, Sequence[Any]]:
    """Return meta and fixups: either may be absent, and their types tell them apart (PROTOCOL.md section 4)."""
    rest = fields[fixed:]
    meta = rest.pop(0) if rest and type(rest[0]) is dict else None
    fixups = rest.pop(0) if rest and type(rest[0]) is list else ()
    if rest or len(fields) < fixed:
        raise ProtocolError(
            f"{_shown(fields[0])} has {fixed} elements, and behind them at most a meta object and an array of fixups; "
            f"this one has {len(fields)}, or others"
        )
    if len(fixups) > limits.fixups:
        raise _excess("fixups", len(fixups), limits.fixups)
    return meta, fixups


def _check_channel(channel: str, allowed: int) -> None:
    # A code point has one code unit or two: most channels are so short that nothing need be counted.
    if len(channel) * 2 <= allowed:
        return
    length = len(channel) + sum(character > "\uffff" for character in channel)
    if length > allowed:
        raise _excess("code units in a channel", length, allowed)


def _excess(what: str, count: int, allowed: int) -> ProtocolError:
    return ProtocolError(f"at most {allowed} {what}, not {count}", CloseCode.TOO_LARGE)


def _protocol_error(error: ValidationError) -> ProtocolError:
    """Say where and what was expected, and nothing of what came: it may be the secret."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ProtocolError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _shown(kind: object) -> str:
    return repr(kind[:32]) if isinstance(kind, str) else type(kind).__name__
