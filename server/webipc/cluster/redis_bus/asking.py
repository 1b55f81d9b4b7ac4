"""`Asking`: runs scripts in Redis for one worker, in order with what it has posted, and waits for their answers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from webipc.cluster.bus.bus import BusError
from webipc.cluster.redis_bus.flow.outbox import Item, Outbox
from webipc.cluster.redis_bus.scripts.script import SETTLING, Script
from webipc.cluster.redis_bus.server.keys import Keys
from webipc.cluster.redis_bus.server.line import Command
from webipc.cluster.redis_bus.settings import RedisSettings

Argument = bytes | str | int
Late = Callable[[list[Any]], None] | None
"""Takes an answer for which nobody waits any more."""


class Told(Item):
    """Something that the directory is told."""

    __slots__ = ("_command",)

    def __init__(self, size: int, command: Callable[[], Command]) -> None:
        super().__init__(time.monotonic(), size)
        self._command = command

    def commands(self) -> Sequence[Command]:
        """See `Item`."""
        return [self._command()]


class Asked(Told):
    """Something that the directory is asked."""

    __slots__ = ("future", "is_repeatable", "late", "times")

    def __init__(
        self, size: int, command: Callable[[], Command], future: "asyncio.Future[Any]", late: Callable[[Any], None]
    ) -> None:
        super().__init__(size, command)
        self.future = future
        # Takes an answer for which nobody waits any more.
        self.late = late
        self.is_repeatable = True
        # How often it was sent.
        self.times = 0

    @property
    def is_needless(self) -> bool:
        """See `Item`."""
        return self.times == 0 and self.future.done()

    def commands(self) -> Sequence[Command]:
        """See `Item`."""
        self.times += 1
        return super().commands()

    def answered(self, answer: Any) -> None:
        """See `Item`."""
        if self.future.done():
            self.late(answer)
        else:
            self.future.set_result(answer)

    def failed(self, why: str) -> None:
        """See `Item`."""
        if not self.future.done():
            self.future.set_exception(BusError(f"expected an answer of Redis, and {why}; ask again"))


class Asking:
    """What one worker asks and tells. Belongs to the event loop's thread."""

    def __init__(self, keys: Keys, settings: RedisSettings, worker: str, outbox: Outbox) -> None:
        self._keys = keys
        self._settings = settings
        self._worker = worker
        self._outbox = outbox
        # The generation that is known to this worker.
        self.known = b""

    def _command(self, script: Script, arguments: Sequence[Argument]) -> Callable[[], Command]:
        # The generation is that of the moment at which it is sent.
        return lambda: script.command(self._keys.prefix, self.known, self._worker, *arguments)

    def tell(self, script: Script, *arguments: Argument) -> None:
        """Run a script, and wait for nothing."""
        size = sum(len(argument) for argument in arguments if isinstance(argument, (str, bytes)))
        self._outbox.put(Told(size, self._command(script, arguments)))

    def tell_plain(self, script: Script, *arguments: Argument) -> None:
        """Run a script that does not ask for the generation."""
        self._outbox.put(Told(0, lambda: script.command(self._keys.prefix, *arguments)))

    async def ask(self, script: Script, *arguments: Argument, late: Late = None) -> list[Any]:
        """Run a script, and return its answer. Raises BusError."""
        asked = self.asked(script, arguments, late)
        return await self.answer(asked)

    def asked(self, script: Script, arguments: Sequence[Argument], late: Late = None) -> Asked:
        """Return a question that is not asked yet."""
        size = sum(len(argument) for argument in arguments if isinstance(argument, (str, bytes)))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        return Asked(size, self._command(script, arguments), future, late or (lambda _: None))

    async def raw(self, command: Command) -> Any:
        """Run a command that is no script, and return its answer. Raises BusError."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        return await self._answer(Asked(0, lambda: command, future, lambda _: None))

    async def answer(self, asked: Asked) -> list[Any]:
        """Ask a question, and return its answer. Raises BusError."""
        answer = await self._answer(asked)
        if answer[:1] == [SETTLING]:
            raise BusError("Redis has been started again, and workers are still registering; ask again soon")
        return cast("list[Any]", answer)

    async def _answer(self, asked: Asked) -> Any:
        if self._outbox.has_given_up:
            raise BusError("Redis cannot be reached; ask again later")
        self._outbox.put(asked)
        try:
            async with asyncio.timeout(self._settings.ask):
                return await asked.future
        except TimeoutError:
            raise BusError(f"Redis has not answered within {self._settings.ask:g} s; ask again") from None
