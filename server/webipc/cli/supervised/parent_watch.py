"""Ends a worker when its parent process has died: nothing would give it connections, restart or stop it."""

import logging
import os
import select
import signal
import socket
import threading
from typing import Final

logger = logging.getLogger("webipc")

_MARGIN_SECONDS: Final = 10.0
"""How long the process may take to end, behind the graceful timeout."""


def end_with_parent(control: socket.socket, graceful_seconds: float) -> None:
    """Send this process SIGTERM when the parent's end of this socket has been closed, and end it if that is not enough.

    A thread waits for that, because the event loop may be held up, or not have begun yet. A parent that closes its own
    direction only is alive.
    """
    threading.Thread(target=_wait, args=(control.fileno(), graceful_seconds), daemon=True).start()


def _wait(control: int, graceful_seconds: float) -> None:
    # Otherwise the system may give this thread a signal, and the main thread sleeps on in what it waits for.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    poll = select.poll()
    # Nothing is asked for: POLLHUP, that both directions are closed, is always told.
    poll.register(control, 0)
    poll.poll()
    logger.warning("this worker ends, because its parent process has ended")
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(graceful_seconds + _MARGIN_SECONDS)
    os._exit(1)
