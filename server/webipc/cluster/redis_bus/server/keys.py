"""`Keys`: the names of the keys of one realm in Redis. All begin alike, so one rule of an ACL covers them.

The braces let a cluster keep all of an application in one place.
"""

from typing import Final

DEFAULT_REALM: Final = "/ipc"
"""The realm whose keys have the shortest names: that of the prefix that `IpcMain` has by default."""

MOST_NAME: Final = 100


class Keys:
    """The keys of one application and realm."""

    __slots__ = ("all", "generation", "prefix")

    def __init__(self, name: str, realm: str = DEFAULT_REALM) -> None:
        """`name` tells applications in one Redis apart. Raises ValueError where it cannot be part of a key."""
        if not 0 < len(name) <= MOST_NAME or not all(sign.isalnum() or sign in "-_." for sign in name):
            expected = f"a name of Redis keys of 1 to {MOST_NAME} letters, digits, '-', '_' and '.'"
            raise ValueError(f"expected {expected}, got {name[:MOST_NAME]!r}")
        self.prefix = f"webipc:{{{name}}}:" + ("" if realm == DEFAULT_REALM else f"{realm}:")
        self.all = f"{self.prefix}all"
        self.generation = f"{self.prefix}gen"

    def mailbox(self, worker: str) -> str:
        """Return the stream of what is said to a worker."""
        return f"{self.prefix}m:{worker}"

    def large(self, random: str) -> str:
        """Return the key of something that is too large for an entry."""
        return f"{self.prefix}b:{random}"
