"""The one command: `python -m benchmarks` prepares everything, checks values, measures in rounds, prints, writes.

Ends with status 1 when anything was wrong, lost or refused; a target that is missed is a line of the table, not a
failure.
"""

import argparse
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.catalogue import BEFORE, OURS, compare_with
from benchmarks.cells import CELLS, GRIDS
from benchmarks.cells.kinds import Cell, Joint, Lab
from benchmarks.report import LATEST, PARTIAL, Run
from benchmarks.session import Session
from benchmarks.table import Bench
from benchmarks.targets import TARGETS
from benchmarks.workshop import find, prepare


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure webipc beside its neighbours.")
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured (default: 9)")
    parser.add_argument("--seconds", type=float, default=0.7, help="how long one cell is timed (default: 0.7)")
    parser.add_argument("--crowd", type=int, default=1000, help="connections of B6 and B8 (default: 1000)")
    parser.add_argument("--only", default="", help="only these, by the beginning of their ids: B3,B7")
    parser.add_argument("--subjects", default="", help="only these, by a part of their names: webipc,socket")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="also measure webipc as it is in this folder")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that everything works")
    parser.add_argument("--here", action="store_true", help="install nothing: use what this interpreter has")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the samples here (default: in results/)")
    parser.add_argument("--publish", action="store_true", help="also put the tables into benchmarks/README.md")
    return parser.parse_args()


def selected(only: str, subjects: str, *, before: bool) -> list[Cell | Joint]:
    """The selected cells, with the selected subjects."""
    ids, parts = tuple(only.split(",")), subjects.split(",")
    return [
        replace(cell, benches=tuple(_narrowed(bench, parts, before=before) for bench in cell.benches))
        for cell in CELLS
        if any(bench.id.startswith(ids) for bench in cell.benches)
    ]


def _narrowed(bench: Bench, parts: Sequence[str], *, before: bool) -> Bench:
    names = bench.subjects
    if before and OURS in names and bench.id[0] in "BWFKTSP" and not bench.id.startswith("B9"):
        names = (*names, BEFORE)
    return replace(bench, subjects=tuple(name for name in names if any(part in name for part in parts)))


def main() -> int:
    words = arguments()
    if words.before is not None:
        compare_with(_checkout(words.before))
    signal.signal(signal.SIGTERM, _end)
    _allow_crowds()
    rounds, seconds, crowd = (1, 0.2, 100) if words.quick else (words.rounds, words.seconds, words.crowd)
    cells = selected(words.only, words.subjects, before=words.before is not None)
    if not cells:
        print(f"--only {words.only}: no benchmark begins with this; benchmarks/README.md lists them", file=sys.stderr)
        return 2
    lab = Lab(find() if words.here else prepare(), seconds, crowd, small=words.quick)
    session = Session(cells, lab)
    session.run(rounds)
    benches = [bench for cell in cells for bench in cell.benches]
    run = Run(benches, TARGETS, GRIDS, session.results, rounds, seconds, crowd, lab.tools, session.failures)
    print(run.text())
    whole = not (words.quick or words.only or words.subjects or words.here)
    run.save(words.save or (LATEST if whole else PARTIAL))
    if words.publish:
        run.publish()
    return 1 if session.failures else 0


def _checkout(folder: Path) -> Path:
    """The folder, if it has webipc's server. Raises SystemExit otherwise."""
    if not (folder / "server" / "webipc").is_dir():
        raise SystemExit(f"--before {folder}: expected a checkout of webipc, with server/webipc in it")
    return folder.resolve()


def _end(number: int, frame: Any) -> NoReturn:
    """End the subjects and loads too: a signal would end this process alone."""
    raise SystemExit(128 + number)


def _allow_crowds() -> None:
    """Let the subjects hold as many connections as the system allows; they inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
