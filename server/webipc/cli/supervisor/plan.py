"""`Plan`: what the parent process is told by the command, which has become that process with `exec`."""

import json
from dataclasses import asdict, dataclass
from typing import Final

PLAN_VARIABLE: Final = "WEBIPC_PLAN"
"""The plan, as JSON."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    # How many workers.
    workers: int
    # The command that starts one.
    command: list[str]
    # Descriptors of sockets that are bound, and do not listen yet.
    listeners: list[int]
    # Where the application is served, to be shown.
    address: str
    # The addresses of proxies, as uvicorn takes them; None: its default.
    proxies: str | None
    # How long a worker may take to end, beside what the application's own shutdown takes.
    graceful_seconds: float
    # Whether workers speak to each other through this process. Otherwise they have a Redis.
    has_bus: bool

    @property
    def text(self) -> str:
        """Return all of it as one string, for an environment variable."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Plan":
        """Return the plan that has this `text`."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Times:
    """How long the parent waits, in seconds."""

    # Before a worker that has died is started again: doubled after each further death, up to the longest. A worker that
    # has been ready for the longest begins at the first one again.
    first_delay: float = 0.5
    longest_delay: float = 10.0
    # How long a worker may take to get ready in a rolling restart.
    ready: float = 60.0
    # How long the application's own shutdown may take, behind the graceful timeout.
    shutdown: float = 10.0


DEATHS: Final = 3
"""A worker that dies so many times in a row before it is ready ends the program."""
