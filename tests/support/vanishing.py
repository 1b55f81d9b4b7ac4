"""Lets the peer of a connection vanish without a word, as a laptop does that is carried out of the network (Linux).

The socket drops every packet that comes for it, so nothing is acknowledged any more. It needs no privileges.
"""

import ctypes
import socket
import struct

# Not in Python's module: the number is that of asm-generic/socket.h.
_SO_ATTACH_FILTER = 26
# One instruction of the classic packet filter, which accepts 0 bytes of a packet.
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)


def vanish(end: socket.socket) -> None:
    """Let nothing reach this end of a connection any more, and nothing that it owes leave it."""
    program = ctypes.create_string_buffer(_DROP)
    end.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
