"""`MemoryBus`: a bus between applications in one process, on a `Switchboard`. For tests with two workers.

As over a network, nothing arrives at once: what a worker says, what it hears and what it is answered are steps, each in
order with others of its lane. The event loop takes them in turn; a test may choose them instead.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError, Member, Position, Receiver, SaidToAll
from webipc.cluster.bus.directory import Directory
from webipc.cluster.bus.known_members import KnownMembers
from webipc.cluster.bus.memory_directory import MemoryDirectory
from webipc.cluster.bus.memory_line import LoopSteps, MemoryLine, Steps
from webipc.cluster.bus.wire import decode_said, encode_said

Result = TypeVar("Result")


class MemoryBus:
    """One worker's way to the others."""

    # Where a test says so.
    outlives_workers = False

    def __init__(
        self, switchboard: Switchboard, worker: str, formats: Sequence[int] = (), *, steps: Steps | None = None
    ) -> None:
        """`formats` are those of the snapshots that the worker reads. `steps`: None for the event loop's."""
        self._board = switchboard
        self._worker = worker
        self._formats = tuple(formats)
        self._steps = steps or LoopSteps()
        self._members = KnownMembers()
        self._directory: Directory = MemoryDirectory(switchboard.places, worker, self._state, self._ask)
        self._member: Member | None = None
        self._line = MemoryLine(worker, self._steps, self._members)
        self._own = 0
        self._unsent: Counter[str] = Counter()
        self._asked: set[asyncio.Future[Any]] = set()

    # --- what a bus is --------------------------------------------------------------------------------------------

    @property
    def worker(self) -> str:
        """See `Bus`."""
        return self._worker

    @property
    def ordinal(self) -> int:
        """See `Bus`."""
        assert self._member is not None, "the ordinal is known behind begin()"
        return self._member.ordinal

    @property
    def members(self) -> KnownMembers:
        """See `Bus`."""
        return self._members

    @property
    def directory(self) -> Directory:
        """See `Bus`."""
        return self._directory

    @property
    def is_connected(self) -> bool:
        """See `Bus`."""
        return self._line.is_heard

    @property
    def has_given_up(self) -> bool:
        """See `Bus`."""
        return not self._line.is_heard

    @property
    def position(self) -> Position:
        """See `Bus`."""
        return Position(self._line.number, self._own)

    @property
    def number(self) -> int:
        """See `Bus`."""
        return self._line.number

    async def begin(self, receiver: Receiver) -> None:
        """See `Bus`."""
        self._line.begin(receiver, self._board.stream.number)
        self._own = 0
        self._member = self._board.enter(self._worker, self._formats, self._line)
        self._members.replace(self._board.members)

    async def end(self) -> None:
        """See `Bus`."""
        if self._line.is_heard:
            await self._ask(lambda: self._board.leave(self._worker))
            self.kill()

    def kill(self) -> None:
        """Leave at once, as a worker that dies does, and hear nothing any more. What has not left it is lost."""
        self._line.end()
        self._members.replace(())
        self._board.leave(self._worker)
        for future in self._asked:
            if not future.done():
                future.set_exception(BusError("this worker has left the bus"))

    def lose(self) -> None:
        """Lose everything that was said to this worker and that it has not heard, and let it learn of that."""
        self._line.lose()

    def post(self, worker: str, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """See `Bus`."""
        said = encode_said(kind, head, rows)
        size = sum(map(len, said))
        self._unsent[worker] += size

        def arrive() -> None:
            self._unsent[worker] -= size
            self._board.post(self._worker, worker, said)

        self._state(arrive)

    def post_all(self, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """See `Bus`."""
        said = encode_said(kind, head, rows)
        self._own += 1
        self._state(lambda: self._board.post_all(self._worker, said))

    def waiting(self, worker: str) -> int:
        """See `Bus`."""
        return self._unsent[worker] + self._line.waiting.get(worker, 0)

    async def since(self, position: Position) -> list[SaidToAll] | None:
        """See `Bus`."""
        kept = await self._ask(lambda: self._board.since(position.number))
        if kept is None:
            return None
        return [SaidToAll(one.number, one.own, decode_said(one.origin, one.rows)) for one in kept]

    def drain(self) -> None:
        """See `Bus`."""
        self._state(lambda: self._board.change(self._worker, is_draining=True))

    def tell_pages(self, count: int) -> None:
        """See `Bus`."""
        self._state(lambda: self._board.change(self._worker, pages=count))

    def stats(self) -> dict[str, Any]:
        """See `Bus`."""
        return {}

    # --- what it says to the switchboard --------------------------------------------------------------------------

    def _state(self, act: Callable[[], object]) -> None:
        """Say something to the switchboard, in order."""

        def arrive() -> None:
            # What had not left when the worker died never does.
            if self._line.is_heard:
                act()

        if self._line.is_heard:
            self._steps.soon(f"{self._worker} says", arrive)

    async def _ask(self, act: Callable[[], Result]) -> Result:
        """Ask the switchboard, in order, and return what it answers. Raises what it raises."""
        if not self._line.is_heard:
            raise BusError("this worker is not on the bus")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._asked.add(future)

        def arrive() -> None:
            try:
                result = act()
            except BusError as error:
                failure = error
                self._steps.soon(f"{self._worker} is answered", lambda: _fail(future, failure))
            else:
                self._steps.soon(f"{self._worker} is answered", lambda: _answer(future, result))

        self._state(arrive)
        try:
            return await future
        finally:
            self._asked.discard(future)


def _answer(future: "asyncio.Future[Result]", result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
