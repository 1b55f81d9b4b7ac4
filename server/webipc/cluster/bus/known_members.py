"""`KnownMembers`: the workers that live, as one worker was told of them."""

from collections.abc import Iterable, Iterator

from webipc.cluster.bus.bus import Member


class KnownMembers:
    """The members."""

    def __init__(self) -> None:
        self._known: dict[str, Member] = {}

    def get(self, worker: str) -> Member | None:
        """See `Members`."""
        return self._known.get(worker)

    def __iter__(self) -> Iterator[Member]:
        return iter(sorted(self._known.values(), key=lambda member: member.ordinal))

    def __len__(self) -> int:
        return len(self._known)

    def put(self, member: Member) -> None:
        """Note a member that has begun, or has changed."""
        self._known[member.worker] = member

    def remove(self, worker: str) -> bool:
        """Forget a member. Whether it was one."""
        return self._known.pop(worker, None) is not None

    def replace(self, members: Iterable[Member]) -> list[str]:
        """Note all that live. Return the names of those that do not any more."""
        before = self._known
        self._known = {member.worker: member for member in members}
        return [worker for worker in before if worker not in self._known]
