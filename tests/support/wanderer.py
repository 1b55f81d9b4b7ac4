"""A page by its link alone, which comes to whichever of several workers a test says; without an endpoint.

It asks as an endpoint does: where its tab is, and then for a place in its link.
"""

from typing import Any

from tests.support.moved import LIMITS, VISITOR, Page, RecordingSocket
from tests.support.several_workers import OneWorker, quiet
from webipc.core.envelope import ErrorReply, Hello, Result, Send
from webipc.core.frame import decode_frame
from webipc.core.values import undefined
from webipc.link.connection import Connection
from webipc.link.last_calls import still_taken


class Wanderer(Page):
    """One document of a tab, of no user. Every socket it opens is at a worker of its own choice."""

    def __init__(self, number: int, above: "Page | None" = None, opener: "Page | None" = None) -> None:
        super().__init__(number, None, above, opener)
        self.worker: OneWorker | None = None

    def hello(self) -> Hello:
        """Return what its next socket says first."""
        self.attempt += 1
        return Hello(
            link=self.id,
            secret="b" * 32,
            attempt=self.attempt,
            received=self.link.received,
            first=self.link.first,
            fresh=self.attempt == 1,
            features=["ports", "invoke"],
            token=None if self.opener is None else self.opener.token,
            parent=None if self.above is None else self.above.id,
        )

    async def come(self, worker: OneWorker) -> Connection:
        """Open a socket at a worker. Its tab is there, is born there, or is parked."""
        hello = self.hello()
        await take(worker, hello)
        self.socket = RecordingSocket(self.attempt)
        connection = worker.hub.attaches.attach(hello, VISITOR, self.caller, self.socket)
        self.worker = worker
        await quiet()
        self.take()
        return connection

    @property
    def connection(self) -> Connection:
        """Its link where it came last."""
        assert self.worker is not None
        connection = self.worker.hub.links.get(self.id)
        assert connection is not None
        return connection

    def write(self) -> None:
        """Let everything arrive that it has said, or an acknowledgement, as a socket would."""
        assert self.worker is not None
        connection = self.worker.hub.links.get(self.id)
        frames = []
        while (frame := self.link.take_frame()) is not None:
            frames.append(frame)
        if connection is None or connection.transport is not self.socket:
            # As a socket without its link, which is not read any more.
            return
        for frame in frames or [self.link.bare_frame()]:
            taken = still_taken(decode_frame(frame, LIMITS), connection.link, connection.last_calls)
            connection.receive(taken, self.attempt, self.caller)
            connection.jobs.start()

    async def say(self, *fields: Any, value: Any = undefined) -> None:
        """Say something, and let it arrive."""
        self.post(*fields, value=value)
        self.write()
        await quiet()

    def lose(self) -> None:
        """Lose the socket."""
        self.link.detach(self.attempt)
        self.socket = None

    @property
    def closed_with(self) -> int | None:
        """The code with which its socket was closed."""
        assert self.socket is not None
        return self.socket.code

    def heard(self) -> list[Any]:
        """Return what has arrived: the first argument of a `send`, the value of an answer, the kind of any other."""
        if self.socket is not None:
            self.take()
        return [_value_of(envelope) for envelope in self.arrived]


def _value_of(envelope: Any) -> Any:
    if isinstance(envelope, Send):
        (value, *_) = envelope.value
        return value
    return envelope.value if isinstance(envelope, Result | ErrorReply) else envelope.kind


async def take(worker: OneWorker, hello: Hello) -> None:
    """Find the tab of a page at a worker, or make it the home of a new one, as an attach does."""
    assert await worker.shared.place(hello, VISITOR, is_relayed=False) is None
    assert await worker.shared.claim(hello, VISITOR, is_relayed=False) is None
