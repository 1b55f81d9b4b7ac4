"""`Transport`: a socket as a link sees it. The sockets themselves are in endpoints/."""

from typing import Protocol

from webipc.core.errors import CloseCode
from webipc.link.life import Health


class Transport(Protocol):
    """A socket that carries a link for a while."""

    # The attempt that its `hello` named (PROTOCOL.md section 6.1).
    attempt: int
    # Where it comes from, for the log.
    peer: str
    # Backpressure: True while the network accepts no more; then the transport calls `Connection.flush`.
    blocked: bool
    # Whether the server tells of every byte that comes, and can ask for one; otherwise of whole frames alone.
    hears_bytes: bool

    @property
    def heard(self) -> float:
        """When the last byte came, by the clock of the hub; any earlier time where the server does not tell."""

    @property
    def buffered(self) -> int:
        """How many bytes were written and wait in this process, as far as the server tells."""

    @property
    def is_paused(self) -> bool:
        """Whether the network is not read at the moment, as far as the server tells. From any thread."""

    def write(self, frame: str | bytes) -> None:
        """Write a frame. Never raises: a socket that is lost calls `Connection.lost`."""

    def ping(self) -> None:
        """Ask for a sign of life, as far as the server can."""

    def health(self) -> Health | None:
        """Ask the network for the peer, as far as it tells."""

    def drop(self) -> bool:
        """End the socket at once, without what was written and is not sent. False where the server cannot do that."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket; writing afterwards does nothing."""
