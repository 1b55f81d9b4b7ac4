"""Where the encoder is: the containers of the skeleton that enclose a place, and the path to it.

A path is written only where one is needed: in a fixup, and in the text of an error.
"""

import json
from typing import Any, NamedTuple, TypeAlias


class Opened(NamedTuple):
    """A list or dict of the skeleton whose contents are being written."""

    container: Any
    # What encloses it, and where it stands there; None for the list that holds the value, which is no part of it.
    above: "Opened | None"
    key: str | int
    # The fixup of its place; "" when it has none.
    code: str

    def path(self, key: str | int) -> list[str | int]:
        """Return the path through the skeleton, from the value to what stands at a key."""
        return [step for _, step in self._line(key)]

    def text(self, key: str | int, root: str) -> str:
        """Return the same path as a person would write it in JavaScript."""
        return root + "".join(opened.step(step) for opened, step in self._line(key))

    def _line(self, key: str | int) -> "list[tuple[Opened, str | int]]":
        line = []
        opened, above = self, self.above
        while above is not None:
            line.append((opened, key))
            opened, key, above = above, opened.key, above.above
        return line[::-1]

    def step(self, key: str | int) -> str:
        """Return the step to a key in this container, as a person would write it in JavaScript."""
        if not isinstance(key, int):
            return _property(key)
        if self.code == "m":
            return f".{'values' if key % 2 else 'keys'}()[{key // 2}]"
        if self.code == "a":
            return _property(self.container[key - 1])
        return f".values()[{key}]" if self.code == "s" else _property(key)


# The place of an object: what encloses it, and where; and the object itself, so that no other object gets its id.
Place: TypeAlias = tuple[Opened, str | int, Any]


def _property(key: str | int) -> str:
    is_name = isinstance(key, str) and key.isidentifier()
    return f".{key}" if is_name else f"[{json.dumps(key)}]"
