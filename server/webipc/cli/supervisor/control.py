"""What the parent and a worker say to each other, over a pair of sockets of the system: the control.

The parent sends connections, one byte with a descriptor for each, and closes its direction behind the last one. A
worker says in one byte that it is ready, and that it ends.
"""

from collections.abc import Mapping
from typing import Final

CONNECTION: Final = b"c"
"""Parent to worker: here is a connection."""

READY: Final = b"r"
"""Worker to parent: the application has started."""

ENDING: Final = b"e"
"""Worker to parent: it ends, so the parent sends it nothing more, and closes its direction."""

CONTROL_VARIABLE: Final = "WEBIPC_CONTROL"
"""The number of the descriptor of the control in a worker."""

BUS_VARIABLE: Final = "WEBIPC_BUS"
"""The number of the descriptor by which a worker speaks to the others, through the parent."""

SLOT_VARIABLE: Final = "WEBIPC_SLOT"
"""The number of the worker, from 1 on. One that takes its place has the same."""

TURN_VARIABLE: Final = "WEBIPC_TURN"
"""Which process of that number it is, from 1 on: during a rolling restart there are two of one number."""

SERVING_VARIABLE: Final = "WEBIPC_SERVING"
"""How the application is served: `Serving` of cli/serving.py, as JSON."""

REDIS_VARIABLE: Final = "WEBIPC_REDIS"
"""The URL of a Redis, by which the workers of several machines speak to each other."""

REDIS_NAME_VARIABLE: Final = "WEBIPC_REDIS_NAME"
"""The name of the application in that Redis."""


def mark_of(environment: Mapping[str, str]) -> str:
    """Return what each line of a worker's log begins with, such as `[2] `, or `[2.3] ` for its third process.

    Empty for a process that is no worker.
    """
    if SLOT_VARIABLE not in environment:
        return ""
    turn = environment.get(TURN_VARIABLE, "1")
    return f"[{environment[SLOT_VARIABLE]}{'' if turn == '1' else f'.{turn}'}] "
