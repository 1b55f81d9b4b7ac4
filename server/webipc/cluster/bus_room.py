"""`BusRoom`: what sockets and requests wait for while too much for their worker waits in the bus.

So what is relayed takes no more memory, and no more of the time of what is said behind it, than the bus gets rid of:
beyond its bounds the bus drops what waits.
"""

from typing import Final, Protocol

from webipc.cluster.worker import Worker

BUS_BYTES: Final = 1_048_576
"""While so much for a worker has not left this process, nothing more is relayed to it."""
_LOOK_SECONDS: Final = 0.02


class Waiting(Protocol):
    """Something that waits for room."""

    @property
    def is_over(self) -> bool:
        """Whether it waits no longer."""

    def wake(self) -> None:
        """Look again whether there is room."""


class BusRoom:
    """All that waits in one worker. Belongs to the event loop's thread."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        # By the worker that it is for, each once.
        self._waiting: dict[str, dict[Waiting, None]] = {}

    def is_lacking(self, worker: str) -> bool:
        """Tell whether nothing more should be said to a worker now."""
        return self._worker.bus.waiting(worker) > BUS_BYTES

    def wait(self, worker: str, waiting: Waiting) -> None:
        """Wake something when less for its worker waits in the bus, which does not tell. One timer looks for all."""
        if not self._waiting:
            self._worker.hub.loop.call_later(_LOOK_SECONDS, self._look)
        self._waiting.setdefault(worker, {})[waiting] = None

    def _look(self) -> None:
        for worker, those in list(self._waiting.items()):
            if not self.is_lacking(worker) or all(each.is_over for each in those):
                del self._waiting[worker]
                for each in those:
                    each.wake()
        if self._waiting:
            self._worker.hub.loop.call_later(_LOOK_SECONDS, self._look)
