"""A table with a line for each case and a column for each figure, for questions with many cases.

Pure text, like `table.py`: a figure is a median, or the median of ratios within a round.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.table import Results, cell_text, figure


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of every line. `{line}` in the name of a benchmark or subject stands for the line's key."""

    head: str
    bench: str
    subject: str
    over_bench: str | None = None
    """The benchmark to divide by, where it is another one."""
    over: str | None = None
    """The subject to divide by, where it is another one."""


@dataclass(frozen=True, slots=True)
class Grid:
    """One table."""

    title: str
    text: str
    """What the reader has to know."""
    first: str
    """The head of the first column."""
    lines: Sequence[tuple[str, str]]
    """The key of each line, and its label."""
    columns: Sequence[Column]

    def benches(self) -> set[str]:
        """The ids of the benchmarks that it shows."""
        return {column.bench.format(line=key) for key, _ in self.lines for column in self.columns}

    def markdown(self, results: Results) -> str:
        """The table, and below it the reasons for what is missing."""
        heads = [self.first, *(column.head for column in self.columns)]
        rows = [heads, ["---", *["--:"] * len(self.columns)]]
        for key, label in self.lines:
            rows.append([label, *(self._figure(column, key, results) for column in self.columns)])
        parts = [f"### {self.title}", self.text, "\n".join(f"| {' | '.join(row)} |" for row in rows)]
        if reasons := list(self._reasons(results)):
            parts.append("\n".join(reasons))
        return "\n\n".join(parts)

    @staticmethod
    def _figure(column: Column, key: str, results: Results) -> str:
        bench, subject = column.bench.format(line=key), column.subject.format(line=key)
        if column.over is None and column.over_bench is None:
            values = results.values(bench, subject)
        else:
            against = (column.over or subject, (column.over_bench or bench).format(line=key))
            values = results.ratios(bench, subject, *against)
        return figure(median(values) if values else None)

    def _reasons(self, results: Results) -> Iterator[str]:
        """A line for each subject and reason, with the lines of the table that it concerns."""
        concerned: dict[tuple[str, str], list[str]] = {}
        for key, label in self.lines:
            for column in self.columns:
                for subject in dict.fromkeys((column.subject.format(line=key), column.over)):
                    if subject and (reason := results.missing.get((column.bench.format(line=key), subject))):
                        labels = concerned.setdefault((subject, cell_text(reason)), [])
                        labels += [label] if label not in labels and label != subject else []
        for (subject, reason), labels in concerned.items():
            some = "" if len(labels) in {0, len(self.lines)} else f", {'; '.join(labels)}"
            yield f"- {subject}{some}: {reason}"
