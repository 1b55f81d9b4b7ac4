"""How the parent keeps its workers running: with small programs that say what a worker says, and short times."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.serving import PATIENCE
from webipc.cli.acceptor.acceptor import Patience
from webipc.cli.supervisor.plan import Plan, Times
from webipc.cli.supervisor.supervisor import Supervisor
from webipc.cli.supervisor.switchboard import Connected

QUICK = Times(first_delay=0.01, longest_delay=0.04, ready=PATIENCE, shutdown=PATIENCE)

WORKER = """
import os, pathlib, signal, socket, time
folder = pathlib.Path({folder!r})
control = socket.socket(fileno=int(os.environ["WEBIPC_CONTROL"]))
slot = int(os.environ["WEBIPC_SLOT"])
begun = time.monotonic()
def note(what):
    with (folder / "notes").open("a") as notes:
        notes.write(f"{{slot}} {{os.getpid()}} {{what}}\\n")
def ended(number, frame):
    note(signal.Signals(number).name)
    os._exit(0)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, ended)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGINT])
note("begins")
{body}
"""
SERVES = 'control.send(b"r")\nwhile True: signal.pause()'
FAILS = "os._exit(3)"
CRASHES = "os.kill(os.getpid(), signal.SIGKILL)"
HANGS = "while True: signal.pause()"
IS_DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVES
IGNORES = 'signal.signal(signal.SIGTERM, lambda *_: note("ignores"))\n' + SERVES


class Rig:
    """A supervisor in this process, and what its workers have noted."""

    def __init__(self, folder: Path, times: Times, workers: int) -> None:
        self.folder = folder
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.setblocking(False)
        command = [sys.executable, "-S", "-E", str(folder / "worker.py")]
        self.plan = Plan(workers, command, [], "http://test", "", 0.0, has_bus=True)
        self.supervisor = Supervisor(
            self.plan, [self.listener], Connected(asyncio.get_running_loop()), times=times, patience=Patience()
        )
        self.running: asyncio.Task[int] | None = None

    def program(self, body: str) -> None:
        """Let workers that start from now on do this."""
        text = WORKER.format(folder=str(self.folder), body=body)
        (self.folder / "next.py").write_text(text)
        (self.folder / "next.py").replace(self.folder / "worker.py")

    def noted(self, what: str) -> list[tuple[int, int]]:
        """Return the slot and the number of each process that has noted this."""
        with contextlib.suppress(FileNotFoundError):
            lines = [line.split() for line in (self.folder / "notes").read_text().splitlines()]
            return [(int(slot), int(pid)) for slot, pid, said in lines if said == what]
        return []

    @property
    def up(self) -> dict[int, int]:
        """The workers that take connections: the number of the process by that of its slot."""
        return {slot.number: slot.worker.pid for slot in self.supervisor._slots if slot.worker.is_up}

    def let_each_get_ready_within(self, seconds: float) -> None:
        """Change how long the next workers may take in a rolling restart."""
        for slot in self.supervisor._slots:
            slot._times = replace(QUICK, ready=seconds)

    async def until(self, fact: Callable[[], object]) -> None:
        assert self.running is not None
        async with asyncio.timeout(PATIENCE):
            while not fact():  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(0.002)

    async def successor(self, number: int, died: int) -> None:
        """Wait until another process than this one is up in a slot."""
        await self.until(lambda: self.up.get(number, died) != died)

    async def serving(self) -> None:
        """Wait until all workers take connections."""
        await self.until(lambda: self.supervisor._is_serving.is_set() and len(self.up) == self.plan.workers)

    async def status(self) -> int:
        """Wait for the end, and return the exit status."""
        assert self.running is not None
        return await asyncio.wait_for(self.running, PATIENCE)


@contextlib.asynccontextmanager
async def rig(folder: Path, body: str = SERVES, *, times: Times = QUICK, workers: int = 2) -> AsyncIterator[Rig]:
    made = Rig(folder, times, workers)
    made.program(body)
    made.running = asyncio.create_task(made.supervisor.run())
    try:
        yield made
    finally:
        for process in list(made.supervisor._processes):
            process.send_signal(signal.SIGKILL)
        made.supervisor._finish(0)
        await made.status()


def descriptors() -> int:
    # Without those of garbage, which tests before this one may have left.
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> set[int]:
    """Return the child processes, those included that have ended and were not waited for."""
    return {int(child) for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "webipc")


async def test_a_worker_that_dies_is_started_again_after_a_delay_that_doubles(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # So long that no worker of this test has been ready for it.
    async with rig(tmp_path, times=replace(QUICK, longest_delay=PATIENCE)) as made:
        await made.serving()
        assert lines(caplog)[-1] == "2 workers serve at http://test (press Ctrl-C to quit)"
        other = made.up[1]
        for delay in ("0.01", "0.02", "0.04"):
            died = made.up[2]
            os.kill(died, signal.SIGKILL)
            await made.successor(2, died)
            assert lines(caplog)[-1] == f"worker 2 was killed by SIGKILL; another one starts in {delay} s"
        assert made.up[1] == other


async def test_the_delay_is_short_again_for_a_worker_that_was_ready_for_some_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path, times=replace(QUICK, longest_delay=0.0)) as made:
        await made.serving()
        for _ in range(3):
            died = made.up[1]
            os.kill(died, signal.SIGKILL)
            await made.successor(1, died)
            assert lines(caplog)[-1].endswith("another one starts in 0.01 s")
            made.supervisor._slots[0]._delay = 5.0


async def test_three_deaths_before_it_is_ready_end_the_program(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        made.program(CRASHES)
        os.kill(made.up[2], signal.SIGKILL)
        assert await made.status() == 1
        assert lines(caplog)[-1] == (
            "the program ends: worker 2 died 3 times before it was ready: it was killed by SIGKILL"
        )
        assert [slot for slot, _ in made.noted("begins")] == [1, 2, 2, 2, 2]
        # The other one ended in good order.
        assert [slot for slot, _ in made.noted("SIGTERM")] == [1]


async def test_a_worker_that_gets_ready_between_two_deaths_ends_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        made.program(f'mark = folder / "crash"\nif mark.exists(): mark.unlink(); {CRASHES}\n{SERVES}')
        for _ in range(3):
            (tmp_path / "crash").touch()
            died = made.up[2]
            os.kill(died, signal.SIGKILL)
            await made.successor(2, died)
        assert len(made.noted("begins")) == 2 + 3 * 2
        assert made.running is not None
        assert not made.running.done()


async def test_while_the_system_has_no_room_for_a_process_the_others_serve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        before, python = descriptors(), made.plan.command[0]
        made.plan.command[0] = str(tmp_path / "nowhere")
        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(lambda: "worker 1 was not replaced" in lines(caplog)[-1])
        died = made.up[2]
        os.kill(died, signal.SIGKILL)
        await made.until(lambda: sum("worker 2 cannot be started" in line for line in lines(caplog)) > 3)
        assert set(made.up) == {1}
        made.plan.command[0] = python
        await made.successor(2, died)
        assert descriptors() == before


async def test_a_program_that_cannot_be_served_is_started_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path, FAILS) as made:
        assert await made.status() == 1
        assert [slot for slot, _ in made.noted("begins")] == [1]
        # The worker itself has said what is wrong.
        assert lines(caplog) == []


async def test_a_first_worker_that_is_killed_is_tried_three_times(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path, CRASHES) as made:
        assert await made.status() == 1
        assert [slot for slot, _ in made.noted("begins")] == [1, 1, 1]
        assert "worker 1 died 3 times before it was ready" in lines(caplog)[-1]


async def test_sighup_replaces_each_worker_when_the_next_one_is_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        before = made.up
        least = len(before)

        def all_new() -> bool:
            nonlocal least
            least = min(least, len(made.up))
            return "all 2 workers were replaced" in lines(caplog)

        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(all_new)
        # No slot was ever without a worker.
        assert least == 2
        assert set(made.up) == {1, 2}
        assert not set(made.up.values()) & set(before.values())
        assert made.noted("SIGTERM") == [(1, before[1]), (2, before[2])]


@pytest.mark.parametrize(
    "body, why",
    [
        (HANGS, "did not get ready within 0.3 s"),
        (FAILS, "has ended with status 3 before it was ready"),
        (CRASHES, "was killed by SIGKILL before it was ready"),
    ],
)
async def test_workers_stay_if_the_next_one_does_not_get_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, body: str, why: str
) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        before = made.up
        made.program(body)
        if body == HANGS:
            made.let_each_get_ready_within(0.3)
        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(lambda: "worker 1 was not replaced" in lines(caplog)[-1])
        assert lines(caplog)[-1] == f"worker 1 was not replaced: the next one {why}; those that serve stay"
        assert made.up == before
        assert len(made.supervisor._processes) == 2
        # A program that was mended is taken.
        made.let_each_get_ready_within(PATIENCE)
        made.program(SERVES)
        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(lambda: "all 2 workers were replaced" in lines(caplog))


async def test_a_rolling_restart_that_fails_halfway_says_that_two_programs_serve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        second = made.up[2]
        made.program(f"if slot == 2: {FAILS}\n{SERVES}")
        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(lambda: "worker 2 was not replaced" in lines(caplog)[-1])
        assert "1 of 2 serve the program as it is now, the others as it was: send SIGHUP again" in lines(caplog)[-1]
        assert made.up[2] == second


async def test_a_sighup_during_a_rolling_restart_begins_another_one_behind_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(lambda: len(made.noted("begins")) == 3)
        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(lambda: made.supervisor._rolling is not None and made.supervisor._rolling.done())
        assert [slot for slot, _ in made.noted("begins")] == [1, 2, 1, 2, 1, 2]


async def test_a_worker_that_dies_while_the_next_one_starts_is_replaced_once(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        first = made.up[1]
        made.program(f'while not (folder / "go").exists(): time.sleep(0.001)\n{SERVES}')
        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(lambda: len(made.noted("begins")) == 3)
        os.kill(first, signal.SIGKILL)
        await made.until(lambda: 1 not in made.up)
        (tmp_path / "go").touch()
        await made.until(lambda: made.supervisor._rolling is not None and made.supervisor._rolling.done())
        assert [slot for slot, _ in made.noted("begins")] == [1, 2, 1, 2]
        assert set(made.up) == {1, 2}


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_all_workers_get_the_signal_that_ends_the_program(tmp_path: Path, sent: signal.Signals) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        up = made.up
        os.kill(os.getpid(), sent)
        assert await made.status() == 0
        assert sorted(made.noted(sent.name)) == sorted(up.items())


async def test_a_signal_during_the_start_ends_the_program(tmp_path: Path) -> None:
    async with rig(tmp_path, HANGS) as made:
        await made.until(lambda: made.noted("begins"))
        os.kill(os.getpid(), signal.SIGTERM)
        assert await made.status() == 0
        assert [slot for slot, _ in made.noted("SIGTERM")] == [1]


async def test_a_signal_during_a_rolling_restart_ends_every_process(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        await made.serving()
        made.program(HANGS)
        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(lambda: len(made.noted("begins")) == 3)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await made.status() == 0
        assert sorted(made.noted("SIGTERM")) == sorted(made.noted("begins"))


async def test_a_further_signal_is_passed_on_too(tmp_path: Path) -> None:
    async with rig(tmp_path, IGNORES, workers=1) as made:
        await made.serving()
        os.kill(os.getpid(), signal.SIGTERM)
        await made.until(lambda: len(made.noted("ignores")) == 1)
        os.kill(os.getpid(), signal.SIGTERM)
        await made.until(lambda: len(made.noted("ignores")) == 2)
        os.kill(os.getpid(), signal.SIGINT)
        assert await made.status() == 0


async def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    async with rig(tmp_path, IS_DEAF, times=replace(QUICK, shutdown=0.1)) as made:
        await made.serving()
        os.kill(os.getpid(), signal.SIGTERM)
        assert await made.status() == 0
        assert made.noted("SIGTERM") == []


async def test_neither_descriptors_nor_dead_processes_are_left(tmp_path: Path) -> None:
    # Of tests before this one, such as the process that tracks shared memory.
    others = children()
    async with rig(tmp_path) as made:
        await made.serving()
        before = descriptors()
        for number in (1, 2, 1):
            died = made.up[number]
            os.kill(died, signal.SIGKILL)
            await made.successor(number, died)
        os.kill(os.getpid(), signal.SIGHUP)
        await made.until(lambda: made.supervisor._rolling is not None and made.supervisor._rolling.done())
        assert descriptors() == before
        assert children() - others == set(made.up.values())
