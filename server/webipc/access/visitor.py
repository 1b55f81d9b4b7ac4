"""Who makes a request: a plain record, never a live socket, so that a policy can be asked about it anywhere."""

import re
import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from webipc.core.errors import CloseCode


@dataclass(frozen=True, slots=True)
class Visitor:
    """What the server knows of whoever opens a socket or posts a body."""

    # The `Origin` header; "null" where there is none.
    origin: str
    # Address and port of the other end, for the log.
    peer: str
    # Who the browser is, by its cookie; a new one where it brought none.
    principal: str
    # The header that gives the browser its cookie; None where it has one, and where it would not keep it.
    cookie: str | None = None


class RefusedError(Exception):
    """A socket or a request that is not let in, with the close code that says why (PROTOCOL.md section 8)."""

    def __init__(self, code: CloseCode, reason: str, remedy: str | None = None) -> None:
        """`remedy` is for the log alone: what the owner of the server can do."""
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.logged = reason if remedy is None else f"{reason} ({remedy})"


COOKIE = "webipc_principal"
"""Cookies know no ports: a neighbour of this server may have set it, and then it is kept as found."""

_COOKIE = re.compile(rf"(?:^|;\s*){COOKIE}=([0-9a-f]{{32}})(?=;|$)")


def visitor_of(scope: MutableMapping[str, Any]) -> Visitor:
    """Describe who makes an ASGI request."""
    client = scope.get("client")
    peer = f"{client[0]}:{client[1]}" if client else "unknown"
    origin = header(scope, b"origin") or "null"
    found = _COOKIE.search(header(scope, b"cookie") or "")
    if found is not None:
        return Visitor(origin, peer, found[1])
    principal = secrets.token_hex(16)
    secure = "; Secure" if scope["scheme"] in ("https", "wss") else ""
    return Visitor(origin, peer, principal, f"{COOKIE}={principal}; Path=/; HttpOnly; SameSite=Lax{secure}")


def header(scope: MutableMapping[str, Any], name: bytes) -> str | None:
    """Return the first header of an ASGI request with this lower-case name."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
