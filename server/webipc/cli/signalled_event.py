"""`SignalledEvent`: an event that a signal handler may set, and `say`, with which a signal handler may print.

A handler runs in the main thread between two steps of what that thread does. `threading.Event` has a lock that is not
reentrant: a second Ctrl-C that came while the first one ended a `wait` waited for that lock for ever.
"""

import contextlib
import os
import queue
import threading


class SignalledEvent(threading.Event):
    """As `threading.Event`, for one thread that waits. `set` takes no lock, so a signal handler may call it."""

    def __init__(self) -> None:
        super().__init__()
        self._is_set = False
        # The one queue of the standard library whose `put` may interrupt a `put` or `get` of the same thread.
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()

    def is_set(self) -> bool:
        """Tell whether the event is set."""
        return self._is_set

    def set(self) -> None:
        """Set the event; may interrupt any other method."""
        self._is_set = True
        self._news.put(None)

    def clear(self) -> None:
        """Not offered: what a signal has said stays."""
        raise NotImplementedError("a SignalledEvent stays set")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the event is set, for at most so many seconds. Return whether it is."""
        if not self._is_set:
            with contextlib.suppress(queue.Empty):
                self._news.get(timeout=timeout)
        return self._is_set


def say(text: str) -> None:
    """Print a line to standard error from a signal handler: Python's own streams refuse to be entered twice."""
    os.write(2, f"{text}\n".encode())
