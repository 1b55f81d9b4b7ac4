"""Many connections to one server, held by the load in C."""

import json
import subprocess
from pathlib import Path
from typing import IO, Any, Literal, Self

from benchmarks.cells.kinds import LATE_SECONDS, MeasurementError, complaint
from benchmarks.servers import Server


class Crowd:
    """Many connections, which are idle until one of them requests a broadcast."""

    def __init__(self, load: Path, server: Server, job: Literal["crowd", "idle"], size: int) -> None:
        words = (load, server.subject.dialect, server.port, job, size)
        self.server = server
        self._process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        try:
            self._answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections in order; end the process when that takes too long."""
        try:
            self._process.communicate(timeout=LATE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        line = self._pipe(self._process.stdout).readline()
        if line:
            return dict(json.loads(line))
        text = complaint(self._pipe(self._process.stderr).read())
        raise MeasurementError(f"{text} (the server: {self.server.complaint()})")

    @staticmethod
    def _pipe(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream

    def tell(self, times: int) -> float:
        """Broadcast; return the median of the milliseconds until the last connection has the message."""
        stdin = self._pipe(self._process.stdin)
        stdin.write(f"tell {times}\n")
        stdin.flush()
        return float(self._answer()["p50"])
