"""`RedisEmitter` and `AsyncRedisEmitter`: other programs send to the pages of an application over its Redis.

    pages = RedisEmitter("redis://10.0.0.5/0", name="shop")
    pages.broadcast("price", {"id": 7})
    pages.to_user("kim").send("job-done", job)

For a cron job, a worker of a task queue or a script. They need no hub, no event loop and no FastAPI application, and an
account that may do nothing but append to one stream (`docs/workers.md`).
"""

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, Self, TypeVar

from webipc.cluster.bus.all_kinds import BROADCAST, SHOUT, Whom, shout_head
from webipc.cluster.bus.wire import encode_said
from webipc.cluster.redis_bus.server.address import Address
from webipc.cluster.redis_bus.server.entries import fields_of_program
from webipc.cluster.redis_bus.server.keys import DEFAULT_REALM, Keys
from webipc.cluster.redis_bus.server.line import Command, Line, LineError, Refusal, SyncLine
from webipc.core.envelope.carriers import encode_carrier
from webipc.core.errors import WebipcError
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link.sizes import check_channel, check_size

_KEPT: Final = 65_536
"""How many entries the stream keeps, about: as the workers do."""

_QUIET_SECONDS: Final = 15.0
"""Behind so long a pause a connection is tried before something is said that must not be said twice."""

AnyPages = TypeVar("AnyPages")


class NotWrittenError(WebipcError):
    """A message is not in Redis, or it is not known whether it is. The text says which, and has no password."""

    code = "not-written"


class _Sent:
    """What both emitters have in common: the entry that a message is."""

    def __init__(self, keys: Keys, limits: Limits) -> None:
        self._keys = keys
        self._limits = limits

    def command(self, kind: str, head: dict[str, Any], channel: str, args: tuple[Any, ...]) -> Command:
        """Return the command that appends a message. Raises CloneError and LimitError."""
        check_channel(channel, self._limits)
        message = encode_carrier(["send", channel], list(args), self._limits)
        check_size(message, self._limits)
        rows = encode_said(kind, head, [message.json, *map(bytes, message.segments)])
        return ["XADD", self._keys.all, "MAXLEN", "~", _KEPT, "*", *fields_of_program(rows)]


def _written(answer: Any) -> str:
    if isinstance(answer, Refusal):
        raise NotWrittenError(f"Redis has not taken the message: {str(answer)[:200]}")
    return str(answer.decode("ascii"))


def _unknown(error: LineError) -> NotWrittenError:
    return NotWrittenError(f"it is not known whether Redis has taken the message: {error}")


class _Targets(Generic[AnyPages]):
    """Whom an emitter sends to."""

    def _pages(self, head: dict[str, Any]) -> AnyPages:
        raise NotImplementedError

    def to(self, web_contents_id: int) -> AnyPages:
        """Return the page that has this `id` as its `WebContents`. Raises ValueError for what is no id."""
        if type(web_contents_id) is not int or web_contents_id < 1:
            raise ValueError(f"expected the id of a web contents, a positive int, got {web_contents_id!r}")
        return self._pages(shout_head("contents", web_contents_id))

    def to_principal(self, principal: str) -> AnyPages:
        """Return the pages of one browser: `event.sender.principal`. Raises ValueError for an empty one."""
        return self._named("principal", principal)

    def to_user(self, identity: str) -> AnyPages:
        """Return the pages of a user, by the identity that `authenticate` gives. Raises ValueError for an empty one."""
        return self._named("user", identity)

    def to_group(self, name: str) -> AnyPages:
        """Return the members of a group. Raises ValueError for an empty name."""
        return self._named("group", name)

    def _named(self, whom: Whom, which: str) -> AnyPages:
        if type(which) is not str or not which:
            raise ValueError(f"expected a {whom} as a text that is not empty, got {which!r}")
        return self._pages(shout_head(whom, which))


class Pages:
    """Some pages of the application, as a `RedisEmitter` sees them."""

    def __init__(self, send: Callable[[str, tuple[Any, ...]], str]) -> None:
        self._send = send

    def send(self, channel: str, *args: Any) -> str:
        """Send to these pages. Returns and raises as `RedisEmitter.broadcast`."""
        return self._send(channel, args)


class AsyncPages:
    """Some pages of the application, as an `AsyncRedisEmitter` sees them."""

    def __init__(self, send: Callable[[str, tuple[Any, ...]], Coroutine[Any, Any, str]]) -> None:
        self._send = send

    async def send(self, channel: str, *args: Any) -> str:
        """Send to these pages. Returns and raises as `AsyncRedisEmitter.broadcast`."""
        return await self._send(channel, args)


