"""The calls of `sendSync` of one link: run once, answered outside the numbering, kept until the page has the answer
(PROTOCOL.md 4.6).

The request that carries an answer is in endpoints/sync.py, the listeners that give one in dispatch/router.py.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from webipc.budget.account import Purse
from webipc.concurrency.clock import Timer
from webipc.concurrency.loops import run_soon_in
from webipc.core.errors import BufferFullError, DestroyedError, LocalError, ProtocolError, ResetError
from webipc.core.frame import EncodedMessage
from webipc.core.link.held import held_by
from webipc.link.surroundings import Surroundings

logger = logging.getLogger("webipc")

# What Electron's sendSync returns (and does not throw) when no listener has answered and none holds the event any more.
NEVER_SENT = {"error": "reply was never sent"}

_TURNS: Final = 2
"""In the first one the listeners of a message run, in the second one their answer comes."""

Result = Callable[[int, Any], EncodedMessage]
Refusal = Callable[[int, Exception], EncodedMessage]


class SyncTimeoutError(LocalError):
    """No listener has answered in time. It is the error of the page's call."""

    code = "sync-timeout"

    def __init__(self, channel: str, milliseconds: int) -> None:
        super().__init__(
            f"no listener for '{channel}' has set event.return_value within {milliseconds} ms (the limit `sync_ms`)"
        )
        self.channel = channel
        self.milliseconds = milliseconds

    def __reduce__(self) -> tuple[type["SyncTimeoutError"], tuple[str, int]]:
        return type(self), (self.channel, self.milliseconds)


class AnswerTooLargeError(LocalError):
    """There is no memory to keep the answer in. It is the error of the page's call, whose listener has run."""

    code = "buffer-full"

    def __init__(self, channel: str, size: int) -> None:
        """`size` of the answer in bytes."""
        super().__init__(
            f"the answer of sendSync('{channel}') takes {size} bytes, which the server has no memory for at the moment "
            "(`memory`); its listener has run. Return less, or send the rest with invoke"
        )
        self.channel = channel
        self.size = size

    def __reduce__(self) -> tuple[type["AnswerTooLargeError"], tuple[str, int]]:
        return type(self), (self.channel, self.size)


