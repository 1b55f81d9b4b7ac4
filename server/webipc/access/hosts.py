"""Which hosts a server answers for: the check of the `Host` header against DNS rebinding.

A page of another site whose name suddenly leads to this machine has that site's origin, and to the browser its requests
go to that site: neither CORS nor the check of `Origin` stops it. Only the name in `Host` tells.
Reasons: docs/adr/0024-before-the-application.md
"""

import ipaddress
import re
from collections.abc import Iterable

ANY = "*"
"""The entry that allows every host."""

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NAME_BYTES = 253
_PORT = re.compile(r"(?::[0-9]{0,5})?")
_SEEN = 64
_SHOWN = 80
"""How many characters of a header a text shows."""


class Hosts:
    """The hosts of a server: names that lead to this machine, IP addresses, and the listed ones."""

    def __init__(self, listed: Iterable[str] = (), of_origins: Iterable[str] = ()) -> None:
        """`listed` are names such as `app.example`, `*.app.example` for every name below one, and `*` for all.

        `of_origins` are the hosts of origins that may connect. Raises ValueError for an entry of `listed` that is none
        of these.
        """
        entries = [_entry(entry) for entry in listed]
        self._allows_any = ANY in entries
        self._names = frozenset([entry for entry in entries if not entry.startswith(".")]).union(of_origins)
        # Some headers that were allowed, as they came: nearly every request has one of these.
        self._seen: set[str] = set()
        # Each with a dot before it.
        self._above = tuple(entry for entry in entries if entry.startswith("."))

    def refusal(self, headers: list[str]) -> str | None:
        """Return why a request is refused that has these `Host` headers, and what to do; None where it is allowed.

        A request without one is refused, because a browser always sends it; so is one with several.
        """
        if self._allows_any or (len(headers) == 1 and headers[0] in self._seen):
            return None
        if len(headers) != 1:
            found = "none" if not headers else "several"
            return f"expected a host of this server, got {found}"
        header = headers[0].strip()
        host = _host_of(header)
        if host is not None and self._allows(host):
            if len(self._seen) < _SEEN:
                self._seen.add(headers[0])
            return None
        remedy = "" if host is None or not _is_name(host) else f"; add --allow-host {host}"
        return f"expected a host of this server, got {_shown(header if host is None else host)}{remedy}"

    def _allows(self, host: str) -> bool:
        is_local = host == "localhost" or host.endswith(".localhost")
        return is_local or not _is_name(host) or host in self._names or host.endswith(self._above)


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on is reached from this machine alone."""
    name = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _entry(text: str) -> str:
    """Return an entry as it is compared: `*`, a name in lower case, or a dot and the name that others are below."""
    if text == ANY:
        return text
    below = text.startswith("*.")
    name = (text[2:] if below else text).lower().removesuffix(".")
    if _is_address(name.strip("[]")) and not below:
        return name.strip("[]")
    if not _is_name(name):
        advice = "" if text.isascii() else ": write it as a browser sends it, which begins with xn--"
        raise ValueError(f"expected a host such as app.example or *.app.example, without a port, got {text!r}{advice}")
    return f".{name}" if below else name


def _host_of(header: str) -> str | None:
    """Return the host of a `Host` header without its port, in one spelling; None where it is no host."""
    if header.startswith("["):
        inner, closed, port = header[1:].partition("]")
        is_host = bool(closed) and "%" not in inner and _PORT.fullmatch(port) is not None
        return inner if is_host and ":" in inner and _is_address(inner) else None
    name, _, port = header.lower().partition(":")
    name = name.removesuffix(".")
    if _PORT.fullmatch(f":{port}") is None or not (_is_name(name) or _is_address(name)):
        return None
    return name


def _is_name(host: str) -> bool:
    """Return whether a host is a name, and no address. A last label of digits is an address to a browser."""
    if len(host) > _NAME_BYTES or _NAME.fullmatch(host) is None:
        return False
    return not host.rpartition(".")[2].isdecimal()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
