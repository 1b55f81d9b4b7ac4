"""`python -m webipc.cli.supervisor`: the parent process. The command `webipc run --workers N` becomes it with `exec`.

So it has the number of the process that was started, and none of what the command has imported.
"""

import asyncio
import logging
import os
import socket
import sys

from webipc.budget.machine import raise_descriptors
from webipc.cli.supervisor.plan import PLAN_VARIABLE, Plan
from webipc.cli.supervisor.supervisor import Supervisor
from webipc.cli.supervisor.switchboard import Connected
from webipc.servers.newcomers import MOST_DESCRIPTORS


class _Lines(logging.Formatter):
    """Lines as those of uvicorn in the workers."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in `logging`
        return f"{record.levelname + ':':<9} {record.message}"


def main() -> int:
    """Run the plan of the environment, and return the exit status."""
    plan = Plan.from_text(os.environ.pop(PLAN_VARIABLE))
    raise_descriptors(MOST_DESCRIPTORS)
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
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
