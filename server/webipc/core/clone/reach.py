"""How large a value becomes when every reference in it is followed.

A kilobyte of references can stand for gigabytes for code that walks the value later, so both directions count the nodes
first. Counting takes steps in proportion to the skeleton and its references, whatever they refer to. Works on a
skeleton and the targets of its references. Twin: js-client/src/core/clone/reach.ts
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

# A place: the id of the skeleton's list or dict, and the index or key in it.
Place = tuple[int, str | int]

# What is in a cycle counts differently from place to place, so the walk enters it again; and there may be exponentially
# many ways through a few objects that all refer to each other. So many containers may be looked at again, and so many
# more for each reference.
_FREE_LOOKS: Final = 2_000
_LOOKS_PER_REFERENCE: Final = 16


def most_looks(references: int) -> int:
    """Return how many containers are looked at again at most, in a value with so many references."""
    return _FREE_LOOKS + _LOOKS_PER_REFERENCE * references if references else 0


def reach(skeleton: Any, targets: Mapping[Place, Any], limit: int) -> int | None:
    """Count the nodes that are reached, or return a number above `limit` as soon as there are more.

    `targets` maps the place of each reference to the part of the skeleton that it leads to. Every value is one node; a
    reference is what it leads to, or one node where it leads to something that encloses it (PROTOCOL.md section 5).
    None where counting would take too many steps, because of the ways through cycles.
    """
    return _Walk(targets, limit).count_from(skeleton)


class _Opened:
    """A container that the walk is in."""

    __slots__ = ("contents", "has_cycle", "identity", "start")

    def __init__(self, identity: int, contents: Iterator[Any], start: int) -> None:
        self.identity = identity
        # The containers in it that are still to be entered.
        self.contents = contents
        # How many nodes had been counted before it.
        self.start = start
        # Whether something in it leads back to what encloses it.
        self.has_cycle = False


class _Walk:
    """A walk through a skeleton and its references, without recursion: its depth is the sender's choice."""

    def __init__(self, targets: Mapping[Place, Any], limit: int) -> None:
        self._targets = targets
        # The ids of the containers that references stand in.
        self._referring = {identity for identity, _ in targets}
        self._limit = limit
        self._count = 0
        # How many containers may still be looked at again.
        self._looks = most_looks(len(targets))
        # The containers that the walk is in, from the outside in, by id.
        self._open: dict[int, _Opened] = {}
        # By id: how many leaves a container has, and which containers, references followed.
        self._parts: dict[int, tuple[int, list[Any]]] = {}
        # By id: the nodes of a container in which no cycle is. Any other counts differently from place to place.
        self._known: dict[int, int] = {}

    def count_from(self, skeleton: Any) -> int | None:
        if type(skeleton) not in _CONTAINERS:
            return 1
        self._enter(skeleton)
        while self._open and self._count <= self._limit:
            if self._looks < 0:
                return None
            opened = next(reversed(self._open.values()))
            for container in opened.contents:
                if not self._count_closed(container, opened) and self._enter(container):
                    break
            else:
                self._leave(opened)
        return self._count

    def _count_closed(self, container: Any, opened: _Opened) -> bool:
        """Count a container that need not be entered: one that is known, or one that encloses this place."""
        identity = id(container)
        if identity in self._known:
            self._count += self._known[identity]
        elif identity in self._open:
            self._count += 1
            opened.has_cycle = True
        else:
            return False
        return True

    def _enter(self, container: Any) -> bool:
        """Count a container and its leaves; tell whether there is more in it, which is counted next."""
        identity = id(container)
        parts = self._parts.get(identity)
        if parts is None:
            parts = self._parts[identity] = self._parts_of(container)
        else:
            self._looks -= 1 + len(parts[1])
        leaves, contents = parts
        if contents:
            self._open[identity] = _Opened(identity, iter(contents), self._count)
        else:
            self._known[identity] = 1 + leaves
        self._count += 1 + leaves
        return bool(contents)

    def _leave(self, opened: _Opened) -> None:
        del self._open[opened.identity]
        if not opened.has_cycle:
            self._known[opened.identity] = self._count - opened.start
        elif self._open:
            next(reversed(self._open.values())).has_cycle = True

    def _parts_of(self, container: Any) -> tuple[int, list[Any]]:
        identity = id(container)
        if identity not in self._referring:
            parts = container.values() if type(container) is dict else container
            found = [part for part in parts if type(part) in _CONTAINERS]
            return len(container) - len(found), found
        found = []
        for key, value in container.items() if type(container) is dict else enumerate(container):
            part = self._targets.get((identity, key)) if value is None else value
            if type(part) in _CONTAINERS:
                found.append(part)
        return len(container) - len(found), found


_CONTAINERS: Final = frozenset({list, dict})
