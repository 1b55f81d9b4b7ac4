"""Collects the segments of one value that is being sent: which bytes, in which order, and which views share a buffer.

Bytes that can still change are copied, others are not. It rewrites the offset in the fixup of a view where only
a piece of its buffer is sent. Twin: the same part of js-client/src/core/clone/encode.ts
"""

from typing import Any

from webipc.core.errors import LimitError
from webipc.core.limits import Limits
from webipc.core.values.binary import ArrayBuffer

# Where the details of a view stand in its fixup: ["v", path, kind, segment, offset, length, maximum].
_KIND, _OFFSET, _LENGTH, _MAXIMUM = 2, 4, 5, 6


class Segments:
    """Numbers segments by first use."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._segments: list[bytes | memoryview] = []
        # By the id of the buffer: its number, the buffer, and the fixups that reach it.
        self._buffers: dict[int, tuple[int, ArrayBuffer, list[list[Any]]]] = {}

    def add(self, content: bytes | bytearray | memoryview) -> tuple[int, int]:
        """Add bytes that no view shares; return their number and their size. `LimitError`."""
        segment = _lasting(content)
        return self._append(segment), len(segment)

    def number_of(self, buffer: ArrayBuffer) -> int:
        """Return the number of a buffer that several views may share. `LimitError`."""
        if id(buffer) not in self._buffers:
            self._buffers[id(buffer)] = (self._append(b""), buffer, [])
        return self._buffers[id(buffer)][0]

    def add_fixup(self, buffer: ArrayBuffer, fixup: list[Any]) -> None:
        """Remember that a fixup reaches a buffer."""
        self._buffers[id(buffer)][2].append(fixup)

    def finish(self) -> list[bytes | memoryview]:
        """Copy what the buffers hold, and return all segments."""
        for number, buffer, fixups in self._buffers.values():
            self._segments[number] = _alone(buffer, fixups[0]) if len(fixups) == 1 else bytes(buffer)
        return self._segments

    def _append(self, segment: bytes | memoryview) -> int:
        if len(self._segments) == self._limits.segments:
            raise LimitError("segments", len(self._segments) + 1, self._limits.segments)
        self._segments.append(segment)
        return len(self._segments) - 1


def _alone(buffer: ArrayBuffer, fixup: list[Any]) -> bytes:
    """Return what is sent of a buffer that one fixup reaches: a Uint8Array of fixed size sends its own bytes only."""
    if fixup[0] != "v" or fixup[_KIND] != "Uint8Array" or len(fixup) > _MAXIMUM:
        return bytes(buffer)
    offset, fixup[_OFFSET] = fixup[_OFFSET], 0
    return bytes(memoryview(buffer)[offset : offset + fixup[_LENGTH]])


def _lasting(content: bytes | bytearray | memoryview) -> bytes | memoryview:
    """Return the same bytes as an object that cannot change."""
    if isinstance(content, bytes):
        return content
    if isinstance(content, memoryview) and type(content.obj) is bytes and content.c_contiguous and content.nbytes:
        return content.cast("B")
    return memoryview(content).tobytes()
