"""`LocalConnection`: a worker's process on the local bus: one socket to the parent, for all hubs of the process.

Where the parent does not read, messages are dropped beyond a bound, and their targets are told. What is stated in the
directory is never dropped: it is small, and where even that grows beyond a bound the parent is taken for dead.
"""

import asyncio
import itertools
import logging
import os
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

from webipc.cluster.bus.bus import BusError
from webipc.cluster.local.frames import FRAME_BYTES, FrameReader, FramingError, encode_frame
from webipc.cluster.local.outgoing import OUT_BYTES, Outgoing
from webipc.cluster.local.values import VERSION, text, whole

logger = logging.getLogger("webipc")

WEBIPC_BUS: Final = "WEBIPC_BUS"
"""The environment's name for the number of the inherited descriptor."""

PAYLOAD_BYTES: Final = FRAME_BYTES - 2_097_152
"""One message or snapshot at most; what the parent adds to it fits into a frame."""

Answered = tuple[Any, bytes]


class Hearing(Protocol):
    """A hub of this process, as the connection knows it."""

    def heard(self, kind: str, args: Sequence[Any], payload: bytes) -> None:
        """Take what the parent says to this hub. Raises ValueError, TypeError or LookupError where it is wrong."""

    def cut_off(self) -> None:
        """Learn that the connection has ended."""