class RedisEmitter(_Targets[Pages]):
    """Sends to pages, from any thread. One connection, made at the first message and again where it is lost.

    It may be made before a process is forked, as Celery does it: each process makes its own connection.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "default",
        prefix: str = DEFAULT_REALM,
        limits: Limits = DEFAULT_LIMITS,
        timeout: float = 3.0,
    ) -> None:
        """Nothing is connected yet.

        Args:
            url: `redis://`, `rediss://` or `unix://`.
            name: the `--redis-name` of the application.
            prefix: where the application has mounted its `IpcMain`.
            limits: those of the application.
            timeout: seconds that a connection, and then Redis's answer, may take.

        Raises ValueError where the URL or the name is none; its text has nothing of the URL.
        """
        self._address = Address(url)
        self._sent = _Sent(Keys(name, prefix), limits)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._line: SyncLine | None = None
        self._last = 0.0
        _EMITTERS.add(self)

    def broadcast(self, channel: str, *args: Any) -> str:
        """Send to every page of the application, as `ipc_main.broadcast`.

        Returns the id of the entry in the stream: Redis has it. That says nothing of its arrival. Messages of one
        emitter arrive in order. Raises CloneError and LimitError as `WebContents.send`, and NotWrittenError.
        """
        return self._add(BROADCAST, {}, channel, args)

    def _pages(self, head: dict[str, Any]) -> Pages:
        return Pages(lambda channel, args: self._add(SHOUT, head, channel, args))

    def _add(self, kind: str, head: dict[str, Any], channel: str, args: tuple[Any, ...]) -> str:
        command = self._sent.command(kind, head, channel, args)
        with self._lock:
            line = self._connected()
            try:
                (answer,) = line.ask([command])
            except LineError as error:
                self._close()
                raise _unknown(error) from None
            except BaseException:
                # The answer that comes is none to the next question.
                self._close()
                raise
            self._last = time.monotonic()
        return _written(answer)

    def _connected(self) -> SyncLine:
        if self._line is not None and not self._is_there(self._line):
            self._close()
        if self._line is None:
            line = SyncLine(self._address, self._timeout)
            try:
                line.connect()
            except LineError as error:
                raise NotWrittenError(str(error)) from None
            self._line = line
        return self._line

    def _is_there(self, line: SyncLine) -> bool:
        if line.is_closed_by_server():
            return False
        if time.monotonic() - self._last < _QUIET_SECONDS:
            return True
        try:
            # A refusal is an answer too.
            line.ask([["PING"]])
        except LineError:
            return False
        return True

    def _forked(self) -> None:
        """Make a lock that no thread of the other process holds, and leave the connection to that process."""
        self._lock = threading.Lock()
        self._close()

    def _close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def close(self) -> None:
        """Close the connection. A later message makes another one."""
        with self._lock:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_EMITTERS: Final[weakref.WeakSet[RedisEmitter]] = weakref.WeakSet()


def _after_fork() -> None:
    for emitter in list(_EMITTERS):
        emitter._forked()  # noqa: SLF001 - the hook of the class


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class AsyncRedisEmitter(_Targets[AsyncPages]):
    """Sends to pages, in one event loop. As `RedisEmitter`; a cancelled message may be written or not."""

    def __init__(
        self,
        url: str,
        *,
        name: str = "default",
        prefix: str = DEFAULT_REALM,
        limits: Limits = DEFAULT_LIMITS,
        timeout: float = 3.0,
    ) -> None:
        """Nothing is connected yet. Arguments and errors are those of `RedisEmitter`."""
        self._address = Address(url)
        self._sent = _Sent(Keys(name, prefix), limits)
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._line: Line | None = None

    async def broadcast(self, channel: str, *args: Any) -> str:
        """Send to every page of the application. Returns and raises as `RedisEmitter.broadcast`."""
        return await self._add(BROADCAST, {}, channel, args)

    def _pages(self, head: dict[str, Any]) -> AsyncPages:
        return AsyncPages(lambda channel, args: self._add(SHOUT, head, channel, args))

    async def _add(self, kind: str, head: dict[str, Any], channel: str, args: tuple[Any, ...]) -> str:
        command = self._sent.command(kind, head, channel, args)
        async with self._lock:
            line = await self._connected()
            try:
                (answer,) = await line.ask([command])
            except LineError as error:
                await self._close()
                raise _unknown(error) from None
            except BaseException:
                # Cancelled: the answer that comes is none to the next question.
                await self._close()
                raise
        return _written(answer)

    async def _connected(self) -> Line:
        if self._line is not None and self._line.is_closed_by_server():
            await self._close()
        if self._line is None:
            line = Line(self._address, self._timeout)
            try:
                await line.connect()
            except LineError as error:
                raise NotWrittenError(str(error)) from None
            self._line = line
        return self._line

    async def _close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def aclose(self) -> None:
        """Close the connection, before its event loop ends. A later message makes another one."""
        async with self._lock:
            await self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
