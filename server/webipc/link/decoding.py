"""Decodes what is large in the helper thread of the process: in the turn of its link, and once there is memory for it
(docs/adr/0023 and 0027).

In which order the messages of a link are decoded and dispatched is in endpoints/unpack.py; that of the messages in a
port in ports/ends.py.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from webipc.budget.sizes import counted, in_words
from webipc.concurrency.loops import run_in
from webipc.core.errors import CloseCode, ProtocolError, UnreadableError
from webipc.core.link.written import Opened, Written
from webipc.link.holdings import Holdings
from webipc.link.surroundings import Surroundings

MOST_PER_BYTE: Final = 80
"""No JSON counts more for each of its bytes: `{},` has 78. To count takes as long as to decode a text, so that is done
only where this much is not free."""

ROOM_SECONDS: Final = 30.0
"""How long a message waits for memory."""

_LOOK_SECONDS: Final = 0.05

T = TypeVar("T")

Text = str | bytes | memoryview


class NoRoomError(Exception):
    """There was no room in time. The text says for what."""


async def decoded(
    around: Surroundings[Any], holdings: Holdings, texts: Sequence[Text], decode: Callable[[], T], seconds: float
) -> T:
    """Charge what the values of these texts take, decode in the helper thread, and give it back.

    Then the calls that are made with the values are charged where they are kept. Raises NoRoomError after so many
    seconds without memory, ProtocolError for what can never fit, and what `decode` raises.
    """
    purse = holdings.purse
    size = MOST_PER_BYTE * sum(map(len, texts))
    if not purse.may(size):
        size = await in_helper(around, holdings, partial(_counted, texts))
        if size > around.account.limit:
            raise _too_large(size, around.account.limit)
        # Nothing is read from the link meanwhile.
        await room_for(around, holdings, size, seconds)
    purse.take(size)
    try:
        return await in_helper(around, holdings, decode)
    finally:
        purse.give(size)


def _counted(texts: Sequence[Text]) -> int:
    return sum(map(counted, texts))


def _too_large(size: int, limit: int) -> ProtocolError:
    text = f"a message that takes about {in_words(size)} of memory; the server has {in_words(limit)} for all pages"
    return ProtocolError(text, CloseCode.TOO_LARGE)


async def in_helper(around: Surroundings[Any], holdings: Holdings, function: Callable[[], T]) -> T:
    """Call a function in the helper thread, when it is the turn of this link."""
    done: asyncio.Future[T] = around.loop.create_future()

    def ended(future: "Future[T]") -> None:
        if done.done():
            return
        if future.cancelled():
            done.cancel()
        elif (error := future.exception()) is not None:
            done.set_exception(error)
        else:
            done.set_result(future.result())

    around.unpacker.run(holdings.payer, holdings, function, ended)
    return await done


def free_in_helper(around: Surroundings[Any], holdings: Holdings, values: list[Any]) -> None:
    """Let go of values that are no longer needed. Freeing them takes as long as decoding them."""
    around.unpacker.run(holdings.payer, holdings, values.clear, lambda _: None)


async def room_for(around: Surroundings[Any], holdings: Holdings, size: int, seconds: float) -> None:
    """Wait until the payer of a link may have so many bytes more, or until the link has ended.

    Raises NoRoomError after so many seconds.
    """
    until = around.loop.time() + seconds
    with paused(holdings):
        while not holdings.purse.is_closed and not holdings.purse.may(size):
            if around.loop.time() >= until:
                held = held_of_all(around)
                raise NoRoomError(f"no memory for a message of about {in_words(size)} within {seconds:g} s ({held})")
            await asyncio.sleep(_LOOK_SECONDS)


@contextmanager
def paused(holdings: Holdings) -> Iterator[None]:
    """Count the link as one that waits, for `IpcMain.stats`."""
    holdings.paused += 1
    try:
        yield
    finally:
        holdings.paused -= 1


def held_of_all(around: Surroundings[Any]) -> str:
    """Return how much is held, for a text."""
    return f"{in_words(around.account.held)} of {in_words(around.account.limit)} are held"


class Opener:
    """Decodes the large messages that have waited in the ports of a link, when they are taken (ports/ends.py)."""

    __slots__ = ("_around", "_holdings", "_tasks")

    def __init__(self, around: Surroundings[Any], holdings: Holdings) -> None:
        """Both are the connection's. The link may have ended when a message is taken."""
        self._around = around
        self._holdings = holdings
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, text: Written, decode: Callable[[], Opened], done: Callable[[Opened | None], bool]) -> bool:
        """See `Opener` of ports/allowance.py."""
        return run_in(self._around.loop, self._begin, text, decode, done)

    def _begin(self, text: Written, decode: Callable[[], Opened], done: Callable[[Opened | None], bool]) -> None:
        task = self._around.loop.create_task(self._open(text, decode, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, text: Written, decode: Callable[[], Opened], done: Callable[[Opened | None], bool]) -> None:
        texts = [text.skeleton, text.fixups]
        try:
            opened = await decoded(self._around, self._holdings, texts, decode, ROOM_SECONDS)
        except (NoRoomError, ProtocolError) as error:
            opened = Opened(None, UnreadableError(str(error)))
        except (asyncio.CancelledError, RuntimeError):
            # The helper thread has ended with its hub.
            done(None)
            return
        if not done(opened):
            values = [opened]
            del opened
            free_in_helper(self._around, self._holdings, values)
