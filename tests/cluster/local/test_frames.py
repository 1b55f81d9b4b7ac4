"""Frames between a worker and its parent: read whole however they arrive, and bounded by what has arrived."""

import random
import struct

import pytest

from webipc.cluster.local.frames import FRAME_BYTES, Frame, FrameReader, FramingError, encode_frame


def wire(*frames: Frame) -> bytes:
    return b"".join(b"".join(encode_frame(head, payload)) for head, payload in frames)


def test_frames_are_read_as_they_were_written_in_pieces_of_any_size() -> None:
    frames: list[Frame] = [(["a", 1], b""), (["b"], b"\x00" * 10), (["c", "\u20ac"], bytes(range(256)) * 40)]
    data = wire(*frames)
    for size in (1, 3, 7, 100, len(data)):
        reader = FrameReader()
        read = [frame for at in range(0, len(data), size) for frame in reader.feed(data[at : at + size])]
        assert read == frames
        assert reader.held == 0


def test_payload_is_not_copied_when_it_is_written() -> None:
    payload = bytes(1_000_000)
    assert encode_frame(["a"], payload)[1] is payload


@pytest.mark.parametrize("length", [FRAME_BYTES + 1, 2**32 - 1])
def test_length_that_is_too_large_is_refused_before_anything_behind_it(length: int) -> None:
    with pytest.raises(FramingError, match=f"at most {FRAME_BYTES:,} bytes"):
        list(FrameReader().feed(struct.pack("<II", length, 1)))


def test_claimed_length_takes_no_memory() -> None:
    reader = FrameReader()
    assert list(reader.feed(struct.pack("<II", FRAME_BYTES, 4))) == []
    assert reader.held == 8
    assert list(reader.feed(b"[1234")) == []
    assert reader.held == 13


@pytest.mark.parametrize("head", [b"", b"{", b"1", b"{}", b"[]", b"[1]", b"[null]", b'{"0":"a"}', b"\xff"])
def test_head_that_is_no_array_with_a_kind_is_refused(head: bytes) -> None:
    with pytest.raises(FramingError):
        list(FrameReader().feed(struct.pack("<II", len(head), len(head)) + head))


def test_head_that_is_longer_than_its_frame_is_refused() -> None:
    with pytest.raises(FramingError):
        list(FrameReader().feed(struct.pack("<II", 4, 5) + b'["a"]'))


def test_damaged_frames_are_read_or_refused_and_nothing_else() -> None:
    chance = random.Random(7)
    refused = 0
    for _ in range(3_000):
        data = bytearray(wire((["post", 1, "a" * 16], b"payload"), (["ask", 1, 2, "find", "k"], b"")))
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        reader = FrameReader()
        try:
            for head, _payload in reader.feed(bytes(data)):
                assert isinstance(head[0], str)
        except FramingError:
            refused += 1
        assert reader.held <= len(data)
    assert refused > 100
