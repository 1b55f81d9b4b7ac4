"""Redis servers for tests: each on a free port, with a directory of its own, and with what can happen to one.

`redis_server()` begins one and ends it. `WEBIPC_TEST_REDIS` names another program than `redis-server`, such as
`valkey-server`, for the same tests.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.support.serving import free_port, wait_until

PROGRAM = os.environ.get("WEBIPC_TEST_REDIS", "redis-server")


def need_redis() -> str:
    """Return the path of the program; skip the test where it is not there, but not in continuous integration."""
    found = shutil.which(PROGRAM)
    if found is None:
        reason = f"no {PROGRAM} on PATH (apt-get install --no-install-recommends redis-server)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class RedisServer:
    """A server that can be killed, and begun again on the same port, with or without what it had."""

    def __init__(self, directory: Path, *, is_durable: bool = False, options: tuple[str, ...] = ()) -> None:
        self._program = need_redis()
        self.directory = directory
        self.port = free_port()
        self._options = options
        self._durable = ("--appendonly", "yes", "--appendfsync", "always") if is_durable else ("--appendonly", "no")
        self._process: subprocess.Popen[bytes] | None = None
        self._admin: Redis | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def admin(self) -> Any:
        """A client of the test itself."""
        if self._admin is None:
            self._admin = Redis(port=self.port, protocol=2, socket_timeout=10)
        return self._admin

    def start(self) -> Self:
        """Begin, and wait until it answers."""
        base = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.directory))
        command = [self._program, *base, *self._durable, "--loglevel", "warning", *self._options]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, "the Redis server answers")
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "log").read_text()
        with contextlib.suppress(RedisError):
            return bool(Redis(port=self.port, socket_timeout=10).ping())
        return False

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self._send(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def pause(self) -> None:
        """Stop it, so that its connections stay and nothing is answered."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def close(self) -> None:
        """End it, whatever has happened to it."""
        if self._admin is not None:
            self._admin.close()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def redis_server(*, is_durable: bool = False, options: tuple[str, ...] = ()) -> Iterator[RedisServer]:
    """Run a server. `is_durable`: what was written is there when it is begun again."""
    with tempfile.TemporaryDirectory(prefix="webipc-redis-") as directory:
        server = RedisServer(Path(directory), is_durable=is_durable, options=options)
        try:
            yield server.start()
        finally:
            server.close()
