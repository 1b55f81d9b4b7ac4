"""Who makes a request, and whether its origin lets it in. All that is read of an ASGI scope's headers is read here.

A `Visitor` is a plain record and never a live socket, so that a policy can be asked about it anywhere.
"""

import re
import secrets
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from webipc.access.origins import REMEDY, Origins, remedy_for
from webipc.budget.addresses import address_of
from webipc.core.errors import CloseCode

RELAYED: Final = "webipc.relayed"
"""The key of a scope that another process of this server has relayed; no client can set it. Its value is a `Relayed`.
"""


class Relayed(NamedTuple):
    """Where a relayed attach comes from."""

    # The process at which it arrived.
    edge: str
    # Which browser it is from, and whether that has shown it as a cookie.
    principal: str
    principal_was_shown: bool


@dataclass(frozen=True, slots=True)
class Visitor:
    """What the server knows of the browser or program that opens a socket or posts a body."""

    # The `Origin` header; "null" where there is none.
    origin: str
    # Address and port of the client, for the log.
    peer: str
    # Whose links and bytes are counted together: the address of the client, of IPv6 the first 64 bits, which is what
    # one subscriber gets.
    address: str
    # Identifies the browser, by its cookie; new where the request had no cookie.
    principal: str
    # The `Set-Cookie` header for a browser that has no cookie yet, otherwise None.
    cookie: str | None = None
    # Where another process of this server has relayed it; that has set the cookie.
    relayed: Relayed | None = None

    @property
    def shows_principal(self) -> bool:
        """Whether the browser has sent its principal."""
        return self.cookie is None and (self.relayed is None or self.relayed.principal_was_shown)


class RefusedError(Exception):
    """A socket or a request that is not let in, with the close code that says why (PROTOCOL.md section 8)."""

    def __init__(self, code: CloseCode, reason: str, remedy: str | None = None) -> None:
        """`remedy` is for the log only: what the operator of the server can do."""
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.logged = reason if remedy is None else f"{reason} ({remedy})"


# Cookies ignore ports: another server of this host may have set it. Then its value is used as it is.
COOKIE: Final = "webipc_principal"
# On https: browsers take a cookie with this prefix from the host itself only, not from a sibling domain or plain http.
SECURE_COOKIE: Final = f"__Host-{COOKIE}"

_VALUES: Final = {name: re.compile(rf"(?:^|;\s*){name}=([0-9a-f]{{32}})(?=;|$)") for name in (COOKIE, SECURE_COOKIE)}


def visitor_of(scope: MutableMapping[str, Any]) -> Visitor:
    """Describe the client of an ASGI scope, of a request or of a WebSocket."""
    client = scope.get("client")
    peer = f"{client[0]}:{client[1]}" if client else "unknown"
    address = address_of(client[0]) if client else "unknown"
    origin = _header(scope, b"origin") or "null"
    relayed: Relayed | None = scope.get(RELAYED)
    if relayed is not None:
        return Visitor(origin, peer, address, relayed.principal, relayed=relayed)
    is_secure = scope["scheme"] in ("https", "wss")
    name = SECURE_COOKIE if is_secure else COOKIE
    found = _VALUES[name].search(_header(scope, b"cookie") or "")
    if found is not None:
        return Visitor(origin, peer, address, found[1])
    principal = secrets.token_hex(16)
    cookie = f"{name}={principal}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if is_secure else "")
    return Visitor(origin, peer, address, principal, cookie)


def check_origin(scope: MutableMapping[str, Any], visitor: Visitor, origins: Origins) -> None:
    """Raise RefusedError where the origin of a request is not allowed (PROTOCOL.md section 2.5)."""
    scheme, host = scope["scheme"], _header(scope, b"host")
    if not origins.allows(_header(scope, b"origin"), scheme, host):
        remedy = remedy_for(visitor.origin, scheme, host)
        raise RefusedError(CloseCode.FORBIDDEN, f"origin {visitor.origin} is not allowed", remedy)


def check_embedding(scope: MutableMapping[str, Any], visitor: Visitor, origins: Origins) -> None:
    """Raise RefusedError where a page may not load a script: a `<script>` without `crossorigin` sends no origin."""
    if _header(scope, b"origin") is not None:
        check_origin(scope, visitor, origins)
    elif not origins.allows_embedding(_header(scope, b"sec-fetch-site"), _header(scope, b"referer")):
        raise RefusedError(CloseCode.FORBIDDEN, "a page of another origin loads this script", REMEDY)


def script_headers(scope: MutableMapping[str, Any], origins: Origins) -> Mapping[str, str]:
    """Return the headers of a script: who may load and read it, and that it is nothing but a script."""
    policy = origins.resource_policy(_header(scope, b"origin"), _header(scope, b"referer"))
    return {
        **cors_of(scope, origins),
        "Cross-Origin-Resource-Policy": policy,
        "X-Content-Type-Options": "nosniff",
    }


def cors_of(scope: MutableMapping[str, Any], origins: Origins) -> Mapping[str, str]:
    """Return the CORS headers of the response to an HTTP request. See `Origins.cors`."""
    return origins.cors(_header(scope, b"origin"))


def _header(scope: MutableMapping[str, Any], name: bytes) -> str | None:
    """Return the first header with this lower-case name."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
