"""`Acceptor`: accepts connections, looks at the head of the first request, and hands the connection on unread.

MSG_PEEK leaves the bytes in the kernel, so nothing has to be passed on but the descriptor. Every wait here is bounded,
in time and in number: who is slow goes to a worker that does not depend on what it says. The worker bounds it further
(servers/newcomers.py).
"""

import asyncio
import contextlib
import errno
import logging
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from webipc.cli.acceptor.heads import HEAD_BYTES, is_whole, principal_in
from webipc.cli.acceptor.peers import Peers
from webipc.logs.ration import Ration

logger = logging.getLogger("webipc")

HandOut = Callable[[socket.socket, bytes], bool]
"""Gives a connection to the worker for this key, or to the next one. False: none can take it at the moment."""

ACCEPTS_AT_ONCE: Final = 64
"""So many connections are accepted before other events are looked at."""
_SCARCE: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and for how many connections the acceptor waits."""

    # From the connection to its first byte. A browser opens some in advance, and says nothing on them.
    silent_seconds: float = 5.0
    # From the first byte to the end of the head.
    head_seconds: float = 0.1
    # How long nothing is accepted when the system has no descriptor or memory left.
    pause_seconds: float = 1.0
    # So many may wait for their head, and so many for a worker.
    connections: int = 1_000


class _Newcomer:
    """A connection whose head is not whole yet."""

    __slots__ = ("connection", "key", "seen", "timer")

    def __init__(self, connection: socket.socket, key: bytes, timer: asyncio.TimerHandle) -> None:
        self.connection = connection
        # The key of its peer, if it shows no principal.
        self.key = key
        # How many bytes of its head there were when it was looked at.
        self.seen = 0
        self.timer = timer


class Acceptor:
    """The listening sockets of the parent process."""

    def __init__(
        self, listeners: Sequence[socket.socket], hand_out: HandOut, peers: Peers, patience: Patience | None = None
    ) -> None:
        """`listeners` are bound, and do not block."""
        self._loop = asyncio.get_running_loop()
        self._listeners = listeners
        self._hand_out = hand_out
        self._peers = peers
        self._patience = patience or Patience()
        # By descriptor, the oldest first.
        self._newcomers: dict[int, _Newcomer] = {}
        # Those that no worker could take, with their keys.
        self._left: deque[tuple[socket.socket, bytes]] = deque()
        self._has_begun = self._is_accepting = False
        self._pause: asyncio.TimerHandle | None = None
        self._lines = Ration(1, 1, 10.0)

    def __len__(self) -> int:
        """Return how many connections wait: for the rest of their head, or for a worker."""
        return len(self._newcomers) + len(self._left)

    def start(self) -> None:
        """Accept connections from now on: the sockets listen."""
        self._has_begun = True
        if not self._is_accepting:
            self._is_accepting = True
            for listener in self._listeners:
                self._loop.add_reader(listener, self._accept, listener)

    def close(self) -> None:
        """Stop listening, and close every connection that waits."""
        self._stop()
        self._has_begun = False
        if self._pause is not None:
            self._pause.cancel()
        for listener in self._listeners:
            listener.close()
        for newcomer in list(self._newcomers.values()):
            self._forget(newcomer)
            newcomer.connection.close()
        while self._left:
            self._left.popleft()[0].close()

    def retry(self) -> None:
        """Hand out what waits for a worker: one has become ready, or has room again."""
        while self._left and self._hand_out(*self._left[0]):
            self._left.popleft()[0].close()
        if self._has_begun and not self._is_full and self._pause is None:
            self.start()

    @property
    def _is_full(self) -> bool:
        return len(self._left) >= self._patience.connections

    def _stop(self) -> None:
        if self._is_accepting:
            self._is_accepting = False
            for listener in self._listeners:
                self._loop.remove_reader(listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            if not self._is_accepting:
                return
            try:
                connection, peer = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            connection.setblocking(False)
            self._begin(connection, self._peers.key_of(peer))

    def _rest(self, error: OSError) -> None:
        """Accept nothing for a moment: an error that stays would be reported again and again."""
        if self._lines.may_write():
            what = "too few descriptors or too little memory" if error.errno in _SCARCE else "an error"
            logger.warning(
                "no connection is accepted for %g s, because of %s: %s", self._patience.pause_seconds, what, error
            )
        self._stop()
        self._pause = self._loop.call_later(self._patience.pause_seconds, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self.retry()

    # --- a connection without a whole head ------------------------------------------------------------------------

    def _begin(self, connection: socket.socket, key: bytes) -> None:
        descriptor = connection.fileno()
        timer = self._loop.call_later(self._patience.silent_seconds, self._wait_no_longer, descriptor)
        newcomer = self._newcomers[descriptor] = _Newcomer(connection, key, timer)
        self._loop.add_reader(descriptor, self._look, newcomer)
        self._look(newcomer)
        if len(self._newcomers) > self._patience.connections:
            self._wait_no_longer(next(iter(self._newcomers)))

    def _look(self, newcomer: _Newcomer) -> None:
        """Look at what has arrived of the head."""
        try:
            beginning = newcomer.connection.recv(HEAD_BYTES, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            beginning = b""
        if not beginning:
            # The peer is gone, and has said nothing.
            self._forget(newcomer)
            newcomer.connection.close()
        elif is_whole(beginning) or len(beginning) == newcomer.seen:
            # In the second case the peer says no more: it has closed its direction.
            self._release(newcomer, principal_in(beginning) or newcomer.key)
        else:
            self._wait_for_more(newcomer, len(beginning))

    def _wait_for_more(self, newcomer: _Newcomer, seen: int) -> None:
        """Wait until there is more than that. Bytes that nobody reads would wake the event loop all the time."""
        if not newcomer.seen:
            newcomer.timer.cancel()
            descriptor = newcomer.connection.fileno()
            newcomer.timer = self._loop.call_later(self._patience.head_seconds, self._wait_no_longer, descriptor)
        newcomer.seen = seen
        _wake_at(newcomer.connection, seen + 1)

    def _wait_no_longer(self, descriptor: int) -> None:
        """Hand a connection out by its peer: its head takes too long, or too many wait."""
        newcomer = self._newcomers[descriptor]
        self._release(newcomer, newcomer.key)

    def _release(self, newcomer: _Newcomer, key: bytes) -> None:
        self._forget(newcomer)
        if newcomer.seen:
            _wake_at(newcomer.connection, 1)
        # Behind those that wait already.
        if not self._left and self._hand_out(newcomer.connection, key):
            newcomer.connection.close()
            return
        self._left.append((newcomer.connection, key))
        if self._is_full:
            self._stop()

    def _forget(self, newcomer: _Newcomer) -> None:
        newcomer.timer.cancel()
        descriptor = newcomer.connection.fileno()
        self._loop.remove_reader(descriptor)
        del self._newcomers[descriptor]


def _wake_at(connection: socket.socket, count: int) -> None:
    """Let the connection count as readable when so many bytes have arrived, or the peer has closed its direction."""
    # Where a system has no such option, the next look ends the wait.
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
