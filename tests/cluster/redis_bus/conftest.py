"""Workers on a Redis server of their own, for tests that do something to it."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.buses import REDIS_FAULTS, RedisRig
from tests.support.redis_server import RedisServer, redis_server


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as made:
        yield made


@pytest.fixture
async def faulty(server: RedisServer) -> AsyncIterator[RedisRig]:
    """Workers whose server does not settle at its start, but does later."""
    server.admin.set("webipc:{faulty}:gen", "first")
    rig = RedisRig(server, REDIS_FAULTS, name="faulty")
    yield rig
    await rig.close()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What the log says, as `LEVEL text`, while the test runs."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(f"{record.levelname} {record.getMessage()}")

    handler = Keep()
    logging.getLogger("webipc").addHandler(handler)
    yield found
    logging.getLogger("webipc").removeHandler(handler)
