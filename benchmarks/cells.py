"""How one subject is measured once, for each question; a cell may answer two questions at the same time.

A cell raises `MeasurementError` for whatever is wrong, lost or refused: half a measurement is none.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.catalogue import OURS, Subject
from benchmarks.servers import Server, one_core, relative
from benchmarks.table import Bench, Sample
from benchmarks.workshop import NODE, Tools

LATE_SECONDS = 60.0  # beyond what a load waits by itself
TELLS = 11  # broadcasts in one cell; their median is its figure


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

    def page(self, server: Server, job: str, in_flight: int = 1) -> dict[str, Any]:
        """Run a job of `node/load.mjs` with the subject's own client."""
        words = (server.subject.client, server.port, job, self.seconds, in_flight)
        return _report([self.tools.node, NODE / "load.mjs", *words], server)

    def calls(self, server: Server, seconds: float, in_flight: int, per_frame: int) -> dict[str, Any]:
        """Run the calls of the load in C."""
        words = (server.subject.dialect, server.port, "calls", seconds, in_flight, per_frame)
        return _report([self.tools.load, *words], server)


Samples = dict[str, Sample]


@dataclass(frozen=True, slots=True)
class Cell:
    """One way to measure, and the questions that it answers."""

    benches: tuple[Bench, ...]
    measure: Callable[[Lab, Server], Samples]
    load: str
    """`page` for the subject's own client on Node, `load` for the one in C."""
    fresh: bool = False
    """Whether it needs a fresh server, which has had no connection."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of its benchmarks, in the order of the table."""
        return tuple(dict.fromkeys(name for bench in self.benches for name in bench.subjects))


def _report(command: list[Any], server: Server) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, timeout=LATE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise MeasurementError(f"the load did not end within {LATE_SECONDS:g} s") from None
    if done.returncode != 0:
        raise MeasurementError(f"{_complaint(done.stderr)} (the server: {server.complaint()})")
    return dict(json.loads(done.stdout))


def _complaint(text: str) -> str:
    """The line of a report with the error: Node prints the source and the stack around it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return relative(next((line for line in lines if "Error:" in line), lines[-1] if lines else "the load said nothing"))


def _timed(server: Server, report: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], float, float]:
    """Run a load; return its report, the rate per second, and the server's microseconds for each."""
    before = server.processor_seconds()
    told = report()
    if told["count"] == 0:
        raise MeasurementError("nothing came in the time that was measured")
    spent = server.processor_seconds() - before
    return told, told["count"] / told["seconds"], spent * 1e6 / told["total"]


def check(lab: Lab, server: Server) -> None:
    """Check values before the timing: 1,000 distinct calls at once, a round trip of 1 MiB, events in order.

    Raises:
        MeasurementError: a value was returned wrong, or not at all.

    """
    if server.subject.client is not None and lab.tools.why_no_page(server.subject) is None:
        lab.page(server, "check")
    if server.subject.dialect not in {None, "plain"} and lab.tools.load is not None:
        lab.calls(server, 0.1, 1000, 50)


def _round_trip_in_c(lab: Lab, server: Server) -> Samples:
    with one_core(server):
        told, _, server_us = _timed(server, lambda: lab.calls(server, lab.seconds, 1, 1))
    return {"B1a": Sample(told["p50"], server_us, told["busy"])}


def _round_trip_of_a_page(lab: Lab, server: Server) -> Samples:
    with one_core(server):
        told, _, server_us = _timed(server, lambda: lab.page(server, "rtt"))
    return {"B2": Sample(told["p50"], server_us, told["busy"])}


def _by_page(bench: str, job: str, in_flight: int = 1) -> Callable[[Lab, Server], Samples]:
    """A cell that counts what the subject's own client receives: calls, events, or mebibytes."""

    def measure(lab: Lab, server: Server) -> Samples:
        told, rate, server_us = _timed(server, lambda: lab.page(server, job, in_flight))
        return {bench: Sample(rate, server_us, told["busy"])}

    return measure


def _calls_in_c(lab: Lab, server: Server) -> Samples:
    """Send as the clients do: webipc's sends the calls of one turn in one frame, the others each call in a frame."""
    per_frame = 50 if server.subject.name == OURS else 1
    told, rate, server_us = _timed(server, lambda: lab.calls(server, lab.seconds, 1000, per_frame))
    return {"B3c": Sample(rate, server_us, told["busy"])}


