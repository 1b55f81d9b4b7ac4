"""`Member`: what can be in groups, a tab or a document. It knows its groups, so that leaving costs what it has joined.

Groups are in groups/. Electron has none.
"""

from collections.abc import Collection
from typing import Protocol


class Joined(Protocol):
    """A group that a member is in."""

    def lose(self, member: "Member") -> None:
        """Forget a member that is gone."""


class Member:
    """What can be in groups. Belongs to the event loop's thread."""

    __slots__ = ("joined",)

    def __init__(self) -> None:
        # Most join nothing.
        self.joined: Collection[Joined] = ()

    @property
    def is_gone(self) -> bool:
        """Whether it can be in no group any more."""
        raise NotImplementedError

    def leave(self) -> None:
        """Leave all groups, because it is gone."""
        joined, self.joined = self.joined, ()
        for group in joined:
            group.lose(self)
