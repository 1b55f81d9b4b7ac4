"""The frames of a request body: whole, in order, one at a time, and only as much memory as has arrived."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.types import Message

from webipc.concurrency.clock import Clock
from webipc.core.errors import CloseCode, ProtocolError
from webipc.endpoints.body_frames import BodyFrames, LateError

MIB = 1 << 20


class Arriving:
    """An ASGI `receive` that hands out these pieces, and then what `last` says: the end, a disconnect or nothing."""

    def __init__(self, pieces: Iterable[bytes], last: str = "end") -> None:
        self._pieces = iter(pieces)
        self._last = last
        self.calls = 0

    async def __call__(self) -> Message:
        self.calls += 1
        # As a server does that has to wait for the network.
        await asyncio.sleep(0)
        piece = next(self._pieces, None)
        if piece is not None:
            return {"type": "http.request", "body": piece, "more_body": True}
        if self._last == "nothing":
            await asyncio.Event().wait()
        return {"type": "http.request" if self._last == "end" else "http.disconnect"}


def ticking() -> Clock:
    """Return a clock that ticks as long as the test runs."""
    loop = asyncio.get_running_loop()
    clock = Clock(loop, 0.005)

    def tick() -> None:
        clock.tick()
        loop.call_later(clock.period, tick)

    tick()
    return clock


class Unbounded:
    """No bounds."""

    def __init__(self) -> None:
        self.clock = ticking()

    def waits(self) -> None:
        """Any number of bodies may be waited for."""

    async def holds(self, size: int) -> None:
        """A body may hold anything."""


def frames_of(receive: Arriving, most: int = 10 * MIB, total_ms: int = 20_000, silence_ms: int = 20_000) -> BodyFrames:
    return BodyFrames(receive, Unbounded(), what="a body", most=most, total_ms=total_ms, silence_ms=silence_ms)


def body_of(frames: Iterable[bytes]) -> bytes:
    return b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames)


async def taken(frames: BodyFrames) -> bytes | None:
    """Return the next frame as bytes."""
    frame = await frames.next(MIB)
    return None if frame is None else bytes(frame)


async def each(frames: BodyFrames, most: int = MIB) -> AsyncIterator[bytes]:
    while (frame := await frames.next(most)) is not None:
        yield bytes(frame)


@given(st.lists(st.binary(max_size=30), max_size=6), st.data())
async def test_frames_come_out_as_they_were_wherever_the_body_is_cut(frames: list[bytes], data: st.DataObject) -> None:
    body = body_of(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    receive = Arriving(pieces)
    assert [frame async for frame in each(frames_of(receive))] == frames


async def test_a_frame_is_handed_out_before_anything_behind_it_is_read() -> None:
    receive = Arriving([body_of([b"first"]), body_of([b"second"])], last="nothing")
    frames = frames_of(receive)
    assert (await taken(frames), receive.calls) == (b"first", 1)
    assert (await taken(frames), receive.calls) == (b"second", 2)


async def test_a_body_that_ends_in_a_length_or_in_a_frame_is_refused() -> None:
    whole = body_of([b"first", b"second"])
    for end in range(len(whole)):
        if end in (0, 9):
            assert len([frame async for frame in each(frames_of(Arriving([whole[:end]])))]) == end // 9
            continue
        with pytest.raises(ProtocolError, match=r"the body ends \d+ bytes before the end"):
            _ = [frame async for frame in each(frames_of(Arriving([whole[:end]])))]


async def test_a_length_that_is_too_large_is_refused_when_it_has_arrived() -> None:
    receive = Arriving([(101).to_bytes(4, "little")], last="nothing")
    with pytest.raises(ProtocolError, match="a frame has at most 100 bytes here, not 101") as caught:
        await frames_of(receive).next(100)
    assert caught.value.close_code is CloseCode.TOO_LARGE


async def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    receive = Arriving([body_of([bytes(96)])] * 100)
    frames = frames_of(receive, most=1_000)
    with pytest.raises(ProtocolError, match="a body of more than 1000 bytes") as caught:
        _ = [frame async for frame in each(frames)]
    assert caught.value.close_code is CloseCode.TOO_LARGE
    assert receive.calls == 11


@pytest.mark.parametrize("length", ["1001", "9" * 5_000])
async def test_an_announced_length_that_is_too_large_is_refused_before_anything_is_read(length: str) -> None:
    receive = Arriving([])
    with pytest.raises(ProtocolError, match="a body of more than 1000 bytes"):
        frames_of(receive, most=1_000).refuse_announced([length])
    assert receive.calls == 0


@pytest.mark.parametrize("lengths", [[], ["1000"], ["0"], ["-5"], ["many"]])
async def test_any_other_announced_length_is_not_believed(lengths: list[str]) -> None:
    frames = frames_of(Arriving([body_of([b"first"])]), most=1_000)
    frames.refuse_announced(lengths)
    assert await taken(frames) == b"first"


async def test_a_client_that_goes_away_inside_a_body_is_told_apart() -> None:
    frames = frames_of(Arriving([body_of([b"first"]), b"\x09"], last="disconnect"))
    assert await taken(frames) == b"first"
    with pytest.raises(ClientDisconnect):
        await frames.next(MIB)


async def test_a_body_that_stops_arriving_is_late() -> None:
    frames = frames_of(Arriving([body_of([b"first"]), b"\x09"], last="nothing"), silence_ms=20)
    assert await taken(frames) == b"first"
    with pytest.raises(LateError, match="expected a byte of a body within 20 ms, none came"):
        await frames.next(MIB)


async def test_messages_without_a_byte_do_not_count_as_a_sign_of_life() -> None:
    def nothing() -> Iterable[bytes]:
        while True:
            yield b""

    with pytest.raises(LateError, match="expected a byte"):
        await frames_of(Arriving(nothing()), silence_ms=20).next(MIB)


async def test_a_body_that_comes_byte_by_byte_has_to_come_to_an_end() -> None:
    def dripping() -> Iterable[bytes]:
        yield MIB.to_bytes(4, "little")
        while True:
            yield b"x"

    with pytest.raises(LateError, match=r"expected the whole of a body within 30 ms, \d+ bytes came"):
        await frames_of(Arriving(dripping()), total_ms=30).next(MIB)


async def test_the_time_in_which_nobody_reads_does_not_count() -> None:
    frames = frames_of(Arriving([body_of([b"first"]), body_of([b"second"])]), total_ms=200)
    assert await taken(frames) == b"first"
    await asyncio.sleep(0.3)
    assert await taken(frames) == b"second"


async def test_an_error_of_the_server_is_not_taken_for_a_late_body() -> None:
    class BrokenError(TimeoutError):
        pass

    async def receive() -> Message:
        raise BrokenError

    with pytest.raises(BrokenError):
        await BodyFrames(receive, Unbounded(), what="a body", most=9, total_ms=9_000, silence_ms=9_000).next(MIB)


async def peak_of(work: Callable[[], object]) -> int:
    """Return how many bytes were allocated at most while a coroutine function ran."""
    tracemalloc.start()
    try:
        await work()  # type: ignore[misc] # a coroutine function
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_a_claimed_length_allocates_nothing() -> None:
    async def read() -> None:
        with pytest.raises(ProtocolError):
            await frames_of(Arriving([MIB.to_bytes(4, "little"), b"x"])).next(MIB)

    assert await peak_of(read) < MIB // 8


async def test_of_a_large_body_one_frame_is_held() -> None:
    frame = body_of([bytes(MIB // 4)])
    count = 0

    async def read() -> None:
        nonlocal count
        # The pieces are made when they are asked for: what is measured is what is held.
        frames = frames_of(Arriving(bytes(frame) for _ in range(40)), most=11 * MIB)
        async for _ in each(frames):
            count += 1

    assert await peak_of(read) < MIB
    assert count == 40
