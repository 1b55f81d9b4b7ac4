"""A server of several workers for a scenario, the network in front of it, and what its workers tell of themselves."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from tests.support.serving import PATIENCE, wait_until
from webipc import Limits

ADDRESSES = 2_000
"""From so many addresses a worker is looked for at most."""


class Fleet:
    """The workers of one program. Each connection gets one by where it comes from."""

    def __init__(self, made: Rig, count: int) -> None:
        self.made = made
        self.count = count

    def stats(self) -> dict[int, dict[str, Any]]:
        """Return what each worker tells of itself, by its process."""
        found: dict[int, dict[str, Any]] = {}
        for number in range(ADDRESSES):
            if len(found) == self.count:
                return found
            told = _told_to(self.made.server.port, f"127.251.{number // 250}.{number % 250 + 1}")
            if told is not None:
                found[told["process"]] = told
        raise AssertionError(f"expected {self.count} workers, found {sorted(found)}")

    def totals(self) -> Counter[str]:
        """Return the sums of the numbers that the workers tell."""
        sums: Counter[str] = Counter()
        for told in self.stats().values():
            add_numbers(sums, "", told["shared"])
        return sums

    def ready(self) -> None:
        """Wait until all workers answer."""
        wait_until(self._answer, f"{self.count} workers answer", PATIENCE)

    def _answer(self) -> bool:
        try:
            return len(self.stats()) == self.count
        except AssertionError:
            return False


def add_numbers(sums: Counter[str], prefix: str, numbers: dict[str, Any]) -> None:
    """Add numbers to sums, those of inner objects under longer names."""
    for name, value in numbers.items():
        if isinstance(value, dict):
            add_numbers(sums, f"{prefix}{name}.", value)
        elif isinstance(value, int) and not isinstance(value, bool):
            sums[f"{prefix}{name}"] += value


def _told_to(port: int, address: str) -> dict[str, Any] | None:
    """Ask the worker that a connection from this address gets; None where none answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE, source_address=(address, 0))
    try:
        connection.request("GET", "/shared")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return answer


@contextmanager
def fleet(
    run: Run, count: int, limits: Limits | None = None, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[Fleet]:
    """Start a program with so many workers, and its network. `options` and `environment`: see `rig`."""
    with rig(run, limits, "--workers", str(count), *options, environment=environment) as made:
        workers = Fleet(made, count)
        workers.ready()
        yield workers
