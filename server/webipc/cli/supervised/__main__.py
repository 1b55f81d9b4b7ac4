"""`python -m webipc.cli.supervised`: a worker process. Its options, and the sockets to its parent, are in environment
variables (cli/supervisor/control.py); its arguments are only there to be seen in a list of processes.
"""

import os
import signal
import socket
import sys

# The parent has blocked them. While this process is imported, they end it at once and in silence.
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))

import uvicorn  # noqa: E402 - see above

from webipc.cli import worker  # noqa: E402
from webipc.cli.serving import Serving, server_settings  # noqa: E402
from webipc.cli.supervised.parent_watch import end_with_parent  # noqa: E402
from webipc.cli.supervisor.control import (  # noqa: E402
    BUS_VARIABLE,
    CONTROL_VARIABLE,
    SERVING_VARIABLE,
    mark_of,
)


def main() -> int:
    """Serve until the end, and return the exit status: 0 after a signal, 1 when the application does not start."""
    try:
        from webipc.cli.supervised.handed_server import HandedServer
    except ImportError as error:
        print(f"webipc: --workers needs a newer uvicorn: {error}", file=sys.stderr)
        return 1
    serving = Serving.from_text(os.environ[SERVING_VARIABLE])
    control = socket.socket(fileno=int(os.environ.pop(CONTROL_VARIABLE)))
    control.set_inheritable(False)
    control.setblocking(False)
    if BUS_VARIABLE in os.environ:
        # The application's own child processes have nothing to do with it.
        os.set_inheritable(int(os.environ[BUS_VARIABLE]), False)
    end_with_parent(control, serving.graceful_seconds)
    config = uvicorn.Config(**server_settings(serving, mark_of(os.environ)))
    server = HandedServer(config, worker.drain, serving.graceful_seconds, control)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        server.run()
    except KeyboardInterrupt:
        # The server has shut down, and raises the signal again for its caller.
        pass
    except SystemExit as ended:
        return 1 if ended.code else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
