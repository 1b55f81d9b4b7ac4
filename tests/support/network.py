"""A network that a test can interrupt: a TCP relay between a browser and a server, in a thread of the test process."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from tests.support.serving import PATIENCE, wait_until

_READ = 65_536
_SLOW_BUFFER = 4_096
"""What a slow network holds, so that what it has not carried stays with its sender. The kernel doubles it."""


class Relay:
    """Relays bytes between its clients and the server."""

    def __init__(self, target: int, up_rate: int | None = None, down_rate: int | None = None) -> None:
        """`target` is the port of the server. The rates, to the server and from it, are in bytes a second."""
        self._target = target
        self._up_rate = up_rate
        self._down_rate = down_rate
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        # False: new connections are aborted, as when the network is down.
        self._up = True
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        # The number of connections that were accepted.
        self.connections = 0
        # The bytes that were carried to the server, and from it.
        self.carried_up = self.carried_down = 0

    @property
    def url(self) -> str:
        """The URL of the server through this network."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> int:
        """Abort every open connection, without sending buffered bytes; return how many there were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(PATIENCE)

    def down(self) -> None:
        """Abort every connection, and every new one until `up`."""
        self._up = False
        self.cut()

    def target(self, port: int) -> None:
        """Connect new clients to the server on this port."""
        self._target = port

    def up(self) -> None:
        """Accept connections again."""
        self._up = True

    async def _cut(self) -> int:
        writers = list(self._writers)
        for writer in writers:
            writer.transport.abort()
        return len(writers) // 2

    async def _serve(self) -> None:
        listener = _buffered(self._up_rate)
        listener.bind(("127.0.0.1", 0))
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=_limit(self._up_rate))
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._up:
            writer.transport.abort()
            return
        self.connections += 1
        pair = {writer}
        far_socket = _buffered(self._down_rate)
        try:
            await self._loop.sock_connect(far_socket, ("127.0.0.1", self._target))
            far_reader, far_writer = await asyncio.open_connection(sock=far_socket, limit=_limit(self._down_rate))
            pair.add(far_writer)
            if not self._up:
                return
            self._writers |= pair
            await asyncio.gather(
                _pass(reader, far_writer, self._up_rate, self._was_carried_up),
                _pass(far_reader, writer, self._down_rate, self._was_carried_down),
            )
        except OSError:
            # No server listens: the connection is aborted below.
            pass
        finally:
            self._writers -= pair
            for each in pair:
                each.transport.abort()
            if len(pair) == 1:
                # It has no transport that would close it.
                far_socket.close()

    def _was_carried_up(self, size: int) -> None:
        self.carried_up += size

    def _was_carried_down(self, size: int) -> None:
        self.carried_down += size

    def run(self) -> None:
        """Run the relay; the thread's main function."""
        self._loop.run_until_complete(self._serve())
        self._loop.run_forever()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        self._up = False
        # A connection becomes a task two turns after it was accepted, and an aborted one is closed in the next turn.
        for _ in range(3):
            await asyncio.sleep(0)
            await self._cut()
            if others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others)
        await asyncio.sleep(0)

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)


def _buffered(rate: int | None) -> socket.socket:
    """Return a socket that receives by a slow network, if there is a rate."""
    made = socket.socket()
    made.setblocking(False)
    if rate is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_BUFFER)
    return made


def _limit(rate: int | None) -> int:
    return _READ if rate is None else _SLOW_BUFFER


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: int | None, was_carried: Callable[[int], None]
) -> None:
    # Fifty times a second: a rate is a matter of time.
    most = _READ if rate is None else max(rate // 50, 1)
    loop = asyncio.get_running_loop()
    due = loop.time()
    with contextlib.suppress(OSError):
        while data := await reader.read(most):
            if rate is not None:
                # What was not sent in time is not caught up with.
                due = max(due, loop.time() - 0.1) + len(data) / rate
                await asyncio.sleep(due - loop.time())
            writer.write(data)
            await writer.drain()
            was_carried(len(data))
        writer.close()


@contextlib.contextmanager
def relay(target: int, up_rate: int | None = None, down_rate: int | None = None) -> Iterator[Relay]:
    """Run a relay to the server on this port, with these rates in bytes a second."""
    network = Relay(target, up_rate, down_rate)
    thread = threading.Thread(target=network.run, name="test network")
    thread.start()
    try:
        wait_until(lambda: network.port, "the network has started")
        yield network
    finally:
        network.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the network did not end"
