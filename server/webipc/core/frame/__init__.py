"""Frames: what one WebSocket message carries, as text or in binary form; and the two things with the same layout, the
parcel of a large message and the body of a request (PROTOCOL.md sections 2.4, 3 and 4.3).

JSON is parsed here alone (json_text.py). What a message means is in envelope/, whether its number is right in link/.
Twin: js-client/src/core/frame.ts
"""

from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol, TypeGuard

from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame.data import Data
from webipc.core.frame.json_text import Load, dump, dump_fitted, load_any_array, load_array
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.tuples import new
from webipc.core.values.scalar import MAX_SAFE_INTEGER, as_integers

_Bytes = bytes | bytearray | memoryview

_NUMBERS: Final = 2
"""How many elements of a frame stand before its messages: its number and the acknowledgement."""

_NO_SEGMENTS: Final[Iterable[tuple[()]]] = repeat(())
"""What a frame of text has for each of its messages."""

_FIXUP_BYTES: Final = 12
"""The shortest fixup that names one of several segments is `["b",[0],0],`."""


class EncodedMessage(NamedTuple):
    """A message ready to be sent: encoded once, however many frames and links carry it."""

    json: bytes
    segments: tuple[_Bytes, ...]
    # Bytes: the JSON as UTF-8 and the segments.
    size: int

    @property
    def parcel_size(self) -> int:
        """How many bytes `encode_parcel` would return."""
        return _packed_size(len(_parcel_head(self)), self.segments)


_json_of: Final = attrgetter("json")
_segments_of: Final = attrgetter("segments")


class RawMessage(NamedTuple):
    """A received message: an array that is not checked yet, and its segments, which are views of the frame's bytes."""

    fields: list[Any]
    segments: Sequence[memoryview]


class Frame(NamedTuple):
    """A decoded frame: numbered messages, or one control message, or neither."""

    # The number of the first message; without messages the one that the sender uses next; 0 before a control message.
    seq: int
    # The number of the last message that the sender of the frame has received in order.
    ack: int
    messages: list[RawMessage]
    # The control message, for `parse_control`.
    control: list[Any] | None
    # Bytes.
    size: int
    # What it was decoded from. To estimate what its values take in memory, and only while it is at hand.
    data: Data

    @property
    def is_bare(self) -> bool:
        """Whether it has neither messages nor a control message: an acknowledgement and a heartbeat."""
        return self.control is None and not self.messages


class _Encoded(Protocol):
    """The value of a message, as clone/ encodes it."""

    @property
    def skeleton(self) -> Any: ...
    @property
    def fixups(self) -> Sequence[Any]: ...
    @property
    def segments(self) -> Sequence[_Bytes]: ...


def encode_message(
    fields: Sequence[Any], cloned: _Encoded | None = None, meta: dict[str, Any] | None = None, tail: Sequence[Any] = ()
) -> EncodedMessage:
    """Encode one message: `encode_message(["send", channel], cloned)`.

    Args:
        fields: the kind and the fixed fields before the value.
        cloned: the value, for the kinds that have one.
        meta: what goes with the value, such as a deadline (PROTOCOL.md section 4).
        tail: the fixed fields behind the value: the ports of `post` and `port`.
    """
    if cloned is None:
        json = dump_fitted(fields)
        return new(EncodedMessage, (json, (), len(json)))
    message = [*fields, cloned.skeleton, *tail]
    if meta:
        message.append(meta)
    if cloned.fixups:
        message.append(cloned.fixups)
    json = dump_fitted(message)
    return sized(json, cloned.segments) if cloned.segments else new(EncodedMessage, (json, (), len(json)))


def sized(json: bytes, segments: Sequence[_Bytes]) -> EncodedMessage:
    """Return a message that already is JSON, with its size: the parts of a parcel."""
    if not segments:
        return new(EncodedMessage, (json, (), len(json)))
    return EncodedMessage(json, tuple(segments), len(json) + sum(map(_size, segments)))


def encode_frame(seq: int, ack: int, messages: Sequence[EncodedMessage]) -> str | bytes:
    """Return a frame of numbered messages, or a bare one, as text when no segments travel.

    The messages' JSON is copied, never encoded a second time.
    """
    if len(messages) == 1 and not messages[0].segments:
        # The most frequent frame: one message without segments.
        return (b"[%d,%d,%b]" % (seq, ack, messages[0].json)).decode()
    opened = b",".join([b"[%d,%d" % (seq, ack), *map(_json_of, messages)])
    if not any(map(_segments_of, messages)):
        return (opened + b"]").decode()
    segments = [segment for message in messages for segment in message.segments]
    return _pack(b"%b,%b]" % (opened, _lengths_of(messages)), segments)


