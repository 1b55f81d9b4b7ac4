"""What the kernel is told and asked about TCP connections (Linux; elsewhere as far as the system has it).

`prepare` sets options of a listening socket, which every connection that is accepted there inherits: uvicorn sets none
of them, and a class for connections could set them only one by one. `tcp_health` tells a peer that reads nothing from
one that is gone. Reasons and figures: docs/adr/0024-before-the-application.md and
docs/adr/0033-a-connection-that-is-alive-is-kept.md
"""

import contextlib
import socket
import struct
import sys
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

UNSENT_BYTES: Final = 131_072
"""With so much that the kernel has not sent, a connection takes no more: what waits stays in this process, is counted
there, and can be dropped."""

IDLE_SECONDS: Final = 60
PROBE_SECONDS: Final = 10
PROBES: Final = 3


def prepare(listeners: Iterable[Any]) -> None:
    """Set the options on listening sockets: `socket.socket`, or what stands for one in an event loop."""
    for listener in listeners:
        # An event loop's object has no `setsockopt`; another descriptor of the same socket has.
        with socket.fromfd(listener.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
            _prepare(same)


def _prepare(listener: socket.socket) -> None:
    options = [
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", IDLE_SECONDS),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", PROBE_SECONDS),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", PROBES),
        (socket.IPPROTO_TCP, "TCP_NOTSENT_LOWAT", UNSENT_BYTES),
    ]
    for level, name, value in options:
        # Not every system has every option, and a Unix socket has none of TCP.
        with contextlib.suppress(AttributeError, OSError):
            listener.setsockopt(level, getattr(socket, name), value)


class TcpHealth(NamedTuple):
    """What the kernel knows of the peer of a connection."""

    # How many retransmissions, or probes of a closed window, were sent since the peer has acknowledged anything.
    unanswered: int
    # How many seconds ago the last acknowledgement came.
    silent: float


# `struct tcp_info` of Linux: where the numbers of retransmissions and of probes are, and the milliseconds since the
# last acknowledgement. Later versions have added fields behind these.
_RETRANSMITS: Final = 2
_PROBES: Final = 3
_LAST_ACK: Final = 56
_INFO_BYTES: Final = 60


# `struct linger`: on, and for 0 seconds.
_AT_ONCE: Final = struct.pack("ii", 1, 0)


def reset_when_closed(descriptor: int) -> None:
    """Have the kernel end a connection with RST when it is closed, and drop what it has not sent."""
    # Another system has another structure, or the socket is gone.
    with contextlib.suppress(OSError), socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)


def tcp_health(descriptor: int) -> TcpHealth | None:
    """Ask the kernel for the peer of a connection. None where it does not tell: another system, or no TCP.

    Behind a proxy it tells of the proxy.
    """
    if sys.platform != "linux" or descriptor < 0:
        return None
    try:
        with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as same:
            info = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    except OSError:
        return None
    if len(info) < _INFO_BYTES:
        return None
    (milliseconds,) = struct.unpack_from("=I", info, _LAST_ACK)
    return TcpHealth(max(info[_RETRANSMITS], info[_PROBES]), milliseconds / 1000)
