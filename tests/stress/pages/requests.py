"""The requests of a page in Python: that of a `sendSync`, with its retries, and the beacon (PROTOCOL.md 2.2 to 2.4)."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.stress.pages.link import StressedLink
from webipc.core.envelope import parse
from webipc.core.frame import decode_frame, decode_parcel, encode_body, encode_control
from webipc.core.limits import Limits

TRIES = 3
CONTENT_TYPE = "application/vnd.webipc.v1"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Refusal:
    """The server has refused the link in its answer to a request."""

    code: int
    reason: str


class Requests:
    """Posts bodies to one server, each on a connection of its own."""

    def __init__(self, port: int, origin: str, place: Callable[[], str], limits: Limits) -> None:
        """`place` returns the address from which the next one comes."""
        self._port = port
        self._origin = origin
        self._place = place
        self._limits = limits

    async def ask(self, link: StressedLink, call_id: int, claims: dict[str, str | None]) -> Any:
        """Return the envelope of the answer, a Refusal, or None when every try has failed."""
        for _ in range(TRIES):
            body = encode_body(link.body(call_id, claims))
            link.carried_by_body()
            answer = await self._post("/ipc/sync", body)
            if answer is None:
                continue
            status, content = answer
            if status == 200 and content.startswith(b"\x01"):
                return self._read(link, content)
            refusal = _refusal_in(content)
            if refusal is not None:
                return refusal
        return None

    async def beacon(self, link: StressedLink, claims: dict[str, str | None]) -> None:
        """Post what fits into a beacon, and `bye`."""
        core = link.link
        hello = encode_control(core.received, "hello", link.hello(0, claims))
        bye = encode_control(core.received, "bye", core.last)
        frames: Sequence[str | bytes] = [hello, *core.backlog(self._limits.beacon_bytes), bye]
        await self._post("/ipc/beacon", encode_body(frames))

    def _read(self, link: StressedLink, content: bytes) -> Any:
        end = 5 + int.from_bytes(content[1:5], "little")
        link.link.receive(decode_frame(content[5:end], self._limits), None)
        return parse([decode_parcel(content[end:], self._limits)], self._limits)[0]

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes] | None:
        """Return status and content; None when the request fails."""
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._place(), 0))
            head = f"POST {path} HTTP/1.1\r\nHost: {self._origin.removeprefix('http://')}\r\nOrigin: {self._origin}\r\n"
            head += f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            async with asyncio.timeout(self._limits.sync_ms / 1000 + 10):
                answer = await reader.read(-1)
        except (OSError, TimeoutError):
            return None
        finally:
            if writer is not None:
                writer.transport.abort()
        return _parsed(answer)


def _parsed(answer: bytes) -> tuple[int, bytes] | None:
    head, _, content = answer.partition(b"\r\n\r\n")
    status, length = _STATUS.match(head), _LENGTH.search(head)
    if status is None or (length is not None and len(content) < int(length[1])):
        return None
    return int(status[1]), content


def _refusal_in(content: bytes) -> Refusal | None:
    try:
        fields = json.loads(content)
        code, reason = fields["code"], fields["reason"]
    except (ValueError, KeyError, TypeError):
        return None
    return Refusal(code, reason) if type(code) is int and code >= 4_000 and type(reason) is str and reason else None