def encode_control(ack: int, name: str, fields: Any) -> str:
    """Return a control frame: `encode_control(0, "hello", {...})`, `encode_control(41, "bye", 12)`."""
    return dump([0, ack, [name, fields]]).decode()


def binary_form(frame: str | bytes) -> bytes:
    """Return the same frame in its binary form, which the body of a request needs."""
    if isinstance(frame, bytes):
        return frame
    lengths: list[list[int]] = [[] for _ in load_array(frame)[_NUMBERS:]]
    return _pack(b"%b,%b]" % (frame[:-1].encode(), dump(lengths)), ())


def encode_body(frames: Iterable[str | bytes]) -> bytes:
    """Return the body of a request (PROTOCOL.md 2.4): frames in their binary form, each behind its length."""
    rows = [binary_form(frame) for frame in frames]
    return b"".join(piece for row in rows for piece in (len(row).to_bytes(4, "little"), row))


def decode_body(data: _Bytes, limits: Limits = DEFAULT_LIMITS) -> list[Frame]:
    """Decode the body of a request. Which frames it may hold is checked by the caller.

    Raises:
        ProtocolError: 4413 when the body or a frame is too large, 4400 when the lengths or a frame are wrong.
    """
    view = memoryview(data)
    if len(view) > limits.body_bytes:
        raise _too_large("a body", len(view), limits.body_bytes)
    frames = []
    start = 0
    while start < len(view):
        end = start + 4 + _length_at(view, start)
        if end > len(view):
            raise ProtocolError(f"a frame ends at byte {end} of a body of {len(view)} bytes")
        frames.append(decode_frame(view[start + 4 : end], limits))
        start = end
    return frames


def decode_frame(data: Data, limits: Limits = DEFAULT_LIMITS, load: Load = load_any_array) -> Frame:
    """Decode one frame; segments are views of `data`, not copies. `load` reads its JSON.

    Raises:
        ProtocolError: 4413 when the frame is larger than `socket_bytes` or has more than `frame_messages`; 4400 when it
            is not JSON, is not such an array, or its binary layout does not add up. What is in the messages is not
            checked.
    """
    size = _utf8_size(data) if isinstance(data, str) else len(data)
    if size > limits.socket_bytes:
        raise _too_large("a frame", size, limits.socket_bytes)
    segments: Iterable[Sequence[memoryview]]
    if isinstance(data, str):
        elements, segments = load(data), _NO_SEGMENTS
    else:
        elements, segments = _unpack(memoryview(data), _NUMBERS, limits, load)
    if len(elements) < _NUMBERS or not (is_count(seq := elements[0]) and is_count(ack := elements[1])):
        seq, ack = _spelled_numbers(elements)
    if len(elements) - _NUMBERS > limits.frame_messages:
        text = f"a frame has at most {limits.frame_messages} messages, not {len(elements) - _NUMBERS}"
        raise ProtocolError(text, CloseCode.TOO_LARGE)
    messages = _raw_messages(elements[_NUMBERS:], segments)
    if seq == 0:
        return _control_frame(ack, messages, size, data)
    if seq + len(messages) - 1 > MAX_SAFE_INTEGER:
        raise ProtocolError("the number of a message is a safe integer; the last one of this frame is not")
    return new(Frame, (seq, ack, messages, None, size, data))


def encode_parcel(message: EncodedMessage) -> bytes:
    """Return the parcel of a message that is too large for a frame (PROTOCOL.md 4.3), to be cut into parts."""
    return _pack(_parcel_head(message), message.segments)


def decode_parcel(parcel: _Bytes, limits: Limits = DEFAULT_LIMITS, load: Load = load_any_array) -> RawMessage:
    """Return the message of a parcel; `ProtocolError` when the parts together are none. `load` reads its JSON."""
    elements, segments = _unpack(memoryview(parcel), 0, limits, load)
    if len(elements) != 1:
        raise ProtocolError(f"a parcel holds one message, not {len(elements)}")
    return _raw_messages(elements, segments)[0]


def is_count(value: object) -> TypeGuard[int]:
    """Tell whether a value is a non-negative safe integer. A bool is not, though it is an int in Python."""
    return type(value) is int and 0 <= value <= MAX_SAFE_INTEGER


