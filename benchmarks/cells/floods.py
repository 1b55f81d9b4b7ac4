"""F: what another page feels beside sockets that flood the server: its calls, one after the other."""

import time
from contextlib import nullcontext
from statistics import median, quantiles

from benchmarks.catalogue import NODE_SOCKETIO, NODE_WS, OURS, PYTHON_SOCKETIO
from benchmarks.cells.kinds import Cell, Lab, MeasurementError, Samples
from benchmarks.grid import Column, Grid
from benchmarks.pages.flood import KINDS, Flood
from benchmarks.pages.neighbour import Neighbour, NeighbourError
from benchmarks.servers import Server
from benchmarks.table import Bench, Sample

SOCKETS = (1, 8)
SETTLE_SECONDS = 0.2  # from the beginning of a flood to the first call that counts
RECOVERY_SECONDS = 3.0  # from the end of a flood to the first answer
_NAMES = (OURS, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS)
_KINDS = ("median", "late", "longest")
_LABELS = {"sends": "small messages", "pings": "empty pings", "fragments": "empty fragments"}
_LINES = (
    ("none", "no flood"),
    *(
        (f"{kind}-{sockets}", f"{_LABELS[kind]}, {sockets} socket{'s' if sockets > 1 else ''}")
        for kind in KINDS
        for sockets in SOCKETS
    ),
)


def _measure(lab: Lab, server: Server) -> Samples:
    """Let another page, which is there already, call for a while beside each flood."""
    told: dict[str, Sample | str] = {}
    try:
        with Neighbour(server.subject.dialect, server.port) as neighbour:
            for line, _ in _LINES:
                told |= _line(lab, server, neighbour, line)
    except NeighbourError as error:
        reason = f"{error} (the server: {server.complaint()})"
        if not told:
            raise MeasurementError(reason) from None
        return told | {
            f"F:{line}:{kind}": reason for line, _ in _LINES if f"F:{line}:late" not in told for kind in _KINDS
        }
    return told


def _line(lab: Lab, server: Server, neighbour: Neighbour, line: str) -> Samples:
    if not _answers(neighbour):
        return {f"F:{line}:{kind}": f"no answer {RECOVERY_SECONDS:g} s after an earlier flood" for kind in _KINDS}
    kind, _, sockets = line.partition("-")
    with Flood(server.subject.dialect, server.port, kind, int(sockets)) if sockets else nullcontext():
        return _beside(lab, neighbour, line)


def _answers(neighbour: Neighbour) -> bool:
    """Wait until the other page gets answers again."""
    neighbour.waits()
    deadline = time.monotonic() + RECOVERY_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.05)
        if len(neighbour.waits().took) > 1:
            return True
    return False


def _beside(lab: Lab, neighbour: Neighbour, line: str) -> Samples:
    """The figures of some time. A call that gets no answer has waited for all of it."""
    seconds = lab.seconds / 4 if lab.small else lab.seconds
    time.sleep(min(SETTLE_SECONDS, seconds))
    neighbour.waits()
    began = time.monotonic()
    time.sleep(seconds)
    waits = neighbour.waits().between(began, time.monotonic())
    late = quantiles(waits, n=100, method="inclusive")[-1] if len(waits) > 1 else waits[0]
    figures = {"median": median(waits), "late": late, "longest": max(waits)}
    return {f"F:{line}:{kind}": Sample(value) for kind, value in figures.items()}


FLOODS = Cell(
    tuple(
        Bench(f"F:{line}:{kind}", f"another page's call beside {label}: {words}", "ms", "less", _NAMES)
        for line, label in _LINES
        for kind, words in (("median", "median"), ("late", "99 %"), ("longest", "longest"))
    ),
    _measure,
    "python",
    fresh=True,
    rounds=2,
)

GRID = Grid(
    "Beside a flood",
    "Milliseconds of another page's call, from another address, while sockets write as fast as the server reads: "
    "small messages, empty pings, or the empty fragments of one message that never ends. A call that got no answer "
    "counts as long as it was watched.",
    "flood",
    _LINES,
    (
        Column("webipc: median", "F:{line}:median", OURS),
        Column("99 %", "F:{line}:late", OURS),
        Column("longest", "F:{line}:longest", OURS),
        *(
            Column(f"{name}: {kind}", f"F:{{line}}:{kind}", name)
            for name in _NAMES[1:]
            for kind in ("median", "longest")
        ),
    ),
)
