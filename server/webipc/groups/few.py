"""A set in the order in which its elements came: a tuple while they are few, a dict when they are many.

Most tabs are in one group or none, and most users have one tab. A dict with one element takes 184 bytes, a tuple 48.
"""

import sys
from collections.abc import Hashable
from typing import Final, TypeVar

Element = TypeVar("Element", bound=Hashable)

Few = tuple[Element, ...] | dict[Element, None]

MOST: Final = 8
"""A tuple has no more elements. To replace one takes time in proportion to them."""
LEAST: Final = 4
"""A dict with no more elements becomes a tuple again."""
ROOMY: Final = 160
"""A dict that takes more bytes for each element is made again: it does not shrink when elements leave. A new one takes
about 50.
"""


def added(few: Few[Element], element: Element) -> Few[Element]:
    """Return the set with this element too. A dict is changed in place, a tuple is not."""
    if element in few:
        return few
    if isinstance(few, dict):
        few[element] = None
        return few
    more = (*few, element)
    return more if len(more) <= MOST else dict.fromkeys(more)


def removed(few: Few[Element], element: Element) -> Few[Element]:
    """Return the set without this element. A dict is changed in place, a tuple is not."""
    if not isinstance(few, dict):
        return tuple(other for other in few if other is not element)
    few.pop(element, None)
    if len(few) <= LEAST:
        return tuple(few)
    return dict.fromkeys(few) if sys.getsizeof(few) > ROOMY * len(few) else few
