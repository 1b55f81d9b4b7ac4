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
    PING,
    PONG,
    TEXT,
    TEXT_BEGINS,
    frame,
    header,
    masked,
)
from tests.support.client_streams import FOREIGN, LIMIT, bytes_of, streams_in_pieces
from webipc.servers.websocket_frames import FrameSplitter, control_payload, encode_header

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
        header(PING, 126) + b"\1\2\3\4",  # too long for a control frame
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


@pytest.mark.parametrize("first", [TEXT, BINARY])
@pytest.mark.parametrize("pieces", [(1,), (7, 16_384, 3), (16_385, 1, 1, 2), (30_000,), (16_383, 16_384, 16_385)])
def test_a_large_message_is_read_however_it_is_cut(first: int, pieces: tuple[int, ...]) -> None:
    payload = b"0123456789abc" * 4_000
    stream = frame(TEXT, b"before") + frame(first, payload, mask=b"\x11\x22\x33\x44") + frame(TEXT, b"behind")
    cut: list[bytes] = []
    at = 0
    while at < len(stream):
        size = pieces[len(cut) % len(pieces)]
        cut.append(stream[at : at + size])
        at += size
    whole: Message = payload.decode() if first == TEXT else payload
    messages, foreign = split(cut)
    assert (messages, foreign) == (["before", whole, "behind"], b"")
    assert type(messages[1]) is type(whole)


@pytest.mark.parametrize("behind", [b"", frame(PING, b"?") + frame(TEXT, b"behind")])
def test_a_large_text_that_is_not_utf_8_is_foreign_whole_and_unchanged(behind: bytes) -> None:
    data = frame(TEXT, b"x" * 40_001 + b"\xff", mask=b"\x11\x22\x33\x44")
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    assert list(foreign_of(splitter, data[:17_001], messages)) == []
    returned = list(foreign_of(splitter, data[17_001:] + behind, messages))
    assert returned == [data, behind[:7]] if behind else [data]
    assert messages == (["behind"] if behind else [])


def test_a_large_message_in_small_segments_takes_no_more_memory_than_its_size() -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    data = frame(BINARY, b"x" * 200_000)
    tracemalloc.start()
    try:
        for at in range(0, len(data) - 2, 2):
            assert splitter.feed(data[at : at + 2], messages) is None
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1.5 * len(data)


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


# --- turns ----------------------------------------------------------------------------------------------------------


def in_turns(pieces: Iterable[bytes], most: int) -> tuple[list[Message], bytes]:
    """Return what `split` does, with at most `most` messages in a turn, when all pieces come in the first turn."""
    splitter = FrameSplitter(LIMIT)
    messages: list[Message] = []
    foreign = b""
    for piece in pieces:
        splitter.hold(piece)
    while splitter.unsplit:
        before = len(messages)
        foreign += splitter.resume(messages, most) or b""
        assert len(messages) - before <= most
    return messages, foreign


def test_a_turn_ends_behind_its_most_messages_and_the_next_continues() -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    stream = frame(TEXT, b"1") + frame(TEXT, b"2") + frame(TEXT, b"3")
    assert splitter.feed(stream, messages, 2) is None
    assert messages == ["1", "2"]
    assert splitter.unsplit == len(frame(TEXT, b"3"))
    splitter.hold(frame(PING, b"?"))
    assert splitter.resume(messages, 2) == frame(PING, b"?")
    assert messages == ["1", "2", "3"]
    assert splitter.unsplit == 0


def test_a_large_message_counts_in_its_turn() -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    data = frame(BINARY, b"x" * 20_000)
    assert splitter.feed(data[:20], messages, 2) is None
    assert splitter.feed(data[20:] + frame(TEXT, b"1") + frame(TEXT, b"2"), messages, 2) is None
    assert messages == [b"x" * 20_000, "1"]
    assert splitter.unsplit == len(frame(TEXT, b"2"))


def test_a_segment_may_be_held_while_a_frame_is_incomplete() -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    data = frame(TEXT, b"x" * 100)
    assert splitter.feed(data[:50], messages) is None
    assert splitter.unsplit == 0
    splitter.hold(data[50:70])
    splitter.hold(data[70:] + frame(TEXT, b"y"))
    assert splitter.resume(messages) is None
    assert messages == ["x" * 100, "y"]


@pytest.mark.parametrize("name", ["a message in fragments", "a ping", "a text that is not UTF-8"])
def test_a_splitter_knows_whether_the_library_is_between_messages(name: str) -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    *parts, last = bytes_of(FOREIGN[name])
    states = []
    for part in parts:
        returned = list(foreign_of(splitter, part, messages))
        states.append(splitter.is_between_messages == (not returned) or splitter.is_between_messages)
    assert list(foreign_of(splitter, last, messages))
    assert splitter.is_between_messages
    if name == "a message in fragments":
        splitter = FrameSplitter(MOST)
        for data in (frame(TEXT_BEGINS, b"a"), frame(CONTINUES, b"b"), frame(PING, b"?")):
            assert list(foreign_of(splitter, data, messages)) == [data]
            assert not splitter.is_between_messages


@pytest.mark.parametrize("first", [PING, PONG])
def test_a_ping_or_pong_is_returned_when_it_is_whole(first: int) -> None:
    splitter = FrameSplitter(MOST)
    messages: list[Message] = []
    data = frame(first, b"x" * 125)
    for byte in bytes_of(data)[:-1]:
        assert splitter.feed(byte, messages) is None
    assert splitter.feed(data[-1:], messages) == data
    assert control_payload(data) == b"x" * 125


@pytest.mark.parametrize(
    "data",
    [
        b"",
        frame(PING, b"abc")[:-1],
        frame(PING, b"abc") + b"d",
        frame(TEXT, b"abc"),
        frame(CLOSE, b""),
        b"\x89\x04abcdef",
        frame(PING | 0x40, b""),
        frame(0x09, b""),
        frame(PING, b"x" * 126),
    ],
)
def test_other_bytes_are_no_whole_ping_or_pong(data: bytes) -> None:
    assert control_payload(data) is None


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


@given(streams_in_pieces(), st.integers(1, 3))
def test_a_stream_is_read_in_the_same_way_in_turns_of_any_size(pieces: list[bytes], most: int) -> None:
    assert in_turns(pieces, most) == split(pieces, LIMIT)


# --- what a server writes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 65_537])
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_a_header_is_what_websockets_writes(opcode: Opcode, size: int) -> None:
    payload = b"x" * size
    assert encode_header(0x80 | opcode, size) + payload == Frame(opcode, payload).serialize(mask=False)
