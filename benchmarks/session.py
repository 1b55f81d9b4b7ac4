"""The rounds of one run: every subject in every round, in an order that changes from round to round, so that other load
on the machine affects all alike.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from benchmarks.catalogue import BY_NAME, Subject
from benchmarks.cells.calls import check
from benchmarks.cells.kinds import Cell, Joint, Lab, MeasurementError, Samples, why_not
from benchmarks.servers import Server, StartError
from benchmarks.table import Results, Sample


class Session:
    """The running subjects, the excluded ones with the reason, and the samples."""

    def __init__(self, cells: Sequence[Cell | Joint], lab: Lab) -> None:
        self.results = Results()
        self.failures: list[str] = []
        self._cells = cells
        self._lab = lab
        self._servers: dict[str, Server] = {}  # by subject; the ones that stay up for the whole run
        self._excluded: set[tuple[str, str]] = set()  # the first benchmark of a cell, and the subject
        self._open = ExitStack()

    def run(self, rounds: int) -> None:
        """Check, then measure."""
        began = time.monotonic()
        with self._open:
            self._start_all()
            for number in range(rounds):
                for cell in self._cells:
                    if cell.rounds is None or number < cell.rounds:
                        self._turn(cell, number)
                say(f"round {number + 1} of {rounds}, {time.monotonic() - began:.0f} s")

    def _start_all(self) -> None:
        alone = [cell for cell in self._cells if isinstance(cell, Cell)]
        for cell in alone:
            for name in cell.subjects:
                if reason := why_not(cell, BY_NAME[name], self._lab.tools):
                    self._leave_out(cell, name, reason)
        wanted = {name: BY_NAME[name] for cell in alone if not cell.fresh for name in self._present(cell)}
        for subject in wanted.values():
            self._start(subject)

    def _present(self, cell: Cell | Joint) -> list[str]:
        return [name for name in cell.subjects if (cell.benches[0].id, name) not in self._excluded]

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
            if isinstance(cell, Cell) and subject.name in cell.subjects:
                self._leave_out(cell, subject.name, reason)

    def _leave_out(self, cell: Cell | Joint, name: str, reason: str) -> None:
        self._excluded.add((cell.benches[0].id, name))
        for bench in cell.benches:
            if name in bench.subjects:
                self.results.missing.setdefault((bench.id, name), reason)

    def _turn(self, cell: Cell | Joint, number: int) -> None:
        names = self._present(cell)
        if isinstance(cell, Joint):
            if names:
                self._add(cell.measure(self._lab, names), number)
            return
        shift = number % len(names) if names else 0
        for name in names[shift:] + names[:shift]:
            try:
                self._add({name: self._measure(cell, name)}, number)
            except StartError as error:
                self._leave_out(cell, name, str(error))
            except MeasurementError as error:
                self.failures.append(f"{cell.benches[0].id}, {name}, round {number + 1}: {error}")
                self._leave_out(cell, name, f"failed in round {number + 1}: {error}")

    def _measure(self, cell: Cell, name: str) -> Samples:
        if not cell.fresh:
            return cell.measure(self._lab, self._servers[name])
        with Server(BY_NAME[name], self._lab.tools) as server:
            return cell.measure(self._lab, server)

    def _add(self, told: Mapping[str, Samples], number: int) -> None:
        for name, samples in told.items():
            for bench, sample in samples.items():
                if isinstance(sample, Sample):
                    self.results.add(bench, name, number, sample)
                else:
                    self.results.missing.setdefault((bench, name), sample)


def say(text: str) -> None:
    """Tell the terminal how far it is."""
    print(text, file=sys.stderr, flush=True)
