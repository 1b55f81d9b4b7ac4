"""Which bus an `IpcMain` has, by its options and the environment; none in a single process."""

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp

from webipc.cluster.bus.bus import Bus
from webipc.cluster.local.local_bus import LocalBus
from webipc.cluster.local.local_connection import inherited
from webipc.cluster.moves.snapshot import FORMAT
from webipc.cluster.shared import Shared
from webipc.hub.hub import Hub

MakeBus = Callable[[str, str, Sequence[int]], Bus]
"""Makes a bus, which has not begun: of this realm, for a worker of this name, that reads these formats of snapshots."""


def bus_of_environment() -> MakeBus | None:
    """Return what makes the bus that this process was started with; None where it is the only one.

    Raises BusError where what it was started with cannot be used.
    """
    connection = inherited()
    if connection is None:
        return None
    return lambda realm, worker, formats: LocalBus(connection, realm, worker, formats)


def shared_of(hub: Hub, application: ASGIApp, realm: str, make_bus: MakeBus) -> Shared:
    """Return what makes a hub one of several workers, which has not begun.

    `realm` is the prefix under which its `IpcMain` is mounted: workers of other realms do not know each other.
    """
    return Shared(hub, make_bus(realm, hub.process, (FORMAT,)), application, realm)
