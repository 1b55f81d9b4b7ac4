"""The first argument of every listener of a page of `webipc.testing`, as Electron's `IpcRendererEvent`.

Must not know how a message came. Twin in spirit: the interface in js-client/src/electron-types.ts
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from webipc.electron.message_port_main import MessagePortMain

if TYPE_CHECKING:
    from webipc.testing import Renderer


class RendererEvent:
    """What is known of a message besides its arguments."""

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
        # The ports that came with a message of `post_message`: they stand for the page's own MessagePorts.
        self.ports = list(ports)
        # Of a message of `send_to`: the web contents of its sender, and whether that is no iframe. Else 0 and None.
        self.sender_id = sender_id
        self.sender_is_main_frame = sender_is_main_frame
