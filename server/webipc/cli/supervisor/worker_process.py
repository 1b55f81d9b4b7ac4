"""`WorkerProcess`: one process that serves, as its parent sees it: from its start to the end of the process."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Final

from webipc.cli.supervisor.control import (
    BUS_VARIABLE,
    CONNECTION,
    CONTROL_VARIABLE,
    ENDING,
    READY,
    SLOT_VARIABLE,
    TURN_VARIABLE,
)
from webipc.cli.supervisor.plan import Plan
from webipc.cli.supervisor.switchboard import Bus, Switchboard

FULL_SECONDS: Final = 0.01
"""How long a worker is left alone that has not taken what it was handed."""
# The queue of the control is full; or more descriptors are under way than the system allows this user.
_FULL: Final = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.ETOOMANYREFS}
BLOCKED: Final = (signal.SIGINT, signal.SIGTERM)
"""The signals that a worker gets blocked, until it can handle them."""


class WorkerProcess:
    """A process, and the sockets that lead to it."""

    def __init__(
        self, plan: Plan, slot: int, turn: int, switchboard: Switchboard | None, on_room: Callable[[], None]
    ) -> None:
        """Start the process, the `turn`-th one of its slot.

        `on_room` is called when it may be handed connections, and was not so before.
        """
        self._loop = asyncio.get_running_loop()
        self.slot = slot
        self._on_room = on_room
        # Done with True when it is ready, with False when it has ended before.
        self.ready: asyncio.Future[bool] = self._loop.create_future()
        # Done with its exit status; a negative one is a signal.
        self.ended: asyncio.Future[int] = self._loop.create_future()
        # It takes connections: it is ready, and does not end.
        self.is_up = self._is_ending = False
        self._full: asyncio.TimerHandle | None = None
        self._killing: asyncio.TimerHandle | None = None
        self._control, its_control = socket.socketpair()
        self._control.setblocking(False)
        self._bus: Bus | None = None
        its_sockets = {CONTROL_VARIABLE: its_control}
        if switchboard is not None:
            bus, its_sockets[BUS_VARIABLE] = socket.socketpair()
            self._bus = switchboard.attach(bus, slot)
        try:
            self._process = _started(plan, slot, turn, its_sockets)
        except OSError:
            self._close()
            raise
        finally:
            for one in its_sockets.values():
                one.close()
        self._loop.add_reader(self._control, self._hear)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    async def until_ready(self) -> bool:
        """Wait until it is ready, or has ended before. Return whether it is ready."""
        # A task that is cancelled would cancel a future that it awaits itself.
        await asyncio.wait([self.ready])
        return self.ready.result()

    async def until_ended(self) -> int:
        """Wait until the process has ended, and return its exit status."""
        await asyncio.wait([self.ended])
        return self.ended.result()

    def give(self, connection: socket.socket) -> bool:
        """Hand a connection over. Return False if the process cannot take it now: it is full, or has just died."""
        if self._full is not None:
            return False
        try:
            socket.send_fds(self._control, [CONNECTION], [connection.fileno()])
        except OSError as error:
            if error.errno in _FULL:
                self._full = self._loop.call_later(FULL_SECONDS, self._has_room)
            return False
        return True

    def end(self, number: int, seconds: float) -> None:
        """Hand it nothing more, and send it a signal; kill it if it has not ended after so many seconds."""
        self._close_direction()
        self.send_signal(number)
        if self._killing is None and not self.ended.done():
            self._killing = self._loop.call_later(seconds, self.send_signal, signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send it a signal. Does nothing if it has ended."""
        self._process.send_signal(number)

    def look(self) -> None:
        """Find out whether the process has ended: some child process has."""
        status = self._process.poll()
        if status is None or self.ended.done():
            return
        self.is_up = False
        self._loop.remove_reader(self._control)
        self._close()
        for timer in (self._full, self._killing):
            if timer is not None:
                timer.cancel()
        if not self.ready.done():
            self.ready.set_result(False)
        self.ended.set_result(status)

    def _hear(self) -> None:
        try:
            said = self._control.recv(64)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            said = b""
        if not said:
            # It has died, or closed everything: the system tells which.
            self._loop.remove_reader(self._control)
            self.is_up = False
        if READY in said and not self.ready.done():
            self.is_up = not self._is_ending
            self.ready.set_result(True)
            self._on_room()
        if ENDING in said:
            self._close_direction()

    def _close(self) -> None:
        self._control.close()
        if self._bus is not None:
            self._bus.lost()

    def _close_direction(self) -> None:
        self.is_up = False
        self._is_ending = True
        # It may be closed already, or the process may be dead.
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def _has_room(self) -> None:
        self._full = None
        self._on_room()


def _started(plan: Plan, slot: int, turn: int, its_sockets: dict[str, socket.socket]) -> subprocess.Popen[bytes]:
    numbers = {name: one.fileno() for name, one in its_sockets.items()}
    told = {SLOT_VARIABLE: slot, TURN_VARIABLE: turn, **numbers}
    environment = {**os.environ, **{name: str(number) for name, number in told.items()}}
    with _blocked():
        # In a group of its own, so that Ctrl-C at a terminal reaches the parent alone, which tells each worker once.
        return subprocess.Popen(  # noqa: S603 - the command is our own
            plan.command, env=environment, pass_fds=list(numbers.values()), process_group=0
        )


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    """Block the signals that a worker handles: a process that is started here inherits that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
