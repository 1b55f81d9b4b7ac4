"""`python -m webipc.cli.supervisor`: the parent process. The command `webipc run --workers N` becomes it with `exec`.

So it has the number of the process that was started, and none of what the command has imported.
"""

import asyncio
import logging
import os
import socket
import sys
from typing import Final

from webipc.budget.machine import raise_descriptors
from webipc.cli.supervisor.plan import PLAN_VARIABLE, Plan
from webipc.cli.supervisor.supervisor import Supervisor
from webipc.cli.supervisor.switchboard import Connected
from webipc.servers.newcomers import MOST_DESCRIPTORS

# As uvicorn's, whose lines are beside those of this process.
_COLOURS: Final = {logging.INFO: 32, logging.WARNING: 33, logging.ERROR: 31}


class Lines(logging.Formatter):
    """Lines as those of uvicorn in the workers."""

    def __init__(self, *, has_colours: bool) -> None:
        """`has_colours`: they are read at a terminal."""
        super().__init__()
        self._has_colours = has_colours

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in `logging`
        """Return the line of a record, without a traceback."""
        level, space = record.levelname, " " * (8 - len(record.levelname))
        if self._has_colours and record.levelno in _COLOURS:
            level = f"\x1b[{_COLOURS[record.levelno]}m{level}\x1b[0m"
        return f"{level}:{space} {record.message}"


def main() -> int:
    """Run the plan of the environment, and return the exit status."""
    plan = Plan.from_text(os.environ.pop(PLAN_VARIABLE))
    raise_descriptors(MOST_DESCRIPTORS)
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(has_colours=sys.stderr.isatty()))
    logging.getLogger("webipc").addHandler(handler)
    logging.getLogger("webipc").setLevel(logging.INFO)
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> int:
    listeners = [socket.socket(fileno=number) for number in plan.listeners]
    for listener in listeners:
        listener.setblocking(False)
        listener.set_inheritable(False)
    switchboard = Connected(asyncio.get_running_loop()) if plan.has_bus else None
    return await Supervisor(plan, listeners, switchboard).run()


if __name__ == "__main__":
    sys.exit(main())
