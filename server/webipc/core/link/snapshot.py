"""The whole state of a link as plain values, and a link that goes on from them.

Twin: js-client/src/core/link/snapshot.ts
"""

from typing import Any, Final

from webipc.core.frame import EncodedMessage, sized
from webipc.core.limits import Limits
from webipc.core.link import Link, Side
from webipc.core.link.held import Room, extra_of, held_by
from webipc.core.link.parcel import Parcel

# The fields that are plain values.
_PLAIN: Final = ("first", "next", "handed", "received", "owed_messages", "owed_bytes", "claimed", "attempt", "ended")


def snapshot(link: Link) -> dict[str, Any]:
    """Return the state of a link, for `restore`."""
    parcel = link.parcel
    return {
        **{name: getattr(link, name) for name in _PLAIN},
        "kept": [_plain(message) for message in link.kept.values()],
        "parcel": b"" if parcel is None else bytes(parcel.pieces),
        "remaining": 0 if parcel is None else parcel.remaining,
    }


def restore(side: Side, limits: Limits, state: dict[str, Any], asked: Room | None = None, room: int = 0) -> Link:
    """Return a link in the state of a snapshot. `asked` and `room` are those of `Link`.

    Raises BufferFullError where what it keeps has no room.
    """
    link = Link(side, limits, asked, room)
    for name in _PLAIN:
        setattr(link, name, state[name])
    link.kept.update(enumerate((sized(*message) for message in state["kept"]), link.first))
    link.held = sum(map(held_by, link.kept.values()))
    link.extra = extra_of(link.kept.values())
    link._make_room(link.held, link.kept_bytes, 0)  # noqa: SLF001 - a part of the link
    if state["remaining"]:
        link.parcel = Parcel(limits, state["parcel"], state["remaining"])
    return link


def _plain(message: EncodedMessage) -> list[Any]:
    return [message.json, [bytes(segment) for segment in message.segments]]
