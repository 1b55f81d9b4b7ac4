"""A message for pages as rows of the bus, and back: as it travels on a link, its JSON and then its segments.

What arrives is looked at as a page would. Many links carry the row as it is, so a wrong one would reset every page.
"""

from collections.abc import Sequence
from typing import TypeVar

from webipc.core.envelope import Port, Post, Send, decode_value, parse
from webipc.core.errors import LimitError, ProtocolError, UnreadableError
from webipc.core.frame import EncodedMessage, RawMessage, sized
from webipc.core.frame.json_text import load_array
from webipc.core.limits import Limits
from webipc.core.link.large import LARGE_TEXT
from webipc.core.link.sizes import check_size

AnyCarrier = TypeVar("AnyCarrier", Send, Port, Post)


class WrongMessageError(Exception):
    """Rows that no page may be sent. The text says what was expected, and nothing of what came."""


def rows_of(message: EncodedMessage) -> list[bytes]:
    """Return a message as rows."""
    return [message.json, *map(bytes, message.segments)]


def message_of(rows: Sequence[bytes], limits: Limits, *, worker: str, has_sender: bool = False) -> EncodedMessage:
    """Return the message of rows, which has to be a `send` that any page takes. Raises WrongMessageError.

    `worker` has said it; empty for a program that is no worker. What a worker has encoded is not looked at where that
    would hold up the event loop. `has_sender`: a page has sent it, and it names that. Its value is not looked at: pages
    drop such a message if it is wrong, and stay (PROTOCOL.md 4.7). Any other comes from the program, and names nobody.
    """
    if worker and rows and len(rows[0]) > LARGE_TEXT:
        return _large_of(rows, limits)
    envelope = carrier_of(rows, Send, limits)
    if _names_a_page(envelope) != has_sender or (envelope.meta is not None and not has_sender):
        raise WrongMessageError(f"expected a `send` of {'a page' if has_sender else 'the program'}, got another")
    if not has_sender:
        _check_value(envelope, limits)
    return sized(rows[0], tuple(rows[1:]))


def _large_of(rows: Sequence[bytes], limits: Limits) -> EncodedMessage:
    message = sized(rows[0], tuple(rows[1:]))
    try:
        check_size(message, limits)
    except LimitError as error:
        raise WrongMessageError(str(error)) from None
    return message


def carrier_of(rows: Sequence[bytes], kind: type[AnyCarrier], limits: Limits) -> AnyCarrier:
    """Return the message of rows, of this kind. Its value is not looked at. Raises WrongMessageError."""
    if not rows:
        raise WrongMessageError("expected the JSON of a message, got no row")
    try:
        check_size(sized(rows[0], tuple(rows[1:])), limits)
        segments = [memoryview(segment) for segment in rows[1:]]
        (envelope,) = parse([RawMessage(load_array(rows[0]), segments)], limits)
    except (ProtocolError, LimitError) as error:
        raise WrongMessageError(str(error)) from None
    if not isinstance(envelope, kind):
        raise WrongMessageError("expected a message of another kind")
    return envelope


def _names_a_page(message: Send) -> bool:
    return message.meta is not None and type(message.meta.get("senderId")) is int


def _check_value(envelope: Send, limits: Limits) -> None:
    try:
        value = decode_value(envelope, limits)
    except UnreadableError:
        # A page may be able to read it; else the message fails there alone.
        return
    except ProtocolError as error:
        raise WrongMessageError(str(error)) from None
    if type(value) is not list:
        raise WrongMessageError("expected the array of arguments as the value, got something else")
