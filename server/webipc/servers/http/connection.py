"""`BoundedConnection`: what both HTTP classes have in common.

A connection is a newcomer until its head is whole, and idle between two requests (newcomers.py).
"""

import asyncio
from typing import Any, ClassVar

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import _TrustedHosts
from uvicorn.server import ServerState

from webipc.servers.newcomers import UNKNOWN, Bounds, Newcomers, newcomers_of


class BoundedConnection(asyncio.Protocol):
    """A part of a class of uvicorn's, which stands behind it in the list of bases."""

    bounds: ClassVar[Bounds | None] = None
    """The bounds of every server; None: those of this machine."""

    # uvicorn's.
    config: Config
    connections: set[Any]
    client: tuple[str, int] | None
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    def __init__(self, config: Config, server_state: ServerState, *args: Any, **more: Any) -> None:
        super().__init__(config, server_state, *args, **more)  # type: ignore[call-arg] # uvicorn's class takes them
        known = newcomers_of(server_state)
        self.newcomers = self._first_of(server_state) if known is None else known
        self.payer = UNKNOWN
        # The connection was one too many.
        self.is_refused = False
        # A WebSocket has taken the connection over.
        self.is_upgraded = False

    def _first_of(self, server: ServerState) -> Newcomers:
        """Begin with a server: the first connection does."""
        trusted = _TrustedHosts(self.config.forwarded_allow_ips)
        return Newcomers.of_server(server, self.loop, self.bounds or Bounds.of_machine(), trusted)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn's class
        """Take the connection as a newcomer, or close it at once if there are too many."""
        if not self.newcomers.may_connect(len(self.connections)):
            self.is_refused = True
            transport.abort()
            return
        super().connection_made(transport)
        self.payer = self.newcomers.payer_of(None if self.client is None else self.client[0])
        self.newcomers.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if not self.is_refused:
            self.newcomers.leave(self)
            super().connection_lost(exc)

    def drop(self) -> None:
        """See `Newcomer`."""
        self.transport.abort()

    def enter_again(self) -> None:
        """Limit the time of what comes behind an answer.

        uvicorn ends its own timeout of an idle connection with the first byte, whatever it is.
        """
        if self.is_between_requests and self not in self.newcomers:
            self.newcomers.leave(self)
            self.newcomers.enter(self)

    def rest(self) -> None:
        """Let the connection give way to others while it is idle."""
        if self.is_between_requests and not self.transport.is_closing():
            self.newcomers.rest(self)

    @property
    def is_between_requests(self) -> bool:
        """Whether nothing is being answered. The application itself limits how long the body of a request may take."""
        # None before the first request, though uvicorn's annotation says otherwise.
        cycle: Any = getattr(self, "cycle", None)
        return cycle is None or bool(cycle.response_complete)
