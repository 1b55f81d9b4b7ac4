"""A page in this process that sends frames written by hand: frames that the client would never send."""

import json
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from tests.support.waiting import until
from webipc.core.frame import encode_control
from webipc.testing import Renderer
from webipc.testing.client import Client
from webipc.testing.memory_socket import MemorySocket


class ScriptedPage:
    """A page whose frames are written by hand, and which keeps the frames and the close code that it receives."""

    def __init__(self, app: FastAPI, link: str = "a" * 32, features: tuple[str, ...] = ("ports",)) -> None:
        self.browser = Client(app)
        self.frames: list[Any] = []
        self.close: tuple[int, str] | None = None
        self.socket = MemorySocket(self.browser, "/ipc/socket", self)
        known = {"link": link, "secret": "b" * 32, "attempt": 1, "received": 0, "first": 1, "fresh": True}
        self.hello = encode_control(0, "hello", {**known, "features": list(features)})

    async def connect(self) -> "ScriptedPage":
        await self.socket.start()
        self.socket.write(self.hello)
        await until(lambda: self.frames)
        return self

    def take(self, socket: MemorySocket, data: str | bytes) -> None:
        self.frames.append(json.loads(data))

    def closed(self, socket: MemorySocket, code: int, reason: str) -> None:
        self.close = self.close or (code, reason)

    @property
    def contents_id(self) -> int:
        contents_id: int = self.frames[0][2][1]["webContentsId"]
        return contents_id


@contextmanager
def unaffected(page: Renderer) -> Any:
    """Check that a page keeps its socket and its link."""
    link_id = page._connection.page.link_id
    yield
    assert page.connected
    assert page._connection.page.link_id == link_id
