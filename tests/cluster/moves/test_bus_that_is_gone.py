"""A process that ends while the others cannot be reached: nobody can take its tabs, so it ends as a single one does.

It may take ten minutes to end, and takes as long as what runs in it.
"""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from tests.support.long_call import LONG_CALL
from tests.support.raw_sockets import closing, greeted
from tests.support.redis_server import RedisServer, redis_server
from tests.support.serving import PATIENCE, Spawned, free_port, wait_until
from tests.support.several_workers import OneWorker, workers
from tests.support.waiting import until
from tests.support.wanderer import Wanderer
from tests.support.workers import Plain, principal_of, served
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.testing import Browser

PROGRAM = (
    LONG_CALL
    + """
@app.get("/garbage")
async def say_garbage_to_the_parent():
    from webipc.cluster.local.local_connection import inherited
    inherited()._transport.write(b"\\xff" * 64)
    return "said"
"""
)

SERVICE_RESTART = 1012
TEN_MINUTES = ("--graceful-timeout", "600")


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as made:
        yield made


@pytest.fixture
def alone(tmp_path: Path, redis: RedisServer) -> Iterator[Spawned]:
    """A process with Redis, and with nobody else."""
    file = tmp_path / "main.py"
    file.write_text(PROGRAM, encoding="utf-8")
    made = Spawned(file, free_port(), {"WEBIPC_REDIS": redis.url, "FOLDER": str(tmp_path)}, TEN_MINUTES)
    try:
        made.start()
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.kill()


@pytest.mark.parametrize("is_first", [True, False], ids=["before-the-signal", "behind-the-signal"])
def test_process_whose_redis_is_killed_ends_when_its_handlers_have(
    alone: Spawned, redis: RedisServer, tmp_path: Path, is_first: bool
) -> None:
    process = alone.process
    assert process is not None
    with greeted(alone) as one, greeted(alone, link="1" * 32) as other:
        call(one, tmp_path)
        if is_first:
            redis.kill()
        process.send_signal(signal.SIGTERM)
        if not is_first:
            # The idle page has left: it is parked in a Redis that lived.
            assert closing(other)[0] == SERVICE_RESTART
            redis.kill()
        (tmp_path / "go on").touch()
        assert answer(one)[:2] == ["result", 1]
        for opened in (one, other) if is_first else (one,):
            assert closing(opened)[0] == SERVICE_RESTART
    assert process.wait(PATIENCE) == 0


def test_workers_whose_parent_is_killed_end_when_their_handlers_have(tmp_path: Path) -> None:
    with served(tmp_path, *TEN_MINUTES, program=PROGRAM, FOLDER=str(tmp_path)) as made:
        pids = made.workers().values()
        try:
            with greeted(made) as one, greeted(made, link="1" * 32) as other:
                call(one, tmp_path)
                made.process.kill()
                (tmp_path / "go on").touch()
                assert answer(one)[:2] == ["result", 1]
                assert [closing(opened)[0] for opened in (one, other)] == [SERVICE_RESTART] * 2
            wait_until(lambda: not any(map(is_alive, pids)), "the workers have ended")
        finally:
            for pid in filter(is_alive, pids):
                os.kill(pid, signal.SIGKILL)


def test_worker_that_loses_the_bus_alone_ends_in_good_order_and_another_one_takes_its_place(tmp_path: Path) -> None:
    with served(tmp_path, *TEN_MINUTES, program=PROGRAM, FOLDER=str(tmp_path)) as made:
        principal = principal_of(1)
        lost = made.workers()[1]
        with greeted(made, headers={"Cookie": f"webipc_principal={principal}"}) as opened:
            call(opened, tmp_path)
            with Plain(made.port) as plain:
                assert plain.ask("/garbage", principal) == "said"
            made.line_with("[1] this worker ends, because it has lost its connection to the others")
            (tmp_path / "go on").touch()
            assert answer(opened)[:2] == ["result", 1]
            assert closing(opened)[0] == SERVICE_RESTART
        made.line_with("worker 1 has ended with status 0; another one starts")
        wait_until(lambda: made.workers().get(1, lost) != lost, "another one has its place")
        with greeted(made, headers={"Cookie": f"webipc_principal={principal}"}):
            pass


def call(opened: ClientConnection, folder: Path) -> None:
    """Call a handler, and wait until it runs."""
    opened.send('[1,0,["invoke",1,"long",[]]]')
    wait_until((folder / "runs").exists, "the handler runs")


def answer(opened: ClientConnection) -> Any:
    """Return the first message that a page is sent."""
    while not (messages := json.loads(opened.recv(PATIENCE))[2:]):
        pass
    return messages[0]


def is_alive(pid: int) -> bool:
    """Return whether a process lives that is nobody's child here."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_tab_that_is_written_down_when_the_bus_goes_is_given_up_and_its_socket_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with workers(2) as (old, _):
        page = Wanderer(1)
        await page.come(old)
        tries = 0

        async def park(*_: Any) -> None:
            nonlocal tries
            tries += 1
            raise BusError("away")

        monkeypatch.setattr(old.bus.directory, "park", park)
        draining = asyncio.create_task(old.hub.drain(600.0, asyncio.Event()))
        await until(lambda: tries > 1)
        assert page.closed_with is None
        with caplog.at_level(logging.ERROR, "webipc"):
            old.bus.kill()
            await asyncio.wait_for(draining, PATIENCE)
        assert page.closed_with == SERVICE_RESTART
        assert old.shared.stats()["park_failed"] == 1
        assert "1 tabs could not be parked" in caplog.text


class AwayBus(MemoryBus):
    """A bus that may be away for a moment."""

    is_away = False
    looks = 0

    @property
    def is_connected(self) -> bool:
        self.looks += self.is_away
        return not self.is_away and super().is_connected


class MayBeAway(OneWorker):
    """A worker with such a bus."""

    bus: AwayBus

    def _made(self, realm: str, worker: str, formats: Any) -> MemoryBus:
        self.bus = AwayBus(self._board, worker, formats)
        return self.bus


async def test_tab_serves_its_page_while_the_bus_is_away_for_a_moment() -> None:
    board = Switchboard(time.monotonic)
    old, new = MayBeAway(board), OneWorker(board)
    async with Browser(old.app), Browser(new.app):
        old.ipc_main.handle("echo", lambda event, value: value)
        page = Wanderer(1)
        await page.come(old)
        old.bus.is_away = True
        draining = asyncio.create_task(old.hub.drain(600.0, asyncio.Event()))
        await until(lambda: old.bus.looks > 1)
        await page.say("invoke", 1, "echo", value=[7])
        assert page.heard() == [7]
        assert not draining.done()
        old.bus.is_away = False
        await asyncio.wait_for(draining, PATIENCE)
        assert old.shared.stats()["parked"] == 1
        page.lose()
        await page.come(new)
