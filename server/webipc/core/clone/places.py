"""Finds the places of fixups: checks their paths through a received skeleton, and follows them.

What the code of a fixup means is in decoder.py. Twin: js-client/src/core/clone/skeleton.ts
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from webipc.core.clone.reach import Place
from webipc.core.errors import ProtocolError
from webipc.core.values.scalar import as_integer

# How many elements follow code and path, at least and at most.
_DETAILS: Final[Mapping[str, tuple[int, int]]] = {
    "u": (0, 0),
    "f": (0, 0),
    "n": (0, 0),
    "d": (0, 0),
    "r": (0, 0),
    "m": (0, 0),
    "s": (0, 0),
    "a": (1, 1),
    "e": (1, 1),
    "N": (0, 0),
    "b": (1, 2),
    "v": (4, 5),
    "@": (1, 1),
}


class Spot:
    """The place of one fixup."""

    __slots__ = ("code", "container", "details", "is_target", "key", "raw", "value")

    def __init__(self, container: Any, key: str | int, fixup: Sequence[Any]) -> None:
        # The list or dict of the skeleton that holds the place, and where in it.
        self.container = container
        self.key = key
        self.code: str = fixup[0]
        # What follows code and path.
        self.details: list[Any] = list(fixup[2:])
        # What the skeleton has there.
        self.raw = container[key]
        # What stands there in the value, once it is made.
        self.value: Any = None
        # Whether a reference leads here.
        self.is_target = False

    @property
    def place(self) -> Place:
        """The identity of the place: its container and the key in it."""
        return (id(self.container), self.key)


def find_spots(root: list[Any], fixups: Sequence[Any]) -> dict[Place, Spot]:
    """Return the place of every fixup, in their order; `root` holds the skeleton as its only item. `ProtocolError`."""
    spots: dict[Place, Spot] = {}
    for fixup in fixups:
        check_form(fixup)
        container, key = follow(root, fixup[1])
        spot = Spot(container, key, fixup)
        if spots.setdefault((id(container), key), spot) is not spot:
            raise ProtocolError(f"two fixups for one place, the second of code {fixup[0]}")
    return spots


def check_form(fixup: Any) -> None:
    """Check that something is a fixup with a known code and the right number of elements. `ProtocolError`."""
    if type(fixup) is not list or not fixup or type(fixup[0]) is not str or fixup[0] not in _DETAILS:
        # The texts do not quote what came: it may be private, and so deep that Python cannot show it.
        raise ProtocolError(f"a fixup is [code, path, ...] with a code of section 5; a {type(fixup).__name__} came")
    fewest, most = _DETAILS[fixup[0]]
    if not fewest <= len(fixup) - 2 <= most:
        raise ProtocolError(f"a fixup of code {fixup[0]} has {fewest + 2} to {most + 2} elements, not {len(fixup)}")


def follow(root: list[Any], path: Any) -> tuple[Any, str | int]:
    """Return the list or dict that a path ends in, and its last key: `root` and 0 for `[]`. `ProtocolError`."""
    if type(path) is not list:
        raise ProtocolError(f"a path is an array of keys; a {type(path).__name__} came")
    container: Any = root
    key: str | int = 0
    for step in path:
        container = container[key]
        key = step if type(step) is not float else as_integer(step)
        # Written out, because this is done for every step of every fixup.
        if type(container) is dict:
            has_key = type(key) is str and key in container
        else:
            has_key = type(container) is list and type(key) is int and 0 <= key < len(container)
        if not has_key:
            raise ProtocolError(f"a path of {len(path)} keys leads nowhere")
    return container, key


def measure(skeleton: Any, most: int) -> tuple[int, int]:
    """Return how deep the skeleton is, or `most + 1` if it is deeper, and how many nodes it has."""
    nodes = 1
    level = [skeleton] if type(skeleton) in _CONTAINERS else []
    depth = 0
    while level and depth <= most:
        depth += 1
        nodes += sum(map(len, level))
        level = [
            value
            for container in level
            for value in (container.values() if type(container) is dict else container)
            if type(value) in _CONTAINERS
        ]
    return depth, nodes


_CONTAINERS: Final = frozenset({list, dict})
