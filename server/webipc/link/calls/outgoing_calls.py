"""`OutgoingCalls`: the calls that the server makes in one page, and their answers (PROTOCOL.md 4.2 and 4.8).

The page decides what may be called. Twin of what js-client/src/link/page-link.ts keeps for the calls of a page.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from webipc.core import clone
from webipc.core.calls import Calls
from webipc.core.envelope import ErrorReply, Result, decode_value
from webipc.core.errors import ResetError, UnreadableError
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.limits import Limits
from webipc.core.link import Side
from webipc.core.values import JSError


class OutgoingCalls:
    """The calls of one link that wait for the page."""

    __slots__ = ("_calls", "_limits", "_loop", "_post")

    def __init__(self, limits: Limits, loop: asyncio.AbstractEventLoop, post: Callable[[EncodedMessage], None]) -> None:
        """`post` numbers a message and keeps it."""
        self._limits = limits
        self._loop = loop
        self._post = post
        self._calls: Calls[asyncio.Future[Any]] = Calls(Side.MAIN, limits)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._calls)

    @property
    def next_id(self) -> int:
        """The id of the next call: ids are never used again, wherever the link goes on."""
        number: int = self._calls.snapshot()["next"]
        return number

    def go_on_from(self, next_id: int) -> None:
        """Give the next call this id."""
        self._calls = Calls.restore(Side.MAIN, self._limits, {"next": next_id, "records": []})

    async def invoke(self, channel: str, *args: Any) -> Any:
        """Call the page, and return what it answers.

        Raises the JSError that the page has thrown, ResetError when the link ends first, UnreadableError when the
        answer cannot be read, CloneError and LimitError when the arguments cannot be sent.
        """
        cloned = clone.encode(list(args), self._limits)
        answer: asyncio.Future[Any] = self._loop.create_future()
        call_id = self._calls.open(answer)
        try:
            self._post(encode_message(["invoke", call_id, channel], cloned))
            return await answer
        finally:
            self._calls.settle(call_id)

    def settle(self, envelope: Result | ErrorReply) -> None:
        """Take an answer; without a call that waits it is ignored. Raises ProtocolError for an invalid value.

        An answer that cannot be read is UnreadableError; of an `error`, only the text is left.
        """
        try:
            # First the value: if it is invalid, the call waits for the end of the link.
            value, unreadable = decode_value(envelope, self._limits), None
        except UnreadableError as error:
            value, unreadable = envelope.value, error
        answer = self._calls.settle(envelope.id)
        if answer is None or answer.done():
            return
        if isinstance(envelope, ErrorReply):
            answer.set_exception(_error(value))
        elif unreadable is not None:
            answer.set_exception(unreadable)
        else:
            answer.set_result(value)

    def end(self, reason: str) -> None:
        """End with the link: every call that waits raises ResetError with the reason of its end."""
        for _, answer in self._calls.fail_all():
            if not answer.done():
                answer.set_exception(ResetError(reason))


def _error(value: dict[str, Any]) -> JSError:
    """Return what the page has thrown, as it was if that could be sent."""
    cause = value.get("cause")
    return cause if isinstance(cause, JSError) else JSError("Error", value["message"])
