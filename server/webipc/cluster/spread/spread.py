"""`Spread`: one worker's part in what is sent to many pages, or to pages at other workers.

Puts the files of this folder together, and says which of them does what.
"""

from collections.abc import Mapping
from typing import Any

from webipc.cluster.bus.bus import SaidToAll
from webipc.cluster.spread.broadcasts import Broadcasts
from webipc.cluster.spread.commands import Commands
from webipc.cluster.spread.fetched import Fetching
from webipc.cluster.spread.ports.far_ports import FarPorts
from webipc.cluster.spread.saying import Saying
from webipc.cluster.spread.ways import Ways
from webipc.cluster.worker import Part, Worker
from webipc.core.envelope import SendTo
from webipc.core.frame import EncodedMessage
from webipc.electron.document import Document
from webipc.electron.tab import Tab


class Spread(Part):
    """All of it belongs to the event loop's thread."""

    def __init__(self, worker: Worker) -> None:
        """`worker` is this one."""
        # Also what a tab that moves needs of the stream for all: `position` and `catch_up`.
        self.broadcasts = Broadcasts(worker.hub, worker.bus, worker.to_all)
        self._ways = Ways(worker)
        # Also what a tab that is taken needs of what was left for it: `deliver_words`.
        self.saying = Saying(worker, self._ways)
        self.commands = Commands(worker, self._ways)
        self.fetching = Fetching(worker)
        self.ports = FarPorts(worker, self._ways)

    # --- what this worker sends -----------------------------------------------------------------------------------

    def broadcast(self, message: EncodedMessage) -> None:
        """See `Sharing`."""
        self.broadcasts.broadcast(message)

    def group(self, name: str, message: EncodedMessage, excluded: frozenset[Tab | Document]) -> None:
        """See `Sharing`."""
        self.broadcasts.shout("group", name, message, excluded)

    def user(self, identity: str, message: EncodedMessage, excluded: frozenset[Tab | Document]) -> None:
        """See `Sharing`."""
        self.broadcasts.shout("user", identity, message, excluded)

    def reauthenticate(self, identity: str) -> None:
        """See `Sharing`."""
        self.broadcasts.reauthenticate(identity)

    def send_to(self, sender: Document, envelope: SendTo) -> None:
        """See `Sharing`."""
        self.saying.send_to(sender, envelope)

    def leads_elsewhere(self, contents_id: int) -> bool:
        """See `Sharing`."""
        return self._ways.leads_elsewhere(contents_id)

    # --- what the bus tells ---------------------------------------------------------------------------------------

    def received_by_all(self, entry: SaidToAll) -> None:
        """See `Receiver`."""
        self.broadcasts.received(entry)

    def missed(self, count: int) -> None:
        """See `Receiver`."""
        self.broadcasts.missed(count)

    def lost(self, worker: str) -> None:
        """See `Receiver`."""
        self._ways.lost(worker)
        self.ports.close_all(worker)

    def gap(self) -> None:
        """See `Receiver`."""
        self.ports.close_all()

    def lapsed(self) -> None:
        """See `Receiver`."""
        self.ports.close_all()

    def end(self) -> None:
        """See `Part`."""
        self.ports.close_all()

    def stats(self) -> Mapping[str, Any]:
        """`wrong_messages`: how many of those to many pages were dropped, because no page may be sent them.

        `tabs_reset`: how many tabs that came were reset, because it was not known what they had missed.

        `unsent`: how many to pages by their ids did not arrive, by reason. `looking`: how many bytes of them wait until
        it is known where their pages are. `far_ports`: how many channels lead to pages of other workers.
        """
        dropped = dict(self.saying.dropped)
        return {
            "wrong_messages": self.broadcasts.wrong,
            "tabs_reset": self.broadcasts.late,
            "unsent": dropped,
            "looking": self._ways.waiting,
            "far_ports": len(self.ports),
        }
