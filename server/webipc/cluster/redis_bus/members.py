"""`RedisMembers`: the workers that live, as the leases in Redis tell."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from webipc.cluster.bus.bus import Member

_DEAD: Final = 1_000
"""Workers that do not live any more which are remembered, at most."""


def member_of(worker: bytes, fields: Sequence[bytes]) -> Member | None:
    """Return a member from its lease: ordinal, state, formats, pages; None where that is none."""
    ordinal, state, formats, pages = (field.decode("ascii", "replace") for field in fields[:4])
    if not ordinal.isdigit() or not worker.isascii():
        return None
    known = tuple(int(one) for one in formats.split(",") if one.isdigit())
    return Member(worker.decode(), int(ordinal), state == "draining", known, int(pages) if pages.isdigit() else 0)


def formats_of(formats: Sequence[int]) -> str:
    """Return formats as a lease has them."""
    return ",".join(map(str, formats))


class RedisMembers:
    """See `Members`. Belongs to the event loop's thread."""

    def __init__(self, slow_entries: int) -> None:
        self._slow_entries = slow_entries
        self._known: dict[str, Member] = {}
        self._dead: OrderedDict[str, None] = OrderedDict()

    def get(self, worker: str) -> Member | None:
        """See `Members`."""
        return self._known.get(worker)

    def __iter__(self) -> Iterator[Member]:
        return iter(sorted(self._known.values(), key=lambda member: member.ordinal))

    def is_dead(self, worker: str) -> bool:
        """Whether it is known that a worker does not live any more."""
        return worker in self._dead

    def see(self, member: Member) -> None:
        """Note a worker that has a lease at this moment."""
        self._dead.pop(member.worker, None)
        old = self._known.get(member.worker)
        self._known[member.worker] = member if old is None else member._replace(is_slow=old.is_slow)

    def update(self, living: Sequence[Sequence[Any]], *, may_die: bool, lost: Callable[[str], None]) -> list[str]:
        """Note all that live; tell `lost` of the others, if these may be dead. Return the workers that are slow now."""
        found: set[str] = set()
        slow: list[str] = []
        for worker, *fields in living:
            member = member_of(worker, fields)
            if member is None:
                continue
            found.add(member.worker)
            self.see(member)
            is_slow = int(fields[4]) > self._slow_entries
            if is_slow and not self._known[member.worker].is_slow:
                slow.append(member.worker)
            self._known[member.worker] = member._replace(is_slow=is_slow)
        if may_die:
            for worker in [each for each in self._known if each not in found]:
                del self._known[worker]
                self._dead[worker] = None
                lost(worker)
            while len(self._dead) > _DEAD:
                self._dead.popitem(last=False)
        return slow