class SyncCall:
    """One call that a page is blocked in. `answer` and `forsake` may be called from any thread, any number of times."""

    __slots__ = (
        "_around",
        "_asking",
        "_charged",
        "_else",
        "_encode",
        "_end_reason",
        "_holders",
        "_is_given",
        "_kept",
        "_refuse",
        "_timer",
        "_turned_away",
        "_was_asked",
        "answered",
        "call_id",
        "channel",
        "ended",
        "purse",
    )

    def __init__(self, call_id: int, channel: str, around: Surroundings[Any], encode: Result, refuse: Refusal) -> None:
        """`around` is the connection's. `encode` and `refuse` encode a value and an error as the answer."""
        self.call_id = call_id
        self.channel = channel
        self._around = around
        self._encode = encode
        self._refuse = refuse
        # An answer was given; it may still be on its way to the event loop.
        self._is_given = False
        # How many listeners hold back an answer until their dependencies are closed, and the answer that is held back.
        self._holders = 0
        self._kept: EncodedMessage | None = None
        # What the page gets when there is no answer, in the place of "reply was never sent".
        self._else: EncodedMessage | None = None
        # The message to answer with, once there is one.
        self.answered: asyncio.Future[EncodedMessage] = around.loop.create_future()
        self.ended: Callable[[], object] | None = None
        # Why the link was over before there was an answer.
        self._end_reason = "ended"
        # Is charged with the answer while that is kept; None while nothing keeps it.
        self.purse: Purse | None = None
        self._charged = 0
        self._timer: Timer | None = None
        # How many requests wait for it whose page is connected, and whether there was one at all.
        self._asking = 0
        self._was_asked = False
        # Done when the requests that wait at this moment will not be answered by this process.
        self._turned_away: asyncio.Future[None] = around.loop.create_future()

    @property
    def blocks(self) -> bool:
        """Whether a page is blocked in it, as far as the server can tell: until its last request has ended."""
        return not self.answered.done() and (self._asking > 0 or not self._was_asked)

    @property
    def is_open(self) -> bool:
        """Whether there is no answer yet, and none on its way to the event loop."""
        return not self._is_given and not self.answered.done()

    def asked(self) -> None:
        """Note that a request waits for the answer."""
        self._asking += 1
        self._was_asked = True

    def left(self) -> None:
        """Note that a request has ended, or its page has gone. The page may retry (PROTOCOL.md 4.6)."""
        self._asking -= 1

    def expire_after(self, milliseconds: int, message: EncodedMessage) -> None:
        """Set a timeout: answer with this message unless there is an answer by then."""
        self._timer = self._around.clock.call_later(milliseconds / 1000, self.settle, message)

    def answer(self, value: Any) -> None:
        """Answer with a value. Only the first answer counts. Raises CloneError and LimitError: then none was given.

        In another thread than the event loop's it may have to wait, and raise BufferFullError, as `send` does.
        """
        if not self.is_open:
            return
        message = self._encode(self.call_id, value)
        self._is_given = True
        if self._around.is_loop_thread:
            if self._holders:
                self._kept = message
            else:
                self._around.loop.call_soon(self.settle, message)
            return
        try:
            self._around.hand_over(held_by(message), self._arrived, message)
        except BufferFullError:
            self._is_given = False
            raise
        except DestroyedError:
            # No page waits any more.
            return

    def hold(self) -> None:
        """Hold back what is answered from now on, until as many calls of `let_go`."""
        self._holders += 1

    def let_go(self, *, is_closed: bool) -> None:
        """Give the answer that was held back. Drop it instead where closing the dependencies has failed."""
        self._holders -= 1
        message = self._kept
        if message is None or (self._holders and is_closed):
            return
        self._kept = None
        if is_closed:
            self.settle(message)
        else:
            self._is_given = False

    def _arrived(self, message: EncodedMessage) -> None:
        """Take an answer of another thread, in the loop."""
        if self._holders:
            self._kept = message
        else:
            self.settle(message)

    def answer_otherwise(self, message: EncodedMessage) -> None:
        """Set what the page gets if there is no answer: why a listener has refused. The first one counts."""
        if self._else is None:
            self._else = message

    def forsake(self) -> None:
        """Answer "reply was never sent", or why a listener has refused: nothing holds the event any more."""
        if self.is_open:
            self._is_given = True
            # Not at once, even in the loop's own thread: a garbage collector calls this wherever it happens to run. So
            # it never waits either.
            run_soon_in(self._around.loop, self.settle, self._else or self._encode(self.call_id, NEVER_SENT))

    def abandon(self) -> None:
        """Answer "reply was never sent", or why a listener has refused, whatever still holds the event. In the loop."""
        if not self.answered.done():
            self._is_given = True
            self.settle(self._else or self._encode(self.call_id, NEVER_SENT))

    def settle(self, message: EncodedMessage) -> None:
        """Answer with a message, in the loop; the first one counts."""
        if self.answered.done():
            return
        kept = self._charged_or_refused(message)
        if self.answered.done():
            # To make room, a link was ended that embeds this one, and so this one as well.
            return
        self.answered.set_result(kept)
        if self._timer is not None:
            self._timer.cancel()
        if self.ended is not None:
            self.ended()

    def _charged_or_refused(self, message: EncodedMessage) -> EncodedMessage:
        """Charge a message, which is kept until the page has it; return an error to keep instead if it has no room.

        Links that hold more than this one are ended for it. This one is not: only its call fails.
        """
        purse = self.purse
        if purse is None:
            return message
        size = held_by(message)
        if not purse.take(size):
            has_room = purse.settle_others()
            if self.purse is None:
                purse.give(size)
                return message
            if has_room:
                self._charged = size
                return message
            purse.give(size)
            message = self._refuse(self.call_id, AnswerTooLargeError(self.channel, size))
            size = held_by(message)
            purse.take(size)
        self._charged = size
        return message

    def release(self) -> None:
        """Give back what its answer is charged: it is not kept any longer."""
        if self.purse is not None:
            self.purse.give(self._charged)
            self.purse = None

    async def wait(self, waits: Callable[[], object]) -> EncodedMessage | None:
        """Return the answer once there is one; None when the page has to retry.

        `waits` is called where there is none after the turns of the event loop that a listener takes which answers at
        once. Raises ResetError when the link is over. A request that is cancelled leaves the call to the retry.
        """
        turned_away = self._turned_away
        for _ in range(_TURNS):
            if not self.answered.done():
                await asyncio.sleep(0)
        if not self.answered.done():
            waits()
            ends: list[asyncio.Future[Any]] = [self.answered, turned_away]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not self.answered.cancelled():
            return self.answered.result() if self.answered.done() else None
        if turned_away.done():
            return None
        raise ResetError(self._end_reason)

    def turn_away(self) -> None:
        """Let the requests that wait be retried; the call continues."""
        turned_away, self._turned_away = self._turned_away, self._around.loop.create_future()
        turned_away.set_result(None)

    def drop(self, reason: str) -> None:
        """End with the link: requests that wait raise ResetError with the reason of its end."""
        self._end_reason = reason
        if self._timer is not None:
            self._timer.cancel()
        self.answered.cancel()


