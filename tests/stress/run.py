"""One run of a scenario: its seed, how long it lasts, where it leaves what it found, and its figures."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any


@dataclass
class Run:
    """What a scenario gets."""

    scenario: str
    seed: int
    folder: Path
    """For the log and the journal of the server."""
    minutes: float | None = None
    """None: as short as it can be, with each of its faults."""
    pages: int | None = None
    """How many pages work at once; None: as many as the scenario takes by itself."""
    engine: str | None = None
    """The browser, where the scenario needs one."""
    figures: dict[str, object] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    @property
    def is_short(self) -> bool:
        """Whether it is the short form, which the tests run."""
        return self.minutes is None

    def random(self, purpose: str) -> Random:
        """Return random numbers for one purpose: the same ones for the same seed."""
        return Random(f"{self.seed} {self.scenario} {purpose}")

    def goes_on(self, enough: Callable[[], bool]) -> bool:
        """Tell whether to go on: until enough has happened, and in the long form until the time is over as well."""
        if not enough():
            return True
        return self.minutes is not None and time.monotonic() - self._began < self.minutes * 60

    def report(self, figures: Mapping[str, object]) -> None:
        """Add figures."""
        self.figures.update(figures)

    def happened(self, counts: Mapping[str, int], wanted: Iterable[str]) -> None:
        """Add how often each fault has struck. Raises AssertionError when one of the wanted has not."""
        self.report({"faults": sum(counts.values())})
        self.saw(counts, wanted)

    def saw(self, counts: Mapping[str, int], wanted: Iterable[str]) -> None:
        """Add numbers that are no faults. Raises AssertionError when one of the wanted is 0."""
        self.report({name: counts[name] for name in sorted(counts)})
        missing = [name for name in wanted if not counts.get(name)]
        assert not missing, f"never happened: {', '.join(missing)}"

    @property
    def name(self) -> str:
        """What it is called: the scenario, and the engine if it has one."""
        return self.scenario if self.engine is None else f"{self.scenario} {self.engine}"

    def seconds(self) -> float:
        """Return how long it has taken."""
        return time.monotonic() - self._began

    def repeat(self) -> str:
        """Return the command that repeats it."""
        options = [f"--seed {self.seed}", f"--scenario {self.scenario}"]
        if self.engine is not None:
            options.append(f"--engine {self.engine}")
        if self.minutes is not None:
            options.append(f"--minutes {self.minutes:g}")
        if self.pages is not None:
            options.append(f"--pages {self.pages}")
        return f'make stress ARGS="{" ".join(options)}"'

    def text(self) -> str:
        """Return seed, figures and command, for a reader."""
        lines = [f"  {name}: {_shown(value)}" for name, value in self.figures.items()]
        head = f"{self.name}: seed {self.seed}, {self.seconds():.1f} s"
        return "\n".join([head, *lines, f"  repeat: {self.repeat()}"])


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else value if isinstance(value, str) else json.dumps(value)
