"""Makes buffers and views of received segments: which of them share a buffer, and which are simply bytes.

Every number is checked before it is used; each segment is copied once. Twin: js-client/src/core/clone/codes.ts
"""

from collections.abc import Sequence
from typing import Any

from webipc.core.clone.leaves import require
from webipc.core.clone.places import Spot
from webipc.core.values.binary import ELEMENT_BYTES, ArrayBuffer, TypedArray
from webipc.core.values.scalar import MAX_SAFE_INTEGER, as_integers


class Buffers:
    """The segments of one value, and the fixups that reach them."""

    def __init__(self, segments: Sequence[bytes | bytearray | memoryview], spots: Sequence[Spot]) -> None:
        """Check that every fixup has its segment and every segment its fixup. `ProtocolError`."""
        self._segments = segments
        # For each segment, the fixups that reach it.
        self._spots: list[list[Spot]] = [[] for _ in segments]
        self._buffers: dict[int, ArrayBuffer] = {}
        for spot in spots:
            require(spot.raw is None, "a buffer or view stands on null")
            spot.details = as_integers(spot.details)
            self._spots[self._number_of(spot)].append(spot)
        for of_segment in self._spots:
            self._check_segment(of_segment)

    def value_of(self, spot: Spot) -> Any:
        """Return what stands at a place: an ArrayBuffer, a TypedArray, or bytes. `ProtocolError`."""
        number = self._number_of(spot)
        if spot.code == "b":
            return self._buffer(number)
        kind, _, offset, length = spot.details[:4]
        self._check_view(spot, len(self._segments[number]))
        if kind == "Uint8Array" and length is not None and self._is_alone(spot, number):
            return bytes(self._segments[number][offset : offset + length])
        return TypedArray(kind, self._buffer(number), offset, length)

    def _number_of(self, spot: Spot) -> int:
        number = spot.details[0 if spot.code == "b" else 1]
        require(_is_size(number) and number < len(self._segments), "a buffer is in no segment")
        return int(number)

    def _check_segment(self, spots: list[Spot]) -> None:
        require(bool(spots), "a segment belongs to no fixup")
        limits = {_maximum(spot) for spot in spots}
        require(len(limits) == 1, "a buffer has two different maxima")

    def _is_alone(self, spot: Spot, number: int) -> bool:
        # The target of a reference has to stay one object, and bytes have no identity.
        return len(self._spots[number]) == 1 and _maximum(spot) is None and not spot.is_target

    def _buffer(self, number: int) -> ArrayBuffer:
        if number not in self._buffers:
            content, maximum = self._segments[number], _maximum(self._spots[number][0])
            require(maximum is None or len(content) <= maximum, "a buffer is larger than its maximum")
            self._buffers[number] = ArrayBuffer(content, max_byte_length=maximum)
        return self._buffers[number]

    def _check_view(self, spot: Spot, size: int) -> None:
        kind, _, offset, length = spot.details[:4]
        require(type(kind) is str and kind in ELEMENT_BYTES, "a view is of a kind of section 5")
        require(_is_size(offset) and offset % ELEMENT_BYTES[kind] == 0, f"the offset of a {kind} is off its alignment")
        follows = length is None and _maximum(spot) is not None
        require(follows or _is_size(length), f"the length of a {kind} is a count, or null on a resizable buffer")
        require(offset + (length or 0) * ELEMENT_BYTES[kind] <= size, f"a {kind} ends outside its buffer")


def _maximum(spot: Spot) -> int | None:
    position = 1 if spot.code == "b" else 4
    if len(spot.details) <= position:
        return None
    maximum = spot.details[position]
    require(_is_size(maximum), "the maximum of a buffer is a count of bytes")
    return int(maximum)


def _is_size(number: Any) -> bool:
    return type(number) is int and 0 <= number <= MAX_SAFE_INTEGER
