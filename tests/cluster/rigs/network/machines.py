"""Two machines and a third with a Redis, as network namespaces of this one, and partitions between them (Linux, root).

A machine is cut off from another by a route that drops what it sends there.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.cluster.rigs.redis_fleet import RedisFleet, environment_of
from tests.stress.network.proxy import faulty_network
from tests.stress.run import Run
from tests.stress.supervisor import Supervised
from tests.support.redis_server import redis_server
from webipc import Limits

BRIDGE: Final = "webipc-br"
NETWORK: Final = "10.213.77"
REDIS: Final = f"{NETWORK}.254"


def why_not() -> str:
    """Return why this machine cannot have such machines; empty where it can."""
    if shutil.which("ip") is None:
        return "there is no `ip` (apt-get install iproute2)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    tried = subprocess.run(["ip", "netns", "add", "webipc-try"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"this machine gives no network namespaces: {tried.stderr.strip()}"
    _ip("netns", "del", "webipc-try")
    return ""


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Machine(Supervised):
    """A program on a machine of its own."""

    def __init__(self, number: int, log: Path, environment: Mapping[str, str]) -> None:
        """The machine has to exist: `machines` makes it."""
        self.host = f"{NETWORK}.{number + 2}"
        self._name = _name(number)
        super().__init__(log, dict(environment), ["--host", self.host])
        self.url = f"http://{self.host}:{self.port}"

    def _launch(self, command: Sequence[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        return super()._launch(["ip", "netns", "exec", self._name, *command], environment)

    def cut_off(self, host: str) -> None:
        """Drop what this machine sends to another."""
        _ip("-n", self._name, "route", "add", "blackhole", f"{host}/32")
        self.counts["cut off"] += 1

    def reach(self, host: str) -> None:
        """Drop it no more."""
        _ip("-n", self._name, "route", "del", "blackhole", f"{host}/32")


def _name(number: int) -> str:
    return f"webipc-{number}"


@contextmanager
def _networks(count: int) -> Iterator[None]:
    """Make a bridge with the addresses of the pages and of Redis, and a namespace on it for each machine."""
    with ExitStack() as stack:
        _ip("link", "add", BRIDGE, "type", "bridge")
        stack.callback(_ip, "link", "del", BRIDGE)
        for address in (f"{NETWORK}.1", REDIS):
            _ip("addr", "add", f"{address}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number in range(count):
            name, host = _name(number), f"{NETWORK}.{number + 2}"
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", name, "master", BRIDGE, "up")
            _ip("-n", name, "addr", "add", f"{host}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
        yield


class Machines(RedisFleet):
    """What a scenario with several machines works with."""

    machines: Sequence[Machine]


@contextmanager
def machines(run: Run, count: int, limits: Limits) -> Iterator[Machines]:
    """Start a Redis, so many machines with a program each, and the network of the pages in front of them."""
    with ExitStack() as stack:
        stack.enter_context(_networks(count))
        redis = stack.enter_context(redis_server(options=("--bind", "127.0.0.1", REDIS, "--protected-mode", "no")))
        redis.admin.set("webipc:{default}:gen", "in use")
        environment = environment_of(run, limits, f"redis://{REDIS}:{redis.port}/0")
        all_machines = [Machine(number, run.folder / f"server-{number}.log", environment) for number in range(count)]
        for machine in all_machines:
            stack.callback(machine.end)
            machine.start()
        network = stack.enter_context(
            faulty_network([(machine.host, machine.port) for machine in all_machines], run.seed)
        )
        made = Machines(run, all_machines, network, limits, redis)
        made.machines = all_machines
        yield made
