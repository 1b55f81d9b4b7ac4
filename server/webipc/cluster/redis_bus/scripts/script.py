"""`Script`: one script for Redis, and how those of a worker begin.

Each is given the prefix of the keys, and the generation that the worker knows. Where Redis has another one, because it
has forgotten everything, a script does nothing and answers `FORGOTTEN`. In the seconds behind that, and behind a
restart, `SETTLING` is the answer to what would otherwise be "unknown" or "dead": the living are still registering.
"""

import hashlib
from typing import Final

FORGOTTEN: Final = b"!"
SETTLING: Final = b"?"


class Script:
    """One script, and the name that Redis gives it."""

    __slots__ = ("digest", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        # It is what EVALSHA wants, and no protection of anything.
        self.digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    def command(self, prefix: str, *arguments: bytes | str | int) -> list[bytes | str | int]:
        """Return the command that runs it."""
        return ["EVALSHA", self.digest, 1, prefix, *arguments]

    @property
    def load(self) -> list[bytes | str | int]:
        """The command that lets Redis know it."""
        return ["SCRIPT", "LOAD", self.source]


BEGIN: Final = """
local P, A, call = KEYS[1], ARGV, redis.call
"""
"""How every script begins."""

KNOWN: Final = f"""{BEGIN}
if call('GET', P..'gen') ~= A[1] then return {{'!'}} end
local me = A[2]
"""
"""How those begin that ask for the generation first, which are nearly all."""
