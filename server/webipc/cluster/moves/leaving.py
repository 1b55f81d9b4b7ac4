"""`Leaving`: how one tab leaves its worker. It is written down, and from that instant not here any more; then it is
parked; then its sockets are closed, in this order.

A page that comes back before its tab is parked would find it nowhere. So an attach that names it waits.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Final

from webipc.cluster.bus.bus import Bus, BusError
from webipc.cluster.bus.directory import key_of
from webipc.cluster.moves.link_record import check_quiet
from webipc.cluster.moves.moved_outlet import Forward, Moved, redirect
from webipc.cluster.moves.moving import snapshot
from webipc.cluster.moves.snapshot import FORMAT, Heard
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode
from webipc.electron.tab import Tab
from webipc.hub.drain import REASON
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.transport import Transport

logger = logging.getLogger("webipc")

KEPT_SECONDS: Final = 10.0
"""How much longer than its pages may be away a tab stays parked."""
AGAIN_SECONDS: Final = 0.1


class Leaving:
    """The tabs of one worker that leave at the moment. Belongs to the event loop's thread."""

    def __init__(self, hub: Hub, bus: Bus, forward: Forward) -> None:
        """`forward` sends to a tab of another worker."""
        self._hub = hub
        self._bus = bus
        self._forward = forward
        # Done when a tab is parked, or could not be: by the ids of its links, and by its token.
        self._by_name: dict[str, asyncio.Future[None]] = {}
        # Done when a link is not here any more for which a request waits.
        self._departures: dict[str, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # How many were parked, and how many could not be.
        self.parked = self.failed = 0
        # When to try no more, by the event loop's time.
        self.give_up_at = 0.0

    @property
    def count(self) -> int:
        """How many leave at this moment."""
        return len(self._tasks)

    async def wait_for(self, hello: Hello) -> None:
        """Wait until the tab that a `hello` names is parked, by its link, its parent or its token.

        A request also waits where its link takes nothing new any more. A page asks only three times, and what it
        asks for is to run where the tab goes on.
        """
        connection = self._hub.links.get(hello.link)
        if not hello.attempt and connection is not None and connection.last_calls is not None:
            await asyncio.shield(self._departures.setdefault(hello.link, self._hub.loop.create_future()))
        for name in (hello.link, hello.parent, hello.token):
            if name is not None and (leaving := self._by_name.get(name)) is not None:
                await asyncio.shield(leaving)

    def begin(self, tab: Tab, connections: Sequence[Connection]) -> None:
        """Let a tab leave, whose links these are. Raises NotQuietError: then it is here as before, without its ports.

        Nothing of it runs any more when this returns, and nothing is lost that is sent to it.
        """
        for connection in connections:
            if connection.ports_if_made is not None:
                connection.ports_if_made.close_all()
        for connection in connections:
            check_quiet(connection)
        sockets = [socket for connection in connections if (socket := connection.part()) is not None]
        position = self._bus.position
        heard = Heard(worker=self._bus.worker, **position._asdict())
        written = snapshot(self._hub, tab, connections, heard).encode()
        moved = redirect(tab, connections, self._forward)
        self._hub.let_go(tab, connections)
        names = [*(connection.link_id for connection in connections), tab.token]
        done = self._hub.loop.create_future()
        self._by_name.update(dict.fromkeys(names, done))
        self._departed(names)
        task = self._hub.loop.create_task(self._leave(tab.id, written, names, sockets, moved))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _leave(
        self, contents_id: int, written: bytes, names: list[str], sockets: list[Transport], moved: Moved
    ) -> None:
        done = self._by_name[names[-1]]
        try:
            is_parked = await self._park(contents_id, written, names[:-1])
        finally:
            for socket in sockets:
                socket.close(CloseCode.SERVICE_RESTART, REASON)
            for name in names:
                del self._by_name[name]
            done.set_result(None)
        if is_parked:
            self.parked += 1
            moved.found()
        else:
            self.failed += 1
            moved.lost()

    async def _park(self, contents_id: int, written: bytes, links: Sequence[str]) -> bool:
        """Park a tab. Return False where that was not possible in time."""
        seconds = self._hub.limits.grace_ms / 1000 + KEPT_SECONDS
        keys = [key_of(link) for link in links]
        loop = self._hub.loop
        while True:
            try:
                await self._bus.directory.park(contents_id, written, keys, seconds, FORMAT)
            except BusError as error:
                if loop.time() >= self.give_up_at or self._bus.has_given_up:
                    logger.warning("WebContents #%d could not be parked: %s", contents_id, error)
                    return False
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return True

    def _departed(self, names: Iterable[str]) -> None:
        for name in names:
            if (departure := self._departures.pop(name, None)) is not None:
                departure.set_result(None)

    async def settled(self) -> None:
        """Wait until every tab that has begun to leave has left. No request waits for a tab any more."""
        self._departed(list(self._departures))
        while self._tasks:
            await asyncio.wait(list(self._tasks))
