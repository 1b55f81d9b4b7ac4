"""Two machines, a third with a Redis and a fourth with the pages, far from each other: see namespaces.py."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.cluster.rigs.network.namespaces import REDIS_HOST, Place, Wire, wire
from tests.cluster.rigs.redis_fleet import RedisFleet, environment_of
from tests.stress.network.proxy import faulty_network
from tests.stress.run import Run
from tests.stress.supervisor import Supervised
from tests.support.redis_server import redis_server
from webipc import Limits

DELAY: Final = 0.05
JITTER: Final = 0.005
"""Seconds for each frame, in each direction."""
LOSS: Final = 0.05
"""The part of the frames that does not arrive."""


class Machine(Supervised):
    """A program on a machine of its own."""

    def __init__(self, place: Place, between: Wire, log: Path, environment: Mapping[str, str]) -> None:
        """The machine has to exist: `machines` makes it."""
        self._place = place
        self._wire = between
        super().__init__(log, dict(environment), ["--host", place.host])
        self.url = f"http://{place.host}:{self.port}"

    @property
    def host(self) -> str:
        """Where pages reach it."""
        return self._place.host

    def _launch(self, command: Sequence[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        return super()._launch(["ip", "netns", "exec", self._place.namespace, *command], environment)

    def cut_off(self) -> None:
        """Drop what this machine and Redis send to each other."""
        self._wire.cut(self._place.end, "redis")
        self.counts["cut off"] += 1

    def reach(self) -> None:
        """Drop it no more."""
        self._wire.join(self._place.end, "redis")


class Machines(RedisFleet):
    """What a scenario with several machines works with."""

    machines: Sequence[Machine]
    wire: Wire


@contextmanager
def machines(run: Run, count: int, limits: Limits) -> Iterator[Machines]:
    """Start a Redis, so many machines with a program each, and the network of the pages in front of them."""
    places = [Place(number) for number in range(count)]
    with ExitStack() as stack:
        between = stack.enter_context(wire(places, run.seed, DELAY, JITTER, LOSS))
        options = ("--bind", "127.0.0.1", REDIS_HOST, "--protected-mode", "no")
        redis = stack.enter_context(redis_server(options=options))
        redis.admin.set("webipc:{default}:gen", "in use")
        environment = environment_of(run, limits, f"redis://{REDIS_HOST}:{redis.port}/0")
        all_machines = [
            Machine(place, between, run.folder / f"server-{place.number}.log", environment) for place in places
        ]
        for machine in all_machines:
            stack.callback(machine.end)
        with ThreadPoolExecutor() as pool:
            list(pool.map(Machine.start, all_machines))
        targets = [(machine.host, machine.port) for machine in all_machines]
        made = Machines(run, all_machines, stack.enter_context(faulty_network(targets, run.seed)), limits)
        made.machines, made.wire = all_machines, between
        yield made
