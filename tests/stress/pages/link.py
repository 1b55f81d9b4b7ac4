"""One link of a page: the server's core in the role of a page, and the number of each call, for an honest end."""

import asyncio
from collections.abc import Sequence
from typing import Any

from webipc.core import clone
from webipc.core.errors import ResetError
from webipc.core.frame import encode_message
from webipc.testing.page_link import PageLink


class Answer(asyncio.Future[Any]):
    """What a call will be answered with, or a ResetError."""

    seq = 0
    """The number of the call's message in its link."""


class StressedLink(PageLink):
    """Tells each call at the end of the link whether it can have run (PROTOCOL.md 6.5)."""

    _drained: int | None = None
    """The last number that a server has taken before it ended in order; None: no server has said so."""

    def call(self, kind: str, channel: str, args: Sequence[Any], answer: Answer) -> int:
        """Open a call, of kind `invoke` or `sync`, and post it. Return its id."""
        cloned = clone.encode(list(args))
        call_id = self.calls.open((channel, answer))
        answer.seq = self.post(encode_message([kind, call_id, channel], cloned))
        return call_id

    def drained(self) -> None:
        """The server has closed the socket with 1012 and `drained`: what it has not acknowledged, it never took."""
        self._drained = self.link.first - 1

    def carried_by_body(self) -> None:
        """A body has carried what is kept, perhaps to another server."""
        self._drained = None

    def may_have_run(self, seq: int) -> bool:
        """Tell whether a message can have arrived."""
        return self.link.was_handed(seq) and (self._drained is None or seq <= self._drained)

    def end(self, reason: str) -> None:
        """End the link. Its calls fail with `not-sent` or `unknown-outcome`."""
        for _, (_, answer) in self.calls.fail_all():
            assert isinstance(answer, Answer)
            if not answer.done():
                code = "unknown-outcome" if self.may_have_run(answer.seq) else "not-sent"
                answer.set_exception(ResetError(reason, code))
        super().end(reason)
