"""The journal of a server: what its handlers ran, one line for each call, on disk before the call does anything.

One `write` for each line, in a file that is open for appending: whatever was written survives SIGKILL, and lines of
several processes and threads do not mix. It is JSON: the process, the kind of the act, the page, its number, and
whether the value had arrived unchanged.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple


class Ran(NamedTuple):
    """One line."""

    process: int
    kind: str
    page: str
    number: int
    intact: bool


class Journal:
    """The journal as a server writes it."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def ran(self, kind: str, page: str, number: int, *, intact: bool = True) -> None:
        """Write a line. From any thread."""
        line = json.dumps(Ran(os.getpid(), kind, page, number, intact))
        os.write(self._file, f"{line}\n".encode())


def read_journal(file: Path) -> list[Ran]:
    """Return the lines, in the order in which they were written; none if no server has started."""
    if not file.exists():
        return []
    return [Ran(*json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
