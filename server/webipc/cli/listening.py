"""The port that the server listens on: the one that was asked for or, for `dev`, the next one that is free.

A parent process of several workers is given sockets that are bound already.
"""

import errno
import os
import socket
import sys

from webipc.cli.program import StartError

LAST_PORT = 65_535
# How many ports `dev` tries, the given one included.
PORTS_TRIED = 50


def free_port(host: str, port: int, *, search: bool) -> int:
    """Return a port that can be listened on at `host`: `port`, or the one that the system chose for 0.

    With `search`, a port in use is skipped for the next one, with a line on stderr. Raises StartError when there is
    none; its text says why, and what to do.
    """
    last = min(port + PORTS_TRIED - 1, LAST_PORT) if search and port else port
    candidate = port
    while isinstance(found := _listen(host, candidate), OSError):
        if found.errno != errno.EADDRINUSE or candidate == last:
            raise StartError(_why_not(host, port, candidate, found))
        candidate += 1
    if candidate != port:
        print(f"webipc: port {port} is in use; using port {found}", file=sys.stderr)
    return found


def _listen(host: str, port: int) -> int | OSError:
    """Bind a socket for a moment; return its port, or the error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            # On Windows this option would let two programs share a port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
        number: int = probe.getsockname()[1]
        return number


def bound(host: str, port: int) -> list[socket.socket]:
    """Return a socket for each address of this host, bound to one port, which the system chooses for 0.

    Raises StartError, as `free_port` does.
    """
    found: list[socket.socket] = []
    try:
        for family, _, _, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            one = socket.socket(family, socket.SOCK_STREAM)
            found.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((address[0], port, *address[2:]))
            port = one.getsockname()[1]
    except OSError as error:
        for one in found:
            one.close()
        raise StartError(_why_not(host, port, port, error)) from None
    return found


def _why_not(host: str, port: int, last: int, error: OSError) -> str:
    ports = f"{port}" if last == port else f"{port} to {last}"
    reason = (error.strerror or str(error)).lower()
    if error.errno == errno.EADDRINUSE:
        advice = "end the program that listens there, or choose another port with --port"
    elif error.errno == errno.EACCES:
        advice = "choose a port from 1024 on with --port"
    else:
        advice = "--host takes an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"
    return f"cannot listen on {host}:{ports}: {reason}; {advice}"


def in_url(host: str) -> str:
    """Return the host as a URL has it: IPv6 in brackets, and a loopback address for "every address"."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here: it is printed
    return f"[{shown}]" if ":" in shown else shown