def _processor_per_call(bench: str, per_frame: int) -> Callable[[Lab, Server], Samples]:
    """A cell whose figure is the server's processor time, under a load that keeps it busy."""

    def measure(lab: Lab, server: Server) -> Samples:
        told, _, server_us = _timed(server, lambda: lab.calls(server, lab.seconds, 1024, per_frame))
        return {bench: Sample(server_us, server_us, told["busy"])}

    return measure


class _Crowd:
    """Many connections, which are idle until one of them requests a broadcast."""

    def __init__(self, load: Path, server: Server, size: int) -> None:
        words = (load, server.subject.dialect, server.port, "crowd", size)
        self._server = server
        self._process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._pipe(self._process.stdout).readline()
        if line:
            return dict(json.loads(line))
        complaint = _complaint(self._pipe(self._process.stderr).read())
        raise MeasurementError(f"{complaint} (the server: {self._server.complaint()})")

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

    def leave(self) -> None:
        """Close all connections."""
        self._process.communicate(timeout=LATE_SECONDS)


def _crowd(lab: Lab, server: Server) -> Samples:
    """Measure memory before any message. A small crowd first warms up what is allocated once."""
    assert lab.tools.load is not None
    for size, tells in ((20, 3), (lab.crowd, TELLS)):
        before = server.resident_bytes()
        crowd = _Crowd(lab.tools.load, server, size)
        kilobytes = (server.resident_bytes() - before) / 1024 / size
        spent = server.processor_seconds()
        last_ms = crowd.tell(tells)
        server_us = (server.processor_seconds() - spent) * 1e6 / tells / size
        crowd.leave()
    return {"B6": Sample(last_ms, server_us), "B8": Sample(kilobytes)}


BARE, TUTORIAL, PICOWS = "bare echo on uvicorn", "FastAPI's tutorial loop", "picows"
PYTHON_SOCKETIO, FASTAPI_RPC = "python-socketio", "fastapi_websocket_rpc"
NODE_SOCKETIO, NODE_WS = "node socket.io", "node ws, JSON-RPC"

_CALLERS = (OURS, PYTHON_SOCKETIO, FASTAPI_RPC, TUTORIAL, NODE_SOCKETIO, NODE_WS)
_PUSHERS = (OURS, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS)
_CROWDS = (OURS, BARE, PICOWS, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS)

CELLS = (
    Cell(
        (Bench("B1a", "round trip of a call, load in C, one core", "us, p50", "less", (OURS, BARE)),),
        _round_trip_in_c,
        "load",
    ),
    Cell(
        (Bench("B2", "round trip of a call, own client, one core", "us, p50", "less", _CALLERS),),
        _round_trip_of_a_page,
        "page",
    ),
    Cell(
        (Bench("B3", "calls, 1,000 in flight, own client", "calls/s", "more", _CALLERS),),
        _by_page("B3", "flight", 1000),
        "page",
    ),
    Cell(
        (Bench("B3c", "calls, 1,000 in flight, load in C", "calls/s", "more", _CALLERS),),
        _calls_in_c,
        "load",
    ),
    Cell(
        (Bench("B4a", "server's processor time per call, 64 in a frame", "us", "less", (OURS, BARE)),),
        _processor_per_call("B4a", 64),
        "load",
    ),
    Cell(
        (Bench("B4b", "server's processor time per call, 1 in a frame", "us", "less", (OURS, BARE)),),
        _processor_per_call("B4b", 1),
        "load",
    ),
    Cell(
        (Bench("B5", "events pushed one by one, own client", "events/s", "more", _PUSHERS),),
        _by_page("B5", "ticks"),
        "page",
    ),
    Cell(
        (
            Bench("B6", "100 bytes to a crowd, until the last has it", "ms", "less", _CROWDS),
            Bench("B8", "memory of an idle connection", "KiB", "less", _CROWDS),
        ),
        _crowd,
        "load",
        fresh=True,
    ),
    Cell(
        (Bench("B7", "1 MiB of bytes there and back, own client", "MiB/s each way", "more", (*_PUSHERS, BARE)),),
        _by_page("B7", "echo"),
        "page",
    ),
)


def why_not(cell: Cell, subject: Subject, tools: Tools) -> str | None:
    """The reason why a cell cannot measure a subject, or None."""
    if reason := tools.why_not(subject):
        return reason
    if cell.load == "load":
        return tools.reasons.get("load")
    return tools.why_no_page(subject)
