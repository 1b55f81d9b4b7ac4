"""The benchmark of values runs: what it measures is for a quiet machine, not for a test."""

import subprocess
import sys
from pathlib import Path

from benchmarks.values import SHAPES
from tests.support.serving import PATIENCE

ROOT = Path(__file__).parents[2]


def test_a_quick_run_prints_a_row_for_every_shape() -> None:
    command = [sys.executable, "-m", "benchmarks.values", "--quick"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True)
    rows = [line.split(" | ") for line in run.stdout.splitlines()]
    assert [row[0].removeprefix("| ") for row in rows[2:]] == [shape.name for shape in SHAPES]
    assert {len(row) for row in rows} == {9}
