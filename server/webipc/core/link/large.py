"""What takes too long to be decoded in a turn of an event loop: which frames, parcels and values, and how they are
decoded elsewhere. A server does that in another thread (endpoints/unpack.py); nothing here knows threads.

A page decodes everything at once: it has no other link to serve. So this has no twin.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from webipc.core.envelope import (
    Envelope,
    ErrorReply,
    Invoke,
    Part,
    Port,
    Post,
    Result,
    Send,
    SendTo,
    Sync,
    decode_value,
    parse,
)
from webipc.core.errors import LimitError, ProtocolError, RemoteError, UnreadableError
from webipc.core.frame import decode_parcel
from webipc.core.frame.json_text import Load
from webipc.core.limits import Limits
from webipc.core.link.steps import MANY_STEPS, steps_of
from webipc.core.link.written import Carried, Opened, Written, written

LARGE_TEXT: Final = 262_144
"""JSON of more bytes is not decoded in the event loop: up to here it takes a few milliseconds at most."""

# The kinds whose value a server decodes when they are dispatched.
_DECODED: Final = (Send, Invoke, Sync, Post, Result, ErrorReply)
# Those that it passes on, keeps, or decodes when their receiver takes them.
_PASSED_ON: Final = (Port, SendTo)


class Whole(NamedTuple):
    """A parcel that has arrived, not decoded yet: a message that may be of any kind but `part`."""

    parcel: memoryview


Arrived: TypeAlias = Envelope | Whole
"""What a link has received."""


def large_text(data: str | bytes | memoryview) -> str | memoryview | None:
    """Return the JSON of a frame or of a parcel if it is large; None otherwise."""
    if len(data) <= LARGE_TEXT:
        return None
    if isinstance(data, str):
        return data
    view = memoryview(data)
    size = int.from_bytes(view[:4], "little")
    # A length beyond the end is an error that decoding finds.
    return view[4 : 4 + size] if size > LARGE_TEXT else None


def opened(parcel: memoryview, limits: Limits, load: Load) -> Envelope:
    """Return the message of a parcel. `load` reads its JSON. Raises ProtocolError."""
    envelope = parse([decode_parcel(parcel, limits, load)], limits)[0]
    if isinstance(envelope, Part):
        raise ProtocolError("a parcel holds a message that is no part; a part came")
    return envelope


def first_large(arrived: Sequence[Arrived], *, is_text_large: bool) -> int:
    """Return the place of the first message that is not to be decoded in the event loop; their number where none is.

    `is_text_large`: they come from a frame with a large text. Then every value with fixups takes long.
    """
    left = 0 if is_text_large else MANY_STEPS
    for index, message in enumerate(arrived):
        if isinstance(message, Whole) or (is_text_large and isinstance(message, _PASSED_ON)):
            return index
        if isinstance(message, _DECODED) or type(message) is Port:
            left -= steps_of(message.fixups)
            if left < 0:
                return index
    return len(arrived)


def is_large(value: Written) -> bool:
    """Tell whether a value takes too long to be parsed and decoded in a turn of an event loop."""
    return value.size > LARGE_TEXT or value.steps > MANY_STEPS


def unpacked(
    arrived: Sequence[Arrived], limits: Limits, load: Load, has_consumer: Callable[[int], bool]
) -> tuple[list[Envelope], ProtocolError | None]:
    """Decode messages with their values, up to the first that is wrong. `load` reads the JSON of parcels.

    Returns those before it, without fixups and segments where a value was decoded; and the error. A value that this
    side cannot take fails later, when its message is dispatched. What is passed on is written as JSON again here, and
    decoded as well if its port has a consumer as far as `has_consumer` knows.
    """
    done: list[Envelope] = []
    try:
        for message in arrived:
            envelope = opened(message.parcel, limits, load) if isinstance(message, Whole) else message
            done.append(_prepared(envelope, limits, has_consumer))
    except ProtocolError as error:
        return done, error
    return done, None


def _prepared(envelope: Envelope, limits: Limits, has_consumer: Callable[[int], bool]) -> Envelope:
    if isinstance(envelope, SendTo | Port):
        is_needed = isinstance(envelope, Port) and has_consumer(envelope.port)
        return envelope._replace(value=_carried(envelope, limits, is_needed=is_needed), fixups=())
    if isinstance(envelope, _DECODED) and (envelope.fixups or envelope.segments):
        try:
            return envelope._replace(value=decode_value(envelope, limits), fixups=(), segments=())
        except UnreadableError as unreadable:
            # `decode_value` raises it again.
            return envelope._replace(fixups=(unreadable,), segments=())
    return envelope


def _carried(envelope: Port | SendTo, limits: Limits, *, is_needed: bool) -> Carried:
    """Prepare a value for its receiver, which may be another page; and this program, if `is_needed`."""
    try:
        text = written(envelope.value, envelope.fixups)
    except LimitError:
        text = None
    if text is not None and not is_needed:
        return Carried(text)
    try:
        return Carried(text, Opened(decode_value(envelope, limits)))
    except RemoteError as error:
        return Carried(text, Opened(None, error))
