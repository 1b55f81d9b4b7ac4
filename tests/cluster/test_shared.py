"""`ipc_main.shared`: an application that is one of several, from its start to its end."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.support.waiting import settled, until
from webipc import IpcMain
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError, NoWorkerError, Receiver
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.testing import Browser

ROOT = Path(__file__).parents[2]


class Application:
    """One worker: an application whose way to the others is a switchboard in this memory."""

    def __init__(self, boards: dict[str, Switchboard]) -> None:
        self.app = FastAPI()
        self.ipc_main = IpcMain()
        self.ipc_main._make_bus = lambda realm, worker, formats: MemoryBus(
            boards.setdefault(realm, Switchboard(time.monotonic)), worker, formats
        )
        self.ipc_main.mount(self.app)


async def test_single_process_has_no_others() -> None:
    ipc_main = IpcMain()
    app = FastAPI()
    ipc_main.mount(app)
    async with Browser(app):
        assert ipc_main.shared is None


async def test_workers_know_each_other_from_their_start_to_their_end() -> None:
    boards: dict[str, Switchboard] = {}
    first, second = Application(boards), Application(boards)
    assert first.ipc_main.shared is None
    async with Browser(first.app) as browser:
        one = first.ipc_main.shared
        assert one is not None
        assert one.connected
        assert one.is_first
        assert [member.worker for member in one.workers] == [one.worker]
        async with Browser(second.app), browser.open():
            two = second.ipc_main.shared
            assert two is not None
            assert {member.worker for member in one.workers} == {one.worker, two.worker}
            assert not two.is_first
            assert one.stats()["gaps"] == 0
        assert [member.worker for member in one.workers] == [one.worker]


async def test_gap_fails_what_was_asked_of_another_worker() -> None:
    boards: dict[str, Switchboard] = {}
    first, second = Application(boards), Application(boards)
    async with Browser(first.app), Browser(second.app):
        one, two = first.ipc_main.shared, second.ipc_main.shared
        assert one is not None
        assert two is not None
        await until(lambda: len(one.workers) == 2)
        # Nobody answers it.
        asking = asyncio.ensure_future(one._questions.ask(two.worker, "unheard-of", {}))
        await settled()
        assert not asking.done()
        one.gap()
        await settled()
        assert isinstance(asking.exception(), NoWorkerError)


async def test_ids_of_two_workers_are_never_the_same() -> None:
    boards: dict[str, Switchboard] = {}
    first, second = Application(boards), Application(boards)
    async with Browser(first.app) as one, Browser(second.app) as two, one.open(), two.open():
        ids = [application.ipc_main.get_all_web_contents()[0].id for application in (first, second)]
    assert ids == [(1 << 32) + 1, (2 << 32) + 1]


async def test_ends_of_two_prefixes_are_two_realms() -> None:
    boards: dict[str, Switchboard] = {}
    application = Application(boards)
    other = IpcMain()
    other._make_bus = application.ipc_main._make_bus
    other.mount(application.app, prefix="/more/")
    async with Browser(application.app):
        assert set(boards) == {"/ipc", "/more"}
        assert other.shared is not None
        assert len(other.shared.workers) == 1


async def test_application_that_cannot_join_the_others_does_not_start() -> None:
    class Unreachable(MemoryBus):
        async def begin(self, receiver: Receiver) -> None:
            raise BusError("cannot reach the others")

    application = Application({})
    application.ipc_main._make_bus = lambda *_: Unreachable(Switchboard(time.monotonic), "a")
    with pytest.raises(RuntimeError, match="cannot reach the others"):
        async with Browser(application.app):
            pass
    assert application.ipc_main.shared is None


async def test_every_number_of_the_stats_is_documented() -> None:
    boards: dict[str, Switchboard] = {}
    application = Application(boards)
    async with Browser(application.app):
        shared = application.ipc_main.shared
        assert shared is not None
        names = set(shared.stats())
    _, _, section = (ROOT / "docs" / "workers.md").read_text(encoding="utf-8").partition("\n## Numbers\n")
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])} == names
