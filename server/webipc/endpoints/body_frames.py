"""`BodyFrames`: the frames of one request body, each handed out when it is whole (PROTOCOL.md 2.4).

Holds the frame that is arriving and nothing behind it, whatever the body and its lengths claim. A client that sends too
slowly is a `LateError`. What may be held is said by a `Bounds`. What a frame means is in body.py.
"""

from collections.abc import Iterable
from typing import Any, Final, Protocol

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from webipc.concurrency.clock import Clock
from webipc.concurrency.started_coroutine import StartedCoroutine, start
from webipc.core.errors import CloseCode, ProtocolError

LENGTH_BYTES: Final = 4
"""Before each frame stands its length."""


class LateError(Exception):
    """The rest of a body did not come in time. The text says what was waited for."""


class Bounds(Protocol):
    """Asked before something is held for a body. The methods may raise."""

    @property
    def clock(self) -> Clock:
        """The time by which a client is late."""

    def waits(self) -> None:
        """The body is not there yet: it is waited for."""

    async def holds(self, size: int) -> None:
        """So many bytes of a frame are there, or are about to be taken. 0 when it was handed out and is forgotten."""


class BodyFrames:
    """Reads one body. Nothing is read before the first call of `next`, nor between two calls."""

    def __init__(
        self, receive: Receive, bounds: Bounds, *, what: str, most: int, total_ms: int, silence_ms: int
    ) -> None:
        """`what` names the request in texts, `most` is the largest body in bytes.

        The body has to arrive within `total_ms` and at least one byte of it in each `silence_ms`. Only the time in
        which this waits for bytes counts, by the clock of `bounds`.
        """
        self._receive = receive
        self._bounds = bounds
        self._clock = bounds.clock
        self._what = what
        self._most = most
        self._total_ms = total_ms
        self._silence_ms = silence_ms
        self._seconds_left = total_ms / 1000
        # What has arrived and was not handed out yet.
        self._chunk = memoryview(b"")
        # How many bytes have arrived.
        self.arrived = 0
        # The end of the body has arrived.
        self.is_over = False

    def refuse_announced(self, lengths: Iterable[str]) -> None:
        """Refuse a body by its `Content-Length`, before it is read. A smaller number is not believed."""
        for length in lengths:
            # A number of more digits than an int may have is too large as well.
            if length.isdecimal() and (len(length) > len(str(self._most)) or int(length) > self._most):
                raise self._too_large()

    async def next(self, most: int) -> memoryview | None:
        """Return the next frame; None behind the last.

        Raises ProtocolError for a frame of more than `most` bytes as soon as its length is there, for a body that is
        too large or ends inside a frame; LateError; ClientDisconnect.
        """
        await self._bounds.holds(0)
        if not len(self._chunk) and not await self._more():
            return None
        size = int.from_bytes(await self._bytes(LENGTH_BYTES), "little")
        if size > most:
            raise ProtocolError(f"a frame has at most {most} bytes here, not {size}", CloseCode.TOO_LARGE)
        return await self._bytes(size)

    async def piece(self) -> bytes | None:
        """Return what has arrived behind the last frame, or else what arrives next; None behind the end of the body.

        Raises as `next` does.
        """
        if not len(self._chunk) and not await self._more():
            return None
        return bytes(self._cut(len(self._chunk)))

    async def drop_rest(self) -> None:
        """Read up to the end, within the same limits, and hold nothing. Raises as `next` does."""
        self._chunk = memoryview(b"")
        await self._bounds.holds(0)
        while await self._more():
            self._chunk = memoryview(b"")

    async def _bytes(self, size: int) -> memoryview:
        """Return the next `size` bytes."""
        if len(self._chunk) >= size:
            # A copy: a value that the application keeps must not keep everything that arrived together with it.
            return memoryview(bytes(self._cut(size)))
        # It grows with what arrives: `size` is only a claim.
        frame = bytearray(self._cut(len(self._chunk)))
        while len(frame) < size:
            if not await self._more():
                missing = size - len(frame)
                raise ProtocolError(f"the body ends {missing} bytes before the end of its last frame or length")
            await self._bounds.holds(min(size, len(frame) + len(self._chunk)))
            frame += self._cut(min(size - len(frame), len(self._chunk)))
        return memoryview(frame).toreadonly()

    def _cut(self, size: int) -> memoryview:
        piece, self._chunk = self._chunk[:size], self._chunk[size:]
        return piece

    async def _more(self) -> bool:
        """Wait until at least one more byte is there. Return False at the end of the body."""
        silent_since = self._clock.now
        while not len(self._chunk) and not self.is_over:
            # Most bodies are there when they are asked for, and a timeout costs as much as the rest. A server's
            # `receive` is always a coroutine function, though its type promises only an awaitable.
            receiving: Any = self._receive()
            message: Message | StartedCoroutine[Message] = start(receiving)
            if isinstance(message, StartedCoroutine):
                self._bounds.waits()
                message = await self._in_time(message, silent_since)
            self._take(message)
        return len(self._chunk) > 0

    async def _in_time(self, receiving: StartedCoroutine[Message], silent_since: float) -> Message:
        began = self._clock.now
        silence_left = silent_since + self._silence_ms / 1000 - began
        try:
            async with self._clock.timeout(min(self._seconds_left, silence_left)) as waiting:
                return await receiving
        except TimeoutError:
            if not waiting.expired():
                raise
            raise self._late(is_silent=silence_left < self._seconds_left) from None
        finally:
            self._seconds_left -= self._clock.now - began

    def _take(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._chunk = memoryview(message.get("body", b""))
        self.is_over = not message.get("more_body", False)
        self.arrived += len(self._chunk)
        if self.arrived > self._most:
            raise self._too_large()

    def _too_large(self) -> ProtocolError:
        return ProtocolError(f"{self._what} of more than {self._most} bytes", CloseCode.TOO_LARGE)

    def _late(self, *, is_silent: bool) -> LateError:
        if is_silent:
            return LateError(f"expected a byte of {self._what} within {self._silence_ms} ms, none came")
        return LateError(f"expected the whole of {self._what} within {self._total_ms} ms, {self.arrived} bytes came")
