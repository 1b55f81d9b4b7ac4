"""A page of a few lines on raw sockets, for tests of processes that take it over from each other."""

import json
from typing import Any

from websockets.sync.client import ClientConnection

from tests.support.raw_sockets import hello
from tests.support.serving import PATIENCE


class Page:
    """One document, which says little and acknowledges nothing: it counts what it has received."""

    def __init__(self, link: str = "0" * 32) -> None:
        self._link = link
        self._attempt = 0
        self._received = 0
        self._said = 0
        self.contents_id = 0

    def greet(self, opened: ClientConnection) -> None:
        """Say hello, and read the welcome."""
        self.is_welcomed(*self.come(opened))

    def is_welcomed(self, kind: str, fields: Any) -> None:
        """Take a welcome. Raises AssertionError for anything else, and for another tab than it had."""
        assert kind == "welcome", (kind, fields)
        assert self.contents_id in (0, fields["webContentsId"])
        self.contents_id = fields["webContentsId"]

    def come(self, opened: ClientConnection) -> Any:
        """Say hello, and return what the server answers: a welcome, or a reset."""
        self._attempt += 1
        # Everything that it has said was acknowledged by the time it comes again.
        said = {"first": self._said + 1, "received": self._received}
        opened.send(hello(link=self._link, attempt=self._attempt, fresh=self._attempt == 1, **said))
        return self._control(opened)

    def _control(self, opened: ClientConnection) -> Any:
        return json.loads(opened.recv(PATIENCE))[2]

    def say(self, opened: ClientConnection, *message: Any) -> None:
        """Say something."""
        self._said += 1
        opened.send(json.dumps([self._said, self._received, list(message)]))

    def hear(self, opened: ClientConnection) -> Any:
        """Return the next message."""
        while True:
            seq, _, *messages = json.loads(opened.recv(PATIENCE))
            if messages and seq == self._received + 1:
                self._received += 1
                return messages[0]
