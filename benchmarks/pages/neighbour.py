"""Another page: it calls without a pause, one call after the other, and notes how long each took.

A process of its own, `python -m benchmarks.pages.neighbour DIALECT PORT`, because what the page that loads the server
costs itself must not be counted. On each line of its stdin it prints the calls since the last one.
"""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self

from benchmarks.pages.dialects import open_page

SOURCE = "127.0.0.3"
ROOT = Path(__file__).parents[2]
MODULE = "benchmarks.pages.neighbour"


class NeighbourError(Exception):
    """The other page failed; the text is the end of its output."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long calls took, in milliseconds, in the order in which they began; one that is not answered, so far."""

    begun: list[float]
    """When each began, as `time.monotonic`."""
    took: list[float]

    def between(self, first: float, last: float) -> list[float]:
        """Of the calls that were under way at any moment between the two."""
        calls = zip(self.begun, self.took, strict=True)
        return [took for begun, took in calls if begun <= last and begun + took / 1000 >= first]

    def middle(self) -> float:
        """The median of all."""
        return median(self.took)


class Neighbour:
    """The process. Use it as a context manager: it ends with the block."""

    def __init__(self, dialect: str | None, port: int) -> None:
        words = [sys.executable, "-m", MODULE, str(dialect), str(port)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )

    def __enter__(self) -> Self:
        try:
            self._line()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        if line := self._process.stdout.readline():
            return line
        lines = self._process.stderr.read().strip().splitlines()
        raise NeighbourError(f"the other page: {lines[-1] if lines else 'ended'}")

    def waits(self) -> Waits:
        """Return the calls since the last question."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it ended: `_line` has the reason
            pass
        return Waits(*json.loads(self._line()))


class _Calls:
    """What a thread calls; the main thread asks."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._done: list[tuple[float, float]] = []
        self._begun = time.monotonic()

    def run(self) -> None:
        """Call for ever; an error ends the process."""
        try:
            while True:
                self._begun = begun = time.monotonic()
                result, arrived = self._page.call("add", "1,0.5")
                assert result == 1.5, f"1 and 0.5 came back as {result!r}"
                self._done.append((begun, (arrived - begun) * 1000))
        except Exception as error:  # noqa: BLE001 - whatever it is, the text is the report
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)

    def report(self) -> str:
        """Return the calls since the last report, and the one under way, as JSON."""
        done, self._done = self._done, []
        under_way = (self._begun, (time.monotonic() - self._begun) * 1000)
        return json.dumps(list(zip(*done, under_way, strict=True)))


def main() -> None:
    dialect, port = sys.argv[1:]
    calls = _Calls(open_page(dialect, int(port), SOURCE))
    threading.Thread(target=calls.run, daemon=True).start()
    print("calling", flush=True)
    for _ in sys.stdin:
        print(calls.report(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
