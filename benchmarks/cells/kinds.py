"""What all cells share: the tools and settings, the two kinds of cells, and how a load is run and timed.

A cell raises `MeasurementError` for whatever is wrong, lost or refused: half a measurement is none. What a subject
cannot do at all is no error: its sample is a text that says why.
"""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.catalogue import Subject
from benchmarks.servers import Server, relative
from benchmarks.table import Bench, Sample
from benchmarks.workshop import NODE, ROOT, Tools

LATE_SECONDS = 60.0  # beyond what a load waits by itself


class MeasurementError(Exception):
    """An answer was wrong, lost or refused; the text is the load's."""


@dataclass(frozen=True, slots=True)
class Lab:
    """The tools and settings of every cell."""

    tools: Tools
    seconds: float
    """Seconds that one cell measures."""
    crowd: int
    """Connections of the broadcast and of the memory of an idle one."""
    small: bool = False
    """Whether everything is to be as small and short as it can be: to see that it works."""

    def page(self, server: Server, job: str, in_flight: int = 1) -> dict[str, Any]:
        """Run a job of `node/load.mjs` with the subject's own client."""
        words = (server.subject.client, server.port, job, self.seconds, in_flight)
        return report([self.tools.node, NODE / "load.mjs", *words], server)

    def calls(
        self, server: Server, seconds: float, in_flight: int, per_frame: int, *, visitor: int = 0
    ) -> dict[str, Any]:
        """Run the calls of the load in C. Visitor `n` comes from 127.0.0.(n + 1)."""
        words = (server.subject.dialect, server.port, "calls", seconds, in_flight, per_frame, visitor)
        return report([self.tools.load, *words], server)


# By the id of the benchmark; a text says why there is none.
Samples = Mapping[str, Sample | str]


@dataclass(frozen=True, slots=True)
class Cell:
    """One way to measure a subject alone, and the questions that it answers."""

    benches: tuple[Bench, ...]
    measure: Callable[[Lab, Server], Samples]
    load: str
    """`page` for the subject's own client on Node, `load` for the one in C, `python` for the pages in Python."""
    fresh: bool = False
    """Whether it needs a fresh server, which has had no connection."""
    rounds: int | None = None
    """How often it is measured at most; None: in every round."""
    unable: Mapping[str, str] = field(default_factory=dict)
    """Why subjects cannot do it at all, by their names."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of its benchmarks, in the order of the table."""
        return tuple(dict.fromkeys(name for bench in self.benches for name in bench.subjects))


@dataclass(frozen=True, slots=True)
class Joint:
    """One way to measure all of its subjects at the same time, without the servers of the other cells."""

    benches: tuple[Bench, ...]
    measure: Callable[[Lab, Sequence[str]], Mapping[str, Samples]]
    """Returns the samples by subject, of those that are asked for."""
    rounds: int | None = None
    """How often it is measured at most; None: in every round."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of its benchmarks, in the order of the table."""
        return tuple(dict.fromkeys(name for bench in self.benches for name in bench.subjects))


def report(command: Sequence[Any], server: Server | None = None) -> dict[str, Any]:
    """Run a load to its end, and return what it prints: one line of JSON."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LATE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MeasurementError(f"the load did not end within {LATE_SECONDS:g} s") from None
    if done.returncode != 0:
        told = "" if server is None else f" (the server: {server.complaint()})"
        raise MeasurementError(f"{complaint(done.stderr)}{told}")
    return dict(json.loads(done.stdout))


def complaint(text: str) -> str:
    """The line of a report with the error: Node prints the source and the stack around it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return relative(next((line for line in lines if "Error:" in line), lines[-1] if lines else "the load said nothing"))


def timed(server: Server, run: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], float, float]:
    """Run a load; return its report, the rate per second, and the server's microseconds for each."""
    before = server.processor_seconds()
    told = run()
    if told["count"] == 0:
        raise MeasurementError("nothing came in the time that was measured")
    spent = server.processor_seconds() - before
    return told, told["count"] / told["seconds"], spent * 1e6 / told["total"]


def why_not(cell: Cell, subject: Subject, tools: Tools) -> str | None:
    """The reason why a cell cannot measure a subject, or None."""
    if reason := tools.why_not(subject) or cell.unable.get(subject.name):
        return reason
    if cell.load == "load":
        return tools.reasons.get("load")
    return tools.why_no_page(subject) if cell.load == "page" else None
