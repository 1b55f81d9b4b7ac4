"""Which messages go into one frame, and how many bytes the frame has at most (PROTOCOL.md section 3).

Their numbers are given by the link. Twin: js-client/src/core/link/batch.ts
"""

from collections.abc import Iterable
from itertools import islice

from webipc.core.frame import EncodedMessage
from webipc.core.limits import Limits
from webipc.core.link.parcel import is_part
from webipc.core.link.sizes import HEAD_BYTES, MESSAGE_BYTES, framed_size


def batch_of(queue: Iterable[EncodedMessage], limits: Limits, room: int | None = None) -> list[EncodedMessage]:
    """Return the first messages of the queue, as many as one frame holds. It takes at most `room` bytes."""
    batch: list[EncodedMessage] = []
    size = HEAD_BYTES
    frame_bytes = limits.frame_bytes
    # PROTOCOL.md 3: so many messages, and only one when it is large. 4.3: each part in a frame of its own.
    for message in islice(queue, limits.frame_messages):
        is_alone = False
        if message.segments:
            size += framed_size(message)
            is_alone = is_part(message)
        else:
            # Most messages have no segments, and need neither of these two calls.
            size += message.size + MESSAGE_BYTES
        if room is not None and size > room:
            break
        if batch and (is_alone or size > frame_bytes):
            break
        batch.append(message)
        if is_alone:
            break
    return batch
