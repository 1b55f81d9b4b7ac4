"""One connection of a page through the network to the server, and what each fault does to it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine
from typing import Any, NamedTuple, Protocol

from tests.stress.network.answers import PORTAL, answer_to, login_page, response
from tests.stress.network.faults import INSTEAD, Fault, Weather
from tests.stress.network.heads import Head
from tests.stress.network.pipes import READ, Pipe

RECORDED = 262_144
"""How many bytes of a page are repeated at most; a connection that has sent more is not duplicated."""
A_WHILE = 20_000
"""How many bytes a direction is split or throttled for."""
_END_OF_HEAD = b"\r\n\r\n"
_NO_LINGER = struct.pack("ii", 1, 0)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Network(Protocol):
    """What a connection needs of the network that it is part of."""

    weather: Weather | None
    rates: "Rates"

    def count(self, traffic: str, fault: Fault) -> None:
        """Count a fault that has struck."""

    def passed(self, size: int) -> None:
        """Note that so many bytes were passed on, by any connection."""

    async def reach(self, page: asyncio.StreamWriter) -> Stream:
        """Connect to the server, from the page's address. Raises OSError."""

    async def stall(self) -> None:
        """Return when other connections have passed something for a while."""

    def repeat(self, data: bytes) -> None:
        """Send these bytes on a connection of their own, whose answers are dropped."""


class Rates(NamedTuple):
    """What each direction of a connection passes, in bytes a second; None: all that it can."""

    up: int | None = None
    down: int | None = None


class _DeadError(Exception):
    """Nothing passes on this connection any more."""


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, whatever is in the buffers."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        writer.transport.abort()


