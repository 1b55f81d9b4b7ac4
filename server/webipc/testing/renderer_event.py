"""`RendererEvent`: what the listeners of a page get first. Its counterpart is js-client/src/types/electron.ts"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from webipc.electron.message_port_main import MessagePortMain

if TYPE_CHECKING:
    from webipc.testing.renderer import Renderer


class RendererEvent:
    """The first argument of every listener of a page: Electron's `IpcRendererEvent`."""

    __slots__ = ("ports", "sender", "sender_id", "sender_is_main_frame")

    def __init__(
        self,
        sender: "Renderer",
        ports: Sequence[MessagePortMain] = (),
        *,
        sender_id: int = 0,
        sender_is_main_frame: bool | None = None,
    ) -> None:
        # The page that received the message.
        self.sender = sender
        # The ports of a `post_message`: they stand for the page's own MessagePorts.
        self.ports = list(ports)
        # For `send_to`: the id of the sender's web contents, and whether it is a main document. Otherwise 0 and None.
        self.sender_id = sender_id
        self.sender_is_main_frame = sender_is_main_frame
