"""CPU and memory usage of the machine, from psutil if it is installed, otherwise from Linux's /proc.

Without both, it reports the CPU usage of this process only, and the name of the value says so.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

Reading = dict[str, float]

STAT = Path("/proc/stat")
MEMINFO = Path("/proc/meminfo")


def reader() -> Callable[[], Reading]:
    """Return a function that reads the current usage. CPU is measured since the previous call."""
    try:
        import psutil
    except ImportError:
        return _proc_reader() if STAT.exists() and MEMINFO.exists() else _process_reader()
    psutil.cpu_percent()
    return lambda: {"cpu %": psutil.cpu_percent(), "memory %": psutil.virtual_memory().percent}


def _proc_reader() -> Callable[[], Reading]:
    before = _cpu_ticks()

    def read() -> Reading:
        nonlocal before
        now = _cpu_ticks()
        busy, total = now[0] - before[0], now[1] - before[1]
        before = now
        return {"cpu %": round(100 * busy / total, 1) if total else 0.0, "memory %": _memory_percent()}

    return read


def _cpu_ticks() -> tuple[int, int]:
    """Return the busy ticks of all processors since boot, and the total."""
    user, nice, system, idle, iowait, *rest = map(int, STAT.read_text().split("\n", 1)[0].split()[1:9])
    busy = user + nice + system + sum(rest)
    return busy, busy + idle + iowait


def _memory_percent() -> float:
    lines = MEMINFO.read_text().splitlines()
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return round(100 * (1 - sizes["MemAvailable"] / sizes["MemTotal"]), 1)


def _process_reader() -> Callable[[], Reading]:
    before = time.process_time(), time.monotonic()

    def read() -> Reading:
        nonlocal before
        now = time.process_time(), time.monotonic()
        share = (now[0] - before[0]) / max(now[1] - before[1], 0.001) / (os.cpu_count() or 1)
        before = now
        return {"cpu of this process %": round(100 * share, 1)}

    return read
