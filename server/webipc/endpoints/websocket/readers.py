"""The sockets of a server with `FrameSocket`s: an idle one has no task. One task reads whichever socket has its turn.

The reader runs the calls that a frame starts. If a call suspends, it keeps the task, and a new task becomes the reader;
so there are as many tasks as there are calls that wait, and one.
Reasons and costs: docs/adr/0020-idle-sockets-have-no-task.md
"""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, Final

from webipc.access.caller import Caller
from webipc.access.visitor import Visitor
from webipc.concurrency.clock import Timer
from webipc.concurrency.started_coroutine import StartedCoroutine, start
from webipc.concurrency.wakeup import Wakeup
from webipc.core.errors import CloseCode, fit_reason
from webipc.core.limits import Limits
from webipc.endpoints.hello import too_large
from webipc.endpoints.unpack import must_wait
from webipc.endpoints.websocket.session import WebSocketSession
from webipc.endpoints.websocket.transport import DirectTransport
from webipc.hub.hub import Hub
from webipc.hub.sharing import Relay
from webipc.servers.frame_socket import FrameSocket, Terms
from webipc.servers.ready import Ready

LARGEST_BLOCK: Final = 4_194_304


class Readers:
    """Reads the sockets of one hub."""

    __slots__ = ("_due", "_is_stopped", "_reader", "_silent", "hub", "idle", "limits", "next", "ready", "terms")

    def __init__(self, hub: Hub, limits: Limits) -> None:
        """Call it in the event loop of the hub."""
        self.hub = hub
        self.limits = limits
        self.ready = Ready(hub.loop)
        self.terms = Terms(
            ready=self.ready,
            clock=hub.clock,
            close_seconds=limits.close_ms / 1000,
            first_bytes=limits.hello_bytes,
            first_code=CloseCode.TOO_LARGE,
            first_reason=fit_reason(too_large(limits)),
        )
        # The number of the current reader: each has another. 0 while there is none.
        self._reader = 0
        # What resumes the reader; None while it has not begun.
        self.idle: Wakeup | None = None
        # What the reader is resumed for, or begins with.
        self.next: DirectSession | None = None
        self._is_stopped = False
        # Sockets without a first frame, and until when they may be: the oldest first. One timer serves all.
        self._silent: OrderedDict[DirectSession, float] = OrderedDict()
        self._due: Timer | None = None
        hub.at_stop.append(self._stop)
        # glibc gives free memory back to the system, when there is twice as much as the largest block that it has seen
        # freed. A message of 1 MiB takes and frees more than that, and every page of it would be mapped again for the
        # next one. This block costs nothing, because nothing is written to it.
        bytes(LARGEST_BLOCK)

    def admit(self, frame_socket: FrameSocket, visitor: Visitor, caller: Caller) -> "DirectSession":
        """Serve a socket that was just accepted, in the context of the caller."""
        session = DirectSession(self, frame_socket, visitor, caller)
        self._silent[session] = self.hub.clock.now + self.limits.hello_ms / 1000
        self._watch()
        return session

    def read_without_reader(self, session: "DirectSession") -> None:
        """Let a new reader read a socket, in the next turn of the event loop. Only while there is no reader."""
        if self._is_stopped:
            session.leave()
        else:
            self.begin(session)

    def begin(self, session: "DirectSession | None" = None) -> None:
        """Begin a new reader. A task that has read so far has been kept by what it waits for."""
        task = self.hub.loop.create_task(self.successor(session, continues=False))
        self.hub.tasks.add(task)
        task.add_done_callback(self.hub.tasks.discard)

    def successor(self, session: "DirectSession | None", *, continues: bool) -> Coroutine[Any, Any, None]:
        """Return what a new reader runs: first this socket, with the calls that are left where it `continues`.

        From now on, the current task is not the reader any more.
        """
        if self._reader:
            self.hub.flusher.release()
        self._reader += 1
        self.idle = None
        self.next = session
        self.ready.has_reader = False
        return self._read_on(self._reader, continues=continues)

    def heard(self, session: "DirectSession") -> None:
        """Note that the first frame of a socket has come, or that it has ended."""
        self._silent.pop(session, None)

    async def _read_on(self, number: int, *, continues: bool) -> None:
        """Be a reader: read one socket after the other, until a call keeps this task."""
        flusher = self.hub.flusher
        flusher.hold()
        try:
            session, self.next = self.next, None
            me = asyncio.current_task()
            wakeup = Wakeup(self.hub.loop)
            if continues and session is not None and not await session.run_calls(me):
                return
            while session is None or await session.read(me):
                # An idle reader must not keep the last socket alive.
                session = None
                flusher.release()
                if self.idle is None:
                    self.idle = wakeup
                    self.ready.has_reader = True
                try:
                    await wakeup
                finally:
                    flusher.hold()
                session, self.next = self.next, None
        finally:
            if self._reader == number:
                # It was cancelled, or the application has raised what ends the process.
                self._stopped_reading()

    def _stopped_reading(self) -> None:
        self._reader = 0
        self.idle = None
        self.ready.has_reader = True
        self.hub.flusher.release()

    # --- time, and the end ----------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Set the timer for the oldest socket without a first frame."""
        if self._due is None and self._silent:
            clock = self.hub.clock
            self._due = clock.call_later(next(iter(self._silent.values())) - clock.now, self._refuse_silence)

    def _refuse_silence(self) -> None:
        self._due = None
        now = self.hub.clock.now
        while self._silent:
            session, until = next(iter(self._silent.items()))
            if until > now:
                break
            del self._silent[session]
            session.refuse_silence()
        self._watch()

    def _stop(self) -> None:
        """Close the sockets without a link: the hub ends, and closes all others."""
        self._is_stopped = True
        while self._silent:
            session, _ = self._silent.popitem()
            session.refuse_stopping()


