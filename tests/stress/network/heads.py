"""The head of a request, as far as a network looks into it: its path, and whether it becomes a socket."""

import re
from dataclasses import dataclass

_CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)
_UPGRADE = re.compile(rb"\r\nupgrade:\s*websocket", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Head:
    """The bytes of a head, up to its empty line."""

    data: bytes

    @property
    def path(self) -> str:
        return self.data.split(b" ", 2)[1].decode("latin-1")

    @property
    def is_socket(self) -> bool:
        return _UPGRADE.search(self.data) is not None

    @property
    def is_body(self) -> bool:
        """Whether it is one of webipc's own requests: a `sendSync` or a beacon."""
        return self.path.endswith(("/ipc/sync", "/ipc/beacon")) and self.data.startswith(b"POST ")

    @property
    def length(self) -> int:
        """How many bytes follow."""
        found = _LENGTH.search(self.data)
        return int(found[1]) if found else 0

    def alone(self) -> bytes:
        """Return the head of the same request as the only one of its connection; that of a socket is unchanged."""
        if self.is_socket:
            return self.data
        return _CONNECTION.sub(b"", self.data).removesuffix(b"\r\n\r\n") + b"\r\nConnection: close\r\n\r\n"
