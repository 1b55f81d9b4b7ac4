"""The ports of a link by their ids: which are open, who sent them, and what belongs to each (PROTOCOL.md 4.4).
An id is used once; one that was closed stays known. Twin: js-client/src/core/ports.ts
"""

from typing import Any, Generic, TypeVar

from webipc.core.errors import CloseCode, LimitError, ProtocolError
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link import Side

T = TypeVar("T")


class Ports(Generic[T]):
    """The open ports of one link; `T` is what this side has at its end of each."""

    def __init__(self, side: Side, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        # In the order in which they crossed the link.
        self._open: dict[int, T] = {}
        # The id of the next port that this side sends, and the highest id that the peer has used. Both grow by 2 at
        # least: RENDERER's are odd, MAIN's even.
        self._next = 1 if side is Side.RENDERER else 2
        self._last = 0 if side is Side.RENDERER else -1

    def __len__(self) -> int:
        return len(self._open)

    def room_for(self, count: int) -> None:
        """Raise `LimitError` when this many more ports would exceed `open_ports`."""
        if len(self) + count > self._limits.open_ports:
            raise LimitError("open_ports", len(self) + count, self._limits.open_ports)

    def open(self, record: T) -> int:
        """Return the id of a port that this side sends; `LimitError` when `open_ports` are open already."""
        self.room_for(1)
        port_id = self._next
        self._next += 2
        self._open[port_id] = record
        return port_id

    def accept(self, port_id: int, record: T) -> None:
        """Open a port that the peer has sent.

        Raises:
            ProtocolError: 4400 when the id is not one of the peer's or not larger than all earlier ones; 4413 when
                `open_ports` are open already.
        """
        if port_id <= self._last or (port_id - self._last) % 2:
            raise ProtocolError(f"the id of a port is beyond {self._last} and of the same parity; {port_id} came")
        if len(self) >= self._limits.open_ports:
            raise ProtocolError(f"at most {self._limits.open_ports} open ports", CloseCode.TOO_LARGE)
        self._last = port_id
        self._open[port_id] = record

    def get(self, port_id: int) -> T | None:
        """Return what belongs to a port; None when it is closed. `ProtocolError` when it was never open."""
        is_ours = (port_id - self._next) % 2 == 0
        if port_id >= self._next if is_ours else port_id > self._last:
            raise ProtocolError(f"port {port_id} was never sent")
        return self._open.get(port_id)

    def close(self, port_id: int) -> T | None:
        """Close a port and return what belonged to it; None when it is closed already."""
        return self._open.pop(port_id, None)

    def close_all(self) -> list[T]:
        """Close all ports and return what belonged to them, in the order in which they crossed the link."""
        records, self._open = self._open, {}
        return list(records.values())

    def snapshot(self) -> dict[str, Any]:
        """Return plain values, if the records are, for `restore`."""
        return {"next": self._next, "last": self._last, "open": [list(item) for item in self._open.items()]}

    @classmethod
    def restore(cls, side: Side, limits: Limits, snapshot: dict[str, Any]) -> "Ports[T]":
        """Return ports that go on where those of the snapshot were."""
        ports = cls(side, limits)
        ports._next = snapshot["next"]
        ports._last = snapshot["last"]
        ports._open.update((port_id, record) for port_id, record in snapshot["open"])
        return ports