class SyncCalls:
    """The calls of one link that are running, or whose answer the page may ask for again."""

    __slots__ = ("_calls", "_purse")

    def __init__(self, purse: Purse) -> None:
        """`purse` is charged with the answers that are kept."""
        self._purse = purse
        self._calls: dict[int, SyncCall] = {}

    @property
    def block(self) -> bool:
        """Whether the page is blocked in one, as far as the server can tell: then silence means nothing."""
        return any(call.blocks for call in self._calls.values())

    @property
    def has_open(self) -> bool:
        """Whether one has no answer yet."""
        return not all(call.answered.done() for call in self._calls.values())

    @property
    def kept(self) -> list[tuple[int, str, EncodedMessage]]:
        """The answers that the page may ask for again: the ids of their calls, the channels, and the messages."""
        answered = [call for call in self._calls.values() if call.answered.done()]
        return [(call.call_id, call.channel, call.answered.result()) for call in answered]

    def begin(self, call: SyncCall) -> None:
        """Add a call. A page is blocked in one at a time: it has the answers of those before."""
        for call_id in [known for known, other in self._calls.items() if other.answered.done()]:
            self._calls.pop(call_id).release()
        self._calls[call.call_id] = call
        call.purse = self._purse

    def has(self, call_id: int) -> bool:
        """Return whether a call is one of these."""
        return call_id in self._calls

    def get(self, call_id: int) -> SyncCall:
        """Return a call that a request waits for. Raises ProtocolError when there is none with this id."""
        call = self._calls.get(call_id)
        if call is None:
            raise ProtocolError(f"expected the id of a sync that came, and is not done; {call_id} came")
        return call

    def done(self, call_id: int) -> None:
        """Forget a call: the page has the answer."""
        call = self._calls.get(call_id)
        if call is not None and call.answered.done():
            self._calls.pop(call_id).release()

    def turn_away(self) -> None:
        """Let every request that waits be retried, because the server stops: the next process answers it."""
        for call in self._calls.values():
            call.turn_away()

    def abandon(self) -> None:
        """Answer every call that has no answer: see `SyncCall.abandon`."""
        for call in list(self._calls.values()):
            call.abandon()

    def end(self, reason: str) -> None:
        """End with the link, for the reason for which that ends."""
        for call in self._calls.values():
            call.release()
            call.drop(reason)
        self._calls.clear()
