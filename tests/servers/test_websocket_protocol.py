"""`WebSocketProtocol` on a transport in memory: what is read and written, in how many turns, and how a socket ends."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from hypothesis import example, given
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage

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
)
from tests.support.client_streams import FOREIGN, LIMIT, bytes_of, correct_streams_in_pieces, streams_in_pieces
from webipc.concurrency.clock import Clock
from webipc.endpoints.websocket.transport import DirectTransport
from webipc.servers.frame_socket import Terms
from webipc.servers.ready import Ready
from webipc.servers.websocket_protocol import AT_ONCE_BYTES, TURN_FRAMES, UNSPLIT_BYTES, WebSocketProtocol

CLOSE_SECONDS = 60.0
FIRST_BYTES = 250

Message = str | bytes


class MemoryTransport(asyncio.Transport):
    """A transport without a network: records what is written, and the calls of its protocol."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self.written: list[bytes] = []
        self.is_reading_paused = False
        self.ended = asyncio.Event()
        self.was_aborted = False
        self._is_closing = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self._lose)

    def abort(self) -> None:
        self.was_aborted = True
        self.close()

    def pause_reading(self) -> None:
        assert not self.is_reading_paused
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        assert self.is_reading_paused
        self.is_reading_paused = False

    def _lose(self) -> None:
        self.protocol.connection_lost(None)
        self.ended.set()


class Writer:
    """The writer of a socket; records in which order it may continue."""

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport
        self.blocked = False

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self._transport.write(b"continued")


