"""A server in a process of its own, which is killed, stopped and restarted on one port while pages talk to it."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

from tests.support.serving import PATIENCE, Spawned, free_port, wait_until

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("program.py")


class Supervised(Spawned):
    """`webipc run` with the application under stress. What it prints goes to a log, of all its processes."""

    def __init__(self, log: Path, environment: dict[str, str], options: Sequence[str] = ()) -> None:
        """`options` are more arguments of `webipc run`."""
        places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        own = {"PYTHONPATH": os.pathsep.join(places), "PYTHONUNBUFFERED": "1"}
        super().__init__(PROGRAM, free_port(), {**own, **environment}, options)
        self._log = log
        self.counts: Counter[str] = Counter()
        """How often it was `killed`, `stopped` and `deployed`."""

    def _launch(self, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)

    @property
    def log(self) -> str:
        """All that its processes have printed."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self.process is not None
        return self.process.pid

    def in_use(self) -> int:
        """Return the memory that the process needs, as it tells itself when it has let go of the rest, in bytes."""
        with urlopen(f"{self.url}/memory", timeout=PATIENCE) as response:
            return int(response.read())

    @property
    def resident(self) -> int:
        """The memory that the process holds now, in bytes (Linux)."""
        fields = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        """End the process with SIGKILL."""
        super().kill()
        self.counts["killed"] += 1

    def stand_still(self) -> None:
        """Stop the process with SIGSTOP: it keeps its sockets, and the kernel answers for it."""
        self._signal(signal.SIGSTOP)
        wait_until(lambda: self._state() == "T", "the process stands still")
        self.counts["stopped"] += 1

    def go_on(self) -> None:
        """Let the process run again, with SIGCONT."""
        self._signal(signal.SIGCONT)

    def drain(self) -> int:
        """End the process with SIGTERM, as a deploy does, and return its exit code when it has ended."""
        self._signal(signal.SIGTERM)
        assert self.process is not None
        code = self.process.wait(PATIENCE)
        self.counts["deployed"] += 1
        return code

    def end(self) -> None:
        """End the process, in whatever state it is."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)

    def _signal(self, sent: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(sent)

    def _state(self) -> str:
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0]
