"""The reading half of one WebSocket: through ASGI's `receive`, or past it where the server offers that (direct.py).

Whoever reads holds the gate through which frames leave; while nothing is there to be read, the gate is open. Must not
know what frames say. The writing half: websocket_transport.py
"""

from typing import Any, Protocol

from starlette.types import Message, Receive

from webipc.concurrency.job_queue import Gate
from webipc.concurrency.started_coroutine import Started
from webipc.core.errors import CloseCode
from webipc.servers.frame_socket import Direct


class Source(Protocol):
    """What a socket brings, in order."""

    @property
    def code(self) -> int:
        """The code with which the socket has ended; "abnormal" until it is known."""

    async def first(self) -> str | bytes | None:
        """Wait for the first frame. None when the socket has ended."""

    async def next(self) -> str | bytes | None:
        """Return the next frame; None when the socket has ended.

        What is to be sent goes out when none is there: several that came together are answered together, and the last
        of them without another turn of the loop. To be called by whoever holds the gate.
        """


class AsgiSource:
    """Reads by `receive`."""

    __slots__ = ("_gate", "_receive", "code")

    def __init__(self, receive: Receive, gate: Gate) -> None:
        self._receive = receive
        self._gate = gate
        self.code: int = CloseCode.ABNORMAL

    async def first(self) -> str | bytes | None:
        """See `Source`."""
        return self._frame_of(await self._receive())

    async def next(self) -> str | bytes | None:
        """See `Source`."""
        # Every ASGI server's `receive` is a coroutine function, though its type says less.
        receiving: Any = self._receive()
        try:
            waits_for = receiving.send(None)
        except StopIteration as stop:
            return self._frame_of(stop.value)
        self._gate.release()
        try:
            message = await Started(receiving, waits_for)
        finally:
            self._gate.hold()
        return self._frame_of(message)

    def _frame_of(self, message: Message) -> str | bytes | None:
        if message["type"] != "websocket.receive":
            self.code = message.get("code", self.code)
            return None
        text = message.get("text")
        frame: str | bytes = text if text is not None else message["bytes"]
        return frame


class DirectSource:
    """Reads past ASGI."""

    __slots__ = ("_direct", "_gate")

    def __init__(self, direct: Direct, gate: Gate) -> None:
        self._direct = direct
        self._gate = gate

    @property
    def code(self) -> int:
        """See `Source`."""
        code = self._direct.end_code
        return CloseCode.ABNORMAL if code is None else code

    async def first(self) -> str | bytes | None:
        """See `Source`."""
        direct = self._direct
        while (frame := direct.take()) is None and direct.end_code is None:
            await direct.arrival
        return frame

    async def next(self) -> str | bytes | None:
        """See `Source`."""
        direct = self._direct
        frame = direct.take()
        if frame is None and direct.end_code is None:
            self._gate.release()
            try:
                while (frame := direct.take()) is None and direct.end_code is None:
                    await direct.arrival
            finally:
                self._gate.hold()
        return frame
