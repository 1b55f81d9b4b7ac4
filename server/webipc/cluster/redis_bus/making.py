"""Makes buses over Redis, from what a program says; imports Redis's client only then, because it may be missing."""

import os
from collections.abc import Callable, Sequence

from webipc.cluster.bus.bus import Bus, BusError
from webipc.cluster.redis_bus.applications import application_of


def redis_buses(url: str, name: str | None = None) -> Callable[[str, str, Sequence[int]], Bus]:
    """Return what makes a bus of a realm, for a worker of a name, that reads these formats of snapshots.

    `name` tells applications apart that share one Redis; None: `default`. Raises BusError, with a text for the
    terminal, where the package redis is missing, and where the URL or the name is none.
    """
    try:
        from webipc.cluster.redis_bus.redis_bus import RedisBus
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        raise BusError("a bus over Redis needs the package redis: pip install 'webipc[redis]'") from None

    application = application_of(os.environ)

    def make(realm: str, worker: str, formats: Sequence[int]) -> Bus:
        named = name or "default"
        return RedisBus(url, worker, name=named, realm=realm, formats=formats, application=application)

    # What is wrong with the URL or the name is said now, and not at the first page.
    make("/ipc", "", ())
    return make
