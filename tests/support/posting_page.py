"""A page in this process that keeps its messages in a real link, and sends them by whatever a test chooses: its socket,
a newer socket, or the body of a request.
"""

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tests.support.uploads import Upload
from tests.support.waiting import until
from webipc.core import clone
from webipc.core.frame import decode_frame, encode_body, encode_control, encode_message
from webipc.core.limits import Limits
from webipc.core.link import Link, Side
from webipc.testing.client import Client
from webipc.testing.memory_socket import MemorySocket


class PostingPage:
    """One document. Nothing is sent before a test says so."""

    def __init__(self, app: Any, limits: Limits, link: str = "a" * 32) -> None:
        self.link = Link(Side.RENDERER, limits)
        self._part_bytes = limits.part_bytes
        self._be_fast()
        self.closes: list[tuple[int, str]] = []
        self.resets: list[str] = []
        self.results: list[Any] = []
        # Every message, whole.
        self.arrived: list[Any] = []
        # What its client names in `hello`.
        self.features: list[str] = []
        self._app = app
        self._id = link
        # What each socket and body from now on sends besides.
        self.headers: dict[str, str] = {}
        self._socket: MemorySocket | None = None
        self._attempt = 0
        self._welcomed = 0
        self._call_id = -1
        self._uploads: list[asyncio.Task[tuple[int, Any]]] = []

    def post(self, *fields: Any, value: Sequence[Any]) -> int:
        """Number and keep a message: `post("send", "say", value=[1])`."""
        return self.link.post(encode_message(list(fields), clone.encode(list(value))))

    def post_ported(self, *fields: Any, value: Any, ports: Sequence[int] = ()) -> int:
        """Number and keep a message with a list of ports behind its value: `post` and `port`."""
        return self.link.post(encode_message(list(fields), clone.encode(value), None, [list(ports)]))

    async def connect(self) -> None:
        """Open a socket, newer than the last, and wait for its welcome. The older one is not closed by the page."""
        self._attempt += 1
        attempt = self._attempt
        browser = Client(self._app, headers=self.headers)
        self._socket = MemorySocket(browser, "/ipc/socket", self)
        await self._socket.start()
        self._socket.write(self.hello(attempt))
        await until(lambda: self._welcomed == attempt or self.closes)

    def flush(self) -> None:
        """Write everything that the socket has not sent."""
        assert self._socket is not None
        while (frame := self.link.take_frame(beyond_window=True)) is not None:
            self._socket.write(frame)

    def _be_fast(self) -> None:
        """Cut only what a frame cannot hold, as behind many acknowledgements of a fast network."""
        self.link.piece = self._part_bytes

    def write(self, frame: str | bytes) -> None:
        """Write this frame to the socket."""
        assert self._socket is not None
        self._socket.write(frame)

    def body(self, *last: str) -> bytes:
        """Return a body with everything that is kept, and these frames at its end."""
        return encode_body([self.hello(0), *self.link.backlog(), *last])

    def ask(self, channel: str, *args: Any) -> bytes:
        """Post a `sync`; return the body of its request, with everything that is kept."""
        self._call_id += 2
        self.post("sync", self._call_id, channel, value=args)
        return self.body(encode_control(self.link.received, "await", self._call_id))

    def upload(self, body: bytes, cuts: Sequence[int] = (), path: str = "/ipc/sync") -> "asyncio.Task[tuple[int, Any]]":
        """Send a body in pieces, cut at these places, one in each turn of the loop. Returns its answer later."""
        task = asyncio.create_task(self._send(body, cuts, path))
        self._uploads.append(task)
        return task

    async def _send(self, body: bytes, cuts: Sequence[int], path: str) -> tuple[int, Any]:
        async with Upload(self._app, path, headers=self.headers) as upload:
            for start, end in pairwise([0, *sorted(cuts), len(body)]):
                upload.bytes(body[start:end], last=end == len(body))
                await asyncio.sleep(0)
            return await upload.answer()

    async def end(self) -> list[int]:
        """Wait for the bodies, and lose the socket. Returns the statuses of the bodies."""
        answers = [await upload for upload in self._uploads]
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.cut(1006)
        return [status for status, _ in answers]

    def hello(self, attempt: int) -> str:
        """Return the `hello` of a socket, or with 0 that of a body."""
        fields = {
            "link": self._id,
            "secret": "b" * 32,
            "attempt": attempt,
            "received": self.link.received,
            "first": self.link.first,
            "fresh": self._welcomed == 0,
            "features": self.features,
        }
        return encode_control(self.link.received, "hello", fields)

    # --- what a MemorySocket reports to

    def take(self, socket: MemorySocket, data: str | bytes) -> None:
        """Process a frame of the server."""
        frame = decode_frame(data)
        if frame.control is not None:
            kind, fields = frame.control
            if kind == "reset":
                self.resets.append(fields["reason"])
            elif socket is self._socket:
                self._welcomed = self._attempt
                self.link.attach(self._attempt, fields["received"])
                self._be_fast()
        elif socket is self._socket:
            self.results += [json.loads(json.dumps(message.fields)) for message in frame.messages]
            self.arrived += self.link.receive(frame, self._attempt)

    def closed(self, socket: MemorySocket, code: int, reason: str) -> None:
        """Note the end of a socket that the server has closed."""
        if socket is self._socket:
            self.closes.append((code, reason))