class DirectSession(WebSocketSession):
    """One admitted socket, which the reader reads when it has its turn."""

    __slots__ = ("_context", "_ended", "_frame_socket", "_readers")

    def __init__(self, readers: Readers, frame_socket: FrameSocket, visitor: Visitor, caller: Caller) -> None:
        """Frames are handled in copies of the current context: what middleware has set is visible in handlers."""
        transport = DirectTransport(frame_socket, visitor.peer)
        super().__init__(readers.hub, readers.limits, visitor, caller, transport)
        self._readers = readers
        self._frame_socket = frame_socket
        self._context = copy_context()
        # Done when reading has ended; None where the ASGI call does not wait for that.
        self._ended: asyncio.Future[None] | None = None
        frame_socket.reader = self

    async def serve(self) -> None:
        """Wait until the socket has ended. When the server cancels this, the session is cancelled with it."""
        ended = self._ended = self._hub.loop.create_future()
        try:
            await ended
        finally:
            if not ended.done():
                self._context.run(self._finish, CloseCode.ABNORMAL)

    def frames_came(self) -> None:
        """See `FrameReader`. Where there is a reader, it has read before this returns."""
        readers = self._readers
        if readers.idle is not None:
            readers.next = self
            readers.idle.report()
        else:
            readers.read_without_reader(self)

    async def read(self, task: asyncio.Task[Any] | None) -> bool:
        """Receive frames and run the calls that they start, until the turn is over or nothing is left.

        `task` is the current task. Returns False when it was kept by what a frame has started.
        """
        frame_socket, connection = self._frame_socket, self._connection
        if connection is not None:
            jobs, ready, frames, run = connection.jobs, self._readers.ready, frame_socket.frames, self._context.run
            while frames:
                data = frames.pop(0)
                if not must_wait(connection, data):
                    run(self.receive, connection, data)
                elif not await self._in_this_task(self.receive_later(connection, data)):
                    return False
                if not jobs.is_idle and not await jobs.run(self._continue, task):
                    return False
                if frames and ready.is_over:
                    break
        elif not await self._read_first():
            return False
        self._give_back()
        return True

    async def run_calls(self, task: asyncio.Task[Any] | None) -> bool:
        """Run the calls that are left of an earlier frame. Returns False when one has kept this task."""
        assert self._connection is not None, "a socket with calls has a link"
        return await self._connection.jobs.run(self._continue, task)

    async def _read_first(self) -> bool:
        """Greet the client. Returns False where that has kept this task, because the document had to wait."""
        if self._relay is not None:
            return await self._pass_on(self._relay)
        self._readers.heard(self)
        frames = self._frame_socket.frames
        return not frames or await self._in_this_task(self.greet(frames.pop(0)))

    async def _pass_on(self, relay: Relay) -> bool:
        """Pass frames on to the process that has the tab. Returns False where that has kept this task."""
        frames, ready = self._frame_socket.frames, self._readers.ready
        while frames:
            relay.up(frames.pop(0))
            if relay.is_full and not await self._in_this_task(relay.has_room()):
                return False
            if frames and ready.is_over:
                break
        return True

    async def _in_this_task(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do something with a frame. If it suspends, it keeps this task, and another one reads: returns False."""
        rest = start(work, self._context.run)
        if not isinstance(rest, StartedCoroutine):
            return True
        self._readers.begin()
        try:
            await rest
        except asyncio.CancelledError:
            self.refuse_stopping()
            raise
        if self._connection is not None:
            self._connection.jobs.start()
        self._give_back()
        return False

    def _continue(self) -> Coroutine[Any, Any, None]:
        """Return what the next reader runs: a call has suspended, and keeps this task."""
        return self._readers.successor(self, continues=True)

    # --- the end --------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Read this socket no more."""
        self._frame_socket.reader = None
        self._frame_socket.done()

    def _give_back(self) -> None:
        """End the turn of the socket, and the session where the socket has ended."""
        frame_socket = self._frame_socket
        code = frame_socket.end_code
        if code is not None and frame_socket.reader is not None and not frame_socket.frames:
            self._context.run(self._finish, code)
        frame_socket.done()

    def _finish(self, code: int) -> None:
        self._frame_socket.reader = None
        self._readers.heard(self)
        self.end(code)
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
