"""`Placing`: which worker has the link that a `hello` names, or its tab."""

from webipc.access.visitor import RefusedError, Visitor
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, Over, Parked, Place, key_of
from webipc.cluster.worker import Part, Worker
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode, ResetError
from webipc.electron.tab import Tab
from webipc.link.connection import Connection


class Placing(Part):
    """Finds homes by the directory, and writes those of this worker into it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._directory = worker.bus.directory

    async def place(self, hello: Hello, visitor: Visitor, *, is_relayed: bool) -> str | None:
        """See `Sharing.place`."""
        links = self._worker.hub.links
        if hello.link in links or links.has_ended(hello.link):
            return None
        parent = None if hello.parent is None else key_of(hello.parent)
        token = None if hello.token is None else key_of(hello.token)
        try:
            found = await self._directory.find(key_of(hello.link), parent, token)
        except BusError:
            raise _later() from None
        return self._worker_of(found, is_relayed=is_relayed)

    async def claim(self, hello: Hello, visitor: Visitor, *, is_relayed: bool) -> str | None:
        """See `Sharing.claim`."""
        if not hello.fresh or hello.link in self._worker.hub.links:
            return None
        try:
            found = await self._directory.claim(key_of(hello.link))
        except BusError:
            raise _later() from None
        return self._worker_of(found, is_relayed=is_relayed)

    def _worker_of(self, found: Place | None, *, is_relayed: bool) -> str | None:
        if isinstance(found, Over):
            raise ResetError("ended")
        if isinstance(found, Parked):
            raise _later()
        if not isinstance(found, Home) or found.worker == self._worker.name:
            return None
        if is_relayed:
            raise _later()
        return found.worker

    def release(self, hello: Hello) -> None:
        """See `Sharing.release`."""
        if hello.link not in self._worker.hub.links:
            self._directory.release(key_of(hello.link))

    def link_ended(self, connection: Connection) -> None:
        """See `Sharing.link_ended`."""
        seconds = self._worker.hub.limits.grace_ms / 1000
        self._directory.link_ended(key_of(connection.link_id), seconds)

    def tab_born(self, tab: Tab) -> None:
        """See `Sharing.tab_born`."""
        self._directory.tab_born(tab.id, key_of(tab.token))

    def tab_destroyed(self, tab: Tab) -> None:
        """See `Sharing.tab_destroyed`."""
        self._directory.tab_destroyed(tab.id)


def _later() -> RefusedError:
    return RefusedError(CloseCode.TRY_LATER, "it is not known at this moment which process has this page")
