"""How much memory and how many descriptors this process may use: of the machine, its container and its limits.

Reads the files of Linux where they are. Elsewhere the physical memory alone counts, as far as Python can tell it.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LEAST_MEMORY = 64 * 1_048_576
"""The default is never less than this."""

_UNKNOWN_MACHINE = 1_073_741_824


WORKERS_VARIABLE = "WEBIPC_WORKERS"
"""How many processes of the application are on this machine, of which this is one; the command `webipc run` sets it."""


def default_memory() -> int:
    """Return how many bytes peers may hold where nothing was set: a quarter of the memory, at least 64 MiB.

    Several workers of one machine have that quarter together.
    """
    return max(LEAST_MEMORY, memory() // 4 // _workers())


def memory(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the smaller of the machine's memory and the limit of this process's container, in bytes.

    `groups` is where the control groups are, `own` the file that names the groups of this process.
    """
    return min([_physical(), *_limits(groups, own)])


def descriptors() -> int | None:
    """Return how many files and sockets this process may have open; None where there is no such limit."""
    try:
        import resource
    except ImportError:
        # Windows.
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def raise_descriptors(most: int) -> None:
    """Let this process have as many files and connections open as the system allows, and at most so many.

    The usual soft limit, 1,024, is for programs that use `select`.
    """
    try:
        import resource
    except ImportError:
        # Windows, which has no such limit.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # Some systems allow less than they say.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _workers() -> int:
    text = os.environ.get(WORKERS_VARIABLE, "")
    return max(1, int(text)) if text.isascii() and text.isdecimal() else 1


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _UNKNOWN_MACHINE


def _limits(groups: Path, own: Path) -> Iterable[int]:
    """Yield the limits of the group of this process and of those around it: the smallest counts."""
    for line in _read(own).splitlines():
        # "0::/a/b" for version 2, "4:memory:/a/b" for version 1.
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            base, name = groups, "memory.max"
        elif "memory" in controllers.split(","):
            base, name = groups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = base / path.strip("/")
        # In a container the path may be the host's: then the root of what is mounted is this process's own group.
        for folder in (group, *group.parents) if group != base else (base,):
            text = _read(folder / name).strip()
            if text.isdecimal():
                yield int(text)
            if folder == base:
                break


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
