"""Options of a listening socket, which the kernel gives to every connection that it accepts there (Linux).

uvicorn sets none of them, and a class for connections could set them only one by one.
Reasons and figures: docs/adr/0024-before-the-application.md
"""

import contextlib
import socket
from collections.abc import Iterable
from typing import Any, Final

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
