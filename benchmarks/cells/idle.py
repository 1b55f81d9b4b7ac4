"""B9: what idle pages cost: the share of a core and the memory, at 1,000 and at 5,000 of them.

All subjects are idle at the same time: together they take a few hundredths of a core, and a page that does nothing is
not disturbed by another one. A server's own pings and heartbeats are the work, so each is measured over whole periods.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from benchmarks.catalogue import BARE, BY_NAME, NODE_SOCKETIO, NODE_WS, OURS, PICOWS, PYTHON_SOCKETIO
from benchmarks.cells.crowd import Crowd
from benchmarks.cells.kinds import Joint, Lab, MeasurementError, Samples
from benchmarks.grid import Column, Grid
from benchmarks.servers import Server, StartError
from benchmarks.table import Bench, Sample

SIZES = (1000, 5000)
# Whole periods of what each server sends by itself: webipc's heartbeat of 15 s, uvicorn's pings of 20 s, Socket.IO's of
# 25 s; the others send nothing.
SECONDS = {OURS: 45.0, BARE: 40.0, PYTHON_SOCKETIO: 50.0, NODE_SOCKETIO: 50.0}
LONGEST = 45.0
_NAMES = (OURS, BARE, PICOWS, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS)


class _Idle:
    """One subject, with its crowd."""

    def __init__(self, lab: Lab, name: str, size: int, opened: ExitStack) -> None:
        load = lab.tools.load
        assert load is not None
        server = opened.enter_context(Server(BY_NAME[name], lab.tools))
        with Crowd(load, server, "crowd", 20):  # warms up what is allocated once
            before = server.resident_bytes()
        opened.enter_context(Crowd(load, server, "idle", size))
        self._server = server
        self.kilobytes = (server.resident_bytes() - before) / 1024 / size
        self._spent = server.scheduled_seconds()
        self._began = time.monotonic()
        self._seconds = SECONDS.get(name, LONGEST) if not lab.small else 0.1

    @property
    def ends(self) -> float:
        """When its time is over."""
        return self._began + self._seconds

    def percent(self) -> float:
        """Wait until its time is over; return the share of a core that it took."""
        time.sleep(max(0.0, self.ends - time.monotonic()))
        spent = self._server.scheduled_seconds() - self._spent
        return spent / (time.monotonic() - self._began) * 100


def _measure(lab: Lab, names: Sequence[str]) -> Mapping[str, Samples]:
    told: dict[str, dict[str, Sample | str]] = {name: {} for name in names}
    for size in SIZES:
        with ExitStack() as opened:
            crowd = min(size, lab.crowd) if lab.small else size
            idle: dict[str, _Idle] = {}
            for name in names:
                if reason := _reason(lab, name):
                    told[name] |= {f"B9:{size}:percent": reason, f"B9:{size}:memory": reason}
                    continue
                try:
                    idle[name] = _Idle(lab, name, crowd, opened)
                except (StartError, MeasurementError) as error:
                    told[name] |= {f"B9:{size}:percent": str(error), f"B9:{size}:memory": str(error)}
            for name, one in sorted(idle.items(), key=lambda item: item[1].ends):
                told[name] |= {
                    f"B9:{size}:memory": Sample(one.kilobytes),
                    f"B9:{size}:percent": Sample(one.percent()),
                }
    return told


def _reason(lab: Lab, name: str) -> str | None:
    return lab.tools.why_not(BY_NAME[name]) or lab.tools.reasons.get("load")


IDLE = Joint(
    tuple(
        bench
        for size in SIZES
        for bench in (
            Bench(f"B9:{size}:percent", f"processor time of {size:,} idle pages", "% of a core", "less", _NAMES),
            Bench(f"B9:{size}:memory", f"memory of each of {size:,} idle pages", "KiB", "less", _NAMES),
        )
    ),
    _measure,
    rounds=2,
)

GRID = Grid(
    "Idle pages",
    "Each page has sent a browser's headers, and nothing since. Memory is the growth of resident memory, without the "
    "kernel's buffers.",
    "",
    tuple((name, name) for name in _NAMES),
    (
        *(Column(f"{size:,}: % of a core", f"B9:{size}:percent", "{line}") for size in SIZES),
        *(Column(f"{size:,}: KiB each", f"B9:{size}:memory", "{line}") for size in SIZES),
    ),
)
