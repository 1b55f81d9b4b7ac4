"""`Writer`: sends what waits in the outbox, one pipeline after the other, over a connection that it makes again.

It ends only when it is told to, and is never cancelled between a command and its answer.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any, Final

from webipc.cluster.redis_bus.flow.outbox import Item, Message, Outbox
from webipc.cluster.redis_bus.scripts.script import FORGOTTEN
from webipc.cluster.redis_bus.server.address import Address
from webipc.cluster.redis_bus.server.keys import Keys
from webipc.cluster.redis_bus.server.line import Command, Line, LineError, Refusal, is_away, is_full
from webipc.cluster.redis_bus.server.session import Found, greet, open_line
from webipc.cluster.redis_bus.settings import RedisSettings

logger = logging.getLogger("webipc")

_SLOW_LINE: Final = 60.0
"""Seconds between two lines of the log about a slow Redis."""


class _Why(Enum):
    """What an answer means for what is sent next."""

    DONE = auto()
    # It is sent again, in the order of before.
    FULL = auto()
    AWAY = auto()
    FORGOTTEN = auto()


class Writer:
    """Sends what waits. Belongs to the event loop's thread."""

    def __init__(
        self, address: Address, keys: Keys, settings: RedisSettings, outbox: Outbox, told: "Callable[[Found], None]"
    ) -> None:
        """`told` is given what each connection finds out."""
        self._address = address
        self._keys = keys
        self._settings = settings
        self._outbox = outbox
        self._told = told
        self._line: Line | None = None
        self._ending = asyncio.Event()
        # The generation that is known to this worker.
        self.known = b""
        # Since when it cannot be reached; None while it can.
        self.away_since: float | None = None
        self.is_full = False
        # Called once while it cannot be reached, after some time.
        self.gave_up: Callable[[], None] = lambda: None
        self.connects = 0
        self.refused = 0
        self._last_slow = float("-inf")

    async def open(self) -> Found:
        """Make the first connection. Raises LineError."""
        line = Line(self._address, self._settings.answer)
        result = await open_line(line, self._keys, self._settings, self.known)
        self._is_open(line, result)
        return result

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Ask before `run` has begun. Raises LineError."""
        assert self._line is not None, "open() comes first"
        return await self._line.ask(commands)

    async def close(self) -> None:
        """Close the connection that `open` has made."""
        if self._line is not None:
            await self._line.close()
            self._line = None

    def _is_open(self, line: Line, result: Found) -> None:
        self._line = line
        self.connects += 1
        if self.away_since is not None:
            logger.warning("Redis at %s answers again", self._address)
        self.away_since = None
        self._outbox.has_given_up = False
        self._outbox.is_connected = True
        self._told(result)

    async def run(self) -> None:
        """Send until `end` was called and nothing waits, or until that has lasted too long."""
        while not (self._ending.is_set() and not len(self._outbox)):
            try:
                if self._line is None:
                    await self.open()
                await self._serve()
            except LineError as error:
                await self._lost(error)
                if self._ending.is_set():
                    break
        await self.close()
        self._outbox.fail("the worker ends")

    def end(self) -> None:
        """Let `run` end, behind what waits."""
        self._ending.set()
        self._outbox.more.set()

    async def _lost(self, error: LineError) -> None:
        await self.close()
        self._outbox.is_connected = False
        if self.away_since is None:
            self.away_since = time.monotonic()
            text = "%s. Pages of this worker go on; what is said to other workers waits"
            logger.error(text, f"{str(error)[:1].upper()}{str(error)[1:]}")
        settings = self._settings
        wait = random.uniform(settings.again_least, settings.again_most)  # noqa: S311 - not a secret
        end = time.monotonic() + wait
        while (left := end - time.monotonic()) > 0 and not self._ending.is_set():
            self._while_away()
            await self._pause(min(left, settings.queue_seconds / 40))
        self._while_away()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            return

    def _while_away(self) -> None:
        now = time.monotonic()
        self._outbox.trim(now)
        outbox = self._outbox
        if self.away_since is not None and not outbox.has_given_up and now - self.away_since > self._settings.ask:
            outbox.has_given_up = True
            self.gave_up()

    async def _serve(self) -> None:
        line = self._line
        assert line is not None
        while True:
            batch = self._outbox.take()
            if not batch:
                if self._ending.is_set():
                    return
                await self._wait_for_more()
                if not len(self._outbox) and not self._ending.is_set():
                    await line.ask([["PING"]])
                continue
            await self._send(line, batch)

    async def _wait_for_more(self) -> None:
        try:
            async with asyncio.timeout(self._settings.answer):
                await self._outbox.more.wait()
        except TimeoutError:
            return

    async def _send(self, line: Line, batch: Sequence[Item]) -> None:
        commands: list[Command] = []
        # Where the answer to each item stands.
        places: list[int] = []
        for item in batch:
            commands += item.commands()
            places.append(len(commands) - 1)
        begun = time.monotonic()
        lost: LineError | None = None
        try:
            answers: Sequence[Any] = await line.ask(commands)
        except LineError as error:
            lost, answers = error, error.answers
        self._note_time(time.monotonic() - begun)
        again: list[Item] = []
        reasons = {
            self._answered(item, answers[place], again) if place < len(answers) else self._unanswered(item, again)
            for item, place in zip(batch, places, strict=True)
        }
        self._outbox.settle(again)
        if lost is not None:
            raise lost
        if _Why.AWAY in reasons:
            raise LineError(f"Redis at {self._address} does not take commands of webipc now", answers)
        if _Why.FORGOTTEN in reasons:
            self._told(await greet(line, self._keys, self._settings, self.known))
        elif again:
            await self._wait_while_full()
        else:
            self.is_full = False

    def _answered(self, item: Item, answer: Any, again: list[Item]) -> "_Why":
        if isinstance(answer, Refusal):
            return self._refused(item, answer, again)
        if isinstance(answer, list) and answer[:1] == [FORGOTTEN]:
            # It is said again in the new generation.
            again.append(item)
            return _Why.FORGOTTEN
        self._lose_earlier(item, again)
        item.answered(answer)
        return _Why.DONE

    def _lose_earlier(self, item: Item, again: list[Item]) -> None:
        """Drop what would follow a later message to all, and should have come before it. It is counted."""
        if not isinstance(item, Message) or item.worker is not None or not again:
            return
        for earlier in [each for each in again if isinstance(each, Message) and each.worker is None]:
            again.remove(earlier)
            self._outbox.dropped(earlier)

    def _unanswered(self, item: Item, again: list[Item]) -> "_Why":
        if item.is_repeatable:
            again.append(item)
        else:
            item.failed("the connection to Redis was lost")
        return _Why.AWAY

    def _refused(self, item: Item, refusal: Exception, again: list[Item]) -> "_Why":
        if is_full(refusal) or is_away(refusal):
            again.append(item)
            return _Why.FULL if is_full(refusal) else _Why.AWAY
        self.refused += 1
        # The first, and then each time that it has doubled.
        if self.refused & (self.refused - 1) == 0:
            text = "Redis at %s has refused %d commands of webipc, at last: %s"
            logger.error(text, self._address, self.refused, str(refusal)[:200])
        item.failed("Redis has refused it")
        if isinstance(item, Message):
            self._outbox.dropped(item)
        return _Why.DONE

    async def _wait_while_full(self) -> None:
        if not self.is_full:
            self.is_full = True
            logger.error("Redis at %s is full (maxmemory): what is said to other workers waits", self._address)
        self._outbox.trim(time.monotonic())
        await self._pause(self._settings.queue_seconds / 40)

    def _note_time(self, seconds: float) -> None:
        now = time.monotonic()
        if seconds > self._settings.slow_answer and now - self._last_slow > _SLOW_LINE:
            self._last_slow = now
            logger.warning("Redis at %s is slow: an answer took %.2f s", self._address, seconds)
