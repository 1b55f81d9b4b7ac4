"""Which messages go into one frame, and how many bytes the frame has at most (PROTOCOL.md section 3).

Their numbers are given by the link. Twin: js-client/src/core/link/batch.ts
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from operator import attrgetter
from typing import Final

from webipc.core.frame import EncodedMessage
from webipc.core.limits import Limits
from webipc.core.link.parcel import is_part
from webipc.core.link.sizes import HEAD_BYTES, MESSAGE_BYTES, framed_size

_segments_of: Final = attrgetter("segments")
_size_of: Final = attrgetter("size")


def batch_of(queue: Iterable[EncodedMessage], limits: Limits, room: int | None = None) -> list[EncodedMessage]:
    """Return the first messages of the queue, as many as one frame holds. It takes at most `room` bytes."""
    messages = list(islice(queue, limits.frame_messages))
    # Most messages are small and have no segments. Then so many fit, and none is looked at by itself.
    if not any(map(_segments_of, messages)):
        size = HEAD_BYTES + MESSAGE_BYTES * len(messages) + sum(map(_size_of, messages))
        if size <= (limits.frame_bytes if room is None else min(room, limits.frame_bytes)):
            return messages
    return _first_of(messages, limits, room)


def _first_of(messages: Sequence[EncodedMessage], limits: Limits, room: int | None) -> list[EncodedMessage]:
    batch: list[EncodedMessage] = []
    size = HEAD_BYTES
    frame_bytes = limits.frame_bytes
    # PROTOCOL.md 3: only one message when it is large. 4.3: each part in a frame of its own.
    for message in messages:
        size += framed_size(message)
        is_alone = is_part(message)
        if room is not None and size > room:
            break
        if batch and (is_alone or size > frame_bytes):
            break
        batch.append(message)
        if is_alone:
            break
    return batch
