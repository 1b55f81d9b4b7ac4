"""WebSocket frames as a client sends them, valid or not: bytes, made by hand (RFC 6455, section 5.2)."""

import struct

TEXT = 0x81
BINARY = 0x82
CLOSE = 0x88
PING = 0x89
PONG = 0x8A

TEXT_BEGINS = 0x01
CONTINUES = 0x00
ENDS = 0x80


def frame(first: int, payload: bytes, *, mask: bytes = b"\1\2\3\4") -> bytes:
    """Return one masked frame; `first` is its first byte, in which FIN, reserved bits and opcode are."""
    return header(first, len(payload)) + mask + masked(payload, mask)


def header(first: int, length: int) -> bytes:
    """Return the header of a masked frame up to its mask, with a length in the shortest form."""
    if length < 126:
        return struct.pack("!BB", first, 0x80 | length)
    if length < 65_536:
        return struct.pack("!BBH", first, 0x80 | 126, length)
    return struct.pack("!BBQ", first, 0x80 | 127, length)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Return a payload with a mask applied or removed."""
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
