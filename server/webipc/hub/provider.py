"""`HubProvider`: the hub of the running event loop, made by the lifespan of the application or by the first page."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

from webipc.core.errors import WebipcError
from webipc.hub.hub import Hub


class WrongLoopError(WebipcError):
    """A second event loop has entered an `IpcMain` that belongs to another."""

    code = "wrong-loop"

    def __init__(self) -> None:
        super().__init__(
            "this IpcMain belongs to another event loop that is still running. Use one loop per application; "
            "in tests, `with TestClient(app) as client:` keeps one for all requests"
        )


class HubProvider:
    """Makes the hub of an application when it is needed, and ends it."""

    def __init__(self, make: Callable[[asyncio.AbstractEventLoop], Hub]) -> None:
        """`make` returns a new hub for an event loop, in that loop."""
        self._make = make
        # The hub; None while there is none. From any thread.
        self.hub: Hub | None = None
        # Two threads may ask for a hub at once when no lifespan has made one.
        self._lock = threading.Lock()

    def here(self) -> Hub:
        """Return the hub of the running loop; make it where no lifespan has, as in an application inside another.

        A hub that ends is returned until it has ended. Raises WrongLoopError when another loop runs one.
        """
        loop = asyncio.get_running_loop()
        # Without the lock, which guards the making alone: a request asks several times.
        hub = self.hub
        if hub is not None and hub.loop is loop:
            return hub
        with self._lock:
            hub = self.hub
            if hub is not None and hub.loop is not loop:
                if hub.loop.is_running():
                    raise WrongLoopError
                hub = None
            if hub is None:
                hub = self.hub = self._make(loop)
            return hub

    @property
    def running(self) -> bool:
        """Whether pages can connect."""
        return self.hub is not None

    @property
    def memory(self) -> int:
        """How many bytes pages may make the process hold; 0 while no page can connect."""
        return 0 if self.hub is None else self.hub.account.limit

    def reload_pages(self) -> None:
        """Ask every connected page to load itself again."""
        if self.hub is not None:
            self.hub.reload_pages()

    def keep(self, state: Mapping[str, Any] | None) -> None:
        """Note what the lifespan of the application has put into the state of every scope."""
        if self.hub is not None and state is not None:
            self.hub.lifespan_state = state

    async def begin(self) -> None:
        """Make the hub, when the application starts, and let it join the other processes, if there are any.

        Raises WebipcError, with a text for the terminal, where it cannot join them.
        """
        hub = self.here()
        if hub.sharing is None:
            return
        try:
            await hub.sharing.begin()
        except BaseException:
            await self.end()
            raise

    async def ready(self) -> tuple[bool, str]:
        """Tell whether this process takes pages, and why in a few words.

        Joins the other processes where no lifespan has: otherwise no page would ever come here that does.
        """
        hub = self.here()
        if hub.is_draining or hub.attaches.is_stopping:
            return False, "draining"
        sharing = hub.sharing
        if sharing is None:
            return True, "ready"
        try:
            await sharing.begin()
        except WebipcError:
            return False, "starting: the other processes cannot be reached"
        return True, "ready" if sharing.connected else "ready, but the other processes cannot be reached now"

    async def drain(self, seconds: float, hurry: asyncio.Event) -> None:
        """Let what runs end: see `Hub.drain`."""
        if self.hub is not None:
            await self.hub.drain(seconds, hurry)

    async def leave(self, seconds: float) -> None:
        """Let the tabs go on in other processes, where there are any, unless the server has."""
        if self.hub is not None and self.hub.sharing is not None:
            await self.hub.drain(seconds, asyncio.Event())

    async def end(self) -> None:
        """End the hub, when the application ends. Whatever asks for a hub meanwhile gets the one that ends."""
        hub = self.hub
        if hub is None:
            return
        try:
            await hub.stop()
            if hub.sharing is not None:
                await hub.sharing.end()
        finally:
            if self.hub is hub:
                self.hub = None
