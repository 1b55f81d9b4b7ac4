"""Where several processes serve the same pages: what arrives here may be for a tab of another one (PROTOCOL.md 2).

Both functions are called only where `Hub.sharing` is not None.
"""

from webipc.access.visitor import Visitor
from webipc.core.envelope import Hello
from webipc.hub.sharing import Sharing


class ElsewhereError(Exception):
    """Another process has the tab of a socket or a request."""

    def __init__(self, worker: str) -> None:
        super().__init__(worker)
        self.worker = worker


async def place(sharing: Sharing, hello: Hello, visitor: Visitor) -> None:
    """Find out whether something that arrives is for this process. Raises ElsewhereError, and as `Sharing.place`."""
    worker = await sharing.place(hello, visitor, is_relayed=visitor.relayed is not None)
    if worker is not None:
        raise ElsewhereError(worker)


async def claim(sharing: Sharing, hello: Hello, visitor: Visitor) -> None:
    """Make this process the home of a link that is not here yet. Raises ElsewhereError, and as `Sharing.claim`.

    Call `Sharing.release` where the link does not begin, also where this raises or is cancelled.
    """
    worker = await sharing.claim(hello, visitor, is_relayed=visitor.relayed is not None)
    if worker is not None:
        raise ElsewhereError(worker)
