"""Thousands of plain connections at once, of kinds that a server meets, driven by one thread without blocking.

Each gets every answer that it has asked for, or learns that its connection has ended. Which of them it is comes from
the kernel: bytes, an end, or a reset.
"""

import itertools
import re
import resource
import selectors
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from typing import Final

from tests.support.serving import wait_until

_RESERVE: Final = 500
"""Descriptors that a test process needs for anything else."""
_PATIENCE: Final = 60.0
"""Seconds for all of them."""
_AT_ONCE: Final = 200
"""So many connections are made before the others are looked at."""
_ANSWER: Final = re.compile(rb"HTTP/1\.1 (\d\d\d)")
_TLS: Final = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500


class Kind(Enum):
    """What a visitor does."""

    # One byte of a head after the other, without end.
    SLOW = "slow"
    # Nothing, as the connections that a browser opens in advance; in the end a request.
    SILENT = "silent"
    # A request, and the next one when that was answered.
    KEEPS = "keeps alive"
    # Three requests at once.
    PIPELINES = "pipelines"
    # TLS, at a port that has none.
    TLS = "tls"


class Visitor:
    """One connection."""

    __slots__ = ("asked", "end", "heard", "kind", "principal", "rest", "socket")

    def __init__(self, kind: Kind, principal: str, port: int) -> None:
        self.kind = kind
        self.principal = principal
        self.socket = socket.socket()
        self.socket.setblocking(False)
        # How many answers it waits for in all, and what came.
        self.asked = 0
        self.heard = b""
        # What a slow one has not said yet.
        self.rest = _head(principal)
        # How the connection has ended, from the other side.
        self.end: str | None = None
        with suppress(BlockingIOError):
            self.socket.connect(("127.0.0.1", port))

    @property
    def statuses(self) -> list[int]:
        """The statuses of what was answered."""
        return [int(status) for status in _ANSWER.findall(self.heard)]

    @property
    def is_settled(self) -> bool:
        """Whether it has got everything that it has asked for, or knows that it will not."""
        return self.end is not None or len(self.statuses) >= self.asked

    def say(self, data: bytes, answers: int = 0) -> None:
        """Say something, for which so many answers are due."""
        self.asked += answers
        if self.end is None:
            try:
                self.socket.sendall(data)
            except ConnectionError:
                self.end = "reset"

    def begin(self) -> None:
        """Say what it says first."""
        if self.kind is Kind.SLOW:
            self.crawl()
        elif self.kind is not Kind.SILENT:
            count = 3 if self.kind is Kind.PIPELINES else 1
            self.say(_TLS if self.kind is Kind.TLS else _head(self.principal) * count, count)

    def crawl(self) -> None:
        """Say one more byte of the head, but for the last."""
        byte, self.rest = self.rest[:1], self.rest[1:]
        if self.rest:
            self.say(byte)
        else:
            self.rest = byte

    def finish(self) -> None:
        """Say the rest of what it came for."""
        if self.kind is Kind.SLOW:
            self.say(self.rest, 1)
        elif self.kind is not Kind.TLS:
            self.say(_head(self.principal), 1)

    def hear(self) -> None:
        """Take what has arrived."""
        try:
            data = self.socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            self.end = self.end or "reset"
            return
        self.heard += data
        if not data:
            self.end = self.end or "closed"


class Visitors:
    """All of them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self.all: list[Visitor] = []

    def come(self, count: int, principals: Sequence[str], meanwhile: Callable[[], object]) -> None:
        """Let so many more come, the kinds and principals in turn; `meanwhile` is called again and again."""
        kinds = itertools.cycle(itertools.product(principals, Kind))
        wanted = len(self.all) + count
        while len(self.all) < wanted:
            new = [self._new(*next(kinds)) for _ in range(min(_AT_ONCE, wanted - len(self.all)))]
            self._until(new, _is_made, "the connections are made")
            for visitor in new:
                visitor.begin()
            meanwhile()

    def _new(self, principal: str, kind: Kind) -> Visitor:
        visitor = Visitor(kind, principal, self._port)
        self._selector.register(visitor.socket, selectors.EVENT_READ, visitor)
        self.all.append(visitor)
        return visitor

    def look(self) -> None:
        """Take what has arrived by now."""
        for key, _ in self._selector.select(0):
            visitor: Visitor = key.data
            visitor.hear()
            if visitor.end is not None:
                self._selector.unregister(visitor.socket)

    def _until(self, visitors: Sequence[Visitor], fact: Callable[[Visitor], bool], what: str) -> None:
        left = list(visitors)

        def is_done() -> bool:
            nonlocal left
            self.look()
            left = [visitor for visitor in left if not fact(visitor)]
            return not left

        wait_until(is_done, what, _PATIENCE)

    def settle(self) -> None:
        """Wait until each has got its answers, or knows that it will not."""
        self._until(self.all, lambda visitor: visitor.is_settled, "every connection is settled")

    def open(self, kind: Kind) -> Iterator[Visitor]:
        """Yield those of one kind whose connections are open."""
        return (visitor for visitor in self.all if visitor.kind is kind and visitor.end is None)

    def outcomes(self) -> dict[Kind, Counter[str]]:
        """Return what has become of each kind: answers by status, and ends."""
        found: dict[Kind, Counter[str]] = {kind: Counter() for kind in Kind}
        for visitor in self.all:
            found[visitor.kind].update(map(str, visitor.statuses))
            if visitor.end is not None:
                found[visitor.kind][visitor.end] += 1
        return found

    def close(self) -> None:
        """Close all of them."""
        self._selector.close()
        for visitor in self.all:
            visitor.socket.close()


def allowed(count: int) -> int:
    """Let this process have so many connections, and return how many it may have: the system may allow fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _RESERVE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return count if soft == resource.RLIM_INFINITY else max(0, min(count, soft - _RESERVE))


def _head(principal: str) -> bytes:
    cookie = f"Cookie: webipc_principal={principal}\r\n" if principal else ""
    return f"GET /who HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n".encode()


def _is_made(visitor: Visitor) -> bool:
    if visitor.end is not None:
        return True
    try:
        visitor.socket.getpeername()
    except OSError:
        return False
    return True
