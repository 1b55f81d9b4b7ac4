"""Frames between a worker and its parent: a head of JSON, and bytes behind it that only their receiver looks into.

A frame is its length and the length of its head, u32 each and little-endian, then both. Lengths are claims: a frame
that would be too large ends the connection before anything of it is kept, and memory grows with what has arrived.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any, Final

import orjson

FRAME_BYTES: Final = 83_886_080
"""One frame at most: the body of a request (PROTOCOL.md section 9), and room for its head."""

_LENGTHS: Final = Struct("<II")

Frame = tuple[list[Any], bytes]
"""A head and what is behind it."""


class FramingError(Exception):
    """Bytes that are no frames. The text says what was expected, and nothing of what came."""


def encode_frame(head: Sequence[Any], payload: bytes = b"") -> tuple[bytes, bytes]:
    """Return what stands before a payload on the wire, and the payload, which is not copied."""
    text = orjson.dumps(head)
    return _LENGTHS.pack(len(text) + len(payload), len(text)) + text, payload


class FrameReader:
    """Takes bytes as they arrive, and gives frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def held(self) -> int:
        """How many bytes of a frame that is not whole yet are kept."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are whole with these bytes. Raises FramingError, and then nothing can be read any more.

        It has to be read to its end before the next call.
        """
        self._buffer += data
        at = 0
        try:
            while len(self._buffer) - at >= _LENGTHS.size:
                length, head = _LENGTHS.unpack_from(self._buffer, at)
                if length > FRAME_BYTES or head > length:
                    raise FramingError(f"expected a frame of at most {FRAME_BYTES:,} bytes, got a larger length")
                end = at + _LENGTHS.size + length
                if end > len(self._buffer):
                    break
                with memoryview(self._buffer) as view:
                    middle = at + _LENGTHS.size + head
                    frame = _head(bytes(view[at + _LENGTHS.size : middle])), bytes(view[middle:end])
                at = end
                yield frame
        finally:
            del self._buffer[:at]


def _head(text: bytes) -> list[Any]:
    try:
        head = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise FramingError("expected a head of JSON, got something else") from None
    if not isinstance(head, list) or not head or not isinstance(head[0], str):
        raise FramingError("expected an array that begins with a text as the head, got something else")
    return head
