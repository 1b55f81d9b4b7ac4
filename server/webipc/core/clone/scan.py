"""Tells what of a value is plain JSON: of a whole value, so that it need not be walked, or of one container.

No twin: in the page, the walk itself begins with this check.
"""

from collections.abc import Iterable
from decimal import Decimal
from math import copysign
from typing import Any, Final

from webipc.core.values.scalar import MAX_SAFE_INTEGER, MIN_SAFE_INTEGER

# The same limits as floats: a float is compared with a float in half the time.
MAX_SAFE_FLOAT: Final = float(MAX_SAFE_INTEGER)
MIN_SAFE_FLOAT: Final = float(MIN_SAFE_INTEGER)

_WORDS: Final = frozenset({str, bool, type(None)})
# From here on JavaScript writes a number with an exponent, which no parser takes for an integer.
_EXPONENT: Final = 1e21
_CONTAINERS: Final = frozenset({list, dict, tuple})


def is_plain_number(value: float) -> bool:
    """Tell whether JSON writes a number so that both languages read the same one back.

    Asked about exact ints and floats only. Not plain are -0, NaN, infinities, and what lies beyond ±(2**53 - 1).
    """
    # NaN fails the comparison; zero is the only number whose sign has to be checked.
    return MIN_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER and (value != 0 or copysign(1, value) > 0)


def is_plain(value: Any, depth: int) -> bool:
    """Tell whether `value` is JSON's own throughout: exact types, plain numbers, no container in two places.

    A container that is nested deeper than `depth` counts as not plain. Goes level by level, so that depth costs
    nothing to count, and a container that is reached again is found before it is scanned a second time.
    """
    kind = type(value)
    if kind not in _CONTAINERS:
        if kind is int or kind is float:
            # As in `_is_flat`: asked only about what may be no plain number.
            return bool(value and MIN_SAFE_FLOAT <= value <= MAX_SAFE_FLOAT) or is_plain_number(value)
        return kind in _WORDS
    below: list[Any] = []
    if depth < 1 or not _is_flat(value, below):
        return False
    # Arguments are a list in any case, and most often hold no other container.
    return not below or _is_plain_below(below, {id(value)}, depth - 1)


def _is_plain_below(below: list[Any], seen: set[int], depth: int) -> bool:
    count = len(seen)
    for _ in range(depth):
        # Python has only one empty tuple: its identity means nothing.
        level = [container for container in below if container or type(container) is not tuple]
        seen.update(map(id, level))
        count += len(level)
        if len(seen) != count:
            return False
        below = []
        for container in level:
            if not _is_flat(container, below):
                return False
        if not below:
            return True
    return all(container == () for container in below)


# Every value that is sent goes through this loop: a call for each would cost half as much again.
def _is_flat(container: Any, below: list[Any]) -> bool:  # noqa: C901
    """Tell whether what a container holds is plain as far as it is no container; those are put into `below`."""
    if type(container) is dict:
        for key in container:
            if type(key) is not str:
                return False
        container = container.values()
    for value in container:
        kind = type(value)
        if kind in _WORDS:
            continue
        if kind is int:
            if not MIN_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
                return False
        elif kind is float:
            # Asked only about what may be no plain number: a call for each would take longer than all the rest.
            if not (value and MIN_SAFE_FLOAT <= value <= MAX_SAFE_FLOAT) and not is_plain_number(value):
                return False
        elif kind in _CONTAINERS:
            below.append(value)
        else:
            return False
    return True


# Everything in a value that is not plain goes through this loop: a call for each part would cost half as much again.
def later_in(contents: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return what of the contents of a container is not written as it is, with the keys."""
    later = []
    for key, value in contents:
        kind = type(value)
        if kind in _WORDS:
            continue
        if kind is int:
            if MIN_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
                continue
        elif kind is float and ((value and MIN_SAFE_FLOAT <= value <= MAX_SAFE_FLOAT) or is_plain_number(value)):
            continue
        later.append((key, value))
    return later


def number_text(value: float) -> str | None:
    """Return what stands for a number that JSON lacks or the other language would misread; None for any other."""
    if value != value:  # noqa: PLR0124  (only NaN differs from itself)
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "Infinity" if value > 0 else "-Infinity"
    if is_plain_number(value) or abs(value) >= _EXPONENT:
        return None
    # JavaScript's digits: the shortest that read back as this number, filled up with zeros.
    return "-0" if value == 0 else format(Decimal(repr(value)).to_integral_value(), "f")
