"""A page of webipc that blocks: `sendSync` by one request after the other, on one connection (PROTOCOL.md 2.3)."""

import http.client
import json
import secrets
from typing import Any

from benchmarks.pages.wire import PATIENCE_SECONDS, WireError

TYPE = "application/vnd.webipc.v1"


class Asker:
    """A page without a socket."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        self._headers = {"Content-Type": TYPE, "Origin": f"http://127.0.0.1:{port}"}
        self._link = {"link": secrets.token_hex(16), "secret": secrets.token_hex(16), "attempt": 0}
        # The number of the next message, and the id of the next call.
        self._next, self._id = 1, 1

    def ask(self, channel: str) -> None:
        """Call once, and check that it was answered. Raises WireError."""
        fresh, call, first = self._next == 1, self._id, self._next
        hello = ["hello", {**self._link, "received": 0, "first": first, "fresh": fresh, "features": ["doubles"]}]
        messages = [] if fresh else [["sync-done", call - 2]]
        messages.append(["sync", call, channel, []])
        self._next, self._id = first + len(messages), call + 2
        frames = ([0, 0, hello], [first, 0, *messages], [0, 0, ["await", call]])
        self._connection.request("POST", "/ipc/sync", b"".join(map(_framed, frames)), self._headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != http.client.OK or not body.startswith(b"\x01") or b'"result"' not in body:
            raise WireError(f"a sendSync was answered with {response.status}: {body[:200].decode(errors='replace')}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _framed(frame: list[Any]) -> bytes:
    """Return a frame as it stands in a body (PROTOCOL.md 2.4): in its binary form, without segments."""
    text = json.dumps([*frame, [[] for _ in frame[2:]]]).encode()
    row = len(text).to_bytes(4, "little") + text
    return len(row).to_bytes(4, "little") + row