class Connection:
    """The page's side and the server's side. `run` ends when both are closed."""

    def __init__(self, network: Network, page: Stream) -> None:
        self._network = network
        self._page = page
        self._server: Stream | None = None
        self._head = Head(b"")
        self._pipes: list[Pipe] = []
        self._next: Fault | None = None
        self._is_dead = False

    async def run(self) -> None:
        """Serve one request, or one socket to its end."""
        try:
            self._head = Head(await self._page[0].readuntil(_END_OF_HEAD))
            await self._serve()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # One side has gone, and the other one follows.
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Close both sides at once."""
        for stream in (self._page, self._server):
            # asyncio's transport forgets its loop when it is closed, and then cannot be aborted.
            if stream is not None and stream[1].get_extra_info("socket").fileno() >= 0:
                stream[1].transport.abort()

    def reset(self) -> None:
        """Close both sides with RST."""
        for stream in (self._page, self._server):
            if stream is not None:
                reset(stream[1])

    def limit(self, rates: Rates) -> None:
        """Let the directions pass so much from now on."""
        for pipe, rate in zip(self._pipes, rates, strict=False):
            pipe.limit(rate)

    def storm(self) -> None:
        """Let faults strike a socket that is open already."""
        if self._pipes and self._head.is_socket and self._next is None:
            self._arm_socket()

    def calm(self) -> None:
        """No fault strikes any more. What is dead already ends."""
        self._next = None
        for pipe in self._pipes:
            pipe.calm()
        if self._is_dead:
            self.abort()

    # --- one request, or the beginning of a socket ----------------------------------------------------------------

    async def _serve(self) -> None:
        head, weather = self._head, self._network.weather
        if weather is not None and (head.is_socket or head.is_body):
            first = weather.first(is_socket=head.is_socket)
            if first is not None and first in INSTEAD:
                self._count(first)
                await self._answer(answer_to(first, weather.random))
                return
        else:
            first = None
        if head.path == PORTAL:
            await self._answer(login_page())
        elif await self._reach_server():
            await self._pass(first)
        elif head.is_socket:
            reset(self._page[1])
        else:
            await self._answer(response("502 Bad Gateway", "text/html", "no server"))

    async def _answer(self, data: bytes) -> None:
        reader, writer = self._page
        # A client does not read before it has sent its body.
        await reader.readexactly(self._head.length)
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _reach_server(self) -> bool:
        try:
            self._server = await self._network.reach(self._page[1])
        except OSError:
            return False
        return True

    # --- passing --------------------------------------------------------------------------------------------------

    async def _pass(self, first: Fault | None) -> None:
        assert self._server is not None
        head = self._head.alone()
        up = Pipe(self._page[0], self._server[1], self._strike, self._network.passed)
        down = Pipe(self._server[0], self._page[1], self._strike, self._network.passed)
        self._pipes = [up, down]
        self.limit(self._network.rates)
        if self._network.weather is not None:
            up.record(head, RECORDED)
        self._server[1].write(head)
        if self._head.is_socket:
            self._arm_socket()
        else:
            self._arm_request(first)
        await _first_of(up.run(), down.run())
        if self._is_dead:
            # What either side still sends vanishes.
            await _all_of(_swallow(self._page[0]), _swallow(self._server[0]))
        else:
            for _, writer in (self._page, self._server):
                writer.close()
            await _all_of(self._page[1].wait_closed(), self._server[1].wait_closed())

    def _arm_socket(self) -> None:
        """Choose the next fault, and the moment: after some bytes in one direction."""
        weather = self._network.weather
        if weather is None:
            return
        self._next = weather.next()
        if self._next is not None:
            weather.random.choice(self._pipes).left = weather.gap()

    def _arm_request(self, fault: Fault | None) -> None:
        """The moment lies within the body, or within the beginning of the answer; a repeated request is whole."""
        weather = self._network.weather
        if fault is None or weather is None:
            return
        self._next = fault
        up, down = self._pipes
        length = max(self._head.length, 1)
        if fault is Fault.DUPLICATE:
            up.left = length
        elif weather.random.random() < 0.5:
            up.left = weather.random.randint(1, length)
        else:
            down.left = weather.random.randint(1, 200)

    async def _strike(self, pipe: Pipe) -> None:
        """The moment has come, in this direction."""
        fault, self._next, pipe.left = self._next, None, None
        weather = self._network.weather
        if fault is None or weather is None:
            return
        if fault is Fault.DUPLICATE and not self._pipes[0].recorded:
            fault = Fault.SPLIT
        self._count(fault)
        await self._suffer(fault, pipe, weather)
        if self._head.is_socket:
            self._arm_socket()

    async def _suffer(self, fault: Fault, pipe: Pipe, weather: Weather) -> None:
        assert self._server is not None
        if fault is Fault.STALL:
            await self._network.stall()
        elif fault is Fault.THROTTLE:
            pipe.throttle(weather.mix.rate, A_WHILE)
        elif fault is Fault.SPLIT:
            pipe.split(A_WHILE)
        elif fault is Fault.DUPLICATE:
            self._network.repeat(bytes(self._pipes[0].recorded))
        elif fault is Fault.FINISH:
            # The bytes before it arrive, unlike before a RST.
            raise ConnectionResetError
        elif fault is Fault.RESET:
            reset(self._page[1])
            reset(self._server[1])
            raise ConnectionResetError
        else:
            self._die()
            if fault is Fault.ABANDON:
                reset(self._page[1])
            raise _DeadError

    def _die(self) -> None:
        self._is_dead = True
        for pipe in self._pipes:
            pipe.die()

    def _count(self, fault: Fault) -> None:
        self._network.count("socket" if self._head.is_socket else "request", fault)


async def _swallow(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(READ):
            pass


async def _first_of(*passing: Coroutine[Any, Any, None]) -> None:
    """Run until one has ended, in whatever way, and cancel the other."""
    tasks = [asyncio.create_task(each) for each in passing]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, OSError | _DeadError):
            raise result


async def _all_of(*ending: Coroutine[Any, Any, None]) -> None:
    await asyncio.gather(*ending, return_exceptions=True)
