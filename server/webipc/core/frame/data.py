"""What a frame or a parcel was decoded from, for an estimate of what its values take in memory."""

from typing import TypeAlias

Data: TypeAlias = str | bytes | bytearray | memoryview
"""A frame as text or in its binary form, or a parcel."""

_LENGTH_BYTES = 4


def json_of(data: Data) -> str | memoryview:
    """Return the JSON in what was decoded: all of it but the segments (PROTOCOL.md section 3)."""
    if isinstance(data, str):
        return data
    view = memoryview(data)
    return view[_LENGTH_BYTES : _LENGTH_BYTES + int.from_bytes(view[:_LENGTH_BYTES], "little")]
