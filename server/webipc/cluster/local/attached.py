"""`Attached`: one process of a worker, as its parent has it: its socket, its hubs, and what waits for it.

What it says is checked, and what is wrong costs that one message. While too much waits for a process it is not read,
so that its questions cannot add to it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError
from webipc.cluster.local.board_calls import ASKED, SAID, Answered
from webipc.cluster.local.frames import FrameReader, FramingError, encode_frame
from webipc.cluster.local.hub_line import HubLine
from webipc.cluster.local.outgoing import Outgoing
from webipc.cluster.local.values import VERSION, array, member_value, text, whole

logger = logging.getLogger("webipc")

HUBS: Final = 1_000
"""Hubs of one process at most."""

_NOTICE: Final = 1_048_576
"""The others are told what waits for a process each time that it has changed by so much."""

_LAST_SECONDS: Final = 1.0
"""So long the end of a socket is waited for whose process has ended."""

_Wrong = (ValueError, TypeError, LookupError)
"""What wrong arguments raise."""


class Attached(asyncio.Protocol):
    """One process. Belongs to the event loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        slot: int,
        most_waiting: int,
        board: Callable[[str], Switchboard | None],
        left: Callable[["Attached"], None],
    ) -> None:
        """`board` is asked for that of a realm; `left` is called when the process has left.

        `slot` is what the log calls it, and `most_waiting` is how many bytes may wait for it.
        """
        self._loop = loop
        self._slot = slot
        self._board = board
        self._left = left
        self._reader = FrameReader()
        self._out = Outgoing(loop, self._drained, most_waiting)
        self._transport: asyncio.Transport | None = None
        self._is_over = False
        # Something was dropped, and everything is until half of what waits has left.
        self._is_behind = False
        # What the others were told that waits.
        self._told = 0
        self._hubs: dict[int, HubLine] = {}
        self.dropped = 0
        self.wrong = 0

    @property
    def waiting(self) -> int:
        """How many bytes wait for this process, about."""
        return self._out.held

    def lost(self) -> None:
        """Learn that the process has ended. What it has said before is read first, which takes a moment."""
        if self._is_behind or self._transport is None:
            self.close()
        elif not self._is_over:
            # A child of the process may have its end of the socket still.
            self._loop.call_later(_LAST_SECONDS, self.close)

    def close(self) -> None:
        """End this connection at once. Its hubs have left; what the process has said and was not read yet is lost."""
        transport = self._transport
        self.connection_lost(None)
        if transport is not None:
            transport.abort()

    # --- asyncio's protocol ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless this was closed already."""
        # That of uvloop is one, and no instance of it.
        transport = cast("asyncio.Transport", transport)
        if self._is_over:
            transport.abort()
            return
        self._transport = transport
        self._out.begin(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let all hubs of the process leave. Once."""
        if self._is_over:
            return
        self._is_over = True
        self._transport = None
        self._out.end()
        for line in self._hubs.values():
            line.board.leave(line.worker)
        self._hubs.clear()
        self._left(self)

    def pause_writing(self) -> None:
        """See asyncio."""
        self._out.pause()

    def resume_writing(self) -> None:
        """See asyncio."""
        self._out.resume()

    def data_received(self, data: bytes) -> None:
        """Take what the process says."""
        try:
            for head, payload in self._reader.feed(data):
                if not self._is_over:
                    self._take(head, payload)
        except FramingError as error:
            text = "The parent has ended the bus of worker %d, which sent something else: %s"
            logger.error(text, self._slot, error)  # noqa: TRY400 - the text says it all
            self.close()

    # --- what the process says ------------------------------------------------------------------------------------

    def _take(self, head: list[Any], payload: bytes) -> None:
        """Take one frame. What is wrong with it is counted, and affects nothing else."""
        try:
            self._act(head[0], whole(head[1]), head[2:], payload)
        except _Wrong as error:
            self._count_wrong(head, error)

    def _count_wrong(self, head: list[Any], error: Exception) -> None:
        self.wrong += 1
        # The first, and then each time that it has doubled.
        if self.wrong & (self.wrong - 1) == 0:
            text = "%d frames of worker %d were wrong; the last is %r: %s"
            logger.warning(text, self.wrong, self._slot, head[0][:20], error)

    def _act(self, kind: str, hub: int, args: Sequence[Any], payload: bytes) -> None:
        if kind == "enter":
            self._enter(hub, args)
            return
        line = self._hubs[hub]
        if kind == "ask":
            self._answer(line, whole(args[0]), text(args[1]), args[2:], payload)
        elif kind == "leave":
            self._leave(line)
        else:
            SAID[kind](line.board, line.worker, args, payload)

    def _enter(self, hub: int, args: Sequence[Any]) -> None:
        try:
            self._hubs[hub] = self._entered(hub, args)
        except (BusError, *_Wrong) as error:
            self._send(["refused", hub, str(error)])

    def _entered(self, hub: int, args: Sequence[Any]) -> HubLine:
        if args[0] != VERSION:
            raise BusError(f"expected version {VERSION} of the local bus, got another; restart the parent process")
        if hub in self._hubs or len(self._hubs) >= HUBS:
            raise BusError(f"expected a new hub, and at most {HUBS} of one process")
        realm, worker, formats = text(args[1]), text(args[2]), [whole(one) for one in array(args[3])]
        board = self._board(realm)
        if board is None:
            raise BusError("expected fewer realms; each path with an IpcMain is one")
        line = HubLine(self, hub, board, worker)
        number = board.stream.number
        member = board.enter(worker, formats, line)
        self._send(["entered", hub, member_value(member), number])
        return line

    def _leave(self, line: HubLine) -> None:
        del self._hubs[line.hub]
        line.board.leave(line.worker)
        self._send(["left", line.hub])

    def _answer(self, line: HubLine, call: int, name: str, args: Sequence[Any], payload: bytes) -> None:
        try:
            value, rows = self._asked(line, name, args, payload)
        except (BusError, *_Wrong) as error:
            self._send(["fault", line.hub, call, str(error)])
            return
        self._send(["answer", line.hub, call, value], rows)
        self._look()

    def _asked(self, line: HubLine, name: str, args: Sequence[Any], payload: bytes) -> Answered:
        if self._out.is_full_for(0):
            self._fall_behind()
        if self._is_behind:
            # Not done, because what is taken would be lost with its answer.
            raise BusError("too much waits for this worker: it does not read what the others say")
        return ASKED[name](line.board, line.worker, args, payload)

    # --- what goes to the process ---------------------------------------------------------------------------------

    def offer(self, head: Sequence[Any], payload: bytes = b"") -> bool:
        """Send a frame, unless too much waits: then False, as long as half of that has not left."""
        if self._is_over:
            return True
        if self._is_behind or self._out.is_full_for(len(payload)):
            self.dropped += 1
            self._fall_behind()
            return False
        self._send(head, payload)
        self._look()
        return True

    def _send(self, head: Sequence[Any], payload: bytes = b"") -> None:
        self._out.put(*encode_frame(head, payload))

    def _fall_behind(self) -> None:
        if not self._is_behind:
            self._is_behind = True
            text = "Worker %d does not read what the others say: %d bytes wait for it, and what comes now is dropped"
            logger.warning(text, self._slot, self._out.held)
            if self._transport is not None:
                self._transport.pause_reading()

    def _drained(self) -> None:
        if self._is_behind and self._out.held <= self._out.most // 2:
            self._is_behind = False
            if self._transport is not None:
                self._transport.resume_reading()
            for line in self._hubs.values():
                line.catch_up()
        self._look()

    def _look(self) -> None:
        """Tell the others how much waits for this process, where that has changed by much."""
        held = self._out.held
        now = 0 if held < _NOTICE else held
        if now == self._told or (now and abs(now - self._told) < _NOTICE):
            return
        self._told = now
        for line in self._hubs.values():
            line.board.tell_waiting(line.worker, now, is_slow=now > self._out.most // 2)
