"""`LastCalls`: what a link still takes while its process ends.

Calls that run may need what the page still sends: an answer to a call of the server, a message in a port. Nothing new
begins. Numbers have no gaps, so nothing behind a message that was not taken can be taken either. The page keeps all of
it, because it is not acknowledged.
"""

from typing import Final

from webipc.core.frame import Frame
from webipc.core.link import Link

# A part may belong to any of them.
_BEGIN: Final = ("send", "invoke", "sync", "post", "send-to", "part")


class LastCalls:
    """Cuts the frames of one link."""

    __slots__ = ("has_ended",)

    def __init__(self) -> None:
        # A message was not taken.
        self.has_ended = False

    def without_new_ones(self, frame: Frame, received: int) -> Frame:
        """Return a frame with the messages that are still taken, and with its acknowledgement and control message.

        `received` is the last number that the link has received: what is repeated is no new message.
        """
        messages = frame.messages
        if not messages:
            return frame
        taken = max(0, received + 1 - frame.seq)
        while not self.has_ended and taken < len(messages):
            if messages[taken].fields[:1] and messages[taken].fields[0] in _BEGIN:
                self.has_ended = True
            else:
                taken += 1
        return frame if taken >= len(messages) else frame._replace(messages=messages[:taken])


def still_taken(frame: Frame, link: Link, last_calls: LastCalls | None) -> Frame:
    """Return what a link takes of a frame: all of it, unless the process ends."""
    return frame if last_calls is None else last_calls.without_new_ones(frame, link.received)
