"""`Worker`: what the parts of one worker have in common. `Part`: what each of them may learn.

A worker is one process of several, as far as one `IpcMain` of it goes: its hub, and its way to the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from webipc.cluster.bus.bus import Bus
from webipc.cluster.bus.kinds import Kinds
from webipc.cluster.bus.questions import Questions
from webipc.hub.hub import Hub


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker. All of it belongs to the event loop's thread."""

    hub: Hub
    bus: Bus
    # What others say to this worker alone.
    mailbox: Kinds
    # What is said to all.
    to_all: Kinds
    questions: Questions
    # What the `IpcMain` is mounted on, and under which prefix.
    application: ASGIApp
    prefix: str

    @property
    def name(self) -> str:
        """The name by which the others know it: `Hub.process`."""
        return self.bus.worker

    @property
    def is_draining(self) -> bool:
        """Whether it takes nothing new."""
        if self.hub.is_draining or self.hub.attaches.is_stopping:
            return True
        me = self.bus.members.get(self.bus.worker)
        return me is not None and me.is_draining


class Part:
    """One part of what a worker does with the others. It is told here what the bus tells; none of it may raise."""

    def gap(self) -> None:
        """Learn that something that was said to this worker may be lost, of any origin."""

    def missed(self, count: int) -> None:
        """Learn that so many messages to all are lost; 0 where it is not known how many."""

    def lost(self, worker: str) -> None:
        """Learn that another worker does not live any more."""

    def forgotten(self) -> None:
        """Learn that the directory may have forgotten everything."""

    def lapsed(self) -> None:
        """Learn that the others have taken this worker for dead."""

    def end(self) -> None:
        """Stop what runs in the background: the worker leaves the others."""

    def stats(self) -> Mapping[str, Any]:
        """Return numbers for a monitoring system, each by its name. From any thread."""
        return {}
