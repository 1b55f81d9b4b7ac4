"""The one command: `python -m benchmarks` prepares everything, checks values, measures in rounds, prints, writes.

Every subject runs in every round, in an order that changes from round to round, so that other load on the machine
affects all alike. Ends with status 1 when anything was wrong, lost or refused; a target that is missed is a
line of the table, not a failure.
"""

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.catalogue import BY_NAME, Subject
from benchmarks.cells import CELLS, Cell, Lab, MeasurementError, check, why_not
from benchmarks.report import LATEST, PARTIAL, Run
from benchmarks.servers import Server, StartError
from benchmarks.table import Bench, Results
from benchmarks.targets import TARGETS
from benchmarks.workshop import prepare


class Session:
    """The rounds of one run: the running subjects, the excluded ones with the reason, and the samples."""

    def __init__(self, cells: Sequence[Cell], lab: Lab) -> None:
        self.results = Results()
        self.failures: list[str] = []
        self._cells = cells
        self._lab = lab
        self._servers: dict[str, Server] = {}  # by subject; the ones that stay up for the whole run
        self._open = ExitStack()

    def run(self, rounds: int) -> None:
        """Check, then measure."""
        began = time.monotonic()
        with self._open:
            self._start_all()
            for number in range(rounds):
                for cell in self._cells:
                    self._turn(cell, number)
                _say(f"round {number + 1} of {rounds}, {time.monotonic() - began:.0f} s")

    def _start_all(self) -> None:
        for cell in self._cells:
            for name in cell.subjects:
                if reason := why_not(cell, BY_NAME[name], self._lab.tools):
                    self._leave_out(cell, name, reason)
        wanted = {name: BY_NAME[name] for cell in self._cells if not cell.fresh for name in self._present(cell)}
        for subject in wanted.values():
            self._start(subject)

    def _present(self, cell: Cell) -> list[str]:
        return [name for name in cell.subjects if (cell.benches[0].id, name) not in self.results.missing]

    def _start(self, subject: Subject) -> None:
        """Start a subject and check its values; one that fails is excluded from every cell that shares the server."""
        try:
            server = self._open.enter_context(Server(subject, self._lab.tools))
            self._servers[subject.name] = server
            check(self._lab, server)
        except StartError as error:
            self._leave_out_everywhere(subject, str(error))
        except MeasurementError as error:
            self.failures.append(f"{subject.name}, values: {error}")
            self._leave_out_everywhere(subject, f"wrong values: {error}")

    def _leave_out_everywhere(self, subject: Subject, reason: str) -> None:
        for cell in self._cells:
            if subject.name in cell.subjects:
                self._leave_out(cell, subject.name, reason)

    def _leave_out(self, cell: Cell, name: str, reason: str) -> None:
        for bench in cell.benches:
            self.results.missing.setdefault((bench.id, name), reason)

    def _turn(self, cell: Cell, number: int) -> None:
        names = self._present(cell)
        shift = number % len(names) if names else 0
        for name in names[shift:] + names[:shift]:
            try:
                self._measure(cell, name, number)
            except StartError as error:
                self._leave_out(cell, name, str(error))
            except MeasurementError as error:
                self.failures.append(f"{cell.benches[0].id}, {name}, round {number + 1}: {error}")
                self._leave_out(cell, name, f"failed in round {number + 1}: {error}")

    def _measure(self, cell: Cell, name: str, number: int) -> None:
        if cell.fresh:
            with Server(BY_NAME[name], self._lab.tools) as server:
                samples = cell.measure(self._lab, server)
        else:
            samples = cell.measure(self._lab, self._servers[name])
        for bench, sample in samples.items():
            self.results.add(bench, name, number, sample)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure webipc beside its neighbours.")
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured (default: 9)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long one cell is timed (default: 1.0)")
    parser.add_argument("--crowd", type=int, default=1000, help="connections of B6 and B8 (default: 1000)")
    parser.add_argument("--only", default="", help="only these, by the beginning of their ids: B3,B7")
    parser.add_argument("--subjects", default="", help="only these, by a part of their names: webipc,socket")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that everything works")
    parser.add_argument("--publish", action="store_true", help="also put the tables into benchmarks/README.md")
    return parser.parse_args()


def selected(only: str, subjects: str) -> list[Cell]:
    """The selected cells, with the selected subjects."""
    ids, parts = tuple(only.split(",")), subjects.split(",")
    return [
        Cell(tuple(_narrowed(bench, parts) for bench in cell.benches), cell.measure, cell.load, cell.fresh)
        for cell in CELLS
        if any(bench.id.startswith(ids) for bench in cell.benches)
    ]


def _narrowed(bench: Bench, parts: Sequence[str]) -> Bench:
    names = tuple(name for name in bench.subjects if any(part in name for part in parts))
    return Bench(bench.id, bench.question, bench.unit, bench.better, names)


def main() -> int:
    words = arguments()
    _allow_crowds()
    rounds, seconds, crowd = (1, 0.2, 100) if words.quick else (words.rounds, words.seconds, words.crowd)
    cells = selected(words.only, words.subjects)
    lab = Lab(prepare(), seconds, crowd)
    session = Session(cells, lab)
    session.run(rounds)
    benches = [bench for cell in cells for bench in cell.benches]
    run = Run(benches, TARGETS, session.results, rounds, seconds, crowd, lab.tools, session.failures)
    print(run.text())
    whole = not (words.quick or words.only or words.subjects)
    run.save(LATEST if whole else PARTIAL)
    if words.publish:
        run.publish()
    return 1 if session.failures else 0


def _allow_crowds() -> None:
    """Let the subjects hold as many connections as the system allows; they inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
