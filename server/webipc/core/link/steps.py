"""How many steps it takes at most to decode a value, as far as its fixups tell, and how many are too many at once.

A step is a look at a container that was counted before (clone/reach.py), a quarter of a microsecond. No twin: a page
has no other link to serve.
"""

from collections.abc import Sequence
from typing import Any, Final

from webipc.core.clone.reach import most_looks
from webipc.core.frame.data import Data

MANY_STEPS: Final = 16_000
"""So many take a few milliseconds: a frame with more of them is not decoded in the event loop."""

_STEPS_PER_FIXUP: Final = 8
_STEPS_PER_MESSAGE: Final = 20
_BYTES_PER_STEP: Final = 16

MANY_FIXUPS: Final = MANY_STEPS // _STEPS_PER_FIXUP
"""Nor are more fixups, if none of them is a reference."""

FEW_BYTES: Final = 2_048
"""A frame up to here cannot have many steps, whatever is in it: there are at most eight for each byte."""
_LIGHT_BYTES: Final = 16_384
"""Nor one up to here without references: the shortest fixup is `["u",[]],`."""


def is_light(data: Data, size: int) -> bool:
    """Tell of a frame of so many bytes that it cannot have many steps, without a look at its messages."""
    if size <= FEW_BYTES:
        return True
    if size > _LIGHT_BYTES or not isinstance(data, str):
        return False
    # The code of a reference, in either spelling; it may be part of a text. Single characters are found much faster.
    return ("@" not in data or '"@"' not in data) and ("\\" not in data or "\\u0040" not in data)


def steps_of(fixups: Sequence[Any]) -> int:
    """Return how many steps the fixups of one value take, at most."""
    if not fixups:
        return 0
    references = sum(1 for fixup in fixups if type(fixup) is list and fixup[:1] == ["@"])
    return _STEPS_PER_FIXUP * len(fixups) + most_looks(references)


def steps_to_take(fixup_steps: int, size: int) -> int:
    """Return how many steps a message of a port takes; `size` of the JSON that is still to be parsed."""
    return _STEPS_PER_MESSAGE + fixup_steps + size // _BYTES_PER_STEP
