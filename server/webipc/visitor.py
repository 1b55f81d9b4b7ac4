"""Who makes a request: a plain record, never a live socket, so that a policy can be asked about it anywhere."""

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


class RefusedError(Exception):
    """A socket or a request that is not let in, with the close code that says why (PROTOCOL.md section 8)."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def visitor_of(scope: MutableMapping[str, Any]) -> Visitor:
    """Describe who makes an ASGI request."""
    client = scope.get("client")
    peer = f"{client[0]}:{client[1]}" if client else "unknown"
    return Visitor(origin=header(scope, b"origin") or "null", peer=peer)


def header(scope: MutableMapping[str, Any], name: bytes) -> str | None:
    """Return the first header of an ASGI request with this lower-case name."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
