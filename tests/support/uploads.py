"""Requests to an application in this process, whose bodies a test hands over piece by piece."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Self

from starlette.types import Message

from tests.support.raw_sockets import BEACON_TYPE
from tests.support.waiting import until
from webipc.core.frame import encode_body
from webipc.testing.client import Client


class Upload:
    """One request of a page, whose body the test hands over piece by piece."""

    def __init__(
        self, app: Any, path: str, address: str = "testclient", headers: Mapping[str, str] | None = None
    ) -> None:
        usual = {"host": "testserver", "origin": "http://testserver", "content-type": BEACON_TYPE}
        browser = Client(app, headers=usual | dict(headers or {}))
        self._app = app
        self._scope = {**browser.scope("http", path), "method": "POST", "client": (address, 50000)}
        self._pieces: asyncio.Queue[Message] = asyncio.Queue()
        self._sent: list[Message] = []
        # How many messages the application has taken.
        self.taken = 0
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._app(self._scope, self._receive, self._send))
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])

    async def _receive(self) -> Message:
        message = await self._pieces.get()
        self.taken += 1
        return message

    async def _send(self, message: Message) -> None:
        self._sent.append(message)

    def frames(self, *frames: str | bytes, last: bool = False) -> None:
        """Let these frames arrive."""
        self.bytes(encode_body(frames), last=last)

    def bytes(self, data: bytes, *, last: bool = False) -> None:
        """Let these bytes arrive."""
        self._pieces.put_nowait({"type": "http.request", "body": data, "more_body": not last})

    def leave(self) -> None:
        """Let the connection break."""
        self._pieces.put_nowait({"type": "http.disconnect"})

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response."""
        return {name.decode(): value.decode() for name, value in self._sent[0]["headers"]}

    async def answer(self) -> tuple[int, Any]:
        """Wait for the response; return its status and its content. The exchange may not be over by then."""
        await until(lambda: self.task is None or self.task.done() or self._is_whole)
        assert self._sent, "no response"
        body = b"".join(message.get("body", b"") for message in self._sent)
        try:
            content = json.loads(body)
        except ValueError:
            content = body
        return self._sent[0]["status"], content

    @property
    def _is_whole(self) -> bool:
        bodies = [message["body"] for message in self._sent if "body" in message]
        return bool(bodies) and len(b"".join(bodies)) == int(self.headers.get("content-length", 0))
