"""`WebContents`: one tab of one browser, as handlers see it.

It outlives its documents: `id` stays over reload and navigation (docs/electron-parity.md, identity). Its frames come
and go; the hub decides when it is destroyed. Must not know links or sockets.
"""

from collections.abc import Sequence
from typing import Any

from webipc.channels.emitter import UNSET, EventEmitter
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.errors import DestroyedError
from webipc.electron.ipc_event import WebContentsEvent
from webipc.electron.message_port_main import take_end
from webipc.electron.post_message import checked_message, checked_ports
from webipc.electron.web_frame_main import (
    DISPOSED,
    DisposedError,
    WebFrameMain,
    logger,
    next_tree_node_id,
)
from webipc.ports.ends import PortMessage


class WebContents(EventEmitter):
    """One tab.

    Emits `ipc-message` (event, channel, *args) for every `send` of its frames and `ipc-message-sync` for every
    `sendSync`, `frame-created` (event, details) with `details["frame"]` for its first document and for each one in an
    iframe, and `destroyed` (event) at its end. As in Electron, navigation creates no frame.
    """

    def __init__(self, contents_id: int, token: str, principal: str) -> None:
        """`contents_id` is unique for the life of the server; the page shows `token` when its next document loads."""
        super().__init__()
        # An integer, unique for the life of the server; readable after the end.
        self.id = contents_id
        # That of the main frame, whatever document it shows.
        self.frame_tree_node_id = next_tree_node_id()
        # Whose browser it is: tabs with the same one are the same person's, as far as the server can tell.
        self.principal = principal
        # What a document of this tab shows at its birth to be known again. A secret between the tab and the server.
        self._token = token
        # The main documents of this tab, the one that attached last at the end: a page in the back/forward cache is a
        # document of its tab as well. What is in an iframe belongs to its parent.
        self._frames: list[WebFrameMain] = []
        self._destroyed = False
        # The page has been asked to close: no other document is waited for.
        self._is_closing = False
        # Made when first asked for: most tabs never need them, and there may be thousands.
        self._ipc: IpcMainImpl | None = None
        self._main_frame_ipc: IpcMainImpl | None = None

    @property
    def ipc(self) -> IpcMainImpl:
        """Listeners and handlers for messages of this tab alone. Readable after the end, as in Electron."""
        if self._ipc is None:
            self._ipc = IpcMainImpl()
        return self._ipc

    @property
    def main_frame_ipc(self) -> IpcMainImpl:
        """What `main_frame.ipc` gives for every document of this tab."""
        if self._main_frame_ipc is None:
            self._main_frame_ipc = IpcMainImpl()
        return self._main_frame_ipc

    @property
    def main_frame(self) -> WebFrameMain | None:
        """The document that the tab shows; None while it is between two documents.

        Raises DestroyedError after the end.
        """
        if self._destroyed:
            raise DestroyedError
        return self._frames[-1] if self._frames else None

    def is_destroyed(self) -> bool:
        """Return whether the tab is gone for good. Then only `id` and `ipc` can be used."""
        return self._destroyed

    def send(self, channel: str, *args: Any) -> None:
        """Send a message to the document that the tab shows; its `ipcRenderer.on(channel)` listeners get `args`.

        Raises TypeError when `channel` is not a string, DestroyedError when the tab is gone. As in Electron,
        arguments that cannot be sent are logged and not raised, and so is a tab that is between two documents. May be
        called from any thread; what one thread sends arrives in order.
        """
        if not isinstance(channel, str):
            raise TypeError("Missing required channel argument")
        frame = self.main_frame
        if frame is None:
            logger.error("Error sending from webFrameMain: Error: %s", DISPOSED)
        else:
            frame.send(channel, *args)

    def post_message(self, channel: Any = UNSET, message: Any = UNSET, transfer: Any = UNSET) -> None:
        """Send one value and ports to the document that the tab shows: see `WebFrameMain.post_message`.

        Raises as that does, DestroyedError when the tab is gone, and DisposedError between two documents.
        """
        frame = self.main_frame
        if frame is not None:
            frame.post_message(channel, message, transfer)
            return
        PortMessage.of(checked_message(channel, message))
        for port in checked_ports(transfer):
            take_end(port).close()
        raise DisposedError

    def send_to_frame(self, frame_id: int | Sequence[int], channel: str, *args: Any) -> bool:
        """Send a message to one document of this tab, by its routing id or `[process_id, routing_id]`.

        Returns False when this tab has no such document. Raises TypeError when `frame_id` is neither, or `channel` no
        string; else as `WebFrameMain.send`. Electron's `webContents.sendToFrame`.
        """
        pair = [self.id, frame_id] if isinstance(frame_id, int) else list(frame_id) if is_pair(frame_id) else None
        if pair is None or isinstance(frame_id, bool):
            raise TypeError("Missing required frame argument (must be number or [processId, frameId])")
        for frame in self._all_frames():
            if [frame.process_id, frame.routing_id] == pair:
                frame.send(channel, *args)
                return True
        return False

    async def execute_javascript(self, code: str) -> Any:
        """Run code in the document that the tab shows: see `WebFrameMain.execute_javascript`.

        Raises as that does, DestroyedError when the tab is gone, and DisposedError between two documents.
        """
        return await self._shown().execute_javascript(code)

    async def reload(self) -> None:
        """Load the document again, if its page allows it (`allow('reload')` of commands.js). Raises as above."""
        await self._shown()._command("reload")  # noqa: SLF001 - its own frame

    async def close(self) -> None:
        """Close the tab, if its page allows it (`allow('close')` of commands.js), and destroy these contents.

        A browser closes only tabs that a script has opened; any other stays, and its client is released. Raises as
        above. Electron's `webContents.close()`.
        """
        frame = self._shown()
        self._is_closing = True
        try:
            await frame._command("close")  # noqa: SLF001 - its own frame
        except BaseException:
            self._is_closing = False
            raise

    def _shown(self) -> WebFrameMain:
        frame = self.main_frame
        if frame is None:
            raise DisposedError
        return frame

    def _all_frames(self) -> list[WebFrameMain]:
        return [frame for document in self._frames for frame in document.frames_in_subtree]

    def _frame_shown(self, frame: WebFrameMain) -> None:
        """Make `frame`, which is none in an iframe, the main frame."""
        if frame in self._frames:
            self._frames.remove(frame)
        self._frames.append(frame)

    def _is_shown(self) -> bool:
        """Whether a document of this tab is connected at this moment."""
        return any(frame._is_attached() for frame in self._frames)  # noqa: SLF001 - its own frames

    def _frame_gone(self, frame: WebFrameMain) -> bool:
        """Forget a document that is gone; return whether there is none left."""
        is_main = frame._parent is None  # noqa: SLF001 - it may be gone
        frame._detach()  # noqa: SLF001 - a frame ends with the tab's knowledge, and never by its own hand
        if frame in self._frames:
            self._frames.remove(frame)
        return is_main and not self._frames

    def _destroy(self) -> None:
        self._destroyed = True
        self.emit("destroyed", WebContentsEvent(self))

    def __repr__(self) -> str:
        return f"<WebContents #{self.id}{' destroyed' if self._destroyed else ''}>"


def is_pair(value: object) -> bool:
    """Tell whether this is Electron's `[processId, routingId]`."""
    return isinstance(value, list | tuple) and [type(part) for part in value] == [int, int]
