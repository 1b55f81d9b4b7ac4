"""Members and places as plain JSON, and back; and the checks of what comes from the other end.

A parent and its workers may be of two versions of the package, while workers are restarted one by one. So what comes is
checked, and what is wrong is a ValueError here, which costs the one call.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

from webipc.cluster.bus.bus import Member
from webipc.cluster.bus.directory import By, Home, Key, Over, Parked, Place

VERSION: Final = 1
"""What a worker and its parent both have to speak."""

MOST_SECONDS: Final = 604_800.0
_BY: Final[dict[str, By]] = {"link": "link", "parent": "parent", "token": "token"}


def text(value: Any) -> str:
    """Return a text as it is."""
    if not isinstance(value, str):
        raise ValueError(f"expected a text, got {type(value).__name__}")  # noqa: TRY004 - one class for all that is wrong
    return value


def whole(value: Any) -> int:
    """Return a number that is whole and not negative."""
    if type(value) is not int or value < 0:
        raise ValueError(f"expected a whole number from 0, got {type(value).__name__}")
    return value


def seconds(value: Any) -> float:
    """Return so many seconds, and no more than a week."""
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"expected seconds, got {type(value).__name__}")
    return min(float(value), MOST_SECONDS)


def array(value: Any) -> list[Any]:
    """Return an array as it is."""
    if not isinstance(value, list):
        raise ValueError(f"expected an array, got {type(value).__name__}")  # noqa: TRY004 - as above
    return value


def texts(value: Any) -> list[str]:
    """Return an array of texts."""
    return [text(one) for one in array(value)]


def key_or_none(value: Any) -> Key | None:
    """Return a key; None for null."""
    return None if value is None else text(value)


def member_value(member: Member) -> list[Any]:
    """Return a member as JSON has it."""
    return [member.worker, member.ordinal, member.is_draining, list(member.formats), member.pages, member.is_slow]


def member_of(value: Any) -> Member:
    """Return the member that JSON describes."""
    worker, ordinal, is_draining, formats, pages, is_slow, *_ = _padded(array(value), 6)
    reads = tuple(map(whole, array(formats)))
    return Member(text(worker), whole(ordinal), is_draining is True, reads, whole(pages), is_slow is True)


def place_value(place: Place | None) -> list[Any] | None:
    """Return a place as JSON has it."""
    match place:
        case Home(worker, by):
            return ["home", worker, by]
        case Parked(contents_id, by, written_as):
            return ["parked", contents_id, by, written_as]
        case Over():
            return ["over"]
        case None:
            return None


def place_of(value: Any) -> Place | None:
    """Return the place that JSON describes."""
    if value is None:
        return None
    kind, what, by, written_as, *_ = _padded(array(value), 4)
    if kind == "over":
        return Over()
    if by not in _BY or kind not in ("home", "parked"):
        raise ValueError("expected a place, got something else")
    if kind == "home":
        return Home(text(what), _BY[by])
    return Parked(whole(what), _BY[by], 0 if written_as is None else whole(written_as))


def _padded(values: Sequence[Any], count: int) -> list[Any]:
    return [*values, *[None] * (count - len(values))]