class Socket:
    """A protocol on a transport in memory, and its reader. Time stands still, so a turn ends by what is counted."""

    def __init__(self, max_size: int = LIMIT, *, close_seconds: float = CLOSE_SECONDS, is_greeted: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.connections: set[Any] = set()
        self.transport = MemoryTransport(loop)
        ready = Ready(loop, lambda: 0.0)
        self.clock = Clock(loop, 1.0)
        terms = Terms(ready, self.clock, close_seconds, FIRST_BYTES, first_code=4413, first_reason="too large")
        self.protocol = WebSocketProtocol(loop, self.transport, self.connections, max_size, "payer", terms)
        self.protocol.writer = self.writer = Writer(self.transport)
        self.protocol.reader = self
        if is_greeted:
            self.protocol.greeted()
        self._came = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """Whether something waits for its turn, or for the reader."""
        return self.protocol._is_busy

    def frames_came(self) -> None:
        """Be told, as a reader."""
        self._came.set()

    def receive(self, pieces: Iterable[bytes]) -> None:
        """Receive segments as a transport does: none behind a close."""
        for piece in pieces:
            if not self.transport.is_closing() and piece:
                self.protocol.data_received(piece)

    def taken(self) -> list[Message]:
        """Take what the reader was told of, and give the turn back."""
        protocol = self.protocol
        if not self._came.is_set():
            return []
        self._came.clear()
        messages = list(protocol.frames)
        protocol.frames.clear()
        if protocol.end_code is not None:
            protocol.reader = None
        protocol.done()
        return messages

    async def settled(self) -> list[Message]:
        """Take everything that has come, in as many turns as it needs."""
        messages = self.taken()
        while self.is_busy:
            await turns()
            messages += self.taken()
        return messages

    async def read(self) -> AsyncIterator[Message]:
        """Read until the end."""
        while self.protocol.reader is not None:
            await self._came.wait()
            for message in self.taken():
                yield message


async def turns(count: int = 1) -> None:
    """Let the event loop run everything that is due, `count` times."""
    for _ in range(count):
        await asyncio.sleep(0)


def tagged(messages: Iterable[Message]) -> list[tuple[bool, Message]]:
    """Return each message with its type: a text equals no bytes, whatever Python's flags are."""
    return [(isinstance(message, str), message) for message in messages]


# --- `websockets` and `wsproto` as oracles --------------------------------------------------------------------------

Outcome = tuple[list[tuple[bool, Message]], bytes, int | None]
"""Messages, what was written, and the close code."""


def _close(code: int) -> bytes:
    return bytes((CLOSE, 2)) + code.to_bytes(2, "big")


async def read_by_ours(pieces: list[bytes]) -> Outcome:
    socket = Socket()
    messages: list[Message] = []
    for piece in pieces:
        socket.receive([piece])
        messages += await socket.settled()
    return tagged(messages), b"".join(socket.transport.written), socket.protocol.end_code


def read_by_websockets(pieces: list[bytes]) -> Outcome:
    """Return what a server makes of a stream that it reads with `websockets` alone, byte by byte.

    Of the pings of each piece it answers the last. As in uvicorn, a text that is not UTF-8 is closed with 1007.
    """
    library = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    messages: list[Message] = []
    parts: list[Frame] = []
    written: list[bytes] = []
    for piece in pieces:
        pongs: list[bytes] = []
        for byte in bytes_of(piece):
            library.receive_data(byte)
            for event in library.events_received():
                assert isinstance(event, Frame)
                if event.opcode is Opcode.PING:
                    pongs = library.data_to_send()
                if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                    parts.append(event)
                    if event.fin and not join(parts, messages):
                        library.send_close(CloseCode.INVALID_DATA)
            if library.state is not State.OPEN:
                failed = library.close_rcvd is None or library.parser_exc is not None
                close = library.close_sent if failed else library.close_rcvd
                assert close is not None
                return tagged(messages), b"".join([*written, *pongs, *library.data_to_send()]), close.code
        written += pongs
    return tagged(messages), b"".join(written), None


def join(parts: list[Frame], messages: list[Message]) -> bool:
    """Append the message of these fragments, and forget them. Returns False for a text that is not UTF-8."""
    whole, is_text = b"".join(part.data for part in parts), parts[0].opcode is Opcode.TEXT
    parts.clear()
    try:
        messages.append(whole.decode() if is_text else whole)
    except UnicodeDecodeError:
        return False
    return True


@given(streams_in_pieces())
@example([b"".join(FOREIGN[name] for name in ("a ping", "a message in fragments", "a close"))])
def test_any_stream_has_the_result_that_it_has_with_websockets_alone(pieces: list[bytes]) -> None:
    for cut in (pieces, bytes_of(b"".join(pieces))):
        assert asyncio.run(read_by_ours(cut)) == read_by_websockets(cut)


def read_by_wsproto(stream: bytes) -> tuple[list[tuple[bool, Message]], int | None]:
    """Return the messages of a valid stream and its close code, as another library reads them."""
    connection = Connection(ConnectionType.SERVER)
    connection.receive_data(stream)
    messages: list[Message] = []
    whole: Message | None = None
    for event in connection.events():
        if isinstance(event, CloseConnection):
            return tagged(messages), int(event.code)
        if isinstance(event, TextMessage | BytesMessage):
            part = event.data if isinstance(event, TextMessage) else bytes(event.data)
            whole = part if whole is None else whole + part  # type: ignore[operator] # of one type
            if event.message_finished:
                messages.append(whole)
                whole = None
    return tagged(messages), None


@given(correct_streams_in_pieces())
def test_a_correct_stream_has_the_result_that_it_has_with_wsproto(pieces: list[bytes]) -> None:
    messages, _, code = asyncio.run(read_by_ours(pieces))
    assert (messages, code) == read_by_wsproto(b"".join(pieces))


@pytest.mark.parametrize("first", [b"gr\xc3", b"gr\xc3\xbc", b""])
@pytest.mark.parametrize("between", [b"", frame(PING, b"?")])
async def test_a_character_may_be_cut_by_fragments(first: bytes, between: bytes) -> None:
    rest = "grün".encode()[len(first) :]
    stream = frame(TEXT_BEGINS, first) + between + frame(CONTINUES, b"") + frame(ENDS, rest)
    for at in range(len(stream) + 1):
        assert await read_by_ours([stream[:at], stream[at:]]) == (
            [(True, "grün")],
            b"\x8a\x01?" if between else b"",
            None,
        )


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [LIMIT + 1, 1 << 31, 1 << 62, (1 << 63) - 1, 1 << 63])
async def test_a_message_that_is_announced_too_large_is_refused_by_its_header(length: int) -> None:
    socket = Socket()
    tracemalloc.start()
    try:
        socket.receive([header(BINARY, length)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert socket.protocol.end_code == 1009
    assert peak < 100_000


async def test_an_announced_length_that_is_allowed_costs_nothing_until_its_bytes_come() -> None:
    socket = Socket(max_size=1 << 62)
    tracemalloc.start()
    try:
        socket.receive([header(BINARY, 1 << 61) + b"\1\2\3\4" + b"x" * 100])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert socket.protocol.end_code is None
    assert peak < 10_000


@pytest.mark.parametrize("data", [frame(CONTINUES, b""), frame(PING, b"") + frame(CONTINUES, b"")])
async def test_a_flood_of_empty_fragments_is_not_kept(data: bytes) -> None:
    socket = Socket()
    socket.receive([frame(TEXT_BEGINS, b"a")])
    tracemalloc.start()
    try:
        for _ in range(20):
            socket.receive([data * TURN_FRAMES])
            await socket.settled()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10_000
    socket.receive([frame(ENDS, b"b")])
    assert socket.taken() == ["ab"]


async def test_a_first_message_that_is_too_large_is_refused_by_its_header() -> None:
    socket = Socket(is_greeted=False)
    socket.receive([header(BINARY, FIRST_BYTES + 1)])
    reason = b"too large"
    close = bytes((CLOSE, 2 + len(reason))) + (4413).to_bytes(2, "big") + reason
    assert socket.transport.written == [close]
    assert socket.protocol.end_code == 4413
    await socket.transport.ended.wait()


@pytest.mark.parametrize("first", [1, FIRST_BYTES // 2])
async def test_a_first_message_in_fragments_that_are_too_large_together_is_refused(first: int) -> None:
    socket = Socket(is_greeted=False)
    socket.receive([frame(TEXT_BEGINS, b"x" * first)])
    await socket.settled()
    socket.receive([frame(ENDS, b"x" * (FIRST_BYTES + 1 - first))])
    assert socket.protocol.end_code == 4413


async def test_behind_the_first_message_larger_ones_may_come() -> None:
    socket = Socket(is_greeted=False)
    large = b"x" * (FIRST_BYTES + 1)
    socket.receive([frame(BINARY, b"y" * FIRST_BYTES) + frame(BINARY, large)])
    assert socket.taken() == [b"y" * FIRST_BYTES]
    socket.protocol.greeted()
    assert await socket.settled() == [large]


async def test_a_client_that_closes_before_its_first_message_with_1009_gets_its_own_code() -> None:
    socket = Socket(is_greeted=False)
    socket.receive([frame(CLOSE, (1009).to_bytes(2, "big"))])
    assert socket.transport.written == [_close(1009)]


# --- turns ----------------------------------------------------------------------------------------------------------


async def test_a_turn_splits_a_bounded_number_of_messages() -> None:
    socket = Socket()
    count = 5 * TURN_FRAMES
    socket.receive([b"".join(frame(TEXT, b"%d" % number) for number in range(count))])
    taken: list[Message] = []
    while socket.is_busy:
        await turns()
        batch = socket.taken()
        assert len(batch) == TURN_FRAMES
        taken += batch
    assert taken == [str(number) for number in range(count)]


@pytest.mark.parametrize("data", [frame(PING, b""), frame(PONG, b""), frame(CONTINUES, b""), frame(TEXT, b"")])
async def test_a_flood_of_any_frame_takes_as_many_turns_as_it_has_budgets(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    advanced = 0
    advance = WebSocketProtocol.advance

    def count(self: WebSocketProtocol) -> None:
        nonlocal advanced
        advanced += 1
        advance(self)

    monkeypatch.setattr(WebSocketProtocol, "advance", count)
    socket = Socket()
    if data[0] == CONTINUES:
        socket.receive([frame(TEXT_BEGINS, b"")])
    socket.receive([data * (20 * TURN_FRAMES)])
    await socket.settled()
    assert 20 <= advanced <= 22


async def test_a_few_bytes_are_split_at_once_and_more_when_it_is_their_turn() -> None:
    socket = Socket(max_size=1 << 20)
    few, many = (frame(BINARY, b"x" * size) for size in (AT_ONCE_BYTES - 8, AT_ONCE_BYTES))
    socket.receive([few])
    assert len(socket.taken()) == 1
    socket.receive([many])
    assert socket.taken() == []
    await turns()
    assert len(socket.taken()) == 1


async def test_a_part_of_a_large_message_is_unmasked_at_once_and_the_message_waits_for_its_turn() -> None:
    socket = Socket(max_size=1 << 20)
    data = frame(BINARY, b"x" * 500_000)
    for at in range(0, 400_000, 100_000):
        socket.receive([data[at : at + 100_000]])
        assert not socket.is_busy
    socket.receive([data[400_000:]])
    assert socket.taken() == []
    assert await socket.settled() == [b"x" * 500_000]


async def test_what_arrives_while_another_socket_waits_is_split_behind_it() -> None:
    socket, other = Socket(), Socket()
    other.protocol._terms = socket.protocol._terms
    socket.receive([frame(TEXT, b"a") * 1000])
    other.receive([frame(TEXT, b"b")])
    assert other.taken() == []
    await turns()
    assert len(socket.taken()) == TURN_FRAMES
    assert other.taken() == ["b"]


async def test_of_the_pings_of_one_turn_the_last_is_answered() -> None:
    socket = Socket()
    socket.receive([b"".join(frame(PING, b"%d" % number) for number in range(100))])
    await socket.settled()
    assert socket.transport.written == [b"\x8a\x0299"]


async def test_a_flood_of_pings_is_answered_once_in_a_turn() -> None:
    socket = Socket()
    socket.receive([frame(PING, b"?") * (10 * TURN_FRAMES)])
    await socket.settled()
    assert socket.transport.written == [b"\x8a\x01?"] * 10


async def test_while_the_write_buffer_is_full_one_answer_to_a_ping_waits() -> None:
    socket = Socket()
    socket.protocol.pause_writing()
    assert socket.writer.blocked
    for number in range(100):
        socket.receive([frame(PING, b"%d" % number)])
    assert socket.transport.written == []
    socket.protocol.resume_writing()
    assert socket.transport.written == [b"\x8a\x0299", b"continued"]
    socket.protocol.pause_writing()
    socket.protocol.resume_writing()
    assert socket.transport.written == [b"\x8a\x0299", b"continued", b"continued"]


async def test_a_socket_is_not_read_while_64_kib_are_not_split() -> None:
    socket = Socket(max_size=1 << 20)
    socket.receive([frame(TEXT, b"first")])
    piece = frame(BINARY, b"x" * 1000)
    assert not socket.protocol.is_paused
    while not socket.transport.is_reading_paused:
        socket.receive([piece])
    assert DirectTransport(socket.protocol, "peer").is_paused
    assert UNSPLIT_BYTES <= socket.protocol._splitter.unsplit < UNSPLIT_BYTES + len(piece)
    taken = socket.taken()
    while socket.transport.is_reading_paused:
        await turns()
        taken += socket.taken()
    assert not socket.protocol.is_paused
    assert len(taken) in range(UNSPLIT_BYTES // len(piece), UNSPLIT_BYTES // len(piece) + 3)
    assert socket.protocol._splitter.unsplit == 0


async def test_bytes_that_wait_are_kept_and_split_once() -> None:
    socket = Socket(max_size=1 << 20)
    sent = [b"%0100d" % number for number in range(20 * TURN_FRAMES)]
    pieces = [frame(BINARY, payload) for payload in sent]
    socket.receive(pieces[: 3 * TURN_FRAMES])
    del pieces[: 3 * TURN_FRAMES]
    got: list[Message] = []
    while len(got) < len(sent):
        await turns()
        got += socket.taken()
        socket.receive([b"".join(pieces[:TURN_FRAMES])])
        del pieces[:TURN_FRAMES]
        assert len(socket.protocol._splitter.segment) <= 5 * TURN_FRAMES * 110
    assert got == sent


async def test_a_reader_gets_every_message_however_slow_it_is() -> None:
    socket = Socket(max_size=1 << 20)
    sent = [str(number) * (number % 300) for number in range(2000)]
    stream = b"".join(frame(TEXT, text.encode()) for text in sent) + frame(CLOSE, b"\x03\xe8")

    async def send() -> None:
        nonlocal stream
        while stream:
            if not socket.transport.is_reading_paused:
                socket.receive([stream[:7001]])
                stream = stream[7001:]
            await turns()

    sending = asyncio.create_task(send())
    got = []
    async for message in socket.read():
        got.append(message)
        if len(got) % 3 == 0:
            await turns(len(got) % 5)
    await sending
    assert got == sent
    assert socket.protocol.end_code == 1000


# --- signs of life --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [frame(PONG, b""), frame(TEXT, b"a"), frame(TEXT, b"a" * 99)[:1]])
async def test_every_byte_is_a_sign_of_life(data: bytes) -> None:
    socket = Socket()
    began = socket.protocol.heard
    socket.clock.now += 3
    assert socket.protocol.heard == began
    socket.receive([data])
    assert socket.protocol.heard == began + 3


async def test_a_ping_is_written_until_the_socket_closes() -> None:
    socket = Socket()
    socket.protocol.ping()
    assert socket.transport.written == [b"\x89\0"]
    socket.protocol.close(1000, "")
    socket.protocol.ping()
    assert socket.transport.written[1:] == [_close(1000)]


# --- the end --------------------------------------------------------------------------------------------------------


async def test_a_socket_that_closes_is_gone_when_the_client_has_answered() -> None:
    socket = Socket()
    socket.receive([frame(TEXT, b"not taken")])
    socket.protocol.close(4400, "why")
    assert socket.transport.written == [bytes((CLOSE, 5)) + (4400).to_bytes(2, "big") + b"why"]
    assert socket.protocol.end_code == 4400
    assert not socket.protocol.is_gone
    socket.receive([frame(TEXT, b"too late") + frame(PING, b"?") + frame(TEXT_BEGINS, b"") + frame(ENDS, b"")])
    await socket.settled()
    assert socket.protocol.frames == []
    assert socket.connections == {socket.protocol}
    socket.protocol.write("nothing")
    socket.protocol.release()
    assert not socket.transport.is_closing()
    socket.receive([frame(CLOSE, (4400).to_bytes(2, "big"))])
    await socket.transport.ended.wait()
    assert socket.protocol.is_gone
    assert socket.protocol.end_code == 4400
    assert socket.connections == set()
    assert socket.transport.written[1:] == [b"\x8a\x01?"]
    assert not socket.transport.was_aborted


async def test_the_answer_to_a_close_is_read_behind_bytes_that_were_not_split() -> None:
    socket = Socket(max_size=1 << 20)
    socket.receive([frame(BINARY, b"x" * 1000) * 200, frame(CLOSE, b"\x03\xe8")])
    assert socket.transport.is_reading_paused
    socket.protocol.close(1000, "")
    assert await socket.settled() == []
    await socket.transport.ended.wait()
    assert not socket.transport.was_aborted


@pytest.mark.parametrize("data", [b"", frame(TEXT, b"deaf"), frame(TEXT, b"x" * 50)[:20]])
async def test_a_client_that_does_not_let_the_socket_close_is_aborted(data: bytes) -> None:
    socket = Socket(close_seconds=0.01)
    socket.protocol.close(1000, "")
    socket.receive([data])
    await socket.transport.ended.wait()
    assert socket.transport.was_aborted


async def test_a_text_that_is_not_utf_8_is_dropped_while_the_socket_closes() -> None:
    socket = Socket()
    socket.protocol.close(4400, "")
    socket.receive([frame(TEXT, b"\xff"), frame(PING, b"?")])
    assert await socket.settled() == []
    assert socket.transport.written[1:] == [b"\x8a\x01?"]


async def test_a_close_between_fragments_is_a_violation() -> None:
    socket = Socket()
    socket.receive([frame(TEXT_BEGINS, b"a"), frame(CLOSE, b"\x03\xe8")])
    assert socket.protocol.end_code == 1002


async def test_a_violation_while_the_socket_closes_ends_it_at_once() -> None:
    socket = Socket()
    socket.protocol.close(4400, "")
    assert await socket.settled() == []
    socket.receive([b"\x81\x05"])
    await socket.transport.ended.wait()
    assert socket.transport.written == [bytes((CLOSE, 2)) + (4400).to_bytes(2, "big")]
    assert socket.protocol.end_code == 4400


async def test_a_lost_connection_ends_behind_all_messages_that_came() -> None:
    socket = Socket()
    sent = [str(number) for number in range(3 * TURN_FRAMES)]
    socket.receive([b"".join(frame(TEXT, text.encode()) for text in sent)])
    socket.transport.abort()
    await socket.transport.ended.wait()
    assert socket.protocol.is_gone
    assert socket.protocol.end_code is None
    assert [message async for message in socket.read()] == sent
    assert socket.protocol.end_code == 1005
    assert socket.protocol.frames == []


async def test_a_lost_connection_wakes_its_reader() -> None:
    socket = Socket()
    reading = asyncio.create_task(anext(socket.read(), None))
    await turns()
    socket.transport.abort()
    assert await reading is None
    assert socket.protocol.end_code == 1005


async def test_a_server_that_stops_closes_with_1012() -> None:
    socket = Socket()
    socket.protocol.shutdown()
    assert socket.transport.written == [_close(1012)]
    assert socket.transport.is_closing()
    assert socket.protocol.end_code == 1012
    socket.protocol.shutdown()
    await socket.transport.ended.wait()
    assert socket.connections == set()


async def test_an_asgi_call_that_returns_ends_an_open_socket() -> None:
    socket = Socket()
    socket.protocol.release()
    await socket.transport.ended.wait()
    assert socket.transport.written == []


async def test_a_socket_that_outlives_its_asgi_call_stays_open() -> None:
    socket = Socket()
    socket.protocol.outlives_call = True
    socket.protocol.release()
    assert not socket.transport.is_closing()


@pytest.mark.parametrize("name", [name for name in FOREIGN if name.startswith("a ")])
async def test_the_library_is_gone_when_it_is_not_needed(name: str) -> None:
    socket = Socket()
    for byte in bytes_of(FOREIGN[name]):
        socket.receive([byte])
        await socket.settled()
    assert socket.protocol._foreign is None or socket.protocol.end_code is not None
