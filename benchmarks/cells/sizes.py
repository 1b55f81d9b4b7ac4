"""S: round trips of bytes by their size, from 100 B to 16 MiB, with each subject's own client."""

from benchmarks.catalogue import NODE_SOCKETIO, NODE_WS, OURS, PYTHON_SOCKETIO
from benchmarks.cells.kinds import Cell, Lab, MeasurementError, Samples
from benchmarks.grid import Column, Grid
from benchmarks.servers import Server, one_core
from benchmarks.table import Bench, Sample

_NAMES = (OURS, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS)
_LINES = (
    (100, "100 B"),
    (1 << 10, "1 KiB"),
    (8 << 10, "8 KiB"),
    (64 << 10, "64 KiB"),
    (256 << 10, "256 KiB"),
    (1 << 20, "1 MiB"),
    (4 << 20, "4 MiB"),
    (16 << 20, "16 MiB"),
)


def _measure(lab: Lab, server: Server) -> Samples:
    """Small ones on one core, as every round trip (`one_core`); large ones are work for two."""
    with one_core(server):
        told = lab.page(server, "small")["sizes"]
    told |= lab.page(server, "large")["sizes"]
    if missing := [label for size, label in _LINES if str(size) not in told]:
        raise MeasurementError(f"no figure for {', '.join(missing)}")
    return {f"S:{size}": Sample(told[str(size)]) for size, _ in _LINES}


SIZES = Cell(
    tuple(Bench(f"S:{size}", f"{label} of bytes there and back", "us", "less", _NAMES) for size, label in _LINES),
    _measure,
    "page",
    rounds=5,
)

GRID = Grid(
    "Round trips by size",
    "Microseconds for bytes there and back, one after the other, own client; the median. Up to 8 KiB "
    "server and client are on one core.",
    "size",
    tuple((str(size), label) for size, label in _LINES),
    (
        *(Column(name, "S:{line}", name) for name in _NAMES),
        *(Column(f"webipc / {name}", "S:{line}", OURS, over=name) for name in _NAMES[1:]),
    ),
)
