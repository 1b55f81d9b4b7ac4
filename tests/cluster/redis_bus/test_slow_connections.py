"""A slow connection to Redis: what is large takes longer than an answer may, and arrives all the same."""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.buses import RedisRig, workers
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

CHUNK = 8_192
SECONDS = 0.025
"""A slow direction of a connection passes so much in this time: a third of a megabyte a second."""
ANSWER = 1.0
LARGE = 800_000
"""Takes more than twice as long."""


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(seconds * len(data) / CHUNK)
    except OSError:
        return
    finally:
        writer.close()


@asynccontextmanager
async def slow_url(server: RedisServer, *, up: float = 0, down: float = 0) -> AsyncIterator[str]:
    """Listen elsewhere, and pass on slowly what comes there. The kernel keeps little of it."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection("127.0.0.1", server.port, limit=CHUNK)
        tasks.add(asyncio.create_task(_pass_on(reader, downstream, up)))
        tasks.add(asyncio.create_task(_pass_on(upstream, writer, down)))

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * CHUNK)
    listener.bind(("127.0.0.1", 0))
    async with await asyncio.start_server(accept, sock=listener, limit=CHUNK):
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_message_is_sent_once_that_takes_longer_to_redis_than_an_answer_may(faulty: RedisRig) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, answer=2 * ANSWER, lease=5.0, large_bytes=LARGE + 1_000)
    async with slow_url(faulty.server, up=2 * SECONDS) as faulty.url:
        first, second = await workers(faulty, 2)
        connects = first.bus.stats()["connects"]
        first.say(second, 0, bytes(LARGE))
        first.say(second, 1)
        await until(lambda: second.numbers() == [0, 1])
        assert first.bus.stats()["connects"] == connects
        await faulty.close()


@pytest.mark.parametrize("large_bytes", [LARGE + 1_000, 100_000])
async def test_message_arrives_that_takes_longer_from_redis_than_an_answer_may(
    faulty: RedisRig, large_bytes: int
) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, answer=ANSWER, lease=5.0, large_bytes=large_bytes)
    async with slow_url(faulty.server, down=SECONDS) as faulty.url:
        first, second = await workers(faulty, 2)
        first.say(second, 0, bytes(LARGE))
        first.say(second, 1)
        await until(lambda: second.numbers() == [0, 1])
        await faulty.close()


async def test_connection_over_which_nothing_moves_is_given_up_in_time(faulty: RedisRig) -> None:
    faulty.settings = dataclasses.replace(faulty.settings, answer=ANSWER)
    first, second = await workers(faulty, 2)
    faulty.server.pause()
    first.say(second, 0, bytes(LARGE))
    await until(lambda: not first.bus.is_connected)
    faulty.server.go_on()
    await until(lambda: first.bus.is_connected and second.numbers() == [0])
