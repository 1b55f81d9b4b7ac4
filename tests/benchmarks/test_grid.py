"""A grid: a line for each case, a column for each figure."""

from benchmarks.cells import CELLS, GRIDS
from benchmarks.grid import Column, Grid
from benchmarks.table import Results, Sample

GRID = Grid(
    "Sizes",
    "In ms.",
    "size",
    (("s", "small"), ("l", "large")),
    (
        Column("ours", "S:{line}", "ours"),
        Column("ours / peer", "S:{line}", "ours", over="peer"),
        Column("ours / small", "S:{line}", "ours", over_bench="S:s"),
    ),
)
BY_SUBJECT = Grid("Idle", "In KiB.", "", (("ours", "ours"), ("peer", "peer")), (Column("each", "I", "{line}"),))


def results() -> Results:
    told = Results()
    for number, factor in enumerate((1, 10, 1)):
        told.add("S:s", "ours", number, Sample(1.0 * factor))
        told.add("S:l", "ours", number, Sample(4.0 * factor))
        told.add("S:l", "peer", number, Sample(8.0 * factor))
    return told


def test_a_line_has_medians_and_ratios_within_a_round() -> None:
    lines = GRID.markdown(results()).splitlines()
    assert lines[:5] == ["### Sizes", "", "In ms.", "", "| size | ours | ours / peer | ours / small |"]
    assert lines[6:] == ["| small | 1.00 | - | 1.00 |", "| large | 4.00 | 0.50 | 4.00 |"]


def test_the_reasons_for_what_is_missing_follow_the_table_once_for_each_subject() -> None:
    told = results()
    told.missing["S:s", "peer"] = told.missing["S:l", "peer"] = "not | installed"
    told.missing["S:s", "ours"] = "too small"
    reasons = ["", "- ours, small: too small", "- peer: not / installed"]
    assert sorted(GRID.markdown(told).splitlines()[-3:]) == reasons


def test_a_line_may_be_a_subject() -> None:
    told = Results()
    told.add("I", "ours", 0, Sample(3.0))
    told.missing["I", "peer"] = "absent"
    assert BY_SUBJECT.markdown(told).splitlines()[-4:] == ["| ours | 3.00 |", "| peer | - |", "", "- peer: absent"]


def test_every_figure_of_a_grid_is_measured_by_a_cell() -> None:
    measured = {bench.id for cell in CELLS for bench in cell.benches}
    assert {name for grid in GRIDS for name in grid.benches()} <= measured


def test_every_benchmark_with_a_colon_in_its_id_is_in_a_grid() -> None:
    shown = {name for grid in GRIDS for name in grid.benches()}
    hidden = {bench.id for cell in CELLS for bench in cell.benches if ":" in bench.id} - shown
    # What only the ratios divide by.
    assert {name for name in hidden if not name.endswith(":4")} == set()
