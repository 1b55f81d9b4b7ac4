"""Processes of which one ends while a handler runs: the page keeps its tab, and is told once what became of its call.

`webipc run` lets what runs end before it closes a socket; plain uvicorn closes all sockets first.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.long_call import LONG_CALL
from tests.support.plain_page import Page
from tests.support.raw_sockets import closing, socket
from tests.support.redis_server import redis_server
from tests.support.serving import PATIENCE, Spawned, free_port, wait_until
from tests.support.workers import served

PROGRAM = (
    LONG_CALL
    + """
@ipc_main.handle("who")
async def who(event):
    return os.getpid()
"""
)

SERVICE_RESTART = 1012


class UnderUvicorn(Spawned):
    """The same program under uvicorn itself."""

    def _launch(self, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        folder = environment["FOLDER"]
        port = command[command.index("--port") + 1]
        line = [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", folder, "--port", port]
        return super()._launch([*line, "--ws", "websockets-sansio", "--timeout-graceful-shutdown", "1"], environment)


@pytest.fixture(params=[Spawned, UnderUvicorn])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Spawned]]:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM, encoding="utf-8")
    with redis_server() as redis:
        environment = {"WEBIPC_REDIS": redis.url, "FOLDER": str(tmp_path)}
        made = [request.param(file, free_port(), environment) for _ in range(2)]
        try:
            for one in made:
                one.start()
            yield made
        finally:
            for one in made:
                if one.process is not None and one.process.poll() is None:
                    one.kill()


def test_answer_comes_and_the_page_goes_on_in_the_other_process(two: list[Spawned], tmp_path: Path) -> None:
    old, new = two
    page, closes_first = Page(), isinstance(old, UnderUvicorn)
    ended, other = (one.process for one in two)
    assert ended is not None
    assert other is not None
    with socket(old) as opened:
        page.greet(opened)
        page.say(opened, "invoke", 1, "long", [])
        wait_until((tmp_path / "runs").exists, "the handler runs")
        ended.send_signal(signal.SIGTERM)
        if not closes_first:
            (tmp_path / "go on").touch()
            assert page.hear(opened) == ["result", 1, ended.pid]
        assert closing(opened)[0] == SERVICE_RESTART
    if closes_first:
        # The home has no socket of its own any more: this one is relayed.
        with socket(new) as opened:
            page.greet(opened)
            (tmp_path / "go on").touch()
            assert page.hear(opened) == ["result", 1, ended.pid]
            assert closing(opened)[0] == SERVICE_RESTART
    with socket(new) as opened:
        page.greet(opened)
        page.say(opened, "invoke", 3, "who", [])
        assert page.hear(opened) == ["result", 3, other.pid]
    assert ended.wait(PATIENCE) == (-signal.SIGTERM if closes_first else 0)


def test_call_that_is_longer_than_the_time_gets_one_error_and_its_page_goes_on(tmp_path: Path) -> None:
    with served(tmp_path, "--graceful-timeout", "1") as made:
        page = Page()
        with socket(made) as opened:
            page.greet(opened)
            page.say(opened, "invoke", 1, "long", [])
            made.line_with("waits")
            made.process.send_signal(signal.SIGHUP)
            kind, call, error, *_ = page.hear(opened)
            assert (kind, call) == ("error", 1)
            assert "reply was never sent" in json.dumps(error)
            assert closing(opened)[0] == SERVICE_RESTART
        made.line_with("drained 1 tabs in")
        assert "1 calls were cancelled" in made.output
        with socket(made) as opened:
            page.greet(opened)
            page.say(opened, "invoke", 3, "who", [])
            # Nothing else comes before it: the error was told once.
            assert page.hear(opened)[:2] == ["result", 3]
