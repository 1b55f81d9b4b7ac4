"""`CallsAndPorts`: what of a link is made when it is needed: its ports, the server's calls, the page's `sendSync`.

Most pages have none of them, and there may be thousands of pages. `Connection` is one.
"""

from typing import TYPE_CHECKING, Any

from webipc.core.frame import EncodedMessage
from webipc.core.link import Side
from webipc.link.calls.outgoing_calls import OutgoingCalls
from webipc.link.calls.sync_calls import SyncCalls
from webipc.link.decoding import Opener
from webipc.link.holdings import Holdings
from webipc.link.surroundings import Surroundings
from webipc.ports.allowance import Allowance
from webipc.ports.ends import LocalEnd
from webipc.ports.link_ports import LinkPorts


class CallsAndPorts:
    """The ports and calls of one link; each is None until it is asked for, and ends with the link."""

    __slots__ = ("around", "ended", "holdings", "outgoing_calls_if_made", "ports_if_made", "syncs_if_made")

    def __init__(self, around: Surroundings[Any], holdings: Holdings) -> None:
        """`holdings` is what the link holds of the memory of the process."""
        self.around = around
        self.holdings = holdings
        # The link is over.
        self.ended = False
        self.ports_if_made: LinkPorts | None = None
        self.syncs_if_made: SyncCalls | None = None
        self.outgoing_calls_if_made: OutgoingCalls | None = None

    if TYPE_CHECKING:
        # A method of the link alone, because each message passes through it.
        def post_here(self, message: EncodedMessage, shared: bool = False) -> None:  # noqa: FBT001, FBT002 - for speed
            """Number and keep a message."""
            ...

    @property
    def ports(self) -> LinkPorts:
        """The ports of the link."""
        if self.ports_if_made is None:
            limits = self.around.limits
            opener = Opener(self.around, self.holdings)
            allowance: Allowance[LocalEnd] = Allowance(limits, self.holdings.purse, opener)
            self.ports_if_made = LinkPorts(
                Side.MAIN, limits, self.around.loop, self.post_here, allowance, self.around.backlog
            )
            if self.ended:
                self.ports_if_made.end()
        return self.ports_if_made

    def has_consumer(self, port_id: int) -> bool:
        """Tell whether the messages of a port are taken at once, by this program. From any thread; it may change."""
        ports = self.ports_if_made
        return ports is not None and ports.has_consumer(port_id)

    @property
    def outgoing_calls(self) -> OutgoingCalls:
        """The server's calls in the page."""
        if self.outgoing_calls_if_made is None:
            self.outgoing_calls_if_made = OutgoingCalls(self.around.limits, self.around.loop, self.post_here)
        return self.outgoing_calls_if_made

    @property
    def syncs(self) -> SyncCalls:
        """The page's calls of `sendSync`."""
        if self.syncs_if_made is None:
            self.syncs_if_made = SyncCalls(self.holdings.purse)
        return self.syncs_if_made

    def end_calls_and_ports(self, reason: str) -> None:
        """Close the ports and reject the calls, for one of the reasons of PROTOCOL.md 6.5."""
        if self.ports_if_made is not None:
            self.ports_if_made.end()
        if self.syncs_if_made is not None:
            self.syncs_if_made.end(reason)
        if self.outgoing_calls_if_made is not None:
            self.outgoing_calls_if_made.end(reason)
