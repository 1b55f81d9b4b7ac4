"""How a subject is measured once, for each question: `CELLS`, in the order of a round, and `GRIDS`, for the tables."""

from benchmarks.catalogue import BEFORE, OURS, ROOMY
from benchmarks.cells import floods, idle, sizes, values, waits
from benchmarks.cells.calls import CALLS
from benchmarks.cells.kept import KEPT
from benchmarks.cells.kinds import Cell, Joint
from benchmarks.cells.own_client import OWN_CLIENT, SIZE
from benchmarks.cells.people import PEOPLE
from benchmarks.cells.threads import THREADS
from benchmarks.cells.workers import DISTRIBUTED
from benchmarks.grid import Column, Grid

CELLS: tuple[Cell | Joint, ...] = (
    *CALLS,
    sizes.SIZES,
    waits.WAITS,
    floods.FLOODS,
    *KEPT,
    THREADS,
    *PEOPLE,
    DISTRIBUTED,
    OWN_CLIENT,
    SIZE,
    values.VALUES,
    idle.IDLE,
)

_BUDGETS = Grid(
    "What the budgets cost",
    "The same benchmarks with the default of `memory` and with 64 GiB, of which nothing is ever used up: the ratio in "
    "one round. With `--before`, the last column compares this checkout with another one.",
    "",
    tuple((key, key) for key in ("B1a", "B3", "B5", "B6", "B7", "B8")),
    (
        Column("webipc", "{line}", OURS),
        Column("webipc / with 64 GiB", "{line}", OURS, over=ROOMY),
        Column("webipc / the other checkout", "{line}", OURS, over=BEFORE),
    ),
)

GRIDS = (idle.GRID, values.GRID, waits.GRID, sizes.GRID, floods.GRID, _BUDGETS)
