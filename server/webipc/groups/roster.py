"""`Roster`: who is in one group, and `Rosters`: all groups by name. A group exists while it has members.

Everything here belongs to the event loop's thread, but `Rosters.members`.
"""

from typing import Generic, TypeVar, cast

from webipc.electron.member import Member
from webipc.groups.few import Few, added, removed

AnyMember = TypeVar("AnyMember", bound=Member)


class Roster(Generic[AnyMember]):
    """The members of one group."""

    __slots__ = ("_all", "members", "name")

    def __init__(self, name: str, every: "dict[str, Roster[AnyMember]]") -> None:
        """`every` has all groups, this one too as soon as it has a member."""
        self.name = name
        self._all = every
        self.members: Few[AnyMember] = ()

    def take(self, member: AnyMember) -> None:
        """Take a member in. One that is in already stays in its place."""
        self.members = added(self.members, member)
        member.joined = added(cast("Few[Roster[AnyMember]]", member.joined), self)
        self._all[self.name] = self

    def discard(self, member: AnyMember) -> None:
        """Let a member go that may not be in."""
        if member in self.members:
            member.joined = removed(cast("Few[Roster[AnyMember]]", member.joined), self)
            self.lose(member)

    def lose(self, member: Member) -> None:
        """Forget a member that has forgotten this group."""
        self.members = removed(self.members, cast("AnyMember", member))
        if not self.members:
            del self._all[self.name]


class Rosters(Generic[AnyMember]):
    """Groups by name."""

    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, Roster[AnyMember]] = {}

    def __len__(self) -> int:
        """Return how many groups there are."""
        return len(self._by_name)

    def members(self, name: str) -> Few[AnyMember]:
        """Return who is in a group. From any thread; to be copied at once, because it may change."""
        roster = self._by_name.get(name)
        return () if roster is None else roster.members

    def names_of(self, member: Member) -> list[str]:
        """Return the names of those of these groups that a member is in, in the order in which it joined them."""
        joined = cast("Few[Roster[AnyMember]]", member.joined)
        return [roster.name for roster in joined if self._by_name.get(roster.name) is roster]

    def add(self, name: str, member: AnyMember) -> None:
        """Take a member into a group."""
        (self._by_name.get(name) or Roster(name, self._by_name)).take(member)

    def discard(self, name: str, member: AnyMember) -> None:
        """Let a member of a group go, if it is in."""
        roster = self._by_name.get(name)
        if roster is not None:
            roster.discard(member)
