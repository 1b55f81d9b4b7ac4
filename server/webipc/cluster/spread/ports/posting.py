"""`Posting`: a message with ports on its way to a tab of any worker; and how it reaches a page of this one."""

import logging
from collections.abc import Callable
from typing import Final

from webipc.core.errors import LocalError
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.link.held import MESSAGE_HELD
from webipc.electron.tab import Tab
from webipc.ports.ends import PortMessage

logger = logging.getLogger("webipc")

POST: Final = "post"


class Posting:
    """A message with ports on its way to a tab: a `Step`."""

    __slots__ = ("_channel", "_send", "contents_id", "message")

    payer = None
    # The ends of its ports have to know the worker for certain: the directory is asked.
    from_elsewhere = True

    def __init__(
        self, contents_id: int, channel: str, message: PortMessage, send: Callable[[str, "Posting"], None]
    ) -> None:
        """`send` says it to the worker that has the tab."""
        self.contents_id = contents_id
        self._channel = channel
        self.message = message
        self._send = send

    def encoded(self) -> EncodedMessage:
        """Return it as a message without its ports."""
        return encode_message(["post", self._channel], self.message.value.forwarded(), None, [[]])

    @property
    def size(self) -> int:
        """See `Step`."""
        return self.message.held + MESSAGE_HELD

    def here(self, tab: Tab) -> None:
        """See `Step`."""
        post_here(tab, self._channel, self.message)

    def there(self, worker: str) -> None:
        """See `Step`."""
        self._send(worker, self)

    def word(self) -> bytes | None:
        """See `Step`. Ports do not wait for a tab that moves."""
        return None

    def failed(self, why: str) -> None:
        """See `Step`."""
        text = "a message with ports for page #%d did not arrive (%s); its ports are closed"
        logger.warning(text, self.contents_id, why)
        self.message.close_ends()


def post_here(tab: Tab, channel: str, message: PortMessage) -> None:
    """Send a message with ports to the document that a tab of this worker shows; else close its ports, and log why."""
    shown = tab.shown
    outlet = None if shown is None else shown.outlet
    why = "it is between two documents" if outlet is None else "its client is too old for ports"
    if outlet is not None and "ports" in outlet.features:
        try:
            outlet.post_ported(channel, message)
        except LocalError as error:
            why = str(error)
        else:
            return
    logger.warning("a message with ports for page #%d did not arrive: %s; its ports are closed", tab.id, why)
    message.close_ends()
