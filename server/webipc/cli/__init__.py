"""The command `webipc`: its options, the process that serves, reload, and what is printed at the terminal.

Must not know links or messages.
"""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command `webipc`, and return its exit status: see `command.main`.

    While it is loaded, for a quarter of a second, Ctrl-C ends the process at once. Python would show a traceback of the
    import that it has just reached.
    """
    with _ended_by_interrupt():
        from webipc.cli import command
    try:
        return command.main(arguments)
    except KeyboardInterrupt:
        return 0


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Let SIGINT end the process within the block, as the system does without Python."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.default_int_handler:
        # It is ignored, as in a background job, or another program calls this.
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, handler)
