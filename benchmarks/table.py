"""Evaluates the samples: medians, worst rounds, ratios within one round, and the tables that are printed.

Pure arithmetic and text: it runs nothing and reads no file. Ratios are taken within a round, because what disturbs a
round disturbs both of its subjects; the ratio of two medians would compare moments that had nothing in common.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Better = Literal["more", "less"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One subject in one round."""

    value: float
    """In the unit of its benchmark."""
    server_us: float | None = None
    """Processor time of the server per call or message, in microseconds."""
    load_busy: float | None = None
    """Share of one core that the load took: near 1, the load was the bottleneck."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One question."""

    id: str
    question: str
    unit: str
    better: Better
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """The bound of a median: a ratio to another subject or to another benchmark, or an absolute figure."""

    bench: str
    subject: str
    against: str | None
    bound: float
    over: str | None = None
    """The benchmark to divide by, where it is another one."""
    over_text: str = ""
    """What that is, in words."""
    enough: float | None = None
    """A figure that meets the target whatever the ratio is, in the unit of the benchmark."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and its result; `median` is None where one of the two was not measured."""

    target: Target
    better: Better
    median: float | None = None
    worst: float | None = None
    is_enough: bool = False
    """Whether the figure meets the target whatever the ratio is."""

    @property
    def met(self) -> bool:
        """Whether the median is on the right side of the bound."""
        if self.median is None:
            return False
        if self.is_enough:
            return True
        return self.median >= self.target.bound if self.better == "more" else self.median <= self.target.bound


@dataclass(slots=True)
class Results:
    """Every sample, by benchmark, subject and round; and why a subject has none."""

    samples: dict[tuple[str, str], dict[int, Sample]] = field(default_factory=dict)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, bench: str, subject: str, round_number: int, sample: Sample) -> None:
        """Keep the sample of one round."""
        self.samples.setdefault((bench, subject), {})[round_number] = sample

    def of(self, bench: str, subject: str) -> dict[int, Sample]:
        """The samples by round; empty when there are none."""
        return self.samples.get((bench, subject), {})

    def values(self, bench: str, subject: str) -> list[float]:
        """The figures, in the order of the rounds."""
        return [sample.value for _, sample in sorted(self.of(bench, subject).items())]

    def ratios(self, bench: str, subject: str, against: str, other_bench: str | None = None) -> list[float]:
        """One subject over another, or over another benchmark, round by round; a round that lacks either gives none."""
        ours, theirs = self.of(bench, subject), self.of(other_bench or bench, against)
        return [ours[number].value / theirs[number].value for number in sorted(ours.keys() & theirs.keys())]


def worst(values: Sequence[float], better: Better) -> float:
    """The figure of the subject's worst round."""
    return min(values) if better == "more" else max(values)


def judge(target: Target, bench: Bench, results: Results) -> Verdict:
    """Compare the samples with one target."""
    values = (
        results.values(bench.id, target.subject)
        if target.against is None
        else results.ratios(bench.id, target.subject, target.against, target.over)
    )
    if not values:
        return Verdict(target, bench.better)
    return Verdict(
        target, bench.better, median(values), worst(values, bench.better), _is_enough(target, bench, results)
    )


def _is_enough(target: Target, bench: Bench, results: Results) -> bool:
    if target.enough is None:
        return False
    figures = median(results.values(bench.id, target.subject))
    return figures >= target.enough if bench.better == "more" else figures <= target.enough


def figure(value: float | None) -> str:
    """A number with its significant digits: three, or all before the point."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def measured_table(benches: Iterable[Bench], results: Results) -> str:
    """One line per benchmark and subject."""
    lines = [
        "| | question | subject | median | worst round | unit | server CPU us each | load busy |",
        "|---|---|---|--:|--:|---|--:|--:|",
    ]
    for bench in benches:
        lines += [_line(bench, subject, results) for subject in bench.subjects]
    return "\n".join(lines)


def _line(bench: Bench, subject: str, results: Results) -> str:
    values = results.values(bench.id, subject)
    if not values:
        reason = results.missing.get((bench.id, subject), "not measured")
        return f"| {bench.id} | {bench.question} | {subject} | - | - | {cell_text(reason)} | - | - |"
    samples = list(results.of(bench.id, subject).values())
    cells = (
        figure(median(values)),
        figure(worst(values, bench.better)),
        bench.unit,
        figure(_median_of(sample.server_us for sample in samples)),
        figure(_median_of(sample.load_busy for sample in samples)),
    )
    failed = results.missing.get((bench.id, subject))
    note = f" (then: {cell_text(failed)})" if failed else ""
    return f"| {bench.id} | {bench.question} | {subject}{note} | {' | '.join(cells)} |"


def _median_of(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def cell_text(text: str) -> str:
    """Text that cannot break its cell, truncated."""
    return " ".join(text.replace("|", "/").split())[:160]


def targets_table(verdicts: Iterable[Verdict], benches: Iterable[Bench]) -> str:
    """One line per target: the median decides, the worst round warns."""
    by_id = {bench.id: bench for bench in benches}
    # Of an id with cases, such as V:dates:encode, the first part: the question names the case.
    lines = ["| | target | median | worst round | |", "|---|---|--:|--:|---|"]
    for verdict in verdicts:
        bench = by_id[verdict.target.bench]
        text = target_text(verdict.target, bench, is_named=bench.subjects[0] != verdict.target.subject)
        cells = (text, figure(verdict.median), figure(verdict.worst), outcome(verdict))
        lines.append(f"| {bench.id.partition(':')[0]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def target_text(target: Target, bench: Bench, *, is_named: bool = False) -> str:
    """A target in words; with its subject where that is not the first one of the benchmark."""
    question = f"{bench.question}, {target.subject}" if is_named else bench.question
    relation = "at least" if bench.better == "more" else "at most"
    if target.against is None:
        return f"{question}: {relation} {target.bound:,g} {bench.unit}"
    text = f"{question}: {relation} {target.bound:g} x {target.over_text or target.against}"
    return text if target.enough is None else f"{text}, or {target.enough:g} {bench.unit}"


def outcome(verdict: Verdict) -> str:
    """Met, or by how much it was missed."""
    if verdict.median is None:
        return "not measured"
    if verdict.met:
        return "met"
    distance = verdict.median / verdict.target.bound - 1
    return f"**missed by {abs(distance):.0%}**"
