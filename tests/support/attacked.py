"""`attacked`: a `webipc run` process with limits on its memory and its descriptors, for tests that attack it.

A test reads the most memory that the process has held, what it logged, and whether it still answers. A process that
takes more memory than the limit ends with a MemoryError or is aborted, so an attack that succeeds fails the test
instead of the machine.
"""

import contextlib
import os
import resource
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from tests.support.serving import Spawned, free_port

MIB = 1 << 20
ADDRESS_SPACE = 3072 * MIB
"""What a process may map, unless a test says otherwise. Threads reserve stacks that they do not use."""


class Attacked(Spawned):
    """A program under attack, served by a process of its own."""

    def __init__(
        self,
        file: Path,
        options: Sequence[str],
        log: IO[bytes],
        *,
        address_space: int = ADDRESS_SPACE,
        descriptors: int | None = None,
    ) -> None:
        super().__init__(file, free_port(), {"PYTHONUNBUFFERED": "1"}, options)
        self._log = log
        self._address_space = address_space
        self._descriptors = descriptors

    def _launch(self, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        limits = [f"ulimit -v {self._address_space // 1024}"]
        if self._descriptors is not None:
            limits.append(f"ulimit -n {self._descriptors}")
        # A shell sets the limits and becomes the program: code of ours between fork and exec could block.
        script = " && ".join([*limits, 'exec "$@"'])
        shell = ["sh", "-c", script, "sh", *command]
        return subprocess.Popen(shell, env=environment, stdout=self._log, stderr=self._log)

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self.process is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def resident(self) -> int:
        """The memory that the process holds now, in bytes."""
        return self._status("VmRSS")

    @property
    def peak(self) -> int:
        """The most memory that the process has held since its start or `forget_peak`, in bytes."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Begin a new `peak` with what the process holds now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    @property
    def work(self) -> float:
        """The processor time that the process has used since its start, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def log(self) -> str:
        """All that the process has written to its standard output and error."""
        return Path(self._log.name).read_text(errors="replace")

    @property
    def descriptors(self) -> int:
        """The soft limit of the process on open files."""
        return resource.prlimit(self.pid, resource.RLIMIT_NOFILE)[0]

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024


@contextlib.contextmanager
def attacked(
    folder: Path,
    program: str,
    *options: str,
    address_space: int = ADDRESS_SPACE,
    descriptors: int | None = None,
) -> Iterator[Attacked]:
    """Serve the text of a program with `webipc run` and these options, in a process with limits.

    `address_space` in bytes and `descriptors` are the limits of the process. The program defines `app`.
    """
    file = folder / "main.py"
    file.write_text(textwrap.dedent(program))
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".log") as log:
        server = Attacked(file, options, log, address_space=address_space, descriptors=descriptors)
        server.start()
        try:
            yield server
        finally:
            if server.is_running:
                server.kill()
