"""Whether a server can be the bus: its version, and that it removes nothing by itself. Asked once, at the start."""

import logging
from typing import Any, Final

from webipc.cluster.bus.bus import BusError
from webipc.cluster.redis_bus.server.address import Address
from webipc.cluster.redis_bus.server.line import Command
from webipc.cluster.redis_bus.server.session import info_of

logger = logging.getLogger("webipc")

LEAST_VERSION: Final = 7
"""Of Redis. Older ones do not count what a stream has ever had. Valkey has done so from its beginning."""

QUESTIONS: Final[list[Command]] = [["INFO", "server"], ["INFO", "memory"]]


def check(address: Address, answers: list[Any]) -> None:
    """Raise BusError, with one sentence for the terminal, where the server is too old or removes keys."""
    server, memory = map(info_of, answers)
    if not server or not memory:
        logger.warning(
            "Redis at %s does not let this user ask for INFO: make sure that it is Redis 7 or Valkey, and that its "
            "maxmemory-policy is noeviction",
            address,
        )
        return
    version = server.get("redis_version", "")
    major = version.partition(".")[0]
    if "valkey_version" not in server and not (major.isdigit() and int(major) >= LEAST_VERSION):
        raise BusError(f"webipc needs Redis {LEAST_VERSION} or newer, or Valkey, and Redis at {address} is {version}")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise BusError(
            f"Redis at {address} removes keys when its memory is full (maxmemory-policy {policy}), and webipc's must "
            "stay: set maxmemory-policy to noeviction"
        )
