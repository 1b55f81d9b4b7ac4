"""Which bus an `IpcMain` has, by its options and the environment; none in a single process.

The only file that knows every kind of bus.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.types import ASGIApp

from webipc.cluster.bus.bus import Bus
from webipc.cluster.local.local_bus import LocalBus
from webipc.cluster.local.local_connection import inherited
from webipc.cluster.moves.snapshot import READS
from webipc.cluster.redis_bus.making import redis_buses
from webipc.cluster.shared import Shared
from webipc.hub.hub import Hub

REDIS_VARIABLE: Final = "WEBIPC_REDIS"
REDIS_NAME_VARIABLE: Final = "WEBIPC_REDIS_NAME"

MakeBus = Callable[[str, str, Sequence[int]], Bus]
"""Makes a bus, which has not begun: of this realm, for a worker of this name, that reads these formats of snapshots."""


def chosen_bus(redis: Any = None, redis_name: Any = None) -> MakeBus | None:
    """Return what makes the way to the other processes; None in a single one.

    `redis` and `redis_name` are those of `IpcMain`; the environment has precedence over both. Redis has precedence over
    the local bus of `webipc run --workers`, because it reaches other machines as well.

    Raises TypeError for an option that is no text, BusError where the URL or the name is none, where the package redis
    is missing, and where what this process was started with cannot be used.
    """
    for option, value in (("redis", redis), ("redis_name", redis_name)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"expected a str or None as {option}, got {type(value).__name__}")
    connection = inherited()
    url = os.environ.get(REDIS_VARIABLE) or redis
    if url:
        return redis_buses(url, os.environ.get(REDIS_NAME_VARIABLE) or redis_name or None)
    if connection is None:
        return None
    return lambda realm, worker, formats: LocalBus(connection, realm, worker, formats)


def shared_of(hub: Hub, application: ASGIApp, realm: str, make_bus: MakeBus) -> Shared:
    """Return what makes a hub one of several workers, which has not begun.

    `realm` is the prefix under which its `IpcMain` is mounted: workers of other realms do not know each other.
    """
    return Shared(hub, make_bus(realm, hub.process, READS), application, realm)
