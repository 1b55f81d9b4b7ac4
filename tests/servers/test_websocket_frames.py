"""The splitter of WebSocket bytes: which messages it reads itself, which bytes it leaves to `websockets`, and that both
together read any stream as `websockets` alone does, however the stream is cut.
"""

import struct
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.support.client_frames import (
    BINARY,
    CLOSE,
    CONTINUES,
    ENDS,
    PING,
    PONG,
    TEXT,
    TEXT_BEGINS,
    frame,
    header,
    masked,
)
from webipc.servers.websocket_frames import FrameSplitter, encode_header

MOST = 1_000_000

Message = str | bytes


def split(pieces: Iterable[bytes], max_size: int = MOST) -> tuple[list[Message], bytes]:
    """Return the messages and the foreign bytes of a stream."""
    splitter = FrameSplitter(max_size)
    messages: list[Message] = []
    foreign = b"".join(b"".join(foreign_of(splitter, piece, messages)) for piece in pieces)
    return messages, foreign


def foreign_of(splitter: FrameSplitter, data: bytes, messages: list[Message]) -> Iterator[bytes]:
    """Feed one segment, and yield its foreign bytes at their place between the messages."""
    foreign = splitter.feed(data, messages)
    while foreign is not None:
        yield foreign
        foreign = splitter.resume(messages)


def bytes_of(data: bytes) -> list[bytes]:
    """Return every byte on its own."""
    return [data[at : at + 1] for at in range(len(data))]


def cuts_in_two(data: bytes) -> Iterator[list[bytes]]:
    """Return the stream in two pieces, cut at every byte."""
    return ([data[:at], data[at:]] for at in range(len(data) + 1))


# --- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 16_384, 16_385, 65_535, 65_536, 65_537, MOST])
@pytest.mark.parametrize("first", [TEXT, BINARY])
def test_a_message_of_any_length_is_read(first: int, size: int) -> None:
    payload = (b"0123456789" * (size // 10 + 1))[:size]
    expected = payload.decode() if first == TEXT else payload
    assert split([frame(first, payload)]) == ([expected], b"")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 300, 65_536])
def test_a_message_that_is_cut_at_any_byte_of_its_header_is_read(size: int) -> None:
    payload = b"x" * size
    data = frame(BINARY, payload)
    for at in range(15):
        assert split([data[:at], data[at:]]) == ([payload], b"")
        assert split([*bytes_of(data[:at]), data[at:]]) == ([payload], b"")


@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x12\x34\x56\x78"])
def test_any_mask_is_removed(mask: bytes) -> None:
    assert split([frame(TEXT, "grün".encode(), mask=mask)]) == (["grün"], b"")


@pytest.mark.parametrize("length", [struct.pack("!BH", 0xFE, 5), struct.pack("!BQ", 0xFF, 5)])
def test_a_length_in_a_longer_form_than_needed_is_read(length: bytes) -> None:
    mask = b"\1\2\3\4"
    data = bytes((TEXT,)) + length + mask + masked(b"hello", mask)
    for pieces in cuts_in_two(data):
        assert split(pieces) == (["hello"], b"")


def test_messages_of_one_segment_are_read_in_order() -> None:
    stream = frame(TEXT, b"1") + frame(BINARY, b"2") + frame(TEXT, b"") + frame(TEXT, b"4")
    expected: list[Message] = ["1", b"2", "", "4"]
    for pieces in cuts_in_two(stream):
        assert split(pieces) == (expected, b"")
    assert split(bytes_of(stream)) == (expected, b"")


def test_a_message_is_read_as_soon_as_its_last_byte_is_there() -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    data = frame(TEXT, b"x" * 200)
    assert splitter.feed(data[:-1], messages) is None
    assert messages == []
    assert splitter.feed(data[-1:] + frame(TEXT, b"y")[:3], messages) is None
    assert messages == ["x" * 200]


def test_a_message_is_bytes_that_no_later_segment_changes() -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    data = frame(BINARY, b"x" * 20_000)
    for piece in (data[:10], data[10:], data[:10], data[10:]):
        assert splitter.feed(piece, messages) is None
    assert messages == [b"x" * 20_000] * 2
    assert all(type(message) is bytes for message in messages)


# --- foreign bytes --------------------------------------------------------------------------------------------------

