"""`LocalServer`: the parent's side of the local bus. It serves a `Switchboard` for each realm to the workers.

It never waits for a worker: what one does not read is dropped beyond a bound, and that one is told so.
"""

import asyncio
import socket
from typing import Any, Final

from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.local.attached import Attached
from webipc.cluster.local.outgoing import OUT_BYTES

REALMS: Final = 1_000
"""Realms at most: one for each path at which an application has an IpcMain."""

_SWEEP_SECONDS: Final = 30.0


class LocalServer:
    """The bus of one machine. Belongs to the event loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, most_waiting: int = OUT_BYTES) -> None:
        """Serve nobody yet. `most_waiting` is how many bytes may wait for one process."""
        self._loop = loop
        self._most_waiting = most_waiting
        self._boards: dict[str, Switchboard] = {}
        self._attached: set[Attached] = set()
        # Of the processes that have left.
        self._dropped = self._wrong = 0
        self._starting: set[asyncio.Task[Any]] = set()
        self._sweep = loop.call_later(_SWEEP_SECONDS, self._forget_late)

    def attach(self, sock: socket.socket, slot: int = 0) -> Attached:
        """Serve a process over the parent's end of its socket pair, which belongs to this object from now on.

        When the process closes its end, or ends, all its hubs have left; so its end has to be closed here. `slot` is
        what the log calls the worker.
        """
        sock.setblocking(False)
        attached = Attached(self._loop, slot, self._most_waiting, self.board, self._left)
        self._attached.add(attached)
        task = self._loop.create_task(self._begin(attached, sock))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        return attached

    async def _begin(self, attached: Attached, sock: socket.socket) -> None:
        try:
            await self._loop.create_unix_connection(lambda: attached, sock=sock)
        except OSError as error:
            sock.close()
            attached.connection_lost(error)

    def board(self, realm: str) -> Switchboard | None:
        """Return the switchboard of a realm; None where there are too many."""
        board = self._boards.get(realm)
        if board is None and len(self._boards) < REALMS:
            board = self._boards[realm] = Switchboard(self._loop.time)
        return board

    def _left(self, attached: Attached) -> None:
        self._attached.discard(attached)
        self._dropped += attached.dropped
        self._wrong += attached.wrong

    def _forget_late(self) -> None:
        for board in self._boards.values():
            board.places.forget_late()
        self._sweep = self._loop.call_later(_SWEEP_SECONDS, self._forget_late)

    def close(self) -> None:
        """Close every connection. The workers learn of it."""
        self._sweep.cancel()
        for task in list(self._starting):
            task.cancel()
        for attached in list(self._attached):
            attached.close()

    def stats(self) -> dict[str, Any]:
        """Return numbers for a monitoring system."""
        return {
            "processes": len(self._attached),
            "waiting_bytes": sum(attached.waiting for attached in self._attached),
            "dropped": self._dropped + sum(attached.dropped for attached in self._attached),
            "wrong": self._wrong + sum(attached.wrong for attached in self._attached),
            "realms": {realm: board.stats() for realm, board in self._boards.items()},
        }
