"""The fields of a link: its numbers, the messages that it keeps, and what it has received.

The methods that change them are in __init__.py, and the fields as plain values in snapshot.py. In TypeScript the fields
are in js-client/src/core/link/index.ts.
"""

from webipc.core.frame import EncodedMessage
from webipc.core.frame.json_text import Load, load_any_array
from webipc.core.limits import Limits
from webipc.core.link.held import UNBOUNDED, Room, bounds_of
from webipc.core.link.pace import Pace
from webipc.core.link.parcel import Parcel


class LinkState(Pace):
    """What a `Link` remembers.

    It is the base class of `Link` and not an object inside it, so that a field is read with one lookup.
    """

    __slots__ = (
        "_asked",
        "_most_held",
        "_plain_bytes",
        "attempt",
        "claimed",
        "ended",
        "extra",
        "first",
        "granted",
        "handed",
        "held",
        "kept",
        "load",
        "next",
        "owed_bytes",
        "owed_messages",
        "parcel",
        "received",
        "room",
        "whole",
    )

    def __init__(self, limits: Limits, asked: Room | None, room: int) -> None:
        """Begin with nothing sent and nothing received. The arguments are those of `Link`."""
        super().__init__(limits)
        self._asked = asked
        self.granted = UNBOUNDED if asked is None else room
        # Smaller messages need no look at their size; and while less is held, no limit of kept messages counts.
        self._plain_bytes, self._most_held = bounds_of(limits)
        # Up to so much held, one comparison is enough. Shared messages lower it: they count for `kept_bytes`.
        self.room = min(self.granted, self._most_held)
        # The messages that the peer has not acknowledged, by number. A dict, because an empty one takes 64 bytes and an
        # empty deque 760: most links are idle, and there may be thousands.
        self.kept: dict[int, EncodedMessage] = {}
        # The lowest number that is kept, or the one that will be used next.
        self.first = 1
        # The number that the attached socket sends next.
        self.next = 1
        # How many bytes they take, without what is counted elsewhere because it is shared.
        self.held = 0
        # What of it is besides their bytes and `MESSAGE_HELD` each; less than nothing where they are shared.
        self.extra = 0
        # The highest number that was ever in a frame for a socket or a body.
        self.handed = 0
        # The last number that was received in order; repeated messages are recognised by it.
        self.received = 0
        # What was received since the last frame that was sent: it is not acknowledged yet.
        self.owed_messages = 0
        self.owed_bytes = 0
        # The received parts of a message that travels in parts; None while there is none.
        self.parcel: Parcel | None = None
        # The parcel that was completed last, for the owner to take: see `Frame.data`.
        self.whole: memoryview | None = None
        # The highest attempt so far.
        self.claimed = 0
        # The attempt of the socket that owns the link; None between two sockets.
        self.attempt: int | None = None
        self.ended = False
        # Reads the JSON of the peer: its owner may set another one, where the peer has promised how it writes numbers.
        self.load: Load = load_any_array
