"""Several programs that share a Redis, and a network in front of them that gives each connection any of them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

from tests.cluster.rigs.fleet import add_numbers
from tests.stress.network.proxy import HOST, FaultyNetwork, faulty_network
from tests.stress.rig import DOCUMENTS, Rig
from tests.stress.run import Run
from tests.stress.supervisor import Supervised
from tests.support.redis_failover import RedisFailover
from tests.support.redis_server import RedisServer, redis_server
from tests.support.serving import PATIENCE
from webipc import Limits


class RedisFleet(Rig):
    """What a scenario with several programs works with."""

    def __init__(self, run: Run, servers: Sequence[Supervised], network: FaultyNetwork, limits: Limits) -> None:
        super().__init__(run, servers[0], network, limits)
        self.servers = servers

    def check_log(self) -> None:
        """Raise AssertionError for an exception that was not caught, in any process."""
        for server in self.servers:
            log = server.log
            at = log.find("Traceback")
            assert at < 0, f"a server's log has a traceback:\n{log[max(at - 500, 0) : at + 3_000]}"

    def totals(self, *without: Supervised) -> Counter[str]:
        """Return the sums of the numbers that the programs tell of themselves, or some of them."""
        sums: Counter[str] = Counter()
        for server in [each for each in self.servers if each not in without]:
            add_numbers(sums, "", _told_to(server).get("shared", {}))
        return sums

    def worker(self, server: Supervised) -> str:
        """Return the name of a program among the others."""
        return str(_told_to(server)["worker"])

    def versions(self) -> list[str]:
        """Return the versions of the package that serve, each once."""
        return sorted({_told_to(server).get("version", "none") for server in self.servers})


def _told_to(server: Supervised) -> dict[str, Any]:
    try:
        with urlopen(f"{server.url}/shared", timeout=PATIENCE) as response:
            told: dict[str, Any] = json.loads(response.read())
    except (OSError, HTTPException):
        return {}
    return told


def environment_of(run: Run, limits: Limits, redis: str) -> dict[str, str]:
    """Return the environment of a program that has this Redis."""
    return {
        "STRESS_JOURNAL": str(run.folder / "journal.jsonl"),
        "STRESS_LIMITS": json.dumps({each.name: getattr(limits, each.name) for each in fields(limits)}),
        "STRESS_PAGES": str(DOCUMENTS),
        "WEBIPC_REDIS": redis,
    }


@contextmanager
def redis_fleet(
    run: Run,
    count: int,
    limits: Limits,
    *options: str,
    environment: Mapping[str, str] | None = None,
    redis: RedisServer | RedisFailover | None = None,
    before: Callable[[int], object] = lambda number: None,
) -> Iterator[RedisFleet]:
    """Start a Redis, so many programs, and their network. `options` and `environment`: see `rig`.

    `redis` is one that runs already. `before` is called before each program is started, with its number.
    """
    with ExitStack() as stack:
        redis = redis or stack.enter_context(redis_server())
        # As one that has been in use: it has not just forgotten everything.
        redis.admin.set("webipc:{default}:gen", "in use")
        whole = {**environment_of(run, limits, redis.url), **(environment or {})}
        servers = [Supervised(run.folder / f"server-{number}.log", whole, options) for number in range(count)]
        for number, server in enumerate(servers):
            stack.callback(server.end)
            before(number)
            server.start()
        network = stack.enter_context(faulty_network([(HOST, server.port) for server in servers], run.seed))
        yield RedisFleet(run, servers, network, limits)
