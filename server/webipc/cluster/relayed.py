"""What an edge and a home say to each other: the heads of the messages, and the part of an ASGI scope that crosses.

An edge numbers its sockets and requests: `sid`. Both sides count alike what one has sent and the other has not used
yet, so that neither fills the other's memory: `WINDOW`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from webipc.access.visitor import RELAYED, Relayed
from webipc.cluster.bus.kinds import HeadModel
from webipc.hub.sharing import Arrival
from webipc.version import SUBPROTOCOL

WINDOW: Final = 262_144
"""Bytes of one socket, or of the body of one request, that are on their way to the other worker, or wait there."""

STEP: Final = WINDOW // 4
"""After so many bytes that were used, the other side is told."""

_FRAME_COST: Final = 64


def cost_of(row: bytes) -> int:
    """Return what a row counts in a window: an empty frame takes memory, too."""
    return len(row) + _FRAME_COST


def row_of(frame: str | bytes) -> bytes:
    """Return a frame as bytes."""
    return frame if isinstance(frame, bytes) else frame.encode("utf-8", "surrogatepass")


def frame_of(row: bytes, *, text: bool) -> str | bytes:
    """Return the frame that a row is; `text` tells which kind it was."""
    return row.decode("utf-8", "surrogatepass") if text else bytes(row)


# --- the scope ----------------------------------------------------------------------------------------------------

_Header = Annotated[list[str], Field(min_length=2, max_length=2)]


class ScopeHead(HeadModel):
    """The plain part of a scope. Headers and other bytes are texts in Latin-1."""

    path: str
    # As the application that the `IpcMain` is mounted on got it.
    root_path: str
    # That of the application around all others, where that is not the same one.
    app_root_path: str | None = None
    scheme: str
    headers: list[_Header]
    raw_path: str | None = None
    query: str = ""
    http_version: str = "1.1"
    # Address and port of the client, and of the server.
    client: list[Any] | None = None
    server: list[Any] | None = None


class Opening(HeadModel):
    """What begins at a home: a socket with its first frame, or a request with the first piece of its body."""

    sid: int
    scope: ScopeHead
    principal: str
    # Whether the browser has sent its principal.
    shown: bool


class OpenHead(Opening):
    """`open`: a socket. Its row is the first frame."""

    text: bool


class RequestHead(Opening):
    """`request`: a request. Its row is the first piece of its body."""

    # Whether more of it comes.
    more: bool


class UpHead(HeadModel):
    """`up`: a frame of a socket, which is its row."""

    sid: int
    text: bool


class PieceHead(HeadModel):
    """`piece`: the next piece of a body, which is its row."""

    sid: int
    more: bool


class GoneHead(HeadModel):
    """`gone`: a socket has ended at its edge."""

    sid: int
    code: int


class SidHead(HeadModel):
    """`left`: the browser of a request has left."""

    sid: int


class UsedHead(HeadModel):
    """`took`: the network has taken so much of what the home has sent. `used`: the home has used so much of what came.

    As `cost_of` counts.
    """

    sid: int
    count: int = Field(ge=0)


class DownHead(HeadModel):
    """`down`: a frame for a socket, which is its row."""

    sid: int
    text: bool


class ShutHead(HeadModel):
    """`shut`: the edge has to close a socket."""

    sid: int
    code: int
    reason: str


class ReplyHead(HeadModel):
    """`reply`: the response to a request. Its row is the body."""

    sid: int
    status: int = Field(ge=200, le=599)
    headers: list[_Header]


def opening_of(sid: int, arrival: Arrival, prefix: str) -> dict[str, Any]:
    """Return the head by which something begins at its home. `prefix` is where the `IpcMain` is mounted."""
    scope, visitor = arrival.scope, arrival.visitor
    root_path = scope.get("root_path") or ""
    if root_path.endswith(prefix):
        # Starlette has moved the prefix there.
        root_path = root_path[: len(root_path) - len(prefix)]
    raw_path = scope.get("raw_path")
    return {
        "sid": sid,
        "principal": visitor.principal,
        "shown": visitor.shows_principal,
        "scope": {
            "path": scope.get("path"),
            "raw_path": None if raw_path is None else raw_path.decode("latin-1"),
            "root_path": root_path,
            "app_root_path": scope.get("app_root_path"),
            "query": (scope.get("query_string") or b"").decode("latin-1"),
            "scheme": scope.get("scheme"),
            "http_version": scope.get("http_version") or "1.1",
            "headers": [[name.decode("latin-1"), text.decode("latin-1")] for name, text in scope.headers],
            "client": _plain(scope.get("client")),
            "server": _plain(scope.get("server")),
        },
    }


def _plain(address: Any) -> list[Any] | None:
    return None if address is None else list(address)


def scope_of(edge: str, head: Opening, kind: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ASGI scope that the application gets at the home: of a `kind` "websocket" or "http".

    `state` is what the application's lifespan here has made.
    """
    plain = head.scope
    scope: dict[str, Any] = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": plain.http_version,
        "scheme": plain.scheme,
        "path": plain.path,
        "root_path": plain.root_path,
        "query_string": plain.query.encode("latin-1"),
        "headers": [(name.encode("latin-1"), text.encode("latin-1")) for name, text in plain.headers],
        "client": None if plain.client is None else tuple(plain.client),
        "server": None if plain.server is None else tuple(plain.server),
        "state": dict(state),
        "extensions": {},
        RELAYED: Relayed(edge, head.principal, head.shown),
    }
    if plain.app_root_path is not None:
        scope["app_root_path"] = plain.app_root_path
    if plain.raw_path is not None:
        scope["raw_path"] = plain.raw_path.encode("latin-1")
    return {**scope, **({"subprotocols": [SUBPROTOCOL]} if kind == "websocket" else {"method": "POST"})}
