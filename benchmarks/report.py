"""The result of a run: the tables, the samples in `results/latest.json`, and a description of the machine."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.catalogue import BEFORE, BY_NAME, SUBJECTS
from benchmarks.grid import Grid
from benchmarks.table import Bench, Results, Target, Verdict, figure, judge, measured_table, targets_table, worst
from benchmarks.workshop import HERE, Tools

LATEST = HERE / "results" / "latest.json"
PARTIAL = HERE / "results" / "partial.json"  # of a run that left something out: not for comparing, not kept by git
README = HERE / "README.md"
BEGIN, END = "<!-- table: written by the command -->", "<!-- end of table -->"


@dataclass(frozen=True, slots=True)
class Run:
    """One complete run."""

    benches: Sequence[Bench]
    targets: Sequence[Target]
    grids: Sequence[Grid]
    results: Results
    rounds: int
    seconds: float
    crowd: int
    tools: Tools
    failures: Sequence[str]

    def verdicts(self) -> list[Verdict]:
        """Every target whose benchmark was run; without another checkout, none that compares with it."""
        by_id = {bench.id: bench for bench in self.benches}
        judged = [target for target in self.targets if target.bench in by_id]
        if BEFORE not in BY_NAME:
            judged = [target for target in judged if target.against != BEFORE]
        return [judge(target, by_id[target.bench], self.results) for target in judged]

    def text(self) -> str:
        """The report as Markdown."""
        parts = [
            self._heading(),
            targets_table(self.verdicts(), self.benches),
            measured_table(self._alone(), self.results),
            *(grid.markdown(self.results) for grid in self._shown()),
        ]
        if self.failures:
            parts.append("Failed:\n\n" + "\n".join(f"- {failure}" for failure in self.failures))
        return "\n\n".join(parts) + "\n"

    def _shown(self) -> list[Grid]:
        """The grids of which anything was to be measured."""
        ids = {bench.id for bench in self.benches}
        return [grid for grid in self.grids if grid.benches() & ids]

    def _alone(self) -> list[Bench]:
        """The benchmarks with lines of their own; an id with a colon is a figure of a grid."""
        return [bench for bench in self.benches if ":" not in bench.id]

    def _heading(self) -> str:
        machine = _machine(self.tools)
        packages = ", ".join(f"{name} {version}" for name, version in self._versions().items())
        return (
            f"{datetime.now(UTC):%Y-%m-%d}, {self.rounds} rounds, {figure(self.seconds)} s each, a crowd of"
            f" {self.crowd:,}. {machine['processor']}, {machine['cores']} cores, {machine['system']};"
            f" Python {machine['python']}, Node {machine['node']}; {packages}.{_other_checkout()}"
        )

    def _versions(self) -> dict[str, str]:
        wanted = dict.fromkeys(
            [
                "webipc",
                "fastapi",
                "uvicorn",
                "websockets",
                "orjson",
                "numpy",
                *(subject.package for subject in SUBJECTS),
            ]
        )
        return {name: self.tools.versions[name] for name in wanted if name in self.tools.versions}

    def record(self) -> dict[str, Any]:
        """Everything, for a program to read."""
        return {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "rounds": self.rounds,
            "seconds": self.seconds,
            "crowd": self.crowd,
            "machine": _machine(self.tools),
            "versions": self._versions(),
            "benches": [self._bench(bench) for bench in self.benches],
            "targets": [{**asdict(verdict), "met": verdict.met} for verdict in self.verdicts()],
            "failures": list(self.failures),
        }

    def _bench(self, bench: Bench) -> dict[str, Any]:
        subjects = {name: self._subject(bench, name) for name in bench.subjects}
        return {
            "id": bench.id,
            "question": bench.question,
            "unit": bench.unit,
            "better": bench.better,
            "subjects": subjects,
        }

    def _subject(self, bench: Bench, name: str) -> dict[str, Any]:
        values = self.results.values(bench.id, name)
        told: dict[str, Any] = {"missing": self.results.missing.get((bench.id, name))}
        if values:
            told |= {"median": median(values), "worst": worst(values, bench.better)}
            told["rounds"] = {number: asdict(sample) for number, sample in self.results.of(bench.id, name).items()}
        return told

    def save(self, path: Path) -> None:
        """Write the record as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.record(), indent=1) + "\n")

    def publish(self) -> None:
        """Write the tables into the README, between its two marks."""
        before, _, rest = README.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        README.write_text(f"{before}{BEGIN}\n\n{self.text()}\n{END}{after}")


def _other_checkout() -> str:
    """The commit of the checkout that this one is compared with."""
    other = BY_NAME.get(BEFORE)
    if other is None:
        return ""
    command = ["git", "-C", str(other.checkout), "rev-parse", "--short", "HEAD"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return f" The other checkout is {told.stdout.strip() or 'not a commit'}."


def _machine(tools: Tools) -> dict[str, Any]:
    """What the figures depend on, without host name or paths."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "node": _node_version(tools),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _node_version(tools: Tools) -> str:
    if tools.node is None:
        return "absent"
    told = subprocess.run([tools.node, "--version"], capture_output=True, text=True, check=False)
    return told.stdout.strip().removeprefix("v")
