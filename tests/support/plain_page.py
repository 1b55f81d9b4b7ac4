"""A page of a few lines on raw sockets, for tests of processes that take it over from each other."""

import json
from typing import Any

from websockets.sync.client import ClientConnection

from tests.support.raw_sockets import hello
from tests.support.serving import PATIENCE


class Page:
    """One document, which says little and acknowledges nothing: it counts what it has received."""

    def __init__(self) -> None:
        self._attempt = 0
        self._received = 0
        self._said = 0
        self.contents_id = 0

    def greet(self, opened: ClientConnection) -> None:
        """Say hello, and read the welcome."""
        self._attempt += 1
        is_fresh = self._attempt == 1
        # Everything that it has said was acknowledged by the time it comes again.
        opened.send(hello(attempt=self._attempt, fresh=is_fresh, received=self._received, first=self._said + 1))
        kind, fields = self._control(opened)
        assert kind == "welcome", (kind, fields)
        assert self.contents_id in (0, fields["webContentsId"])
        self.contents_id = fields["webContentsId"]

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
