"""`Line` and `SyncLine`: one connection to Redis each, over which commands go in pipelines.

redis-py makes the connection (TLS, login) and reads the answers. Its clients and pools are not used: who has a line
must learn of every loss, because then numbers have to be compared, and nothing may be sent a second time by itself.
The time that an answer may take begins again with every byte that moves: a slow connection is not a lost one.
A line is never cancelled between a question and its answer; who waits for something waits for a future.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any, Final

from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.connection import Connection as SyncConnection
from redis.connection import SSLConnection as SyncSSLConnection
from redis.connection import UnixDomainSocketConnection as SyncUnixConnection
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from webipc.cluster.redis_bus.server.address import Address

Command = Sequence[bytes | str | int | float]
"""A command's name and its arguments."""

Refusal = ResponseError
"""What stands in the place of a command's answer where Redis has refused it."""


def is_full(refusal: Exception) -> bool:
    """Whether Redis has refused a command because its memory is full."""
    return isinstance(refusal, OutOfMemoryError)


def is_away(refusal: Exception) -> bool:
    """Whether another connection, or some time, may change what Redis has refused."""
    if isinstance(refusal, (ReadOnlyError, NoScriptError, MasterDownError, ClusterDownError)):
        return True
    return str(refusal).startswith(("MISCONF", "NOREPLICAS"))


class LineError(Exception):
    """A connection was not made, or is lost. The text is for a log, and has no secret."""

    def __init__(self, text: str, answers: Sequence[Any] = (), *, is_refused: bool = False) -> None:
        super().__init__(text)
        # The answers that came before it was lost, in order.
        self.answers = answers
        # Whether the server is there and does not let this user in.
        self.is_refused = is_refused


_PIECE: Final = 65_536
"""Bytes that are written at once, and that the kernel takes before it has sent those before."""


