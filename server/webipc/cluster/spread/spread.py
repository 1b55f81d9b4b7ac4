"""`Spread`: one worker's part in what is sent to many pages, or to pages at other workers.

Puts the files of this folder together, and says which of them does what.
"""

from collections.abc import Mapping
from typing import Any

from webipc.cluster.bus.bus import SaidToAll
from webipc.cluster.spread.broadcasts import Broadcasts
from webipc.cluster.worker import Part, Worker
from webipc.core.frame import EncodedMessage
from webipc.electron.document import Document
from webipc.electron.tab import Tab


class Spread(Part):
    """All of it belongs to the event loop's thread."""

    def __init__(self, worker: Worker) -> None:
        """`worker` is this one."""
        # Also what a tab that moves needs of the stream for all: `position` and `catch_up`.
        self.broadcasts = Broadcasts(worker.hub, worker.bus, worker.to_all)

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

    # --- what the bus tells ---------------------------------------------------------------------------------------

    def received_by_all(self, entry: SaidToAll) -> None:
        """See `Receiver`."""
        self.broadcasts.received(entry)

    def missed(self, count: int) -> None:
        """See `Receiver`."""
        self.broadcasts.missed(count)

    def stats(self) -> Mapping[str, Any]:
        """`wrong_messages`: how many of those to many pages were dropped, because no page may be sent them."""
        return {"wrong_messages": self.broadcasts.wrong}
