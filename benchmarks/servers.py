"""The subjects as processes: started on a free port, watched, pinned to a core, and measured."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil  # type: ignore[import-untyped]  # it ships no types

from benchmarks.catalogue import Subject
from benchmarks.workshop import ROOT, Tools

START_SECONDS = 20.0


class StartError(Exception):
    """A subject did not start to listen; the text is the end of its output."""


class Server:
    """One running subject. Use it as a context manager: it ends with the block."""

    def __init__(self, subject: Subject, tools: Tools, environment: Mapping[str, str] | None = None) -> None:
        """`environment`: more variables for it."""
        self.subject = subject
        self.port = _free_port()
        self._complaints = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 - it lives as long as the server
        interpreter = tools.python if subject.runtime == "python" else tools.node
        self._process = subprocess.Popen(
            [str(interpreter), *subject.words, str(self.port), *subject.options],
            cwd=ROOT,
            env={**_environment(subject), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._complaints,
            stderr=self._complaints,
        )
        self._usage = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        try:
            self._wait()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _wait(self) -> None:
        """Wait until it listens. No signal works for every subject, so this polls 50 times a second."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise StartError(f"did not start: {self.complaint()}")

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.close()

    def complaint(self) -> str:
        """The last line that the process wrote, without the lines of a server that works."""
        self._complaints.seek(0)
        lines = [line.strip() for line in self._complaints if line.strip() and not line.startswith("INFO:")]
        return relative(lines[-1]) if lines else "it said nothing"

    def processor_seconds(self) -> float:
        """The processor time of all its threads, those that have ended included."""
        times = self._usage.cpu_times()
        return float(times.user + times.system)

    @property
    def process_id(self) -> int:
        """The id of its process."""
        return self._process.pid

    def workers(self) -> list[int]:
        """The ids of its child processes, the oldest first; none of most subjects."""
        return [child.pid for child in sorted(self._usage.children(), key=lambda child: child.create_time())]

    def scheduled_seconds(self) -> float:
        """The same in nanoseconds' resolution, of the threads that live: for a server that does nearly nothing."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        try:
            spent = [(task / "schedstat").read_text().split()[0] for task in tasks.iterdir()]
        except OSError:  # not Linux, or a thread ended meanwhile
            return self.processor_seconds()
        return sum(map(int, spent)) / 1e9

    def resident_bytes(self) -> int:
        """Its resident memory; without the kernel's socket buffers."""
        return int(self._usage.memory_info().rss)

    def use_cores(self, cores: set[int]) -> None:
        """Let all its threads, and those of its child processes, run on these cores only."""
        for process in (self._usage, *self._usage.children()):
            for thread in process.threads():
                # It may end meanwhile.
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(thread.id, cores)


@contextmanager
def one_core(server: Server) -> Iterator[None]:
    """Run the server, and processes that are started inside the block, on one core.

    Waking an idle virtual core costs more than a round trip, and whether it is needed is chance: round trips on two
    cores have two clouds of values. On one core they are the work itself and the switching.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    only = {max(before)}
    server.use_cores(only)
    os.sched_setaffinity(0, only)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        server.use_cores(before)


def _environment(subject: Subject) -> dict[str, str]:
    """Let a subject import webipc from its checkout, and the subjects from this one."""
    folders = [(subject.checkout or ROOT) / "server", ROOT]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}


def relative(text: str) -> str:
    """An error text without the path of the checkout: it may appear in a published table."""
    return text.replace(f"{ROOT}/", "")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
