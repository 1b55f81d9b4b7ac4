"""`Kinds`: who takes which kind of message, and what its head has to be.

Other workers may be of another version. So a key that is not known is ignored, and a kind that is not known, or a head
that is wrong, is dropped and counted, with a line in the log now and then.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from webipc.cluster.bus.bus import Said

logger = logging.getLogger("webipc")


class HeadModel(BaseModel):
    """What all heads have in common: they are strict, and take keys of later versions."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


AnyHead = TypeVar("AnyHead", bound=HeadModel)

Handler = Callable[[str, AnyHead, Sequence[bytes]], None]
"""Takes the origin, the head and the rows behind it, in the event loop."""


class Kinds:
    """The kinds that one worker takes, of one way in: its mailbox, or the stream for all."""

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[type[HeadModel], Handler[Any]]] = {}
        # How many messages were dropped, by what was wrong with them.
        self.dropped: Counter[str] = Counter()

    def on(self, kind: str, model: type[AnyHead], handler: Handler[AnyHead]) -> None:
        """Let a handler take a kind. Raises ValueError where another one takes it."""
        if kind in self._handlers:
            raise ValueError(f"expected one handler for the kind {kind!r}, got a second one")
        self._handlers[kind] = (model, handler)

    def take(self, said: Said) -> None:
        """Give a message to its handler. Never raises: what is wrong is dropped and counted."""
        found = self._handlers.get(said.kind)
        if found is None:
            self._drop("unknown-kind", said, "its kind is not known here")
            return
        model, handler = found
        try:
            head = model.model_validate(said.head)
        except ValidationError as error:
            where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
            self._drop("wrong-head", said, f"its field {where[:60]!a} is wrong")
            return
        try:
            handler(said.origin, head, said.rows)
        except Exception:
            # With its traceback: the fault may be here, or in rows that the handler has not expected.
            if self._is_worth_a_line("failed"):
                text = "%d messages of other workers failed, the last of the kind %s; no other one is affected"
                logger.exception(text, self.dropped["failed"], ascii(said.kind[:40]))

    def _drop(self, reason: str, said: Said, why: str) -> None:
        if self._is_worth_a_line(reason):
            text = "%d messages of other workers were dropped; the last came from worker %s: %s"
            logger.warning(text, self.dropped[reason], ascii(said.origin[:16]), why)

    def _is_worth_a_line(self, reason: str) -> bool:
        """Count a message. True for the first, and then each time that they have doubled: another may send many."""
        self.dropped[reason] += 1
        count = self.dropped[reason]
        return count & (count - 1) == 0
