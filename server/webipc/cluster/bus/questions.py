"""`Questions`: asks another worker something and waits for its answer, over messages of a bus.

A question fails with its worker, and with a gap, so that no one waits for an answer that cannot come.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from webipc.cluster.bus.bus import Bus, NoWorkerError
from webipc.cluster.bus.kinds import HeadModel, Kinds


class AnswerHead(HeadModel):
    """The head of an answer. What is in `fields` is checked by who asked."""

    call: int
    fields: dict[str, Any]


class Answer:
    """What a worker has answered."""

    __slots__ = ("fields", "rows")

    def __init__(self, fields: Mapping[str, Any], rows: Sequence[bytes]) -> None:
        self.fields = fields
        self.rows = rows


class Questions:
    """The questions of one worker that wait. All of it belongs to the event loop's thread."""

    KIND = "answer"

    def __init__(self, bus: Bus, kinds: Kinds) -> None:
        """`kinds` are those of the mailbox."""
        self._bus = bus
        self._calls = itertools.count(1)
        self._waiting: dict[int, tuple[str, asyncio.Future[Answer]]] = {}
        kinds.on(self.KIND, AnswerHead, self._answered)

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(
        self,
        worker: str,
        kind: str,
        head: Mapping[str, Any],
        rows: Sequence[bytes] = (),
        *,
        seconds: float | None = None,
    ) -> Answer:
        """Ask a worker, and return what it answers. The head gets `call`, which the answer has to name.

        `seconds`: how long to wait at most; None: as long as the worker lives. Raises NoWorkerError where it does not
        live, or something of what was said may be lost; TimeoutError. To cancel it forgets the question.
        """
        if self._bus.members.get(worker) is None:
            raise NoWorkerError(worker)
        call = next(self._calls)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[call] = (worker, future)
        try:
            self._bus.post(worker, kind, {**head, "call": call}, rows)
            async with asyncio.timeout(seconds):
                return await future
        finally:
            del self._waiting[call]

    def answer(self, worker: str, call: int, fields: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """Answer a question of another worker."""
        self._bus.post(worker, self.KIND, {"call": call, "fields": dict(fields)}, rows)

    def lost(self, worker: str) -> None:
        """Fail the questions to a worker that does not live any more."""
        for asked, future in list(self._waiting.values()):
            if asked == worker and not future.done():
                future.set_exception(NoWorkerError(worker))

    def gap(self) -> None:
        """Fail all questions: their answers may be lost."""
        for asked, future in list(self._waiting.values()):
            if not future.done():
                future.set_exception(NoWorkerError(asked))

    def _answered(self, origin: str, head: AnswerHead, rows: Sequence[bytes]) -> None:
        asked, future = self._waiting.get(head.call, ("", None))
        if future is not None and asked == origin and not future.done():
            future.set_result(Answer(head.fields, rows))