FOREIGN = {
    "a ping": frame(PING, b"?"),
    "a pong": frame(PONG, b"!"),
    "a close": frame(CLOSE, b"\x03\xe8"),
    "a close without a code": frame(CLOSE, b""),
    "a message in fragments": frame(TEXT_BEGINS, b"a") + frame(CONTINUES, b"b") + frame(ENDS, b"c"),
    "a fragmented message with control frames in between": frame(TEXT_BEGINS, b"a")
    + frame(PING, b"?")
    + frame(CONTINUES, b"b")
    + frame(PONG, b"")
    + frame(ENDS, b"c"),
    "a message inside a fragmented one": frame(TEXT_BEGINS, b"a") + frame(TEXT, b"b") + frame(ENDS, b"c"),
    "a message behind a ping inside a fragmented one": frame(TEXT_BEGINS, b"a")
    + frame(PING, b"?")
    + frame(TEXT, b"b")
    + frame(ENDS, b"c"),
    "the first reserved bit": frame(TEXT | 0x40, b"a"),
    "the second reserved bit": frame(BINARY | 0x20, b"a"),
    "the third reserved bit": frame(TEXT | 0x10, b"a"),
    "an unknown opcode": frame(0x83, b"a"),
    "an unknown control opcode": frame(0x8B, b"a"),
    "a text that is not UTF-8": frame(TEXT, b"\xff"),
    "a text that ends inside a character": frame(TEXT, "ü".encode()[:1]),
    "a message larger than the limit": frame(BINARY, b"x" * 301),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_every_other_frame_is_foreign_whole_and_unchanged(name: str) -> None:
    data = FOREIGN[name]
    for pieces in cuts_in_two(data):
        assert split(pieces, max_size=300) == ([], data)
    assert split(bytes_of(data), max_size=300) == ([], data)


@pytest.mark.parametrize("name", [name for name in FOREIGN if "unknown" not in name])
def test_messages_around_a_foreign_frame_are_read(name: str) -> None:
    stream = frame(TEXT, b"before") + FOREIGN[name] + frame(TEXT, b"behind")
    for pieces in [[stream], *cuts_in_two(stream), bytes_of(stream)]:
        assert split(pieces, max_size=300) == (["before", "behind"], FOREIGN[name])


def test_foreign_bytes_are_returned_between_the_messages_around_them() -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    ping = frame(PING, b"?")
    assert splitter.feed(frame(TEXT, b"1") + ping + frame(TEXT, b"2") + ping, messages) == ping
    assert messages == ["1"]
    assert splitter.resume(messages) == ping
    assert messages == ["1", "2"]
    assert splitter.resume(messages) is None


def test_a_foreign_frame_is_returned_as_its_bytes_arrive() -> None:
    splitter = FrameSplitter(300)
    messages: list[Message] = []
    data = frame(BINARY, b"x" * 1000)
    assert list(foreign_of(splitter, data[:4], messages)) == [data[:4]]
    assert list(foreign_of(splitter, data[4:500], messages)) == [data[4:500]]
    assert list(foreign_of(splitter, data[500:] + frame(TEXT, b"a"), messages)) == [data[500:]]
    assert messages == ["a"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x05",  # not masked
        b"\x82\x7e",  # not masked, and its length is incomplete
        b"\x83\x80",  # an unknown opcode
        b"\x87\xfe",  # an unknown opcode, and its length is incomplete
        header(TEXT | 0x40, 5),  # a reserved bit
        header(BINARY, 1001),  # too large
        b"\x82\xff" + (2**63).to_bytes(8),  # a length with the highest bit
    ],
)
def test_a_header_that_is_wrong_is_foreign_before_its_payload_arrives(data: bytes) -> None:
    assert split([data], max_size=1000) == ([], data)
    assert split(bytes_of(data), max_size=1000) == ([], data)


def test_no_memory_is_allocated_for_a_length_that_is_only_announced() -> None:
    splitter = FrameSplitter(1 << 30)
    messages: list[Message] = []
    tracemalloc.start()
    try:
        assert splitter.feed(header(BINARY, 1 << 30) + b"\1\2\3\4" + b"x" * 100, messages) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000
    assert messages == []


def test_an_incomplete_message_is_not_copied_with_every_segment() -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    first, *rest = bytes_of(frame(BINARY, b"x" * 10_000)[2_000:])
    assert splitter.feed(frame(BINARY, b"x" * 10_000)[:2_000] + first, messages) is None
    kept = splitter._kept
    for piece in rest[:-1]:
        assert splitter.feed(piece, messages) is None
        assert splitter._kept is kept
    assert splitter.feed(rest[-1], messages) is None
    assert messages == [b"x" * 10_000]


@pytest.mark.parametrize("sent", [0, 1, 3, 50])
def test_a_splitter_that_is_stopped_returns_all_bytes(sent: int) -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    data = frame(TEXT, b"x" * 100)
    splitter.feed(data[:sent], messages)
    splitter.stop()
    rest = data[sent:] + frame(TEXT, b"y")
    pieces = [b"".join(foreign_of(splitter, piece, messages)) for piece in bytes_of(rest)]
    assert pieces == [data[:sent] + rest[:1], *bytes_of(rest[1:])]
    assert messages == []


def test_a_splitter_that_is_stopped_between_feed_and_resume_returns_the_rest_of_the_segment() -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    close, behind = frame(CLOSE, b""), frame(TEXT, b"x") + frame(PING, b"")
    assert splitter.feed(close + behind, messages) == close
    splitter.stop()
    assert splitter.resume(messages) == behind
    assert splitter.resume(messages) is None
    assert messages == []


# --- `websockets` as the oracle -------------------------------------------------------------------------------------

Outcome = tuple[list[tuple[bool, bytes]], bytes, State, int | None]
"""Messages, and whether each is text; the written bytes; the state; the code of the close frame that was sent."""


