"""`Ids`: the numbers of tabs, documents and frames. They are given to these, which may keep them in another process.

An id has the ordinal of the process that gave it above its lowest 32 bits, so no two processes give the same one.
With ordinal 0, which is that of a single process, ids are 1, 2, 3.
"""

import itertools
from typing import Final

MOST_ORDINAL: Final = (1 << 21) - 1
"""Ids with a larger one would not be safe integers in the page."""


class Ids:
    """The ids of one process: of one hub, whose event loop's thread asks for them."""

    __slots__ = ("_contents", "_routing", "_tree_nodes")

    def __init__(self, ordinal: int = 0) -> None:
        """`ordinal` is that of the process, from 0 to `MOST_ORDINAL`. Raises ValueError for any other."""
        if not 0 <= ordinal <= MOST_ORDINAL:
            raise ValueError(f"expected the ordinal of a process from 0 to {MOST_ORDINAL:,}; got {ordinal:,}")
        first = (ordinal << 32) + 1
        self._contents = itertools.count(first)
        self._routing = itertools.count(first)
        self._tree_nodes = itertools.count(first)

    def contents(self) -> int:
        """Return the `id` of a new tab."""
        return next(self._contents)

    def routing(self) -> int:
        """Return the `routing_id` of a new document."""
        return next(self._routing)

    def tree_node(self) -> int:
        """Return the `frame_tree_node_id` of a new frame: that of a tab, or of an iframe."""
        return next(self._tree_nodes)