def _spelled_numbers(elements: list[Any]) -> tuple[int, int]:
    """Return the two numbers at the beginning of a frame that spells them as `1.0` or `1e0`. Raises ProtocolError."""
    seq, ack = numbers if len(numbers := as_integers(elements[:_NUMBERS])) == _NUMBERS else (None, None)
    if not (is_count(seq) and is_count(ack)):
        raise ProtocolError("a frame begins with two non-negative safe integers; this one does not")
    return seq, ack


def _raw_messages(elements: list[Any], segments: Iterable[Sequence[memoryview]]) -> list[RawMessage]:
    """`segments` has those of each element, as `_unpack` has checked, or is `_NO_SEGMENTS`."""
    messages = []
    for row in zip(elements, segments, strict=False):
        if type(row[0]) is not list:
            raise ProtocolError("a message is an array; something else came in its place")
        messages.append(new(RawMessage, row))
    return messages


def _control_frame(ack: int, messages: list[RawMessage], size: int, data: Data) -> Frame:
    if len(messages) != 1 or messages[0].segments:
        raise ProtocolError("a frame with the number 0 holds one control message and no segment")
    return Frame(0, ack, [], messages[0].fields, size, data)


def _pack(head: bytes, segments: Iterable[_Bytes]) -> bytes:
    """Lay out JSON and segments as PROTOCOL.md section 3 says. The only place where a segment is copied for sending."""
    pieces: list[_Bytes] = [len(head).to_bytes(4, "little"), head]
    end = 4 + len(head)
    for segment in segments:
        pieces += (bytes(-end % 8), segment)
        end = _aligned(end) + _size(segment)
    return b"".join(pieces)


def _packed_size(head: int, segments: Iterable[_Bytes]) -> int:
    """Return how many bytes `_pack` lays out behind a head of this many bytes."""
    end = 4 + head
    for segment in segments:
        end = _aligned(end) + _size(segment)
    return end


def _unpack(view: memoryview, before: int, limits: Limits, load: Load) -> tuple[list[Any], list[list[memoryview]]]:
    """Undo `_pack`, where `before` elements of the JSON stand before the messages."""
    head = 4 + _length_at(view, 0)
    if head > len(view):
        raise ProtocolError(f"the JSON ends at byte {head} of a frame of {len(view)} bytes")
    elements = load(view[4:head])
    lengths = elements.pop() if elements else None
    if isinstance(lengths, list):
        lengths = [as_integers(row) if type(row) is list else row for row in lengths]
    if not _are_lengths(lengths) or len(lengths) != len(elements) - before:
        raise ProtocolError("the JSON of a binary frame ends with one array of lengths per message; this one does not")
    count = sum(map(len, lengths))
    if count > limits.segments and count * _FIXUP_BYTES > head:
        # A view takes a hundred times the two bytes of a length: refused before views are made, because no frame of
        # this size can hold the fixups for so many segments.
        raise ProtocolError("a frame has more segments than its messages can name")
    return elements, _cut(view, head, lengths)


def _cut(view: memoryview, end: int, lengths: list[list[int]]) -> list[list[memoryview]]:
    """Return the segments, which follow each other at multiples of 8 from `end` to the end of the frame."""
    segments = []
    for row in lengths:
        cut = []
        for length in row:
            start = _aligned(end)
            end = start + length
            cut.append(view[start:end])
        segments.append(cut)
    if end != len(view):
        raise ProtocolError(f"the segments end at byte {end} of a frame of {len(view)} bytes")
    return segments


def _are_lengths(value: object) -> TypeGuard[list[list[int]]]:
    return isinstance(value, list) and all(isinstance(row, list) and all(map(is_count, row)) for row in value)


def _parcel_head(message: EncodedMessage) -> bytes:
    return b"[%b,%b]" % (message.json, _lengths_of([message]))


def _lengths_of(messages: Sequence[EncodedMessage]) -> bytes:
    return dump([[_size(segment) for segment in message.segments] for message in messages])


def _length_at(view: memoryview, offset: int) -> int:
    if offset + 4 > len(view):
        raise ProtocolError(f"a length has four bytes; only {len(view) - offset} are left")
    return int.from_bytes(view[offset : offset + 4], "little")


def _size(data: _Bytes) -> int:
    """Return the size in bytes; the `len` of a memoryview counts items."""
    return data.nbytes if isinstance(data, memoryview) else len(data)


def _aligned(offset: int) -> int:
    """Return the next multiple of 8."""
    return offset + -offset % 8


def _utf8_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _too_large(what: str, size: int, allowed: int) -> ProtocolError:
    return ProtocolError(f"{what} has at most {allowed} bytes, not {size}", CloseCode.TOO_LARGE)
