"""The ASGI scope of a request that reaches the application without a network: what a server would put into it."""

from collections.abc import Iterable
from typing import Any, Literal


def request_scope(
    kind: Literal["http", "websocket"],
    path: str,
    headers: Iterable[tuple[bytes, bytes]],
    *,
    client: tuple[str, int],
    server: tuple[str, int],
) -> dict[str, Any]:
    """Return a new scope. Of an HTTP request it is a GET; of a WebSocket it lacks `subprotocols`.

    `client` and `server` are the addresses and ports of the two ends, as ASGI has them.
    """
    of_its_kind = {"scheme": "ws"} if kind == "websocket" else {"scheme": "http", "method": "GET"}
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
        "client": client,
        "server": server,
        "state": {},
        "extensions": {},
        **of_its_kind,
    }