class Library:
    """`websockets` as a server that joins fragments, as uvicorn does."""

    def __init__(self, max_size: int) -> None:
        self.protocol = ServerProtocol(state=State.OPEN, max_size=max_size)
        self.messages: list[Message] = []
        self._fragments: list[bytes] = []
        self._is_text = False

    def receive(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            assert isinstance(event, Frame)
            if event.opcode in (Opcode.TEXT, Opcode.BINARY):
                self._is_text = event.opcode is Opcode.TEXT
            elif event.opcode is not Opcode.CONT:
                continue
            self._fragments.append(bytes(event.data))
            if event.fin:
                whole, self._fragments = b"".join(self._fragments), []
                self.messages.append(whole.decode("utf-8", "surrogateescape") if self._is_text else whole)

    def outcome(self) -> Outcome:
        messages = [
            (
                isinstance(message, str),
                message.encode("utf-8", "surrogateescape") if isinstance(message, str) else message,
            )
            for message in self.messages
        ]
        sent = self.protocol.close_sent
        written = b"".join(self.protocol.data_to_send())
        return messages, written, self.protocol.state, None if sent is None else sent.code


def read_by_the_library(pieces: Iterable[bytes], max_size: int) -> Outcome:
    """Return what `websockets` alone makes of a stream."""
    library = Library(max_size)
    for piece in pieces:
        library.receive(piece)
    return library.outcome()


def read_by_both(pieces: Iterable[bytes], max_size: int) -> Outcome:
    """Return what the splitter makes of a stream, with `websockets` for the foreign bytes."""
    library = Library(max_size)
    splitter = FrameSplitter(max_size)
    for piece in pieces:
        for foreign in foreign_of(splitter, piece, library.messages):
            library.receive(foreign)
            if library.protocol.state is not State.OPEN:
                return library.outcome()
    return library.outcome()


LIMIT = 300

sizes = st.sampled_from([0, 1, 2, 124, 125, 126, 127, 128, 255, 256, LIMIT - 1, LIMIT, LIMIT + 1])
masks = st.binary(min_size=4, max_size=4)
payloads = st.one_of(sizes.map(lambda size: b"a" * size), st.binary(max_size=20), st.text(max_size=20).map(str.encode))
messages_in_one_frame = st.builds(
    lambda first, data, mask: frame(first, data, mask=mask), st.sampled_from([TEXT, BINARY]), payloads, masks
)
control_frames = st.builds(
    lambda first, data, mask: frame(first, data, mask=mask),
    st.sampled_from([PING, PONG]),
    st.binary(max_size=125),
    masks,
)
fragments = st.builds(
    lambda first, parts, between: b"".join(
        [
            frame(first, parts[0]),
            between,
            *(frame(CONTINUES, part) + between for part in parts[1:-1]),
            frame(ENDS, parts[-1]),
        ]
    ),
    st.sampled_from([0x01, 0x02]),
    st.lists(st.binary(max_size=120), min_size=2, max_size=4),
    st.one_of(st.just(b""), control_frames),
)
closes = st.sampled_from(
    [frame(CLOSE, b""), frame(CLOSE, b"\x03\xe8bye"), frame(CLOSE, b"\x03"), frame(CLOSE, b"\x03\xe8\xff")]
)
wrong = st.sampled_from(
    [data for name, data in FOREIGN.items() if name[:2] != "a "] + [b"\x81\x05hello", frame(ENDS, b"")]
)
any_frame = st.builds(frame, st.integers(0, 255), st.binary(max_size=130))
valid = st.one_of(messages_in_one_frame, messages_in_one_frame, control_frames, fragments)
streams = st.builds(
    lambda frames, end: b"".join(frames) + end,
    st.lists(valid, max_size=6),
    st.one_of(st.just(b""), closes, wrong, any_frame, st.binary(max_size=20)).flatmap(
        lambda end: st.lists(valid, max_size=2).map(lambda behind: end + b"".join(behind))
    ),
)


@st.composite
def streams_in_pieces(draw: st.DrawFn) -> list[bytes]:
    """A stream, cut anywhere."""
    stream = draw(streams)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@given(streams_in_pieces())
@example([b"".join(FOREIGN[name] for name in ("a ping", "a message in fragments", "a close"))])
def test_any_stream_is_read_as_websockets_alone_reads_it(pieces: list[bytes]) -> None:
    assert read_by_both(pieces, LIMIT) == read_by_the_library(pieces, LIMIT)


@given(streams_in_pieces())
def test_a_stream_is_read_in_the_same_way_however_it_is_cut(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    expected = read_by_both([stream], LIMIT)
    assert read_by_both(pieces, LIMIT) == expected
    assert read_by_both(bytes_of(stream), LIMIT) == expected
    assert split(pieces, LIMIT) == split([stream], LIMIT)


# --- what a server writes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 65_537])
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_a_header_is_what_websockets_writes(opcode: Opcode, size: int) -> None:
    payload = b"x" * size
    assert encode_header(0x80 | opcode, size) + payload == Frame(opcode, payload).serialize(mask=False)