class LocalConnection(asyncio.Protocol):
    """The connection. Belongs to the thread of the event loop in which its first hub begins."""

    def __init__(self, sock: socket.socket, on_lost: Callable[[], None] | None = None) -> None:
        """`sock` is this process's end, which belongs to this object from now on; the parent's is closed here.

        `on_lost` is called when the parent has ended, or has closed its end: then this process has to end as well.
        """
        sock.setblocking(False)
        self.on_lost = on_lost
        self._sock: socket.socket | None = sock
        self._opening: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._out: Outgoing | None = None
        self._reader = FrameReader()
        self._hubs: dict[int, Hearing] = {}
        self._numbers = itertools.count(1)
        self._calls = itertools.count(1)
        self._asked: dict[int, tuple[asyncio.Future[Answered], Callable[[Answered], None] | None]] = {}
        # What was dropped, and the parent does not know yet: targets of a hub, and counts of messages to all.
        self._gaps: set[tuple[int, str]] = set()
        self._missed: Counter[int] = Counter()
        self._is_closed = False
        self.dropped = 0
        self.wrong = 0

    @property
    def is_connected(self) -> bool:
        """Whether the parent is there."""
        return self._transport is not None

    async def open(self) -> None:
        """Connect, once. Raises BusError where the parent is not there any more."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open(), name="webipc opens the local bus")
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        sock, self._sock = self._sock, None
        if sock is None:
            raise BusError("the connection to the parent process was closed")
        self._out = Outgoing(loop, self._drained)
        try:
            await loop.create_unix_connection(lambda: self, sock=sock)
        except OSError as error:
            sock.close()
            raise BusError(f"expected a socket to the parent process, got none: {error.strerror}") from None

    def close(self) -> None:
        """Close the connection: to the parent, all hubs of this process have left. `on_lost` is not called."""
        self._is_closed = True
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        if self._transport is not None:
            self._transport.abort()
            self._end()

    # --- hubs -----------------------------------------------------------------------------------------------------

    def add(self, hub: Hearing) -> int:
        """Take in a hub. Returns its number."""
        number = next(self._numbers)
        self._hubs[number] = hub
        return number

    def remove(self, hub: int) -> None:
        """Forget a hub."""
        self._hubs.pop(hub, None)

    async def enter(self, hub: int, realm: str, worker: str, formats: Sequence[int]) -> None:
        """Let a hub become a member; it hears `entered` or `refused`. Raises BusError."""
        await self.open()
        self._send(["enter", hub, VERSION, realm, worker, list(formats)])

    # --- what is said ---------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many bytes have not left this process, about."""
        return 0 if self._out is None else self._out.held

    def post(self, hub: int, worker: str, payload: bytes) -> None:
        """Say something to one worker. What is too large, or too much, is dropped, and the worker learns of a gap."""
        if self._has_room_for(payload):
            self._send(["post", hub, worker], payload)
        elif self._transport is not None:
            self.dropped += 1
            self._gaps.add((hub, worker))
            self._tell_dropped()

    def post_all(self, hub: int, payload: bytes) -> None:
        """Say something to all. As `post`; all learn that one was missed."""
        if self._has_room_for(payload):
            self._send(["post-all", hub], payload)
        elif self._transport is not None:
            self.dropped += 1
            self._missed[hub] += 1
            self._tell_dropped()

    def _has_room_for(self, payload: bytes) -> bool:
        """Whether something may be sent. While targets are to be told of a gap, it would come before that."""
        if self._out is None or self._transport is None or self._gaps or self._missed:
            return False
        return len(payload) <= PAYLOAD_BYTES and not self._out.is_full_for(len(payload))

    def _tell_dropped(self) -> None:
        if self._out is None or self._out.held > OUT_BYTES // 2:
            return
        gaps, self._gaps = self._gaps, set()
        missed, self._missed = self._missed, Counter()
        for hub, worker in gaps:
            self._send(["lost-post", hub, worker])
        for hub, count in missed.items():
            self._send(["lost-posts-to-all", hub, count])

    def state(self, hub: int, name: str, *args: Any) -> None:
        """State something in the directory."""
        self._send(["state", hub, name, *args])

    def say(self, hub: int, kind: str, *args: Any) -> None:
        """Say something to the parent itself."""
        self._send([kind, hub, *args])

    async def ask(
        self, hub: int, name: str, *args: Any, payload: bytes = b"", unwanted: Callable[[Answered], None] | None = None
    ) -> Answered:
        """Ask the parent, and return its answer: it comes, or the parent ends. Raises BusError.

        To cancel it forgets the answer, which `unwanted` takes then.
        """
        if self._out is None or self._transport is None or self._out.is_full_for(0):
            raise BusError("the parent process is not there, or does not read")
        if len(payload) > PAYLOAD_BYTES:
            raise BusError(f"expected at most {PAYLOAD_BYTES:,} bytes, got {len(payload):,}")
        call = next(self._calls)
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._asked[call] = future, unwanted
        self._send(["ask", hub, call, name, *args], payload)
        return await future

    def _send(self, head: Sequence[Any], payload: bytes = b"") -> None:
        if self._out is None or self._transport is None:
            return
        self._out.put(*encode_frame(head, payload))
        if self._out.held > 2 * OUT_BYTES:
            logger.error("The parent process reads nothing, and %d bytes wait for it: it is given up", self._out.held)
            self._transport.abort()

    # --- what is heard --------------------------------------------------------------------------------------------

    def _hear(self, head: list[Any], payload: bytes) -> None:
        try:
            kind, hub = head[0], whole(head[1])
            if kind in ("answer", "fault"):
                self._answered(kind, whole(head[2]), head[3], payload)
            elif hub in self._hubs:
                self._hubs[hub].heard(kind, head[2:], payload)
        except (ValueError, TypeError, LookupError) as error:
            self.wrong += 1
            if self.wrong & (self.wrong - 1) == 0:
                logger.warning("%d frames of the parent were wrong; the last is %r: %s", self.wrong, head[0], error)

    def _answered(self, kind: str, call: int, value: Any, payload: bytes) -> None:
        future, unwanted = self._asked.pop(call)
        if kind == "fault":
            if not future.done():
                future.set_exception(BusError(text(value)))
        elif not future.done():
            future.set_result((value, payload))
        elif unwanted is not None:
            unwanted((value, payload))

    # --- asyncio's protocol ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to write, unless this was closed meanwhile."""
        # That of uvloop is one, and no instance of it.
        transport = cast("asyncio.Transport", transport)
        assert self._out is not None
        if self._is_closed:
            transport.abort()
            return
        self._transport = transport
        self._out.begin(transport)

    def data_received(self, data: bytes) -> None:
        """Take what the parent says."""
        try:
            for head, payload in self._reader.feed(data):
                self._hear(head, payload)
        except FramingError as error:
            logger.error("The parent process speaks something else, and is given up: %s", error)  # noqa: TRY400 - the text says it all
            if self._transport is not None:
                self._transport.abort()

    def pause_writing(self) -> None:
        """See asyncio."""
        if self._out is not None:
            self._out.pause()

    def resume_writing(self) -> None:
        """See asyncio."""
        if self._out is not None:
            self._out.resume()

    def _drained(self) -> None:
        if self._gaps or self._missed:
            self._tell_dropped()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what was asked, and tell the process."""
        if self._transport is None:
            return
        self._end()
        if self.on_lost is not None and not self._is_closed:
            self.on_lost()

    def _end(self) -> None:
        self._transport = None
        if self._out is not None:
            self._out.end()
        for future, _ in self._asked.values():
            if not future.done():
                future.set_exception(BusError("the parent process has ended"))
        self._asked.clear()
        for hub in list(self._hubs.values()):
            hub.cut_off()


class _OfThisProcess:
    """The one that this process has inherited."""

    connection: LocalConnection | None = None


def inherited() -> LocalConnection | None:
    """Return the connection that this process has inherited from its parent, the same each time; None without one.

    The first call takes the descriptor's number from the environment, so that programs which this one starts do not
    look for it. Raises BusError where it is no socket.
    """
    number = os.environ.pop(WEBIPC_BUS, None)
    if number is not None:
        try:
            descriptor = int(number)
            os.set_inheritable(descriptor, False)
            sock = socket.socket(fileno=descriptor)
        except (OSError, ValueError, OverflowError):
            raise BusError(
                f"expected the number of an inherited socket in {WEBIPC_BUS}, which the command webipc sets; "
                f"got {number!r}"
            ) from None
        _OfThisProcess.connection = LocalConnection(sock)
    return _OfThisProcess.connection