def _options(address: Address, seconds: float, answer: float | None) -> dict[str, Any]:
    own: dict[str, Any] = {
        "socket_timeout": answer,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    return {**address.options, **own} if address.is_unix else {**address.options, **own, "socket_keepalive": True}


# How OpenSSL begins to say so; redis-py keeps the text alone.
_UNTRUSTED: Final = "certificate verify failed"


def _failed(address: Address, error: Exception, what: str, answers: Sequence[Any] = ()) -> LineError:
    if isinstance(error, (AuthenticationError, NoPermissionError)):
        return LineError(f"Redis at {address} refuses the user or the password of its URL", answers, is_refused=True)
    if isinstance(error, ResponseError):
        return LineError(f"Redis at {address} refuses the connection: {str(error)[:200]}", answers, is_refused=True)
    if _UNTRUSTED in str(error):
        why = str(error).partition(_UNTRUSTED)[2].lstrip(": ").partition(" (_ssl")[0][:200].rstrip(".")
        text = f"the certificate of Redis at {address} is not trusted ({why}); ?ssl_ca_certs=FILE names its authority"
        return LineError(text, answers)
    reason = "it does not answer in time" if isinstance(error, TimeoutError) else str(error)[:200].rstrip(".")
    # They name the host; but a text is not looked for what else it may have one day.
    secrets = [address.options.get(name) for name in ("username", "password", "ssl_password")]
    if any(secret and secret in reason for secret in secrets):
        reason = type(error).__name__
    return LineError(f"{what} Redis at {address}: {reason}", answers)


def _pieces(chunks: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Cut what redis-py has packed, so that it can be seen that some of it has left."""
    piece: list[bytes] = []
    size = 0
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE):
            part = chunk[start : start + _PIECE]
            piece.append(part)
            size += len(part)
            if size >= _PIECE:
                yield piece
                piece, size = [], 0
    if piece:
        yield piece


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0


class Line:
    """One connection, in an event loop."""

    def __init__(self, address: Address, seconds: float) -> None:
        """`seconds`: how long the connection may take, and then may pass without a byte before an answer."""
        self._address = address
        self._seconds = seconds
        # The time of what is being asked.
        self._limit: asyncio.Timeout | None = None
        kind: Any = UnixDomainSocketConnection if address.is_unix else SSLConnection if address.is_tls else Connection
        # Any: redis-py's connections are typed in parts.
        # redis-py's own limit would be one of the whole answer.
        self._connection: Any = kind(**_options(address, seconds, None))
        self._is_closed = False

    async def connect(self) -> None:
        """Make the connection. Raises LineError."""
        cancelled = _cancellations()
        try:
            # To connect, and to log in.
            async with asyncio.timeout(2 * self._seconds):
                await self._connection.connect()
            await self._end_if_cancelled(cancelled)
            self._watch()
        except (RedisError, OSError, ValueError) as error:
            await self.close()
            raise _failed(self._address, error, "no connection to") from None

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands at once, and return their answers. Raises LineError, with those that came.

        Another task may close the connection meanwhile.
        """
        answers: list[Any] = []
        connection = self._connection
        cancelled = _cancellations()
        try:
            async with asyncio.timeout(self._seconds) as self._limit:
                for piece in _pieces(connection.pack_commands(commands)):
                    await connection.send_packed_command(piece, check_health=False)
                    self._moved()
                await self._end_if_cancelled(cancelled)
                for _ in commands:
                    try:
                        answers.append(await connection.read_response())
                    except ResponseError as refusal:
                        answers.append(refusal)
        except (RedisError, OSError, AttributeError) as error:
            # redis-py looks for the writer of a connection that was closed under it, and does not find one.
            if isinstance(error, AttributeError) and not self._is_closed:
                raise
            await self.close()
            raise _failed(self._address, error, "lost the connection to", answers) from None
        finally:
            self._limit = None
        return answers

    def _watch(self) -> None:
        """Learn of every byte that comes, and let the kernel not take more than it can send soon."""
        # redis-py tells neither. Where a later version has others, the time is that of a whole answer.
        reader, writer = getattr(self._connection, "_reader", None), getattr(self._connection, "_writer", None)
        if reader is None or writer is None:
            return
        feed = reader.feed_data

        def fed(data: bytes) -> None:
            self._moved()
            feed(data)

        reader.feed_data = fed
        # Not every system has it, and a Unix socket does not.
        with contextlib.suppress(AttributeError, OSError):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _PIECE)

    def _moved(self) -> None:
        """Let the time begin again: a byte has come, or has left."""
        limit = self._limit
        if limit is not None and not limit.expired():
            limit.reschedule(asyncio.get_running_loop().time() + self._seconds)

    async def _end_if_cancelled(self, before: int) -> None:
        # redis-py sends with `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes as it ends.
        if _cancellations() > before:
            await self.close()
            raise asyncio.CancelledError

    async def close(self) -> None:
        """Close the connection at once. Never raises."""
        self._is_closed = True
        try:
            await self._connection.disconnect(nowait=True)
        except (RedisError, OSError):
            return
        # The transport closes its socket in the next turn, which may be the last one of the loop.
        await asyncio.sleep(0)

    def is_closed_by_server(self) -> bool:
        """Whether the server has closed the connection, as far as is known without asking it."""
        reader = getattr(self._connection, "_reader", None)
        return reader is None or reader.at_eof()


class SyncLine:
    """One connection, in a thread."""

    def __init__(self, address: Address, seconds: float) -> None:
        """See `Line`."""
        self._address = address
        kind: Any = SyncUnixConnection if address.is_unix else SyncSSLConnection if address.is_tls else SyncConnection
        self._connection: Any = kind(**_options(address, seconds, seconds))

    def connect(self) -> None:
        """See `Line.connect`."""
        try:
            self._connection.connect()
        except (RedisError, OSError, ValueError) as error:
            self.close()
            raise _failed(self._address, error, "no connection to") from None

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """See `Line.ask`."""
        answers: list[Any] = []
        connection = self._connection
        try:
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            for _ in commands:
                try:
                    answers.append(connection.read_response())
                except ResponseError as refusal:
                    answers.append(refusal)
        except (RedisError, OSError) as error:
            self.close()
            raise _failed(self._address, error, "lost the connection to", answers) from None
        return answers

    def is_closed_by_server(self) -> bool:
        """Whether the server has closed the connection, as far as can be known without asking it."""
        try:
            return bool(self._connection.can_read(0))
        except (RedisError, OSError):
            return True

    def close(self) -> None:
        """Close the connection at once. Never raises."""
        try:
            self._connection.disconnect()
        except (RedisError, OSError):
            return
